"""The launcher of the embedded PostgreSQL, on real servers in folders of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from scp_portal.embedded.postgres import APP, DATABASE, FAST, OWNER, SUPERUSER, EmbeddedPostgres
from scp_portal.embedded.processes import ROOT, CannotStart
from scp_portal.embedded.roles import prepare_server

START = """
import sys, time
from scp_portal.embedded.postgres import FAST, EmbeddedPostgres
server = EmbeddedPostgres(sys.argv[1], options=FAST)
server.start()
print("started" if server.process else "adopted", flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(tmp_path / "a folder with spaces", options=FAST)
    made.start()
    yield made
    made.stop()


def starter(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def gone(server: EmbeddedPostgres, within: float = 5) -> bool:
    deadline = time.monotonic() + within
    while server.answers() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not server.answers()


def role(server: EmbeddedPostgres, name: str) -> tuple[bool, ...]:
    with psycopg.connect(server.url(name)) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
    assert row is not None
    return tuple(row)


@pytest.mark.req("B-4.1-1")
def test_both_roles_are_bound_by_row_level_security(server: EmbeddedPostgres) -> None:
    prepare_server(server)
    assert role(server, APP) == (False,) * 5
    assert role(server, OWNER) == (False,) * 5


def test_the_app_may_use_what_the_owner_makes_but_make_nothing(server: EmbeddedPostgres) -> None:
    prepare_server(server)
    with psycopg.connect(server.url(OWNER)) as owner:
        owner.execute("CREATE TABLE thing (n int); CREATE SCHEMA audit; CREATE EXTENSION btree_gist")
    with psycopg.connect(server.url(APP), autocommit=True) as app:
        app.execute("INSERT INTO thing VALUES (1)")
        assert app.execute("SELECT n FROM thing").fetchall() == [(1,)]
        for refused in ("CREATE TABLE mine (n int)", "TRUNCATE thing", "DROP TABLE thing", "SET ROLE scp_owner"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(refused)


def test_preparing_twice_changes_nothing(server: EmbeddedPostgres) -> None:
    prepare_server(server)
    with psycopg.connect(server.url(APP), autocommit=True) as app:
        prepare_server(server)
        assert app.execute("SELECT current_database()::text").fetchone() == (DATABASE,)


def test_no_parameter_reaches_the_log(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url(SUPERUSER, "postgres")) as connection:
        assert connection.execute("SHOW log_parameter_max_length_on_error").fetchone() == ("0",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_the_socket_is_private(server: EmbeddedPostgres) -> None:
    assert server.socket_folder.stat().st_mode & 0o077 == 0


def test_many_processes_may_start_one_folder(tmp_path: Path) -> None:
    processes = [starter(tmp_path / "pg") for _ in range(4)]
    answers = [said(process) for process in processes]
    assert sorted(answers) == ["adopted", "adopted", "adopted", "started"]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.mark.skipif(
    sys.platform != "linux", reason="the kernel's death signal is Linux's; the watcher has its own test"
)
def test_the_server_ends_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    process = starter(tmp_path / "pg")
    assert said(process) == "started"
    server = EmbeddedPostgres(tmp_path / "pg", options=FAST)
    assert server.answers()
    process.kill()
    assert gone(server)
    server.start()  # and the next start is clean
    server.stop()
    process.wait(5)


def test_committed_rows_survive_a_killed_server(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    server.start()
    prepare_server(server)
    with psycopg.connect(server.url(OWNER)) as owner:
        owner.execute("CREATE TABLE kept AS SELECT generate_series(1, 5000) AS n")
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(5)
    server.start()
    with psycopg.connect(server.url(APP)) as app:
        assert app.execute("SELECT count(*) FROM kept").fetchone() == (5000,)
    server.stop()


def test_a_stale_pid_file_that_names_a_stranger_does_not_stop_the_start(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", options=FAST)
    server.start()
    pid_file = server.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.start()
    assert server.answers()
    server.stop()


def test_data_of_another_version_is_refused_not_replaced(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", options=FAST)
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(CannotStart, match="was made by PostgreSQL 14"):
        server.start()
    assert (server.data / "PG_VERSION").read_text() == "14\n"


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("long" * 25), options=FAST)
    server.start()
    assert server.answers()
    assert server.socket_folder != server.folder
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_without_user_namespaces_becomes_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_PG_DROP", "setuid")
    mode_before = Path("/root").stat().st_mode
    server = EmbeddedPostgres(tmp_path / "pg", options=FAST)
    assert server.drop == "setuid"
    server.start()
    prepare_server(server)
    assert role(server, APP) == (False,) * 5
    server.stop()
    shutil.rmtree(server.folder)  # under /var/tmp, where nobody can reach it
    assert Path("/root").stat().st_mode == mode_before


def test_an_orphan_can_be_ended_by_who_is_alone(server: EmbeddedPostgres) -> None:
    other = EmbeddedPostgres(server.folder, options=FAST)
    other.stop_orphan()
    assert gone(server)
