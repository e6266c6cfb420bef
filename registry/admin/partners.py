"""Partners and rate limits of a tenant."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from registry.models import Partner, RateLimitPolicy, Role
from registry.templatetags.portal import badge_html
from scp_portal.kernel.governed import GovernedAdmin, actor_of

OVERSEERS = frozenset({Role.TENANT_ADMIN, Role.UMBRELLA_AUTHORITY, Role.AUDITOR, Role.ROOT, Role.OPERATOR})


@admin.register(Partner)
class PartnerAdmin(GovernedAdmin):
    viewers = OVERSEERS | {Role.VERTICAL_OWNER, Role.PARTNER_USER}
    intro = _("Organisations that operate the systems on the other side.")
    empty = _("A partner is an organisation that may be given an integration.")
    list_display = ("name", "partner_type", "country", "integration_count", "standing")
    list_filter = ("partner_type",)
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "partner_type", "country")}),
        (_("Who to reach"), {"fields": ("technical_contact", "legal_contact", "security_contact")}),
        (_("Standing"), {"fields": ("standing", "blocked_reason", "created_at")}),
    )
    readonly_fields = ("country", "standing", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A partner's own people see their partner; everyone else those of their tenants."""
        rows: QuerySet[Any] = Partner.objects.select_related("tenant").annotate(uses=Count("integrations"))
        actor = actor_of(request)
        if actor.holds_any(*OVERSEERS, Role.VERTICAL_OWNER):
            return rows
        return rows.filter(pk__in=[grant.partner_id for grant in actor.grants if grant.partner_id])

    @admin.display(description=_("country"), ordering="tenant")
    def country(self, partner: Partner) -> str:
        return partner.tenant.name

    @admin.display(description=_("integrations"), ordering="uses")
    def integration_count(self, partner: Any) -> int:
        return int(partner.uses)

    @admin.display(description=_("standing"))
    def standing(self, partner: Partner) -> SafeString:
        if partner.blocked_at:
            return badge_html("lock", "bad", _t("Blocked"))
        return badge_html("check-circle", "good", _t("In good standing"))


@admin.register(RateLimitPolicy)
class RateLimitPolicyAdmin(GovernedAdmin):
    viewers = OVERSEERS | {Role.VERTICAL_OWNER}
    intro = _("How much an integration may ask: in one second, each minute, each day.")
    list_display = ("name", "tenant", "burst", "per_minute", "per_day")
    search_fields = ("name",)
    list_select_related = ("tenant",)
