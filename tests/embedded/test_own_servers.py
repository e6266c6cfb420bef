"""`up` with servers of one's own: nothing embedded is started in their place."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from scp_portal.embedded.processes import ROOT
from scp_portal.embedded.roles import apply_roles, create_database
from scp_portal.testing import cluster

OF_THE_TESTS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "KEYCLOAK_URL", "SECRET_KEY", "SECRET_KEYS")


def free_port() -> str:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return str(server.getsockname()[1])


@pytest.fixture
def database() -> str:
    """An empty database with the two roles, as the README says to make one."""
    name = f"{cluster.prefix()}_own"
    with cluster.superuser() as admin:
        create_database(admin, name)
    with cluster.superuser(name) as admin:
        apply_roles(admin)
    return name


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.req("A-3.1-1")
def test_a_database_and_a_redis_of_ones_own_are_used(database: str, tmp_path: Path) -> None:
    own = {
        "DATABASE_URL": cluster.address("app", database),
        "DATABASE_OWNER_URL": cluster.address("owner", database),
        "REDIS_URL": os.environ["TEST_REDIS_URL"],
        "PORTAL_VAR": str(tmp_path / "var"),
    }
    env = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
    ports = ["--port", free_port(), "--issuer-port", free_port()]
    command = [sys.executable, "-m", "scp_portal.embedded.supervisor", "up", "--no-browser", *ports]
    process = subprocess.Popen(command, cwd=ROOT, env={**env, **own}, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C stops everything" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Ready: " in said
    assert not (tmp_path / "var" / "pg").exists()
    assert not (tmp_path / "var" / "valkey").exists()
    with psycopg.connect(own["DATABASE_OWNER_URL"]) as owner:
        owner.execute("SELECT set_config('scp.tenants', '*', true)")
        assert owner.execute("SELECT count(*) > 0 FROM registry_tenant").fetchone() == (True,)
