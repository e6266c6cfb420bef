"""What the clock and the doorbell start. The rows are the queue: losing a run loses nothing."""

from __future__ import annotations

from celery import shared_task

from registry.actions import clients, integrations


@shared_task(name="registry.reconcile_clients", ignore_result=True)
def reconcile_clients() -> None:
    """Bring machine clients to what their integrations want; look again every hour at those that are so."""
    clients.settle()


@shared_task(name="registry.settle_dated", ignore_result=True)
def settle_dated() -> None:
    """Expire, lapse and archive what is due. Requests are refused by the dates themselves, not by this."""
    integrations.settle()
