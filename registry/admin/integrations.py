"""The list of integrations, their page, their draft form and their steps."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from import_export.fields import Field

from registry import permissions, review
from registry.actions import integrations as actions
from registry.admin import integration_page
from registry.admin.downloads import Downloadable, PlainResource
from registry.admin.integration_form import FIELDSETS, DraftForm
from registry.admin.integration_steps import STEPS
from registry.lifecycle import REQUESTERS
from registry.models import STAFF_ROLES, Integration
from registry.templatetags.portal import badge, day, state
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.governed import Step, actor_of
from scp_portal.kernel.permissions import ALLOWED, Verdict

FIELDS = (
    "integration_id",
    "tenant_id",
    "integration_name",
    "partner_name",
    "partner_type",
    "status",
    "vertical_ids",
    "active_from",
    "active_until",
    "data_contract_ref",
    "auth_client_id",
    "rate_limit_policy_id",
    "created_by",
    "created_at",
)
"""B-6.4-1, under exactly these names."""


class IntegrationResource(PlainResource):
    class Meta:
        export_order = FIELDS


for _name in FIELDS:
    _source = "created_by_id" if _name == "created_by" else _name
    IntegrationResource.fields[_name] = Field(attribute=_source, column_name=_name, readonly=True)


@admin.register(Integration)
class IntegrationAdmin(Downloadable):
    viewers = STAFF_ROLES
    page_template = "admin/registry/integration/page.html"
    resource_class = IntegrationResource
    intro = _("Governed connections between a country's data and one partner's system.")
    empty = _("An integration starts as a draft and is reviewed, approved and activated by different people.")
    list_display = ("integration_name", "status_badge", "partner", "country", "verticals", "risk_badge", "ends")
    list_filter = ("status", "risk")
    search_fields = ("integration_name", "partner__name")
    list_select_related = ("partner", "tenant")
    form = DraftForm
    fieldsets = FIELDSETS
    steps = STEPS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Integration]:
        return review.visible(actor_of(request)).with_parties()

    @admin.display(description=_("state"), ordering="status")
    def status_badge(self, integration: Integration) -> SafeString:
        return state(integration.status)

    @admin.display(description=_("country"), ordering="tenant")
    def country(self, integration: Integration) -> str:
        return integration.tenant.name

    @admin.display(description=_("verticals"))
    def verticals(self, integration: Integration) -> str:
        return ", ".join(code.replace("_", " ").capitalize() for code in integration.vertical_ids)

    @admin.display(description=_("in use until"), ordering="active_until")
    def ends(self, integration: Integration) -> SafeString:
        return day(integration.active_until)

    @admin.display(description=_("risk"), ordering="risk")
    def risk_badge(self, integration: Integration) -> SafeString:
        return badge(integration.risk, integration.get_risk_display())

    # -- drafts --------------------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = actor_of(request)
        return form

    def may_add(self, actor: Actor) -> Verdict:
        if actor.holds_any(*REQUESTERS):
            return ALLOWED
        return Verdict.no("Only its tenant's administrator or its partner may ask for an integration.")

    def may_edit(self, actor: Actor, thing: Integration) -> Verdict:
        return permissions.may_edit(actor, thing)

    def create(self, actor: Actor, cleaned: dict[str, Any]) -> Integration:
        fields = {name: value for name, value in cleaned.items() if name != "expected_version"}
        return actions.create(actor=actor, tenant_id=cleaned["partner"].tenant_id, **fields)

    def edit(self, actor: Actor, thing: Integration, cleaned: dict[str, Any]) -> Integration:
        return actions.edit(thing, actor=actor, **cleaned)

    # -- steps ---------------------------------------------------------------------------------------------------

    def step_initial(self, step: Step, thing: Integration) -> dict[str, Any]:
        return {"expected_version": thing.version, "expected_hash": thing.content_hash}

    def after_step(self, request: HttpRequest, step: Step, thing: Integration, outcome: object) -> HttpResponse:
        """A new secret is shown in this answer and nowhere else; every other step leads back to the page."""
        if not isinstance(outcome, actions.Activation):
            return super().after_step(request, step, thing, outcome)
        context = {**self.frame(request, thing), "title": step.label, "issued": outcome}
        return TemplateResponse(request, "admin/registry/integration/secret.html", context)

    def page(self, request: HttpRequest, thing: Integration) -> dict[str, Any]:
        return integration_page.page(request, thing, list(self.offers(actor_of(request), thing)))
