"""How much integrations may ask: policies of a tenant, created and edited by its administrator (B-6.2-4)."""

from __future__ import annotations

from typing import Any, Final

from registry.actions.attempts import attempt, change, tell, valid
from registry.models import RateLimitPolicy, Role
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict, require

EDITABLE: Final = ("name", "burst", "per_minute", "per_day")


def may_create(actor: Actor, tenant_id: str) -> Verdict:
    if actor.kind is ActorKind.PERSON and actor.holds(Role.TENANT_ADMIN, tenant_id=tenant_id):
        return ALLOWED
    return Verdict.no("Rate limits are set by those who answer for the tenant.", "a tenant administrator")


def may_edit(actor: Actor, policy: RateLimitPolicy) -> Verdict:
    return may_create(actor, policy.tenant_id)


def create(*, actor: Actor, tenant_id: str, name: str, burst: int, per_minute: int, per_day: int) -> RateLimitPolicy:
    """Raises ValidationFailed for a number below one or a name the tenant has, PermissionRefused."""
    values = {"name": name, "burst": burst, "per_minute": per_minute, "per_day": per_day}
    policy = RateLimitPolicy(tenant_id=tenant_id, **values)
    with attempt("rate_limit.created", actor=actor, tenant_id=tenant_id):
        require(may_create(actor, tenant_id))
        valid(policy)
        policy.save(force_insert=True)
        _tell("rate_limit.created", policy, actor, values)
    return policy


def edit(policy: RateLimitPolicy, *, actor: Actor, **fields: Any) -> RateLimitPolicy:
    """In force with the next request of every integration that names it. Raises as `create` does."""
    if unknown := set(fields) - set(EDITABLE):
        raise TypeError(f"not editable: {', '.join(sorted(unknown))}")
    with attempt("rate_limit.edited", actor=actor, tenant_id=policy.tenant_id, subject=_subject(policy)):
        require(may_edit(actor, policy))
        held = RateLimitPolicy.objects.select_for_update(of=("self",)).get(pk=policy.pk)
        if changed := change(held, fields):
            held.save(update_fields=list(changed))
            _tell("rate_limit.edited", held, actor, changed)
    return held


def _subject(policy: RateLimitPolicy) -> str:
    return f"rate_limit:{policy.pk}"


def _tell(event: str, policy: RateLimitPolicy, actor: Actor, data: dict[str, Any]) -> None:
    """`data` is {field: value}, or {field: [before, after]} of an edit."""
    tell(event, actor=actor, tenant_id=policy.tenant_id, subject=_subject(policy), data=data)
