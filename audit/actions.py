"""The two writers everyone uses: `record` tells what happened, `publish` tells others that may hear of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from audit.models import Event, Kind, Result
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.canonical import CanonicalError, canonical_bytes
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.ids import uuid7
from scp_portal.kernel.problems import AuditUnavailable

__all__ = ["Kind", "Receipt", "RequestFacts", "Result", "incident", "origin_of", "publish", "publish_all", "record"]

VERSION: Final = 1
EPOCH: Final = 1
PLATFORM: Final = "_platform"
MAX_BODY: Final = 65_535
_APPEND: Final = "SELECT leaf, moment FROM audit.append(%s)"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of an entry: its id, and the hash under which it will be sealed."""

    entry_id: UUID
    leaf_hash: bytes
    recorded_at: datetime


def record(
    action: str,
    *,
    actor: Actor,
    result: Result,
    tenant_id: str | None = None,
    kind: Kind = Kind.ADMIN,
    vertical: str = "",
    subject: str = "",
    data: Mapping[str, Any] | None = None,
    data_categories: Sequence[str] = (),
    consent: Any = None,
    request: RequestFacts | None = None,
    code: str = "",
    http: int | None = None,
    subj: Sequence[Mapping[str, str]] = (),
    link: UUID | None = None,
    autonomous: bool = False,
) -> Receipt:
    """Write one entry; call it last before the commit, for the entry takes its time here.

    In the caller's transaction, so that change and entry live or die together; with `autonomous` on the second
    connection, committed on return, so that a denial survives the rollback. `subject` names the thing, such as
    `integration:<id>`; `subj` are commitments to the persons concerned; `link` is the intent this result answers.
    `data` holds no personal value and no secret. Raises AuditUnavailable when the entry is not safely written.
    """
    entry_id = uuid7()
    body = {
        "v": VERSION,
        "log": origin_of(tenant_id),
        "id": entry_id,
        "ts": datetime.now(UTC),
        "kind": kind,
        "action": action,
        "actor": {"kind": actor.kind, "id": actor.id},
        "req": request.as_body() if request else {"id": actor.request_id},
        "auth": request.auth_body() if request else {},
        "tenant": tenant_id,
        "vertical": vertical,
        "data_categories": sorted(data_categories),
        "consent": consent,
        "result": {"status": result, "code": code, "http": http},
        "subject": subject,
        "subj": list(subj),
        "link": link,
        "data": data or {},
    }
    return _append(entry_id, _leaf_bytes(body), autonomous=autonomous)


def incident(
    action: str, *, actor: Actor, result: Result = Result.DENIED, tenant_id: str | None = None, **facts: Any
) -> Receipt:
    """An entry that someone must look at. It stays whatever becomes of the caller's transaction."""
    return record(action, actor=actor, result=result, tenant_id=tenant_id, kind=Kind.INCIDENT, autonomous=True, **facts)


def publish(
    event_type: str, *, actor: Actor, tenant_id: str | None, subject: str, data: Mapping[str, Any] | None = None
) -> Event:
    """Put an event into the outbox, in the caller's transaction and tenant context."""
    return publish_all(event_type, actor=actor, tenant_id=tenant_id, happened=[(subject, data or {})])[0]


def publish_all(
    event_type: str, *, actor: Actor, tenant_id: str | None, happened: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[Event]:
    """Many events of one type, each a subject and its data, in a statement per thousand; otherwise as `publish`."""
    if not connections["default"].in_atomic_block:
        raise TransactionManagementError("an event is published in the transaction that makes it true")
    now = datetime.now(UTC)
    events = [
        Event(
            type=event_type,
            tenant_id=tenant_id,
            subject=subject,
            data=dict(data),
            actor_kind=actor.kind.value,
            actor_id=actor.id,
            request_id=actor.request_id,
            occurred_at=now,
        )
        for subject, data in happened
    ]
    return Event.objects.bulk_create(events, batch_size=1000)


def origin_of(tenant_id: str | None) -> str:
    """The name of a tenant's log, which stands in every leaf, so that no entry can be moved to another log."""
    return f"{settings.AUDIT_ORIGIN}/{tenant_id or PLATFORM}/{EPOCH}"


def _leaf_bytes(body: Mapping[str, Any]) -> bytes:
    """The canonical bytes. PostgreSQL's text holds no NUL and no lone surrogate, which text from outside may bring:
    they are replaced, because an entry never fails on them.
    """
    try:
        leaf = canonical_bytes(body)
    except CanonicalError:
        return canonical_bytes(_storable(body))
    return canonical_bytes(_storable(body)) if b"\\u0000" in leaf else leaf


def _storable(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, Mapping):
        return {key: _storable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(inner) for inner in value]
    return value


def _append(entry_id: UUID, body: bytes, *, autonomous: bool) -> Receipt:
    if len(body) > MAX_BODY:
        raise AuditUnavailable(internal="entry too large")
    connection = connections["audit" if autonomous else "default"]
    if not autonomous and not connection.in_atomic_block:
        raise TransactionManagementError("an entry belongs to the transaction it tells of; or is autonomous")
    try:
        leaf_hash, recorded_at = _call(connection, body)
    except (DatabaseError, InterfaceError) as error:
        state = getattr(error.__cause__, "sqlstate", None)
        raise AuditUnavailable(internal=f"{type(error).__name__} sqlstate {state}") from error
    return Receipt(entry_id, bytes(leaf_hash), recorded_at)


def _call(connection: BaseDatabaseWrapper, body: bytes) -> tuple[bytes, datetime]:
    """One round trip, on the driver's own cursor. A session that died while idle is replaced once."""
    connection.ensure_connection()
    try:
        return _execute(connection, body)
    except (DatabaseError, InterfaceError):
        if connection.in_atomic_block or not connection.connection.closed:
            raise
    connection.close()
    connection.ensure_connection()
    return _execute(connection, body)


def _execute(connection: BaseDatabaseWrapper, body: bytes) -> tuple[bytes, datetime]:
    with connection.wrap_database_errors:
        row: tuple[bytes, datetime] = connection.connection.execute(_APPEND, (body,)).fetchone()
    return row
