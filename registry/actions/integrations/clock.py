"""What happens by the clock alone (rows 10, 19, 21, 23). Requests do not wait for it: they read the dates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from registry.actions import clients, steps
from registry.actions.integrations.running import archive
from registry.guards import APPROVAL_DAYS
from registry.lifecycle import ReasonCode, Status
from registry.models import ClientSync, Integration, Tenant
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.problems import Problem
from scp_portal.kernel.tenancy import ALL_TENANTS, tenant_transaction

CLOCK: Final = Actor.system("clock")
ARCHIVED_AFTER: Final = timedelta(days=90)
"""An expired integration that nobody renews is archived after this."""


def expire(integration: Integration, *, actor: Actor = CLOCK) -> Integration:
    """Past `active_until`: suspended with the reason `expired` (row 21)."""
    return steps.take(
        "expire",
        integration,
        actor=actor,
        reason="Its end date has passed.",
        reason_code=ReasonCode.EXPIRED,
        then=clients.wanting(ClientSync.Wanted.DISABLED),
        imposed_by_id=None,
    )


def lapse(integration: Integration, *, actor: Actor = CLOCK) -> Integration:
    """An approval that was not used for 90 days is void (row 10)."""
    return steps.take("lapse", integration, actor=actor, reason=f"Not activated within {APPROVAL_DAYS} days.")


def archive_by_clock(integration: Integration) -> Integration:
    return archive(integration, actor=CLOCK)


def due(now: datetime) -> dict[Callable[[Integration], Integration], Q]:
    """Which rows each step of the clock is due for."""
    expired = Q(status=Status.SUSPENDED, status_reason_code=ReasonCode.EXPIRED)
    return {
        expire: Q(status__in=[Status.ACTIVE, Status.RESTRICTED, Status.DEPRECATED], active_until__lte=now),
        lapse: Q(status=Status.APPROVED, approved_at__lte=now - timedelta(days=APPROVAL_DAYS)),
        archive_by_clock: Q(status=Status.DEPRECATED, sunset_at__lte=now)
        | (expired & Q(status_changed_at__lte=now - ARCHIVED_AFTER)),
    }


def settle(*, now: datetime | None = None) -> int:
    """Take every step that is due, tenant by tenant, each in its own transaction; the number taken."""
    now = now or timezone.now()
    with tenant_transaction(ALL_TENANTS):
        tenants = list(Tenant.objects.values_list("code", flat=True))
    return sum(_settle_one(code, act, when) for code in tenants for act, when in due(now).items())


def _settle_one(tenant: str, act: Callable[[Integration], Integration], when: Q) -> int:
    with tenant_transaction(tenant):
        waiting = list(Integration.objects.filter(when).values_list("pk", flat=True))
    taken = 0
    for pk in waiting:
        with tenant_transaction(tenant):
            integration = Integration.objects.filter(when, pk=pk).first()
            if integration is None:
                continue
            try:
                act(integration)
            except Problem as moved_meanwhile:  # recorded by the attempt; the next run looks again
                if moved_meanwhile.status >= 500:
                    raise
            else:
                taken += 1
    return taken
