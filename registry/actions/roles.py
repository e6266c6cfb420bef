"""What people may do: what a group of the identity provider means, and roles given here (A-5.3-1).

Both are for the platform's operator or the umbrella authority, and nobody acts for themselves. What someone may give
reaches no further than they do: who holds for one tenant gives nothing for all of them, and who keeps the platform
running makes nobody ROOT or umbrella authority.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from registry.actions.attempts import attempt, change, person_id, reaching, tell, valid
from registry.guards import fault, refuse
from registry.models import Partner, Role, RoleGrant, RoleMapping, TenantVertical, User
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict, require
from scp_portal.kernel.problems.base import FieldError

GIVERS: Final = (Role.OPERATOR, Role.UMBRELLA_AUTHORITY)
WHO: Final = "a platform operator or the umbrella authority"
OVER_ALL: Final = frozenset({Role.ROOT, Role.OPERATOR})
"""Roles that hold everywhere or not at all."""
ABOVE_OPERATORS: Final = frozenset({Role.ROOT, Role.UMBRELLA_AUTHORITY})
"""Roles that only the umbrella authority hands on: an operator could otherwise approve through a second person."""
SCOPE: Final = ("tenant_id", "vertical_id", "partner_id")


# -- who may -----------------------------------------------------------------------------------------------------


def may_map(actor: Actor, tenant_id: str | None, role: str) -> Verdict:
    """`tenant_id` None: what holds in all tenants. `role`: what the group means or is to mean."""
    givers = (Role.UMBRELLA_AUTHORITY,) if role in ABOVE_OPERATORS else GIVERS
    if actor.kind is ActorKind.PERSON and actor.holds_any(*givers, tenant_id=tenant_id):
        return ALLOWED
    who = "the umbrella authority" if role in ABOVE_OPERATORS else WHO
    return Verdict.no("Who may do what is decided by those who run the platform.", who)


def may_change_mapping(actor: Actor, mapping: RoleMapping) -> Verdict:
    return may_map(actor, mapping.tenant_id, mapping.role)


def may_give(actor: Actor, user: User, tenant_id: str | None, role: str) -> Verdict:
    if not (verdict := may_map(actor, tenant_id, role)).allowed:
        return verdict
    if same_person(actor, user):
        return Verdict.no("Nobody gives a role to themselves.", f"another person: {WHO}", sod=True)
    return ALLOWED


def may_take(actor: Actor, grant: RoleGrant) -> Verdict:
    if grant.source != RoleGrant.Source.PORTAL:
        return Verdict.no("It comes from the identity provider; change the person's groups there.")
    if not (verdict := may_map(actor, grant.tenant_id, grant.role)).allowed:
        return verdict
    if same_person(actor, grant.user):
        return Verdict.no("Nobody changes their own roles.", f"another person: {WHO}", sod=True)
    return ALLOWED


def same_person(actor: Actor, user: User) -> bool:
    """The same account, or another one with the same e-mail address."""
    if actor.id == str(user.pk):
        return True
    return bool(user.email) and User.objects.filter(pk=actor.id, email__iexact=user.email).exists()


# -- what a group means --------------------------------------------------------------------------------------------


def create_mapping(*, actor: Actor, group: str, role: str, **scope: Any) -> RoleMapping:
    """In force with each person's next log-in or renewal. `scope`: tenant_id, vertical_id, partner_id."""
    mapping = RoleMapping(group=group, role=role, **_accepted(scope))
    with attempt("role_mapping.created", actor=actor, tenant_id=mapping.tenant_id):
        require(may_map(actor, mapping.tenant_id, role))
        with reaching(mapping.tenant_id):
            valid(mapping)
            refuse(list(_scope_faults(mapping)))
            mapping.save(force_insert=True)
            _tell("role_mapping.created", mapping, actor, {"group": group, **_means(mapping)})
    return mapping


def edit_mapping(mapping: RoleMapping, *, actor: Actor, group: str, role: str, **scope: Any) -> RoleMapping:
    """The actor must reach what it meant and what it is to mean. Raises as `create_mapping` does."""
    values = {"group": group, "role": role, **dict.fromkeys(SCOPE), **_accepted(scope)}
    # All tenants: a mapping that moves from one country to another is a row of both.
    tried = attempt("role_mapping.edited", actor=actor, tenant_id=mapping.tenant_id, subject=_subject(mapping))
    with tried, reaching(None):
        held = RoleMapping.objects.select_for_update(of=("self",)).get(pk=mapping.pk)
        require(may_map(actor, held.tenant_id, held.role))
        require(may_map(actor, values["tenant_id"], role))
        _change_mapping(held, values, actor)
    return held


