"""record and publish: what an entry holds, which transaction it joins, and that it never half happens. B-9-1."""

import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.transaction import TransactionManagementError

from audit.actions import EPOCH, RequestFacts, incident, origin_of, publish, record
from audit.models import Entry, Event, Kind, Log, Result
from scp_portal.kernel import ids
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.canonical import canonical_bytes
from scp_portal.kernel.facts import TokenFacts
from scp_portal.kernel.problems import AuditUnavailable
from scp_portal.kernel.tenancy import ALL_TENANTS, tenant_context, tenant_transaction

ACTOR = Actor(ActorKind.PERSON, "4f1c", "Ana Silva", request_id="r-1")
TOKEN = TokenFacts.of(
    "aaa.bbb.ccc", kid="k1", jti="j1", issuer="https://id", client="scp-int-1", issued_at=1, expires_at=2
)
REQUEST = RequestFacts("r-2", "GET", "/api/v1/datasets", peer="c0ffee", auth_method="bearer", token=TOKEN)


def write(**changes: object) -> UUID:
    facts = {"actor": ACTOR, "result": Result.SUCCESS, "tenant_id": "NZ", "subject": "integration:1", **changes}
    return record("integration.approved", **facts).entry_id  # type: ignore[arg-type]


@pytest.mark.req("B-9-1")
@pytest.mark.django_db
def test_an_entry_holds_who_what_where_and_how_it_ended() -> None:
    with tenant_context("NZ"):
        intent = write(kind=Kind.INTENT)
        receipt = record(
            "dataset.read",
            actor=ACTOR,
            result=Result.SUCCESS,
            tenant_id="NZ",
            kind=Kind.REQUEST,
            vertical="health",
            subject="integration:1",
            data={"rows": 100, "policy_hash": "ab"},
            data_categories=["health", "contact"],
            consent=[{"ref": "n1", "ver": 2, "decision": "given", "withheld": 3}],
            request=REQUEST,
            http=200,
            link=intent,
        )
        entry = Entry.objects.get(pk=receipt.entry_id)
    assert entry.document == {
        "v": 1,
        "log": origin_of("NZ"),
        "id": str(receipt.entry_id),
        "ts": entry.document["ts"],
        "kind": "request",
        "action": "dataset.read",
        "actor": {"kind": "person", "id": "4f1c"},
        "req": {"id": "r-2", "method": "GET", "route": "/api/v1/datasets", "peer_c": "c0ffee"},
        "auth": {
            "method": "bearer",
            "iss": "https://id",
            "client": "scp-int-1",
            "tok": {"kid": "k1", "jti": "j1", "iat": 1, "exp": 2, "sha256": hashlib.sha256(b"aaa.bbb.ccc").hexdigest()},
        },
        "tenant": "NZ",
        "vertical": "health",
        "data_categories": ["contact", "health"],
        "consent": [{"ref": "n1", "ver": 2, "decision": "given", "withheld": 3}],
        "result": {"status": "success", "code": "", "http": 200},
        "subject": "integration:1",
        "subj": [],
        "link": str(intent),
        "data": {"rows": 100, "policy_hash": "ab"},
    }
    columns = (entry.tenant_id, entry.kind, entry.vertical, entry.actor_kind, entry.actor_id, entry.action)
    assert columns == ("NZ", "request", "health", "person", "4f1c", "dataset.read")
    assert (entry.result, entry.subject, entry.request_id) == ("success", "integration:1", "r-2")
    assert entry.data_categories == ["contact", "health"]
    assert entry.recorded_at == receipt.recorded_at


@pytest.mark.django_db
def test_neither_a_persons_name_nor_the_token_is_in_an_entry() -> None:
    with tenant_context("NZ"):
        body = bytes(Entry.objects.get(pk=write(request=REQUEST)).body)
    assert b"Ana Silva" not in body
    assert b"aaa.bbb.ccc" not in body


@pytest.mark.req("B-9-2")
@pytest.mark.django_db
def test_the_databases_leaf_hash_is_rfc_6962s_over_the_exact_bytes() -> None:
    with tenant_context("NZ"):
        receipt = record(
            "x.y", actor=ACTOR, result=Result.SUCCESS, tenant_id="NZ", data={"name": "Ōtautahi \U0001f600"}
        )
        entry = Entry.objects.get(pk=receipt.entry_id)
    body = bytes(entry.body)
    assert bytes(entry.leaf_hash) == receipt.leaf_hash == hashlib.sha256(b"\x00" + body).digest()
    assert body == canonical_bytes(json.loads(body))


