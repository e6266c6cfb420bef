"""Nothing in the trail is changed or removed. B-9-2."""

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection, connections, transaction

from audit.actions import record
from audit.models import Result
from audit.partitions import ensure_partitions, months_ready
from scp_portal.kernel.actor import Actor
from scp_portal.testing import cluster

pytestmark = [pytest.mark.req("B-9-2")]

FIRST_OF_NOVEMBER = 1_793_491_200_000  # 2026-11-01 00:00 UTC in milliseconds
RELATIONS = """
    SELECT format('audit.%I', relname) FROM pg_class
    WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1
"""
ENTRIES = """
    SELECT relid::regclass::text FROM pg_partition_tree('audit.entry') ORDER BY 1
"""


def ask(statement: str, alias: str = "default") -> list[tuple[object, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[object, ...]] = cursor.fetchall()
        return rows


def names(statement: str) -> list[str]:
    return [str(row[0]) for row in ask(statement)]


def refused(statement: str, alias: str = "default") -> str:
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(using=alias),
        connections[alias].cursor() as cursor,
    ):
        cursor.execute(statement)
    return str(caught.value)


@pytest.fixture
def entry(db: None) -> None:
    record("x.y", actor=Actor.system("test"), result=Result.SUCCESS, tenant_id="NZ")


@pytest.mark.usefixtures("entry")
def test_the_application_changes_nothing_in_any_table_or_partition() -> None:
    relations = names(RELATIONS)
    assert len(relations) > 30
    for relation in relations:
        for statement in (
            f"DELETE FROM {relation}",
            f"TRUNCATE {relation}",
            f"INSERT INTO {relation} SELECT * FROM {relation}",
            f"ALTER TABLE {relation} ADD COLUMN x int",
            f"ALTER TABLE {relation} DISABLE TRIGGER ALL",
            f"ALTER TABLE {relation} DISABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {relation} OWNER TO scp_app",
            f"DROP TABLE {relation}",
            f"LOCK TABLE {relation} IN ACCESS EXCLUSIVE MODE",
            f"CREATE TRIGGER mine BEFORE INSERT ON {relation} FOR EACH ROW EXECUTE FUNCTION audit.deny()",
        ):
            message = refused(statement)
            assert "permission denied" in message or "must be owner" in message or "own" in message, statement


@pytest.mark.usefixtures("entry")
def test_the_application_updates_no_column_of_any_table() -> None:
    columns = ask(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
        " WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0"
    )
    assert len(columns) > 300
    granted = ask(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
        " WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND"
        " (has_column_privilege(c.oid, a.attnum, 'UPDATE') OR has_column_privilege(c.oid, a.attnum, 'INSERT'))"
    )
    assert granted == []
    assert "permission denied" in refused("UPDATE audit.entry SET action = 'other'")


@pytest.mark.usefixtures("entry")
def test_a_partition_named_directly_shows_nothing() -> None:
    partitions = [name for name in names(ENTRIES) if name != "audit.entry"]
    assert len(partitions) >= 18
    for partition in partitions:
        assert "permission denied" in refused(f"SELECT * FROM {partition}")


@pytest.mark.usefixtures("db")
def test_every_partition_has_both_guards_and_row_level_security() -> None:
    unguarded = ask(
        "SELECT t.relid::regclass FROM pg_partition_tree('audit.entry') t JOIN pg_class c ON c.oid = t.relid"
        " WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        " OR NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = t.relid AND tgname = 'no_change' AND tgenabled = 'A')"
        " OR NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = t.relid AND tgname = 'no_truncate' AND tgenabled = 'A')"
    )
    assert unguarded == []


@pytest.mark.usefixtures("db")
def test_every_table_with_a_tenant_or_a_log_is_under_row_level_security() -> None:
    bare = names(
        "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid"
        " WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p') AND attname IN ('tenant_id', 'log_id')"
        " AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    assert bare == []


@pytest.mark.usefixtures("db")
def test_only_the_named_functions_are_the_applications_to_call() -> None:
    callable_names = names(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'audit'::regnamespace"
        " AND has_function_privilege(oid, 'EXECUTE') ORDER BY 1"
    )
    assert callable_names == ["append", "ensure_partitions", "log_for", "months_ready", "uuid_floor", "uuid_time"]
    loose = names(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'audit'::regnamespace AND prosecdef"
        " AND NOT coalesce(array_to_string(proconfig, ',') LIKE '%search_path=pg_catalog%', false)"
    )
    assert loose == [], "a function that runs as its owner names its search path"


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    record("x.y", actor=Actor.system("test"), result=Result.SUCCESS, tenant_id="NZ", autonomous=True)
    yield
    connections["owner"].close()


@pytest.mark.usefixtures("committed")
def test_the_owner_is_refused_by_the_triggers() -> None:
    assert ask("SELECT count(*) FROM audit.entry", "owner") == [(1,)]
    for statement in ("UPDATE audit.entry SET action = 'other'", "DELETE FROM audit.entry"):
        with connections["owner"].cursor() as cursor:
            cursor.execute(statement)
            assert cursor.rowcount == 0, "no policy lets even the owner reach a row to change it"
    for relation in names(ENTRIES):
        assert "append-only" in refused(f"TRUNCATE {relation} CASCADE", "owner")


@pytest.mark.usefixtures("committed")
def test_a_superuser_in_replica_mode_is_refused_by_the_triggers_too() -> None:
    with cluster.superuser(str(connection.settings_dict["NAME"])) as admin:
        admin.execute("SET session_replication_role = replica")
        for statement in ("UPDATE audit.entry SET action = 'other'", "DELETE FROM audit.entry", "TRUNCATE audit.entry"):
            with pytest.raises(Exception, match="append-only"):
                admin.execute(statement)


@pytest.mark.usefixtures("db")
def test_months_are_made_ahead_and_a_second_run_makes_nothing() -> None:
    assert months_ready() == 4
    assert ensure_partitions() == 0
    assert ensure_partitions(6) == 2 * 3
    assert months_ready() == 6
    assert ask("SELECT count(*) FROM pg_trigger WHERE tgname = 'no_change' AND tgenabled <> 'A'") == [(0,)]


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("months", [0, -1, 37, 10**6])
def test_a_senseless_number_of_months_is_refused(months: int) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        ensure_partitions(months)


@pytest.mark.usefixtures("db")
def test_the_months_bounds_are_the_ids_of_their_first_millisecond() -> None:
    month = "timestamptz '2026-11-01 00:00Z'"
    floor, back = ask(f"SELECT audit.uuid_floor({month})::text, audit.uuid_time(audit.uuid_floor({month})) = {month}")[
        0
    ]
    assert back is True
    assert str(floor).replace("-", "") == f"{FIRST_OF_NOVEMBER:012x}" + "0" * 20
