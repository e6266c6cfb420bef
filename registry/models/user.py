"""People who sign in, what they may do, and how their outside roles map to ours."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from registry.models.tenant import Tenant, Vertical
from scp_portal.kernel.actor import Actor, ActorKind, Grant


class Role(models.TextChoices):
    """What a person may be here. Every person is a member; everything else is a grant (A-5.3-1)."""

    ROOT = "root", "ROOT"
    UMBRELLA_AUTHORITY = "umbrella_authority", "Umbrella authority"
    VERTICAL_OWNER = "vertical_owner", "Vertical owner"
    TENANT_ADMIN = "tenant_admin", "Tenant administrator"
    AUDITOR = "auditor", "Auditor"
    OPERATOR = "operator", "Platform operator"
    PARTNER_USER = "partner_user", "Partner user"
    MEMBER_USER = "member_user", "Member"


STAFF_ROLES = frozenset(set(Role) - {Role.MEMBER_USER})


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        issuer, _, subject = (username or "").rpartition("#")
        return self.get(issuer=issuer, subject=subject)


class User(AbstractBaseUser):
    """A person known by issuer and subject, with the least that is needed (A-5.2-2): no password, no profile.

    There is no superuser: `has_perm` answers only whether the person may enter the admin at all; every
    governed act asks `registry.permissions` instead.
    """

    password = None  # type: ignore[assignment]
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    issuer = models.URLField(max_length=200)
    subject = models.CharField(max_length=255)
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=10, blank=True, help_text="Empty: the tenant's.")
    time_zone = models.CharField(max_length=40, blank=True, help_text="Empty: the tenant's.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "id"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    is_superuser = False

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="registry_user_is_issuer_and_subject")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_staff(self) -> bool:
        """May enter the admin: holds any role beyond member."""
        return any(grant.role in STAFF_ROLES for grant in self.grants)

    @property
    def grants(self) -> frozenset[Grant]:
        """Roles held now, read once per instance. Needs the tenant context of this person (see `scp.person`)."""
        if not hasattr(self, "_grants"):
            rows = self.role_grants.values_list("role", "tenant_id", "vertical_id", "partner_id")
            self._grants = frozenset(Grant(r, t, v, str(p) if p else None) for r, t, v, p in rows)
        return self._grants

    def as_actor(self, request_id: str = "") -> Actor:
        return Actor(ActorKind.PERSON, str(self.pk), self.name, self.grants, request_id)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff

    def get_username(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0]

    def has_usable_password(self) -> bool:
        return False

    def get_session_auth_hash(self) -> str:
        """Sessions are bound to the account, not to a password: there is none."""
        return f"{self.pk}"

    def check_password(self, raw_password: Any) -> bool:
        return False


class RoleGrant(models.Model):
    """One role of one person, optionally bound to a tenant, a vertical, a partner."""

    class Source(models.TextChoices):
        OIDC = "oidc", "From the identity provider"
        PORTAL = "portal", "Granted here"

    user = models.ForeignKey(User, models.CASCADE, related_name="role_grants")
    role = models.CharField(max_length=32, choices=Role)
    tenant = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+")
    vertical = models.ForeignKey(Vertical, models.PROTECT, null=True, blank=True, related_name="+")
    partner = models.ForeignKey("registry.Partner", models.PROTECT, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=8, choices=Source, default=Source.OIDC)
    granted_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user", "role"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role", "tenant", "vertical", "partner"],
                nulls_distinct=False,
                name="registry_a_role_is_granted_once",
            ),
            models.CheckConstraint(
                name="registry_no_one_grants_a_role_to_themselves",
                condition=models.Q(granted_by__isnull=True) | ~models.Q(granted_by=models.F("user")),
            ),
            models.CheckConstraint(
                name="registry_a_grant_for_a_partner_names_its_tenant",
                condition=models.Q(partner__isnull=True) | models.Q(tenant__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        scope = ", ".join(filter(None, [self.tenant_id, self.vertical_id]))
        return f"{self.get_role_display()} ({scope or 'everywhere'})"


class RoleMapping(models.Model):
    """A group name of the identity provider and what it means here. Unknown groups mean nothing (A-5.3-1)."""

    group = models.CharField(max_length=100, unique=True, help_text="Name in the token's `groups` claim.")
    role = models.CharField(max_length=32, choices=Role)
    tenant = models.ForeignKey(Tenant, models.PROTECT, null=True, blank=True, related_name="+")
    vertical = models.ForeignKey(Vertical, models.PROTECT, null=True, blank=True, related_name="+")
    partner = models.ForeignKey("registry.Partner", models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["group"]

    def __str__(self) -> str:
        return self.group
