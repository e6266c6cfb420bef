"""What persons said about their data: notices, and the events that give, refuse and withdraw consent (B-4.3-*).

An event is inserted here; the database projects it into the person's state and counts the epoch in the same commit,
so a statement that starts after the commit already sees it. A withdrawal can't be post-dated, and of two events with
the same effective time the one that stops wins.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from audit import actions as audit
from registry.models import PERMITTING, ConsentNotice, ConsentStatus, Person, Role, TenantVertical
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict, require
from scp_portal.kernel.problems import Conflict, NotFound, ValidationFailed

CORE_ROLE: Final = "core"
ACTOR_ROLES: Final = ("self", "delegate", "officer")
STOPPING: Final = frozenset(
    {ConsentStatus.WITHDRAWN, ConsentStatus.REFUSED, ConsentStatus.EXPIRED, ConsentStatus.INVALIDATED}
)
CLOCK_DIFFERENCE: Final = timedelta(minutes=5)
"""A withdrawal may be so far ahead of our clock and still count as now; the database then writes its own time."""
VERSION: Final = re.compile(r"\d{4}-\d{2}(-\d{2})?(\.\d{1,3})?")
INSERT: Final = """
INSERT INTO registry_consentevent (tenant_id, person_id, vertical_id, status, notice_version, method, actor_id,
                                   actor_role, recorded_at, effective_at, valid_until, evidence_ref)
SELECT %s, person_id, vertical_id, status, notice_version, method, %s,
       actor_role, now(), coalesce(effective_at, clock_timestamp()), valid_until, evidence_ref
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::timestamptz[], %s::timestamptz[], %s::text[]) WITH ORDINALITY
     AS row (person_id, vertical_id, status, notice_version, method,
             actor_role, effective_at, valid_until, evidence_ref, place)
ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """One event to record. `effective_at` left out is now; `actor_role` says for whom the actor speaks."""

    person_id: UUID
    vertical: str
    status: str
    notice_version: str = ""
    method: str = ""
    effective_at: datetime | None = None
    valid_until: datetime | None = None
    actor_role: str = "self"
    evidence_ref: str = ""

    @property
    def permits(self) -> bool:
        return self.status in PERMITTING

    @property
    def stops(self) -> bool:
        return self.status in STOPPING


# -- who may -----------------------------------------------------------------------------------------------------


def may_record_consent(actor: Actor, tenant_id: str) -> Verdict:
    """The core's machine client passes on what persons said; a tenant's administrator records it as officer."""
    if actor.kind is ActorKind.SYSTEM or actor.holds(Role.TENANT_ADMIN, tenant_id=tenant_id):
        return ALLOWED
    if actor.kind is ActorKind.MACHINE and actor.holds(CORE_ROLE, tenant_id=tenant_id):
        return ALLOWED
    return Verdict.no("Consent comes from the person, through the core, or from an officer.", "a tenant administrator")


def may_publish_notice(actor: Actor, tenant_id: str, vertical: str) -> Verdict:
    if actor.holds(Role.TENANT_ADMIN, tenant_id=tenant_id) or actor.holds(
        Role.VERTICAL_OWNER, tenant_id=tenant_id, vertical=vertical
    ):
        return ALLOWED
    return Verdict.no("A notice is published by those who answer for the data.", "a tenant administrator")


# -- events ------------------------------------------------------------------------------------------------------


def record(row: ConsentRow, *, tenant_id: str, actor: Actor) -> None:
    """One event. Raises ValidationFailed with the reasons, PermissionRefused."""
    record_batch([row], tenant_id=tenant_id, actor=actor)


def withdraw(person: Person, vertical: str, *, actor: Actor, reason: str = "") -> None:
    """Takes effect with the commit. No reason is asked of the person; an officer's is kept as evidence."""
    officer = actor.kind is ActorKind.PERSON
    row = ConsentRow(
        person_id=person.pk,
        vertical=vertical,
        status=ConsentStatus.WITHDRAWN,
        method="portal" if officer else "core",
        actor_role="officer" if officer else "self",
        evidence_ref=reason[:200],
    )
    record(row, tenant_id=person.tenant_id, actor=actor)


@transaction.atomic
def record_batch(rows: Iterable[ConsentRow], *, tenant_id: str, actor: Actor) -> int:
    """All of them or none, in one statement; needs the tenant's context. Returns how many were recorded.

    Raises ValidationFailed whose errors name the row (`rows[3].notice_version`), PermissionRefused.
    """
    require(may_record_consent(actor, tenant_id))
    now = timezone.now()
    given = list(rows)
    if errors := _errors(given, tenant_id, now):
        raise ValidationFailed("No consent was recorded.", errors=errors)
    if not given:
        return 0
    ordered = sorted(given, key=lambda row: (row.effective_at or now, row.stops))
    _insert(ordered, tenant_id, actor)
    _tell(ordered, tenant_id, actor)
    return len(ordered)


def _insert(rows: Sequence[ConsentRow], tenant_id: str, actor: Actor) -> None:
    columns = zip(
        *(
            (
                row.person_id,
                row.vertical,
                str(row.status),
                row.notice_version,
                row.method,
                row.actor_role,
                row.effective_at,
                row.valid_until,
                row.evidence_ref,
            )
            for row in rows
        ),
        strict=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [tenant_id, actor.id, *map(list, columns)])