@pytest.mark.django_db(transaction=True)
def test_entry_and_pending_row_are_written_together() -> None:
    with tenant_transaction("NZ"):
        entry_id = write()
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT p.leaf_hash = e.leaf_hash AND p.recorded_at = e.recorded_at AND p.log_id = e.log_id"
            " FROM audit.pending p JOIN audit.entry e USING (entry_id) WHERE entry_id = %s",
            [entry_id],
        )
        assert cursor.fetchall() == [(True,)]


@pytest.mark.django_db(transaction=True)
def test_an_entry_of_the_same_transaction_vanishes_with_its_rollback_and_so_does_the_event() -> None:
    with tenant_transaction("NZ"):
        write()
        publish("integration.approved", actor=ACTOR, tenant_id="NZ", subject="integration:1")
        transaction.set_rollback(True)
    with tenant_transaction(ALL_TENANTS):
        assert (Entry.objects.count(), Event.objects.count()) == (0, 0)


@pytest.mark.req("B-9-1", "B-10-5")
@pytest.mark.django_db(transaction=True)
def test_a_denial_survives_the_rollback() -> None:
    with tenant_transaction("NZ"):
        write(result=Result.DENIED, kind=Kind.DENIED, autonomous=True)
        incident("scope.violation", actor=ACTOR, tenant_id="NZ", subject="integration:1")
        transaction.set_rollback(True)
    with tenant_transaction("NZ"):
        assert list(Entry.objects.order_by("entry_id").values_list("kind", "result")) == [
            ("denied", "denied"),
            ("incident", "denied"),
        ]
        assert Entry.objects.filter(kind=Kind.INCIDENT).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_denial_does_not_wait_for_a_transaction_that_is_just_opening_the_same_log() -> None:
    with tenant_transaction("NZ"):
        write()
        started = time.monotonic()
        write(autonomous=True)
        assert time.monotonic() - started < 2
        transaction.set_rollback(True)
    with tenant_transaction(ALL_TENANTS):
        write()
        assert Entry.objects.count() == 2
        assert Log.objects.get().origin == f"localhost/audit/NZ/{EPOCH}"


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_only_an_autonomous_entry_is_written() -> None:
    with pytest.raises(TransactionManagementError):
        write()
    with pytest.raises(TransactionManagementError):
        publish("x.y", actor=ACTOR, tenant_id="NZ", subject="")
    write(autonomous=True)


@pytest.mark.req("B-9-1")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("autonomous", [True, False])
def test_a_session_without_durable_commits_is_refused(autonomous: bool) -> None:
    alias = "audit" if autonomous else "default"
    with connections[alias].cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    with pytest.raises(AuditUnavailable), transaction.atomic():
        write(autonomous=autonomous)


@pytest.mark.django_db(transaction=True)
def test_a_month_without_partition_refuses_and_nothing_half_happens() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT format('audit.entry_c2_%s', to_char(now() AT TIME ZONE 'UTC', 'YYYYMM'))")
        partition = cursor.fetchone()[0]
        cursor.execute(f"DROP TABLE {partition}")
    with pytest.raises(AuditUnavailable):
        write(autonomous=True)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit.pending")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_a_session_that_died_idle_is_replaced() -> None:
    write(autonomous=True)
    with connections["audit"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    time.sleep(0.2)
    write(autonomous=True)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_gone_is_audit_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    connections["audit"].close()
    monkeypatch.setitem(connections["audit"].settings_dict, "PORT", "1")
    with pytest.raises(AuditUnavailable):
        write(autonomous=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    ["nul \x00 byte", "lone \ud800 surrogate", "\\u0000", "\x00" * 1000, "'; DROP TABLE audit.entry; --", "\u202e"],
)
def test_hostile_text_never_keeps_an_entry_from_being_written(text: str) -> None:
    with tenant_context("NZ"):
        entry = Entry.objects.get(pk=write(data={"seen": text}, subject=text, autonomous=True))
    assert bytes(entry.leaf_hash) == hashlib.sha256(b"\x00" + bytes(entry.body)).digest()


@pytest.mark.django_db
def test_an_entry_that_is_too_large_is_refused() -> None:
    with tenant_context("NZ"), pytest.raises(AuditUnavailable):
        write(data={"much": "x" * 65_536})


@pytest.mark.django_db
@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_id_of_another_time_is_refused(minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shifted = time.time_ns() + minutes * 60 * 10**9
    monkeypatch.setattr(ids, "wall_clock_ns", lambda: shifted)
    with tenant_context("NZ"), pytest.raises(AuditUnavailable), transaction.atomic():
        write()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"log": "localhost/audit/CA/1"},
        {"log": "localhost/audit/NZ/x"},
        {"log": "../NZ/1"},
        {"log": None},
        {"id": "0192f3a4-b5c6-4000-8000-000000000001"},
        {"kind": "gossip"},
        {"action": ""},
        {"actor": {"kind": "ghost", "id": "x"}},
        {"result": {"status": "fine"}},
        {"tenant": "CA"},
        {"data_categories": None},
    ],
    ids=str,
)
def test_a_body_that_does_not_say_what_an_entry_says_is_refused_by_the_database(change: dict[str, object]) -> None:
    body = {
        "log": "localhost/audit/NZ/1", "id": str(ids.uuid7()), "kind": "admin", "action": "x", "tenant": "NZ",
        "actor": {"kind": "person", "id": "x"}, "result": {"status": "success"}, "vertical": "", "subject": "",
        "data_categories": [], "req": {"id": ""},
    }  # fmt: skip
    with connection.cursor() as cursor:
        with transaction.atomic():
            cursor.execute("SELECT audit.append(%s)", [canonical_bytes(body)])
        body["id"] = str(ids.uuid7())
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute("SELECT audit.append(%s)", [canonical_bytes({**body, **change})])


