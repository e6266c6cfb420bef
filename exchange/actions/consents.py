"""Consent, as the core passes it on: references become persons, the registry records (B-4.3-1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from audit import actions as audit
from exchange.actions.persons import ids_of
from registry.actions import consent
from registry.actions.consent import ConsentRow
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.problems import ValidationFailed

NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a person said. `person` is the core's reference."""

    person: str
    vertical: str
    status: str
    notice_version: str = ""
    method: str = "core"
    actor_role: str = "self"
    effective_at: datetime | None = None
    valid_until: datetime | None = None
    evidence_ref: str = ""


@transaction.atomic
def record(
    items: Sequence[Item], *, tenant_id: str, actor: Actor, request: RequestFacts | None = None
) -> audit.Receipt:
    """Record the batch, all or none. Needs the tenant's context. Raises ValidationFailed, PermissionRefused."""
    if faults := list(_duplicates(items)):
        raise ValidationFailed("No consent was recorded.", errors=faults)
    persons = ids_of([item.person for item in items], tenant_id=tenant_id)
    rows = [
        ConsentRow(
            person_id=persons.get(item.person, NOBODY),
            vertical=item.vertical,
            status=item.status,
            notice_version=item.notice_version,
            method=item.method,
            effective_at=item.effective_at,
            valid_until=item.valid_until,
            actor_role=item.actor_role,
            evidence_ref=item.evidence_ref,
        )
        for item in items
    ]
    try:
        consent.record_batch(rows, tenant_id=tenant_id, actor=actor)
    except ValidationFailed as refusal:
        raise ValidationFailed(refusal.detail, errors=[_in_our_words(error) for error in refusal.errors]) from refusal
    return audit.record(
        "consents.supplied",
        actor=actor,
        result=audit.Result.SUCCESS,
        kind=audit.Kind.REQUEST,
        tenant_id=tenant_id,
        data={"recorded": len(rows)},
        request=request,
        http=200 if request else None,
    )


def _duplicates(items: Sequence[Item]) -> Iterator[dict[str, Any]]:
    """A person says one thing about a vertical per batch: what came last could not be told."""
    seen: dict[tuple[str, str], int] = {}
    for index, item in enumerate(items):
        first = seen.setdefault((item.person, item.vertical), index)
        if first != index:
            message = f"The same person and vertical as items[{first}]."
            yield {"index": index, "field": f"items[{index}].person", "code": "duplicate", "message": message}


def _in_our_words(error: dict[str, str]) -> dict[str, str]:
    """The caller sent `items` with a `person`, not rows with ids."""
    field = error["field"].replace("rows[", "items[", 1).replace(".person_id", ".person")
    return {**error, "field": field}
