"""Partners and rate limits of a tenant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from registry.actions import partners, rate_limits
from registry.admin.facts import FactsAdmin
from registry.admin.forms import OfATenantForm, WhyForm
from registry.models import Partner, RateLimitPolicy, Role
from registry.templatetags.portal import badge_html, moment
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.governed import Step, Text, actor_of
from scp_portal.kernel.permissions import ALLOWED, Verdict

OVERSEERS = frozenset({Role.TENANT_ADMIN, Role.UMBRELLA_AUTHORITY, Role.AUDITOR, Role.ROOT, Role.OPERATOR})


class PartnerForm(OfATenantForm):
    another = forms.BooleanField(
        label=_("Another organisation of a similar name is meant"),
        required=False,
        help_text=_("Only when a partner of a similar name is there already."),
    )
    another.is_check = True  # type: ignore[attr-defined]

    class Meta:
        model = Partner
        fields = partners.EDITABLE
        labels = {
            "name": _("Name"),
            "partner_type": _("Kind of organisation"),
            "technical_contact": _("Technical contact"),
            "legal_contact": _("Legal contact"),
            "security_contact": _("Security contact"),
        }


class RateLimitForm(OfATenantForm):
    class Meta:
        model = RateLimitPolicy
        fields = rate_limits.EDITABLE
        labels = {
            "name": _("Name"),
            "burst": _("In one second"),
            "per_minute": _("In a minute"),
            "per_day": _("In a day"),
        }
        help_texts = {"burst": ""}


def may_add(actor: Actor) -> Verdict:
    """Anywhere; the form offers only countries in which the action would agree."""
    if actor.holds(Role.TENANT_ADMIN):
        return ALLOWED
    return Verdict.no(_t("This is kept by those who answer for a tenant."), "a tenant administrator")


@admin.register(Partner)
class PartnerAdmin(FactsAdmin):
    viewers = OVERSEERS | {Role.VERTICAL_OWNER, Role.PARTNER_USER}
    intro = _("Organisations that operate the systems on the other side.")
    empty = _("A partner is an organisation that may be given an integration.")
    list_display = ("name", "partner_type", "country", "integration_count", "standing")
    list_filter = ("partner_type",)
    search_fields = ("name",)
    form = PartnerForm
    steps = (
        Step(
            name="block",
            label=_("Block"),
            act=partners.block,
            verdict=partners.may_block,
            form=WhyForm,
            danger=True,
            consequence=_("Every integration of this partner is refused from the next request on."),
            offered=lambda partner: partner.blocked_at is None,
        ),
        Step(
            name="unblock",
            label=_("Lift the block"),
            act=partners.unblock,
            verdict=partners.may_unblock,
            form=WhyForm,
            consequence=_("What served before serves again at once. What was suspended stays so."),
            offered=lambda partner: partner.blocked_at is not None,
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        first = ("name", "partner_type", "another")
        return (
            (None, {"fields": first if obj else ("tenant", *first)}),
            (_("Who to reach"), {"fields": ("technical_contact", "legal_contact", "security_contact")}),
        )

    def may_add(self, actor: Actor) -> Verdict:
        return may_add(actor)

    def may_edit(self, actor: Actor, thing: Partner) -> Verdict:
        return partners.may_edit(actor, thing)

    def create(self, actor: Actor, cleaned: dict[str, Any]) -> Partner:
        tenant = cleaned.pop("tenant")
        return partners.create(actor=actor, tenant_id=tenant.pk, **cleaned)

    def edit(self, actor: Actor, thing: Partner, cleaned: dict[str, Any]) -> Partner:
        return partners.edit(thing, actor=actor, **cleaned)

    def facts(self, thing: Partner) -> Iterable[tuple[Text, object]]:
        yield _("standing"), self.standing(thing)
        yield _("why it is blocked"), thing.blocked_reason
        yield _("kind of organisation"), thing.get_partner_type_display()
        yield _("country"), thing.tenant.name
        yield _("technical contact"), thing.technical_contact
        yield _("legal contact"), thing.legal_contact
        yield _("security contact"), thing.security_contact
        yield _("integrations"), self.integration_count(thing)
        yield _("known since"), moment(thing.created_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A partner's own people see their partner; everyone else those of the tenants they work for."""
        rows: QuerySet[Any] = Partner.objects.select_related("tenant").annotate(uses=Count("integrations"))
        actor = actor_of(request)
        if (tenants := actor.tenants_as(*OVERSEERS, Role.VERTICAL_OWNER)) is None:
            return rows
        own = [grant.partner_id for grant in actor.grants if grant.partner_id]
        return rows.filter(Q(tenant_id__in=tenants) | Q(pk__in=own))

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
class RateLimitPolicyAdmin(FactsAdmin):
    viewers = OVERSEERS | {Role.VERTICAL_OWNER}
    intro = _("How much an integration may ask: in one second, each minute, each day.")
    list_display = ("name", "tenant", "burst", "per_minute", "per_day")
    search_fields = ("name",)
    list_select_related = ("tenant",)
    form = RateLimitForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return ((None, {"fields": rate_limits.EDITABLE if obj else ("tenant", *rate_limits.EDITABLE)}),)

    def may_add(self, actor: Actor) -> Verdict:
        return may_add(actor)

    def may_edit(self, actor: Actor, thing: RateLimitPolicy) -> Verdict:
        return rate_limits.may_edit(actor, thing)

    def create(self, actor: Actor, cleaned: dict[str, Any]) -> RateLimitPolicy:
        tenant = cleaned.pop("tenant")
        return rate_limits.create(actor=actor, tenant_id=tenant.pk, **cleaned)

    def edit(self, actor: Actor, thing: RateLimitPolicy, cleaned: dict[str, Any]) -> RateLimitPolicy:
        return rate_limits.edit(thing, actor=actor, **cleaned)

    def facts(self, thing: RateLimitPolicy) -> Iterable[tuple[Text, object]]:
        yield _("country"), thing.tenant.name
        yield _("in one second"), thing.burst
        yield _("in a minute"), thing.per_minute
        yield _("in a day"), thing.per_day
        yield _("integrations"), thing.integrations.count()
