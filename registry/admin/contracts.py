"""Data contracts: the fields in a table, the document as it was published."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from registry import contracts, review
from registry.admin.in_words import mask_in_words
from registry.models import STAFF_ROLES, DataContract
from registry.templatetags.portal import badge, day
from scp_portal.kernel.governed import GovernedAdmin, actor_of

TABS = (("fields", _("Fields")), ("yaml", _("Document")), ("uses", _("Used by")))


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

    def page(self, request: HttpRequest, thing: DataContract) -> dict[str, Any]:
        tab = request.GET.get("tab", "fields")
        tab = tab if tab in dict(TABS) else "fields"
        uses = review.visible(actor_of(request)).filter(data_contract=thing).select_related("partner")
        return {"tab": tab, "tabs": TABS, "uses": uses, **meaning(thing)}


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
            "fields": [(field.name, field.category, field.logical_type, mask_in_words(field.mask)) for field in rules.fields],
        }
        for rules in version.datasets.values()
    ]
    return {"faults": [], "datasets": datasets, "version": version}
