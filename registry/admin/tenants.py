"""Countries, verticals, and the rules each sets for its share of the effective policy. Read here."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from registry.models import Role, Tenant, TenantVertical, Vertical
from registry.templatetags.portal import badge_html
from scp_portal.kernel.governed import GovernedAdmin

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


@admin.register(Tenant)
class TenantAdmin(GovernedAdmin):
    viewers = VIEWERS
    page_template = "admin/registry/tenant_page.html"
    intro = _("Each country is a tenant: a wall that no row and no person crosses without a grant.")
    list_display = ("name", "code", "language", "time_zone", "state")
    search_fields = ("name", "code")

    @admin.display(description=_("state"))
    def state(self, tenant: Tenant) -> SafeString:
        return standing(tenant.frozen_at is not None)

    def page(self, request: HttpRequest, thing: Tenant) -> dict[str, Any]:
        rows = TenantVertical.objects.filter(tenant=thing).select_related("vertical")
        return {
            "state": self.state(thing),
            "policy": pretty(thing.policy),
            "verticals": [(row, pretty(row.policy), standing(row.frozen_at is not None)) for row in rows],
        }


@admin.register(Vertical)
class VerticalAdmin(GovernedAdmin):
    viewers = VIEWERS
    intro = _("Fields of community life with data of their own. Each country runs its verticals by its own rules.")
    list_display = ("name", "code", "person_level")
    search_fields = ("name", "code")
