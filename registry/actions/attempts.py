"""The rhythm of what is done to the registry's own things: require, change, save, record, publish; all or nothing.

A refused attempt leaves nothing but its entry in the audit trail. Integrations have a rhythm of their own, with
decisions and a lifecycle: `registry.actions.steps`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

from django.db import models, transaction

from audit import actions as audit
from registry import refusals
from registry.guards import fault, model_faults, refuse
from registry.lifecycle import REASON_MIN_LENGTH
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.problems import PermissionRefused, SodViolation
from scp_portal.kernel.tenancy import ALL_TENANTS, tenant_context


@contextmanager
def attempt(action: str, *, actor: Actor, tenant_id: str | None, subject: str = "") -> Iterator[None]:
    """One transaction. What the permission refuses is recorded; what the database refuses becomes a problem."""
    try:
        with refusals.translated(), transaction.atomic():
            yield
    except (PermissionRefused, SodViolation) as refusal:
        audit.record(
            action,
            actor=actor,
            result=audit.Result.DENIED,
            kind=audit.Kind.DENIED,
            tenant_id=tenant_id,
            subject=subject,
            code=refusal.code,
            data={"why": refusal.detail},
            autonomous=True,
        )
        raise


def tell(
    event: str, *, actor: Actor, tenant_id: str | None, subject: str, data: Mapping[str, Any], vertical: str = ""
) -> None:
    """The event that others may hear of, and the audit entry, which is written last."""
    audit.publish(event, actor=actor, tenant_id=tenant_id, subject=subject, data=data)
    audit.record(
        event,
        actor=actor,
        result=audit.Result.SUCCESS,
        tenant_id=tenant_id,
        vertical=vertical,
        subject=subject,
        data=data,
    )


def reaching(tenant_id: str | None) -> AbstractContextManager[None]:
    """The rows of what is acted on, though the person looks at one tenant only; what they may has been asked before."""
    return tenant_context(tenant_id or ALL_TENANTS)


def valid(thing: models.Model, *, besides: Collection[str] = ()) -> None:
    """Raises ValidationFailed, one error per fault with the field it belongs to; `besides` is not looked at."""
    refuse(list(model_faults(thing, besides)))


def needed_reason(reason: str) -> str:
    """Without its margins. Raises ValidationFailed when it says too little."""
    if len(reason.strip()) < REASON_MIN_LENGTH:
        refuse([fault("reason", f"Say why, in at least {REASON_MIN_LENGTH} characters.", "too_short")])
    return reason.strip()


def change(thing: models.Model, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Set what differs, check the whole; answers {field: [before, after]}. Raises ValidationFailed."""
    before = {name: getattr(thing, name) for name in values}
    changed = {name: [before[name], value] for name, value in values.items() if before[name] != value}
    for name, value in values.items():
        setattr(thing, name, value)
    valid(thing)
    return changed


def person_id(actor: Actor) -> UUID | None:
    return UUID(actor.id) if actor.kind is ActorKind.PERSON else None
