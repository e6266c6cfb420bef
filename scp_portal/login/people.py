"""Who signed in, as an account of the portal: made on first sight, with no more than name and e-mail, and the roles
of the identity server's groups, renewed at every sign-in (A-5.2-2, A-5.3-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from audit import actions as audit
from registry.models import Role, RoleGrant, RoleMapping, User
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.tenancy import ALL_TENANTS, tenant_context
from scp_portal.kernel.tokens import Refusal

MAX_NAME = 200
MAX_EMAIL = 254
INACTIVE = "the account is closed"

Scope = tuple[str, str | None, str | None, UUID | None]
"""Role, tenant, vertical, partner."""


@dataclass(frozen=True, slots=True)
class RoleChange:
    added: frozenset[Scope]
    removed: frozenset[Scope]

    def as_data(self) -> dict[str, list[str]]:
        return {"granted": _words(self.added), "revoked": _words(self.removed)}


def sign_in(claims: Mapping[str, Any], request: RequestFacts) -> User:
    """The account of these verified claims, matched by issuer and subject and by nothing else.

    Raises Refusal when the account is closed. An e-mail address, which people can change, never finds an account.
    """
    with transaction.atomic(), tenant_context(ALL_TENANTS):
        user, created = _account(claims)
        change = _sync_roles(user, claims.get("groups", []))
        audit.record(
            "person.sign_in",
            actor=_as_actor(user, request),
            result=audit.Result.SUCCESS,
            subject=f"user:{user.pk}",
            data={"first_time": created, **change.as_data()},
            request=request,
        )
    return user


def renew(user: User, claims: Mapping[str, Any], request: RequestFacts) -> None:
    """Take over what changed at the identity server during a session; recorded only when roles changed."""
    if (claims.get("iss"), claims.get("sub")) != (user.issuer, user.subject):
        raise Refusal("another person")
    with transaction.atomic(), tenant_context(ALL_TENANTS):
        change = _sync_roles(user, claims.get("groups", []))
        if change.added or change.removed:
            audit.record(
                "person.roles_renewed",
                actor=_as_actor(user, request),
                result=audit.Result.SUCCESS,
                subject=f"user:{user.pk}",
                data=change.as_data(),
                request=request,
            )


def _account(claims: Mapping[str, Any]) -> tuple[User, bool]:
    known = {"issuer": settings.TOKEN_ISSUER, "subject": claims["sub"]}
    told = {"name": _name(claims), "email": _email(claims)}
    user, created = User.objects.select_for_update().get_or_create(**known, defaults=told)
    if not user.is_active:
        raise Refusal(INACTIVE)
    if not created and (user.name, user.email) != (told["name"], told["email"]):
        user.name, user.email = told["name"], told["email"]
        user.save(update_fields=["name", "email"])
    return user, created


def _sync_roles(user: User, groups: list[str]) -> RoleChange:
    """Make the grants from the identity server equal to what the groups mean now; grants given here stay as they
    are."""
    mapped = RoleMapping.objects.filter(group__in=groups).values_list("role", "tenant_id", "vertical_id", "partner_id")
    wanted: set[Scope] = {(Role.MEMBER_USER.value, None, None, None)} if not mapped else set()
    wanted.update(mapped)
    held = {_scope(grant): grant for grant in RoleGrant.objects.filter(user=user)}
    from_there = {scope for scope, grant in held.items() if grant.source == RoleGrant.Source.OIDC}
    change = RoleChange(frozenset(wanted - held.keys()), frozenset(from_there - wanted))
    for scope in change.removed:
        held[scope].delete()
    for role, tenant_id, vertical_id, partner_id in change.added:
        RoleGrant.objects.create(
            user=user, role=role, tenant_id=tenant_id, vertical_id=vertical_id, partner_id=partner_id
        )
    return change


def _scope(grant: RoleGrant) -> Scope:
    return grant.role, grant.tenant_id, grant.vertical_id, grant.partner_id


def _words(scopes: frozenset[Scope]) -> list[str]:
    return sorted(" ".join(str(part) for part in scope if part is not None) for scope in scopes)


def _name(claims: Mapping[str, Any]) -> str:
    """A name in any script; control characters, which no name has, are dropped."""
    told = claims.get("name") or claims.get("preferred_username")
    text = "".join(c for c in told if ord(c) >= 32 and not 0xD800 <= ord(c) <= 0xDFFF) if isinstance(told, str) else ""
    return text.strip()[:MAX_NAME] or "Unnamed person"


def _email(claims: Mapping[str, Any]) -> str:
    """Only an address that the identity server has verified: the portal writes to it."""
    told = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(told, str) or len(told) > MAX_EMAIL:
        return ""
    try:
        validate_email(told)
    except ValidationError:
        return ""
    return told


def _as_actor(user: User, request: RequestFacts) -> Actor:
    return Actor(ActorKind.PERSON, str(user.pk), user.name, request_id=request.request_id)
