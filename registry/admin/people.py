"""People, what they may do, and how the identity provider's groups map to roles (A-5.3-1). Read here.

Accounts come from the identity provider, and so do roles: changing them here would only last until the next log-in.
"""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from registry.models import Role, RoleGrant, RoleMapping, User
from registry.templatetags.portal import badge_html
from scp_portal.kernel.governed import GovernedAdmin

OVERSEERS = frozenset({Role.TENANT_ADMIN, Role.UMBRELLA_AUTHORITY, Role.AUDITOR, Role.ROOT, Role.OPERATOR})
EVERYWHERE = _("everywhere")


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
class RoleGrantAdmin(GovernedAdmin):
    viewers = OVERSEERS
    intro = _("Who holds which role, and where. A role without a country holds in all of them.")
    list_display = ("user", "role", "where", "vertical", "partner", "source")
    list_filter = ("role", "source")
    search_fields = ("user__name",)
    list_select_related = ("user", "tenant", "vertical", "partner")

    @admin.display(description=_("where"), ordering="tenant")
    def where(self, grant: RoleGrant) -> str:
        return grant.tenant.name if grant.tenant else str(EVERYWHERE)


@admin.register(RoleMapping)
class RoleMappingAdmin(GovernedAdmin):
    viewers = OVERSEERS
    intro = _(
        "What a group of the identity provider means here. A group that is not listed means member, nothing more."
    )
    list_display = ("group", "role", "where", "vertical", "partner")
    list_filter = ("role",)
    search_fields = ("group",)
    list_select_related = ("tenant", "vertical", "partner")

    @admin.display(description=_("where"), ordering="tenant")
    def where(self, mapping: RoleMapping) -> str:
        return mapping.tenant.name if mapping.tenant else str(EVERYWHERE)
