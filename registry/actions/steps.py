"""The one rhythm of every step of an integration: lock, require, move, save, record, publish; all or nothing.

The actions in `registry.actions.integrations` and `registry.actions.clients` say what is special about each step and
leave the rest to `take` and `keep`. A refused attempt is recorded on its own connection, in one place: `attempt`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from audit import actions as audit
from registry import lifecycle, refusals
from registry.case import Case
from registry.lifecycle import REASON_MIN_LENGTH, Status, Transition
from registry.models import Decision, Integration
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import require
from scp_portal.kernel.problems import (
    ArchivedImmutable,
    ContentChanged,
    IllegalTransition,
    PermissionRefused,
    Problem,
    SodViolation,
    ValidationFailed,
)

Guard = Callable[[Integration], None]
DENIALS: Final = (ArchivedImmutable, ContentChanged, IllegalTransition, PermissionRefused, SodViolation)
ARCHIVED_WRITE: Final = "integration.archived_write_refused"


def subject_of(integration: Integration) -> str:
    """How the audit trail and the outbox name it."""
    return f"integration:{integration.pk}"


@contextmanager
def attempt(step: str, integration: Integration, actor: Actor, *, durable: bool = False) -> Iterator[None]:
    """One transaction for one step. Refused, nothing is left of it but the audit entry of the attempt.

    The object in the caller's hands is put back as it was. Refusals of the database's guards become problems.
    `durable`: this transaction must be the outermost, because the caller goes on to talk to others (RuntimeError).
    """
    before = dict(integration.__dict__)
    try:
        with refusals.translated(), transaction.atomic(durable=durable):
            yield
    except Exception as failure:
        integration.__dict__.clear()
        integration.__dict__.update(before)
        if isinstance(failure, DENIALS):
            _record_denial(step, integration, actor, failure)
        raise


def _record_denial(step: str, integration: Integration, actor: Actor, refusal: Problem) -> None:
    archived = isinstance(refusal, ArchivedImmutable)
    audit.record(
        ARCHIVED_WRITE if archived else f"integration.{step}",
        actor=actor,
        result=audit.Result.DENIED,
        kind=audit.Kind.DENIED,
        tenant_id=integration.tenant_id,
        subject=subject_of(integration),
        code=refusal.code,
        data={"step": step, "status": str(integration.status), "why": refusal.detail},
        autonomous=True,
    )


def lock(integration: Integration) -> None:
    """Reload the object under a row lock, so that of two who act at once the second sees what the first did."""
    rows = Integration.objects.select_for_update(of=("self",))
    integration.refresh_from_db(from_queryset=rows)


def expect(integration: Integration, expected_hash: str, expected_version: int | None) -> None:
    """ContentChanged when the actor had something else before their eyes than what stands now."""
    if expected_hash and expected_hash != integration.content_hash:
        raise ContentChanged("The content has changed since you opened it. Read it again before you decide.")
    if expected_version is not None and expected_version != integration.version:
        raise ContentChanged("Somebody changed it since you opened it. Look again before you go on.")


def begin(
    name: str, integration: Integration, actor: Actor, *, expected_hash: str = "", expected_version: int | None = None
) -> tuple[Transition, Case]:
    """Lock; then the step exists from here, what was seen still stands, and the actor may."""
    lock(integration)
    row = lifecycle.step(name, integration.status)
    expect(integration, expected_hash, expected_version)
    case = Case(actor, integration)
    require(case.verdict(name))
    return row, case


def check_reason(row: Transition, reason: str, reason_code: str) -> None:
    """Every negative step says why, in words, and with a code where the table lists codes."""
    errors = []
    if row.needs_reason and len(reason.strip()) < REASON_MIN_LENGTH:
        message = f"Say why, in at least {REASON_MIN_LENGTH} characters."
        errors.append({"field": "reason", "code": "too_short", "message": message})
    if row.reason_codes and reason_code not in row.reason_codes:
        errors.append({"field": "reason_code", "code": "invalid", "message": "Choose one of the reasons."})
    if errors:
        raise ValidationFailed(errors=errors)


def take(
    name: str,
    integration: Integration,
    *,
    actor: Actor,
    reason: str = "",
    reason_code: str = "",
    expected_hash: str = "",
    expected_version: int | None = None,
    guard: Guard | None = None,
    then: Guard | None = None,
    **stamps: Any,
) -> Integration:
    """A whole step in one transaction. `guard` looks before the move, `then` adds to the same transaction after it."""
    with attempt(name, integration, actor):
        row, case = begin(name, integration, actor, expected_hash=expected_hash, expected_version=expected_version)
        check_reason(row, reason, reason_code)
        if guard:
            guard(integration)
        finish(row, case, reason=reason, reason_code=reason_code, **stamps)
        if then:
            then(integration)
    return integration


def finish(
    row: Transition,
    case: Case,
    *,
    reason: str = "",
    reason_code: str = "",
    vertical: str = "",
    content_hash: str | None = None,
    snapshot: dict[str, Any] | None = None,
    **stamps: Any,
) -> Decision:
    """Decide, move (unless the step keeps the state), save, record, publish. `content_hash` is given by submitting."""
    integration = case.integration
    came_from, revision = str(integration.status), integration.revision
    decision = _decide(row, case, reason, reason_code, vertical, content_hash, snapshot)
    if row.moves:
        _move(row, integration, reason, reason_code, content_hash, stamps)
    facts = {
        "step": row.name,
        "from": came_from,
        "to": str(row.target),
        "revision": revision,
        "content_hash": decision.content_hash,
        "decision": decision.pk,
        "role": decision.role,
        "reason_code": reason_code,
        "reason_sha256": hashlib.sha256(reason.encode()).hexdigest() if reason else "",
    }
    tell(row.event, case.actor, integration, facts, vertical=vertical)
    return decision


def _decide(
    row: Transition,
    case: Case,
    reason: str,
    reason_code: str,
    vertical: str,
    content_hash: str | None,
    snapshot: dict[str, Any] | None,
) -> Decision:
    integration, actor = case.integration, case.actor
    person = actor.kind == ActorKind.PERSON
    return Decision.objects.create(
        tenant_id=integration.tenant_id,
        integration=integration,
        revision=integration.revision,
        content_hash=integration.content_hash if content_hash is None else content_hash,
        step=row.name,
        source=row.source or "",
        target=row.target,
        vertical=vertical,
        actor_kind=actor.kind.value,
        actor_id=actor.id if person else None,
        actor_name=actor.name,
        role=case.role_for(row) if person else "system",
        reason=reason.strip(),
        reason_code=reason_code,
        snapshot=snapshot,
    )


def _move(
    row: Transition,
    integration: Integration,
    reason: str,
    reason_code: str,
    content_hash: str | None,
    stamps: dict[str, Any],
) -> None:
    stamps = {
        "status_changed_at": timezone.now(),
        "status_reason": reason.strip(),
        "status_reason_code": reason_code,
        "due_at": None,
        "version": integration.version + 1,
        **stamps,
    }
    if content_hash is not None:
        stamps["content_hash"] = content_hash
    if row.target == Status.DRAFT:
        stamps |= {"revision": integration.revision + 1, "approved_at": None}
    if row.target == Status.ARCHIVED:
        stamps["archived_at"] = timezone.now()
    integration.move(row.name, **stamps)
    integration.save(update_fields=["status", *stamps])


def tell(event: str, actor: Actor, integration: Integration, facts: dict[str, Any], *, vertical: str = "") -> None:
    """The event that others may hear of, and the audit entry, which is written last."""
    audit.publish(event, actor=actor, tenant_id=integration.tenant_id, subject=subject_of(integration), data=facts)
    audit.record(
        event,
        actor=actor,
        result=audit.Result.SUCCESS,
        tenant_id=integration.tenant_id,
        vertical=vertical,
        subject=subject_of(integration),
        data=facts,
    )
