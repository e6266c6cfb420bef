"""Data contracts: the fields in a table, the document as it was published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from registry import contracts, review
from registry.actions import contracts as actions
from registry.admin.in_words import mask_in_words
from registry.models import STAFF_ROLES, DataContract, Role, Tenant
from registry.templatetags.portal import badge, day
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.governed import GovernedAdmin, Step, actor_of
from scp_portal.kernel.permissions import ALLOWED, Verdict

TABS = (("fields", _("Fields")), ("yaml", _("Document")), ("uses", _("Used by")))


if TYPE_CHECKING:
    ModelForm = forms.ModelForm[DataContract]
else:
    ModelForm = forms.ModelForm  # not subscriptable at run time


class DocumentForm(ModelForm):
    """The document as text. Name and version are read from it."""

    actor: Actor

    tenant = forms.ModelChoiceField(Tenant.objects.none(), label=_("Country"), empty_label=None)
    document = forms.CharField(
        label=_("Document"),
        strip=False,
        help_text=_("Open Data Contract Standard 3.1, as YAML. Name and version are read from it."),
        widget=forms.Textarea(attrs={"class": "code", "dir": "ltr", "spellcheck": "false", "rows": 30}),
    )

    class Meta:
        model = DataContract
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = [code for code in self.actor.tenants or () if self.actor.holds(Role.TENANT_ADMIN, tenant_id=code)]
        rows = Tenant.objects.filter(pk__in=mine) if self.actor.tenants is not None else Tenant.objects.all()
        self.fields["tenant"].queryset = rows  # type: ignore[attr-defined]


@admin.register(DataContract)
class DataContractAdmin(GovernedAdmin):
    viewers = STAFF_ROLES
    page_template = "admin/registry/contract_page.html"
    intro = _("What may leave, field by field, and under which conditions. A published version never changes.")
    empty = _("A contract is a document of the Open Data Contract Standard.")
    list_display = ("ref", "status_badge", "country", "published")
    list_filter = ("status",)
    search_fields = ("name",)
    list_select_related = ("tenant",)

    @admin.display(description=_("contract"), ordering="name")
    def ref(self, contract: DataContract) -> str:
        return contract.ref

    @admin.display(description=_("state"), ordering="status")
    def status_badge(self, contract: DataContract) -> SafeString:
        return badge(contract.status, contract.get_status_display())

    @admin.display(description=_("country"), ordering="tenant")
    def country(self, contract: DataContract) -> str:
        return contract.tenant.name

    @admin.display(description=_("published"), ordering="published_at")
    def published(self, contract: DataContract) -> SafeString:
        return day(contract.published_at)

    # -- drafts and publication ----------------------------------------------------------------------------------

    form = DocumentForm
    fieldsets = ((None, {"fields": ("tenant", "document")}),)
    steps = (
        Step(
            name="publish",
            label=_("Publish"),
            act=actions.publish,
            verdict=actions.may_publish,
            consequence=_("The document is checked and kept for good. What changes later is a new version."),
            offered=lambda contract: contract.status == DataContract.Status.DRAFT,
            primary=True,
        ),
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = actor_of(request)
        return form

    def may_add(self, actor: Actor) -> Verdict:
        if actor.holds(Role.TENANT_ADMIN):
            return ALLOWED
        return Verdict.no("A contract is written by those who answer for the tenant's data.", "a tenant administrator")

    def may_edit(self, actor: Actor, thing: DataContract) -> Verdict:
        return actions.may_update(actor, thing)

    def create(self, actor: Actor, cleaned: dict[str, Any]) -> DataContract:
        return actions.create_draft(tenant_id=cleaned["tenant"].pk, document=cleaned["document"], actor=actor)

    def edit(self, actor: Actor, thing: DataContract, cleaned: dict[str, Any]) -> DataContract:
        return actions.update_draft(thing, document=cleaned["document"], actor=actor)

    def page(self, request: HttpRequest, thing: DataContract) -> dict[str, Any]:
        tab = request.GET.get("tab", "fields")
        tab = tab if tab in dict(TABS) else "fields"
        uses = review.visible(actor_of(request)).filter(data_contract=thing).select_related("partner")
        offers = list(self.offers(actor_of(request), thing))
        return {
            "tab": tab,
            "tabs": TABS,
            "uses": uses,
            "barred": [offer for offer in offers if not offer.verdict.allowed],
            "can_act": any(offer.verdict.allowed for offer in offers),
            **meaning(thing),
        }


def meaning(contract: DataContract) -> dict[str, Any]:
    """What the document says, or each of its faults with its line."""
    try:
        version = contracts.parse(contract.document)
    except contracts.ContractInvalid as invalid:
        return {"faults": invalid.errors, "datasets": [], "version": None}
    names = review.vertical_names()
    datasets = [
        {
            "name": rules.name,
            "vertical": names.get(rules.vertical, rules.vertical),
            "person_free": rules.person_free,
            "fields": [
                (field.name, field.category, field.logical_type, mask_in_words(field.mask)) for field in rules.fields
            ],
        }
        for rules in version.datasets.values()
    ]
    return {"faults": [], "datasets": datasets, "version": version}
