"""The suite's own footing: each test is logged in as the bound role, in a database that others don't see."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.db import ProgrammingError, connections, transaction
from django.utils import timezone

from scp_portal.embedded.processes import ROOT
from scp_portal.testing import cluster


def row(alias: str, statement: str) -> tuple[object, ...]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)
        found = cursor.fetchone()
    assert found is not None
    return tuple(found)


def make(alias: str, label: str) -> None:
    Session.objects.using(alias).create(session_key=label, session_data="", expire_date=timezone.now())


def labels() -> set[str]:
    return set(Session.objects.values_list("session_key", flat=True))


WHO = "SELECT current_user::text, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"


@pytest.mark.django_db
@pytest.mark.req("B-4.1-1")
def test_tests_log_in_as_the_bound_role() -> None:
    assert row("default", WHO) == ("scp_app", False)
    assert row("audit", WHO) == ("scp_app", False)
    assert row("owner", WHO) == ("scp_owner", False)


@pytest.mark.django_db
@pytest.mark.parametrize("turn", [1, 2])
def test_a_rollback_test_sees_and_undoes_what_the_audit_alias_writes(turn: int) -> None:
    assert labels() == set()
    make("audit", "second")
    assert labels() == {"second"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_a_committing_test_starts_with_a_fresh_database(turn: int) -> None:
    assert labels() == set()
    make("default", "committed")
    assert labels() == {"committed"}


def test_in_a_committing_test_the_audit_alias_survives_a_rollback(transactional_db: None) -> None:
    with transaction.atomic():
        make("default", "lost")
        make("audit", "kept")
        transaction.set_rollback(True)
    assert labels() == {"kept"}


def test_both_kinds_see_their_own_database(db: None) -> None:
    assert row("default", "SELECT current_database()::text") == (cluster.own_name(),)


def test_a_committing_test_is_elsewhere(transactional_db: None) -> None:
    assert row("default", "SELECT current_database()::text") != (cluster.own_name(),)


@pytest.mark.django_db
def test_the_bound_role_may_not_truncate() -> None:
    with pytest.raises(ProgrammingError), transaction.atomic():
        row("default", "TRUNCATE django_session")


def test_without_a_database_fixture_there_is_no_database() -> None:
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        labels()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_oldest_supported_postgresql_has_all_that_is_used() -> None:
    """Production may run PostgreSQL 15, where the demo and the tests run a newer one."""
    binaries = Path("/usr/lib/postgresql/15/bin")
    if not (binaries / "initdb").exists():
        pytest.skip("PostgreSQL 15 is not on this machine (apt-get install postgresql-15)")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TEST_", "PORTAL_TEST_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/testing/test_databases.py"]
    done = subprocess.run(
        [*command, "-k", "log_in or fresh"],
        cwd=ROOT,
        env={**env, "PORTAL_PG_BIN": str(binaries), "CI": ""},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
