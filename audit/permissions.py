"""Who may look into the trail. What they then see is row-level security's matter."""

from scp_portal.kernel.actor import Actor
from scp_portal.kernel.permissions import ALLOWED, Verdict

READERS = ("auditor", "root", "umbrella_authority", "tenant_admin")


def may_read_trail(actor: Actor, tenant_id: str | None) -> Verdict:
    """The trail of a tenant, or with None the platform's own, which only a grant for all tenants opens."""
    if actor.holds_any(*READERS, tenant_id=tenant_id):
        return ALLOWED
    where = f"of {tenant_id}" if tenant_id else "of the platform"
    return Verdict.no(f"Your roles do not open the audit trail {where}.", "An auditor or an administrator there.")