@pytest.mark.django_db
def test_the_same_entry_is_not_written_twice() -> None:
    with tenant_context("NZ"), connection.cursor() as cursor:
        body = bytes(Entry.objects.get(pk=write()).body)
        with pytest.raises(DatabaseError, match="duplicate"), transaction.atomic():
            cursor.execute("SELECT audit.append(%s)", [body])


@pytest.mark.django_db
def test_a_frozen_log_takes_no_entry() -> None:
    with tenant_context("NZ"):
        write()
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE audit.log SET state = 'frozen'")


@pytest.mark.django_db(transaction=True)
def test_a_log_that_was_frozen_by_its_owner_refuses() -> None:
    write(autonomous=True)
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE audit.log SET state = 'frozen' WHERE tenant_id = 'NZ'")
    with pytest.raises(AuditUnavailable):
        write(autonomous=True)
    write(autonomous=True, tenant_id="CA")


@pytest.mark.req("B-4.1-1")
@pytest.mark.django_db
def test_each_tenant_sees_its_own_entries_and_the_platforms_are_seen_by_all_tenants_only() -> None:
    for tenant_id in ("NZ", "CA", None):
        write(tenant_id=tenant_id)
    for tenants, expected in {("NZ",): {"NZ"}, ("NZ", "CA"): {"NZ", "CA"}, (ALL_TENANTS,): {"NZ", "CA", None}}.items():
        with tenant_context(*tenants):
            assert set(Entry.objects.values_list("tenant_id", flat=True)) == expected
            assert set(Log.objects.values_list("tenant_id", flat=True)) == expected
    assert Entry.objects.count() == 0


@pytest.mark.django_db
def test_the_entries_about_a_thing_come_newest_first() -> None:
    with tenant_context("NZ"):
        made = [write(), write(), write()]
        write(subject="integration:2")
        assert list(Entry.objects.about("integration:1").values_list("pk", flat=True)) == made[::-1]


@pytest.mark.django_db
def test_an_event_carries_its_transaction_and_is_seen_by_its_tenant() -> None:
    with tenant_context("NZ"):
        event = publish("integration.approved", actor=ACTOR, tenant_id="NZ", subject="integration:1", data={"a": 1})
        event.refresh_from_db()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            assert cursor.fetchone() == (event.xact_id,)
    assert (event.actor_id, event.request_id, event.data) == ("4f1c", "r-1", {"a": 1})
    assert datetime.now(UTC) - event.occurred_at < timedelta(minutes=1)
    with tenant_context("CA"):
        assert not Event.objects.exists()


@pytest.mark.django_db
def test_an_event_is_not_published_for_a_tenant_outside_the_context() -> None:
    with tenant_context("NZ"), pytest.raises(DatabaseError), transaction.atomic():
        publish("x.y", actor=ACTOR, tenant_id="CA", subject="")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["UPDATE audit_event SET type = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
def test_an_event_is_not_changed_by_the_application(statement: str) -> None:
    with tenant_context("NZ"):
        publish("x.y", actor=ACTOR, tenant_id="NZ", subject="")
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