def _tell(rows: Sequence[ConsentRow], tenant_id: str, actor: Actor) -> None:
    """An event per withdrawal, for partners who hold data must hear of it; an audit entry per vertical, with counts."""
    audit.publish_all(
        "consent.withdrawn",
        actor=actor,
        tenant_id=tenant_id,
        happened=(
            (f"person:{row.person_id}", {"person_id": str(row.person_id), "vertical": row.vertical})
            for row in rows
            if row.status == ConsentStatus.WITHDRAWN
        ),
    )
    only = f"person:{rows[0].person_id}" if len(rows) == 1 else ""
    for vertical in sorted({row.vertical for row in rows}):
        counts = Counter(str(row.status) for row in rows if row.vertical == vertical)
        audit.record(
            "consent.recorded",
            actor=actor,
            result=audit.Result.SUCCESS,
            tenant_id=tenant_id,
            vertical=vertical,
            subject=only,
            data={"counts": dict(counts), "notices": sorted({r.notice_version for r in rows if r.notice_version})},
        )


# -- what can't be recorded ----------------------------------------------------------------------------------------


def _errors(rows: Sequence[ConsentRow], tenant_id: str, now: datetime) -> list[dict[str, str]]:
    verticals = set(TenantVertical.objects.filter(tenant_id=tenant_id).values_list("vertical_id", flat=True))
    asked = {row.person_id for row in rows}
    persons = set(Person.objects.filter(tenant_id=tenant_id, pk__in=asked).values_list("pk", flat=True))
    notices = set(ConsentNotice.objects.filter(tenant_id=tenant_id).values_list("vertical_id", "version"))
    found: list[dict[str, str]] = []
    for index, row in enumerate(rows):
        for field, code, message in _faults(row, verticals, persons, notices, now):
            found.append({"field": f"rows[{index}].{field}", "code": code, "message": message})
    return found


def _faults(
    row: ConsentRow, verticals: set[str], persons: set[UUID], notices: set[tuple[str, str]], now: datetime
) -> Iterable[tuple[str, str, str]]:
    if row.person_id not in persons:
        yield "person_id", "unknown_person", "There is no such person here."
    if row.vertical not in verticals:
        yield "vertical", "unknown_vertical", "The tenant has no such vertical."
    if row.status not in ConsentStatus.values:
        yield "status", "unknown_status", f"Use one of {', '.join(ConsentStatus.values)}."
    if row.actor_role not in ACTOR_ROLES:
        yield "actor_role", "unknown_role", f"Use one of {', '.join(ACTOR_ROLES)}."
    if (row.permits or row.notice_version) and (row.vertical, row.notice_version) not in notices:
        yield "notice_version", "unknown_notice", "No notice of this version was published for the vertical."
    if row.stops and row.effective_at is not None and row.effective_at > now + CLOCK_DIFFERENCE:
        yield "effective_at", "post_dated", "What stops consent takes effect now; it can't be post-dated."
    if row.valid_until is not None and row.valid_until <= (row.effective_at or now):
        yield "valid_until", "ends_before_it_begins", "Consent must last beyond its beginning."
    for name, longest in (("method", 40), ("evidence_ref", 200)):
        if len(getattr(row, name)) > longest:
            yield name, "too_long", f"At most {longest} characters."


# -- notices -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NoticeText:
    """What the person is told, in one language (ISO/IEC TS 27560, the notice's part)."""

    language: str
    text: str
    purposes: Sequence[str]
    controller: str
    recipients: Sequence[str]
    retention: str
    withdrawal_method: str


@transaction.atomic
def publish_notice(notice: NoticeText, *, tenant_id: str, vertical: str, version: str, actor: Actor) -> ConsentNotice:
    """A notice never changes: another text is another version. Raises Conflict, NotFound, ValidationFailed."""
    require(may_publish_notice(actor, tenant_id, vertical))
    if not TenantVertical.objects.filter(tenant_id=tenant_id, vertical_id=vertical).exists():
        raise NotFound("The tenant has no such vertical.")
    if not VERSION.fullmatch(version):
        message = "Versions sort by time: 2026-03, 2026-03-15 or 2026-03.1."
        raise ValidationFailed(message, errors=[{"field": "version", "code": "not_a_version", "message": message}])
    if not notice.text.strip():
        message = "A notice without text tells nothing."
        raise ValidationFailed(message, errors=[{"field": "text", "code": "required", "message": message}])
    same = Q(tenant_id=tenant_id, vertical_id=vertical, version=version, language=notice.language)
    if ConsentNotice.objects.filter(same).exists():
        raise Conflict("This version is published in this language already; publish a new version.")
    published = ConsentNotice.objects.create(
        tenant_id=tenant_id,
        vertical_id=vertical,
        version=version,
        language=notice.language,
        text=notice.text,
        text_hash=hashlib.sha256(notice.text.encode()).hexdigest(),
        purposes=list(notice.purposes),
        controller=notice.controller,
        recipients=list(notice.recipients),
        retention=notice.retention,
        withdrawal_method=notice.withdrawal_method,
        published_at=timezone.now(),
    )
    audit.record(
        "consent.notice_published",
        actor=actor,
        result=audit.Result.SUCCESS,
        tenant_id=tenant_id,
        vertical=vertical,
        subject=f"notice:{published.pk}",
        data={"version": version, "language": notice.language, "text_hash": published.text_hash},
    )
    return published
