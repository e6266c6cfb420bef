"""People, what they may do, and how the identity provider's groups map to roles (A-5.3-1).

Accounts come from the identity provider, and so do most roles: those are changed there, or by what a group means
here. A role that is given here stays until it is taken here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from registry.actions import roles
from registry.admin.facts import FactsAdmin
from registry.models import Partner, Role, RoleGrant, RoleMapping, Tenant, User, Vertical
from registry.templatetags.portal import badge_html, moment
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.governed import GovernedAdmin, Step, Text
from scp_portal.kernel.permissions import ALLOWED, Verdict

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Model]
else:
    ModelForm = forms.ModelForm  # not subscriptable at run time

OVERSEERS = frozenset({Role.TENANT_ADMIN, Role.UMBRELLA_AUTHORITY, Role.AUDITOR, Role.ROOT, Role.OPERATOR})
EVERYWHERE = _("everywhere")


class ScopedForm(ModelForm):
    """A role and where it holds. Which scopes a role needs is for the action to say."""

    actor: Actor

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    tenant = forms.ModelChoiceField(Tenant.objects.all(), label=_("Country"), required=False, empty_label=EVERYWHERE)
    vertical = forms.ModelChoiceField(Vertical.objects.all(), label=_("Vertical"), required=False, empty_label="—")
    partner = forms.ModelChoiceField(Partner.objects.all(), label=_("Partner"), required=False, empty_label="—")


class GrantForm(ScopedForm):
    user = forms.ModelChoiceField(User.objects.none(), label=_("Person"))

    class Meta:
        model = RoleGrant
        fields: tuple[str, ...] = ("user", "role", "tenant", "vertical", "partner")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = User.objects.filter(is_active=True).exclude(pk=self.actor.id)
        self.fields["user"].queryset = others  # type: ignore[attr-defined]


class MappingForm(ScopedForm):
    class Meta:
        model = RoleMapping
        fields: tuple[str, ...] = ("group", "role", "tenant", "vertical", "partner")
        labels = {"group": _("Group")}


def scope_of(cleaned: dict[str, Any]) -> dict[str, Any]:
    """The form's answers as the action takes them: relations by their keys."""
    scope = {f"{name}_id": cleaned.pop(name) for name in ("tenant", "vertical", "partner")}
    return {**cleaned, **{name: thing.pk if thing else None for name, thing in scope.items()}}


def may_add(actor: Actor) -> Verdict:
    """Somewhere; the action asks where."""
    if actor.holds_any(*roles.GIVERS):
        return ALLOWED
    return Verdict.no(_t("Who may do what is decided by those who run the platform."), roles.WHO)


def scope_facts(held: RoleGrant | RoleMapping) -> Iterable[tuple[Text, object]]:
    yield _("role"), held.get_role_display()
    yield _("where"), held.tenant.name if held.tenant else EVERYWHERE
    yield _("vertical"), held.vertical
    yield _("partner"), held.partner


@admin.register(User)
class UserAdmin(GovernedAdmin):
    viewers = frozenset({Role.UMBRELLA_AUTHORITY, Role.AUDITOR, Role.ROOT, Role.OPERATOR})
    intro = _("Who has signed in. The portal keeps a name, an e-mail address and where the account comes from.")
    list_display = ("name", "standing", "issuer", "created_at")
    search_fields = ("name",)
    fields = ("name", "email", "issuer", "subject", "standing", "language", "time_zone", "created_at")
    readonly_fields = fields

    @admin.display(description=_("account"))
    def standing(self, user: User) -> SafeString:
        if user.is_active:
            return badge_html("check-circle", "good", _t("Open"))
        return badge_html("lock", "bad", _t("Closed"))


@admin.register(RoleGrant)
class RoleGrantAdmin(FactsAdmin):
    viewers = OVERSEERS
    intro = _("Who holds which role, and where. A role without a country holds in all of them.")
    list_display = ("user", "role", "where", "vertical", "partner", "source")
    list_filter = ("role", "source")
    search_fields = ("user__name",)
    list_select_related = ("user", "tenant", "vertical", "partner")
    form = GrantForm
    fieldsets = ((None, {"fields": ("user", "role", "tenant", "vertical", "partner")}),)
    steps = (
        Step(
            name="take",
            label=_("Take the role away"),
            act=roles.take,
            verdict=roles.may_take,
            danger=True,
            removes=True,
            consequence=_("In force at once: the person's next request is refused what this role allowed."),
        ),
    )

    @admin.display(description=_("where"), ordering="tenant")
    def where(self, grant: RoleGrant) -> str:
        return grant.tenant.name if grant.tenant else str(EVERYWHERE)

    def may_add(self, actor: Actor) -> Verdict:
        return may_add(actor)

    def create(self, actor: Actor, cleaned: dict[str, Any]) -> RoleGrant:
        return roles.give(actor=actor, **scope_of(cleaned))

    def facts(self, thing: RoleGrant) -> Iterable[tuple[Text, object]]:
        yield _("person"), thing.user.name
        yield from scope_facts(thing)
        yield _("source"), thing.get_source_display()
        yield _("given by"), thing.granted_by
        yield _("since"), moment(thing.created_at)


@admin.register(RoleMapping)
class RoleMappingAdmin(FactsAdmin):
    viewers = OVERSEERS
    intro = _(
        "What a group of the identity provider means here. A group that is not listed means member, nothing more."
    )
    list_display = ("group", "role", "where", "vertical", "partner")
    list_filter = ("role",)
    search_fields = ("group",)
    list_select_related = ("tenant", "vertical", "partner")
    form = MappingForm
    fieldsets = ((None, {"fields": ("group", "role", "tenant", "vertical", "partner")}),)
    steps = (
        Step(
            name="remove",
            label=_("Remove"),
            act=roles.remove_mapping,
            verdict=roles.may_change_mapping,
            danger=True,
            removes=True,
            consequence=_("The group means nothing more. Roles that came by it end with each person's next log-in."),
        ),
    )

    @admin.display(description=_("where"), ordering="tenant")
    def where(self, mapping: RoleMapping) -> str:
        return mapping.tenant.name if mapping.tenant else str(EVERYWHERE)

    def may_add(self, actor: Actor) -> Verdict:
        return may_add(actor)

    def may_edit(self, actor: Actor, thing: RoleMapping) -> Verdict:
        return roles.may_change_mapping(actor, thing)

    def create(self, actor: Actor, cleaned: dict[str, Any]) -> RoleMapping:
        return roles.create_mapping(actor=actor, **scope_of(cleaned))

    def edit(self, actor: Actor, thing: RoleMapping, cleaned: dict[str, Any]) -> RoleMapping:
        return roles.edit_mapping(thing, actor=actor, **scope_of(cleaned))

    def facts(self, thing: RoleMapping) -> Iterable[tuple[Text, object]]:
        yield _("group"), thing.group
        yield from scope_facts(thing)
