"""Steps of an integration that serves or did: restrict, suspend, resume, deprecate, end, renew (rows 12-20, 22).

The state in the database is what stops a request, at once; the machine client follows (`registry.actions.clients`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from registry.actions import clients, steps
from registry.actions.integrations.reviews import to_accept
from registry.case import Case
from registry.guards import NOTICE_DAYS, fault, partner_in_good_standing, refuse
from registry.lifecycle import AUTHORITY, Status
from registry.models import ClientSync, Integration
from scp_portal.kernel.actor import Actor, ActorKind

Wanted = ClientSync.Wanted


def restrict(
    integration: Integration, *, actor: Actor, reason: str, reason_code: str, expected_version: int | None = None
) -> Integration:
    """Reading only (row 12)."""
    return steps.take(
        "restrict",
        integration,
        actor=actor,
        reason=reason,
        reason_code=reason_code,
        expected_version=expected_version,
        imposed_by_id=_person(actor),
    )


def suspend(
    integration: Integration, *, actor: Actor, reason: str, reason_code: str, expected_version: int | None = None
) -> Integration:
    """The kill switch: the very next request is refused (row 13, B-6.2-6)."""
    return steps.take(
        "suspend",
        integration,
        actor=actor,
        reason=reason,
        reason_code=reason_code,
        expected_version=expected_version,
        then=clients.wanting(Wanted.DISABLED),
        imposed_by_id=_person(actor),
    )


def resume(integration: Integration, *, actor: Actor, reason: str, expected_version: int | None = None) -> Integration:
    """Full service again, by someone else than who stopped it (rows 14 and 15)."""
    return steps.take(
        "resume",
        integration,
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        guard=_may_go_on,
        then=clients.wanting(Wanted.ENABLED),
        imposed_by_id=None,
    )


def resume_restricted(
    integration: Integration, *, actor: Actor, reason: str, expected_version: int | None = None
) -> Integration:
    """Reading again, nothing more for now (row 16). The corrective note stays the reason of the restriction."""
    return steps.take(
        "resume_restricted",
        integration,
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        guard=_may_go_on,
        then=clients.wanting(Wanted.ENABLED),
    )


def deprecate(
    integration: Integration,
    *,
    actor: Actor,
    reason: str,
    sunset_at: datetime,
    successor: Integration | None = None,
    expected_version: int | None = None,
) -> Integration:
    """Served until `sunset_at`, 30 days off at least; sooner only by the authority, whose reason says why (row 17)."""
    earliest = timezone.now() + timedelta(days=NOTICE_DAYS)

    def guard(thing: Integration) -> None:
        at_once = Case(actor, thing).holds(AUTHORITY)
        faults = []
        if sunset_at < (timezone.now() if at_once else earliest):
            faults.append(fault("sunset_at", f"The partner needs {NOTICE_DAYS} days' notice."))
        if successor is not None and (successor.pk == thing.pk or successor.tenant_id != thing.tenant_id):
            faults.append(fault("successor", "The successor is another integration of the same tenant."))
        refuse(faults)

    return steps.take(
        "deprecate",
        integration,
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        guard=guard,
        sunset_at=sunset_at,
        successor=successor,
    )


def cancel_deprecation(
    integration: Integration, *, actor: Actor, note: str = "", expected_version: int | None = None
) -> Integration:
    """Before the sunset, unless the successor serves already (row 18)."""

    def guard(thing: Integration) -> None:
        _not_past_its_end(thing)
        if thing.successor is not None and thing.successor.status == Status.ACTIVE:
            refuse([fault("successor", "The successor is active already.")])
        if thing.sunset_at and thing.sunset_at <= timezone.now():
            refuse([fault("sunset_at", "The sunset has passed.")])

    return steps.take(
        "cancel_deprecation",
        integration,
        actor=actor,
        reason=note,
        expected_version=expected_version,
        guard=guard,
        sunset_at=None,
        successor=None,
    )


def archive(
    integration: Integration, *, actor: Actor, note: str = "", expected_version: int | None = None
) -> Integration:
    """Deprecated ones at their sunset, or by the administrator once the successor serves and nobody has called for a
    while, as the verdict says (rows 19 and 23).
    """

    def guard(thing: Integration) -> None:
        early = thing.sunset_at is None or thing.sunset_at > timezone.now()
        if thing.status == Status.DEPRECATED and actor.kind != ActorKind.PERSON and early:
            refuse([fault("sunset_at", "The sunset has not come.")])

    return steps.take(
        "archive",
        integration,
        actor=actor,
        reason=note,
        expected_version=expected_version,
        guard=guard,
        then=clients.wanting(Wanted.DELETED),
    )


def terminate(
    integration: Integration, *, actor: Actor, reason: str, expected_version: int | None = None
) -> Integration:
    """The authority ends a restricted or suspended integration for good (row 20)."""
    return steps.take(
        "terminate",
        integration,
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        then=clients.wanting(Wanted.DELETED),
    )


def confirm_renewal(
    integration: Integration,
    *,
    actor: Actor,
    vertical: str = "",
    note: str = "",
    expected_hash: str = "",
    expected_version: int | None = None,
) -> Integration:
    """A vertical owner agrees that the unchanged contract goes on (row 22)."""
    with steps.attempt("confirm_renewal", integration, actor):
        row, case = steps.begin(
            "confirm_renewal", integration, actor, expected_hash=expected_hash, expected_version=expected_version
        )
        for each in to_accept(case, vertical, "confirm_renewal"):
            steps.finish(row, case, reason=note, vertical=each)
    return integration


def renew(
    integration: Integration,
    *,
    actor: Actor,
    reason: str,
    active_until: datetime,
    expected_hash: str = "",
    expected_version: int | None = None,
) -> Integration:
    """An expired integration serves again until a new end date, once every vertical has confirmed (row 22)."""

    def guard(thing: Integration) -> None:
        if active_until <= timezone.now():
            refuse([fault("active_until", "The new end date lies in the past.")])
        partner_in_good_standing(thing)

    return steps.take(
        "renew",
        integration,
        actor=actor,
        reason=reason,
        expected_hash=expected_hash,
        expected_version=expected_version,
        guard=guard,
        then=clients.wanting(Wanted.ENABLED),
        active_until=active_until,
        imposed_by_id=None,
    )


def _may_go_on(integration: Integration) -> None:
    _not_past_its_end(integration)
    partner_in_good_standing(integration)


def _not_past_its_end(integration: Integration) -> None:
    if integration.active_until and integration.active_until <= timezone.now():
        refuse([fault("active_until", "It is past its end date; it has to be renewed.")])


def _person(actor: Actor) -> str | None:
    return actor.id if actor.kind == ActorKind.PERSON else None


__all__ = [
    "archive",
    "cancel_deprecation",
    "confirm_renewal",
    "deprecate",
    "renew",
    "restrict",
    "resume",
    "resume_restricted",
    "suspend",
    "terminate",
]
