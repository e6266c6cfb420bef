"""Countries, the verticals they run, and the rules each sets for its share of the effective policy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from registry.actions import tenants
from registry.admin.facts import FactsAdmin
from registry.admin.forms import RulesField, WhyForm
from registry.models import Role, Tenant, TenantVertical, Vertical
from registry.templatetags.portal import badge_html
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.governed import GovernedAdmin, Step, StepForm, Text
from scp_portal.kernel.permissions import Verdict

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Tenant]
else:
    ModelForm = forms.ModelForm  # not subscriptable at run time

VIEWERS = frozenset(
    {Role.TENANT_ADMIN, Role.UMBRELLA_AUTHORITY, Role.AUDITOR, Role.ROOT, Role.OPERATOR, Role.VERTICAL_OWNER}
)


def pretty(value: Any) -> SafeString:
    """A rule document, readable and left to right."""
    return format_html('<pre dir="ltr">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True))


def standing(frozen: bool) -> SafeString:
    if frozen:
        return badge_html("lock", "bad", _t("Frozen: everything here refuses"))
    return badge_html("check-circle", "good", _t("Open"))


def verticals_field() -> forms.ModelMultipleChoiceField[Vertical]:
    return forms.ModelMultipleChoiceField(
        Vertical.objects.all(), label=_("Verticals"), required=False, widget=forms.CheckboxSelectMultiple
    )


class TenantForm(ModelForm):
    """A country that is taken in. Its rules omit everything until its administrator sets them."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = forms.CharField(label=_("Time zone"), initial="UTC", help_text=_("Such as Pacific/Auckland."))
    verticals = verticals_field()

    class Meta:
        model = Tenant
        fields = ("code", "name")
        labels = {"code": _("Code"), "name": _("Name")}


class VerticalsForm(StepForm):
    verticals = verticals_field()

    def clean_verticals(self) -> list[str]:
        return [vertical.pk for vertical in self.cleaned_data["verticals"]]


class RulesForm(StepForm):
    """Rules with the hash of those the person had before their eyes."""

    policy = RulesField(label=_("Rules"), help_text=_("As JSON. What no rule names is omitted."))
    expected_hash = forms.CharField(widget=forms.HiddenInput)


class RuledAdmin(FactsAdmin):
    """What has rules and can be frozen: a country, or a vertical in one."""

    viewers = VIEWERS
    steps: Sequence[Step] = (
        Step(
            name="policy",
            label=_("Set its rules"),
            act=tenants.set_policy,
            verdict=tenants.may_set_policy,
            form=RulesForm,
            consequence=_("In force with the next request of every integration here."),
        ),
        Step(
            name="freeze",
            label=_("Freeze"),
            act=tenants.freeze,
            verdict=tenants.may_freeze,
            form=WhyForm,
            danger=True,
            consequence=_("Everything here refuses from the next request on. The integrations keep their states."),
            offered=lambda thing: thing.frozen_at is None,
        ),
        Step(
            name="unfreeze",
            label=_("Unfreeze"),
            act=tenants.unfreeze,
            verdict=tenants.may_unfreeze,
            form=WhyForm,
            consequence=_("Integrations go on in the state they are in."),
            offered=lambda thing: thing.frozen_at is not None,
        ),
    )

    @admin.display(description=_("state"))
    def state(self, thing: Tenant | TenantVertical) -> SafeString:
        return standing(thing.frozen_at is not None)

    def step_initial(self, step: Step, thing: Any) -> dict[str, Any]:
        if step.name == "policy":
            return {"policy": thing.policy, "expected_hash": tenants.policy_hash(thing.policy)}
        if step.name == "verticals":
            return {"verticals": list(thing.verticals.values_list("vertical_id", flat=True))}
        return {}


@admin.register(Tenant)
class TenantAdmin(RuledAdmin):
    page_template = "admin/registry/tenant_page.html"
    intro = _("Each country is a tenant: a wall that no row and no person crosses without a grant.")
    list_display = ("name", "code", "language", "time_zone", "state")
    search_fields = ("name", "code")
    form = TenantForm
    fieldsets = ((None, {"fields": ("code", "name", "language", "time_zone", "verticals")}),)
    steps = (
        *RuledAdmin.steps,
        Step(
            name="verticals",
            label=_("Add verticals"),
            act=tenants.set_verticals,
            verdict=tenants.may_set_verticals,
            form=VerticalsForm,
            consequence=_("A new vertical permits nothing until its owner sets its rules."),
        ),
    )

    def may_add(self, actor: Actor) -> Verdict:
        return tenants.may_create(actor)

    def create(self, actor: Actor, cleaned: dict[str, Any]) -> Tenant:
        verticals = [vertical.pk for vertical in cleaned.pop("verticals")]
        return tenants.create(actor=actor, verticals=verticals, **cleaned)

    def page(self, request: HttpRequest, thing: Tenant) -> dict[str, Any]:
        rows = TenantVertical.objects.filter(tenant=thing).select_related("vertical")
        return {
            **super().page(request, thing),
            "state": self.state(thing),
            "policy": pretty(thing.policy),
            "verticals": [(row, vertical_address(row), pretty(row.policy), self.state(row)) for row in rows],
        }

    def facts(self, thing: Tenant) -> Iterable[tuple[Text, object]]:
        yield _("why it is frozen"), thing.frozen_reason


def vertical_address(row: TenantVertical) -> str:
    return reverse("admin:registry_tenantvertical_change", args=[row.pk])


@admin.register(TenantVertical)
class TenantVerticalAdmin(RuledAdmin):
    intro = _("A vertical as one country runs it, by the rules of its owner.")
    list_display = ("vertical", "tenant", "state")
    list_filter = ("vertical",)
    list_select_related = ("tenant", "vertical")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("tenant", "vertical")

    def facts(self, thing: TenantVertical) -> Iterable[tuple[Text, object]]:
        yield _("country"), thing.tenant.name
        yield _("vertical"), thing.vertical.name
        yield _("state"), self.state(thing)
        yield _("why it is frozen"), thing.frozen_reason
        yield _("rules"), pretty(thing.policy)


@admin.register(Vertical)
class VerticalAdmin(GovernedAdmin):
    viewers = VIEWERS
    intro = _("Fields of community life with data of their own. Each country runs its verticals by its own rules.")
    list_display = ("name", "code", "person_level")
    search_fields = ("name", "code")
