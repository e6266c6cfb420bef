"""Who may write what crosses the boundary. Partners' reads are decided by `registry.policy`."""

from __future__ import annotations

from registry.api.authentication import CORE_ROLE
from registry.models import Role
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict


def may_supply(actor: Actor, tenant_id: str) -> Verdict:
    """Records and persons come from the core, the portal itself (a load, the demo) or a platform operator."""
    if actor.kind is ActorKind.SYSTEM or (actor.kind is ActorKind.MACHINE and actor.holds(CORE_ROLE)):
        return ALLOWED
    if actor.holds(Role.OPERATOR, tenant_id=tenant_id):
        return ALLOWED
    return Verdict.no("Records are supplied by the platform's core.", "the core's machine client")