def _change_mapping(held: RoleMapping, values: dict[str, Any], actor: Actor) -> None:
    changed = change(held, values)
    refuse(list(_scope_faults(held)))
    if changed:
        held.save(update_fields=[name.removesuffix("_id") for name in changed])
        _tell("role_mapping.edited", held, actor, {name: [_text(a), _text(b)] for name, (a, b) in changed.items()})


def remove_mapping(mapping: RoleMapping, *, actor: Actor) -> None:
    """The group means nothing more; roles that came by it end with each person's next log-in or renewal."""
    tried = attempt("role_mapping.removed", actor=actor, tenant_id=mapping.tenant_id, subject=_subject(mapping))
    with tried, reaching(mapping.tenant_id):
        held = RoleMapping.objects.select_for_update(of=("self",)).get(pk=mapping.pk)
        require(may_change_mapping(actor, held))
        subject, said = _subject(held), {"group": held.group, **_means(held)}
        held.delete()
        tell("role_mapping.removed", actor=actor, tenant_id=mapping.tenant_id, subject=subject, data=said)


# -- roles given here ----------------------------------------------------------------------------------------------


def give(*, actor: Actor, user: User, role: str, **scope: Any) -> RoleGrant:
    """A role that the identity provider does not know of, at once. `scope`: tenant_id, vertical_id, partner_id."""
    grant = RoleGrant(user=user, role=role, source=RoleGrant.Source.PORTAL, **_accepted(scope))
    grant.granted_by_id = person_id(actor)
    with attempt("role.given", actor=actor, tenant_id=grant.tenant_id, subject=f"user:{user.pk}"):
        require(may_give(actor, user, grant.tenant_id, role))
        if not user.is_active:
            refuse([fault("user", "This account is closed.")])
        with reaching(grant.tenant_id):
            valid(grant)
            refuse(list(_scope_faults(grant)))
            grant.save(force_insert=True)
            _tell("role.given", grant, actor, _means(grant))
    return grant


def take(grant: RoleGrant, *, actor: Actor) -> None:
    """At once; only a role that was given here."""
    with attempt("role.taken", actor=actor, tenant_id=grant.tenant_id, subject=f"user:{grant.user_id}"):
        require(may_take(actor, grant))
        with reaching(grant.tenant_id):
            held = RoleGrant.objects.select_for_update(of=("self",)).select_related("user").get(pk=grant.pk)
            require(may_take(actor, held))
            held.delete()
            _tell("role.taken", grant, actor, _means(grant))


# -- inner -------------------------------------------------------------------------------------------------------


def _accepted(scope: dict[str, Any]) -> dict[str, Any]:
    """Raises TypeError for what is no scope."""
    if unknown := set(scope) - set(SCOPE):
        raise TypeError(f"no scope: {', '.join(sorted(unknown))}")
    return scope


def _scope_faults(held: RoleGrant | RoleMapping) -> Iterator[FieldError]:
    """A role is held where it makes sense, and nowhere by oversight: an empty scope means everywhere."""
    role, tenant = held.role, held.tenant_id
    if role in OVER_ALL and tenant:
        yield fault("tenant", "This role holds in all countries; leave it empty.")
    if role in (Role.TENANT_ADMIN, Role.VERTICAL_OWNER, Role.PARTNER_USER) and not tenant:
        yield fault("tenant", "Say in which country.", "required")
    yield from _vertical_faults(held)
    if (role == Role.PARTNER_USER) != bool(held.partner_id):
        yield fault("partner", "A partner user, and nobody else, belongs to a partner.")
    elif held.partner_id and not Partner.objects.filter(pk=held.partner_id, tenant_id=tenant).exists():
        yield fault("partner", "This partner is in another country.")


def _vertical_faults(held: RoleGrant | RoleMapping) -> Iterator[FieldError]:
    if (held.role == Role.VERTICAL_OWNER) != bool(held.vertical_id):
        yield fault("vertical", "A vertical owner, and nobody else, is named for a vertical.")
    elif (
        held.vertical_id
        and not TenantVertical.objects.filter(tenant_id=held.tenant_id, vertical_id=held.vertical_id).exists()
    ):
        yield fault("vertical", "This country does not run the vertical.")


def _means(held: RoleGrant | RoleMapping) -> dict[str, str]:
    return {"role": str(held.role), **{name: _text(getattr(held, name)) for name in SCOPE}}


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _subject(held: RoleGrant | RoleMapping) -> str:
    return f"user:{held.user_id}" if isinstance(held, RoleGrant) else f"role_mapping:{held.pk}"


def _tell(event: str, held: RoleGrant | RoleMapping, actor: Actor, data: dict[str, Any]) -> None:
    tell(event, actor=actor, tenant_id=held.tenant_id, subject=_subject(held), data=data)
