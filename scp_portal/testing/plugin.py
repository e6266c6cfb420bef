"""pytest plugin, loaded by `-p scp_portal.testing.plugin`, that is before Django's settings are read.

Starts a throw-away PostgreSQL and Valkey for the whole run (xdist's workers share them) and sets the environment that
the settings need. `TEST_DATABASE_ADMIN_URL` (a superuser's address) and `TEST_REDIS_URL` replace the two servers.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pytest

from scp_portal.embedded.postgres import FAST, SUPERUSER, EmbeddedPostgres
from scp_portal.embedded.valkey import EmbeddedValkey
from scp_portal.testing import browser, cluster, databases, requirements, slow
from scp_portal.testing.environment import ENVIRONMENT


class ThrowAwayServers:
    """What this process started; the workers of xdist find the addresses in the environment and start nothing."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None
        self.began_the_run = "PORTAL_TEST_RUN" not in os.environ

    def start(self) -> None:
        os.environ.setdefault("PORTAL_TEST_RUN", uuid.uuid4().hex[:8])
        if "TEST_DATABASE_ADMIN_URL" not in os.environ:
            self.postgres = EmbeddedPostgres(self._folder() / "pg", options=FAST)
            self.postgres.start()
            os.environ["TEST_DATABASE_ADMIN_URL"] = self.postgres.url(SUPERUSER, "postgres")
        if "TEST_REDIS_URL" not in os.environ:
            self.valkey = EmbeddedValkey(self._folder() / "kv", durable=False)
            self.valkey.start()
            os.environ["TEST_REDIS_URL"] = self.valkey.url()
            os.environ.setdefault("CELERY_BROKER_URL", self.valkey.celery_url())

    def stop(self) -> None:
        if self.began_the_run and self.postgres is None:  # somebody else's server lives on: leave nothing behind
            cluster.drop_all()
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()
            shutil.rmtree(self.postgres.folder, ignore_errors=True)  # elsewhere when root had to become nobody
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _folder(self) -> Path:
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="portal-test-"))
        return self.folder


def set_environment() -> None:
    """The addresses as the portal's settings read them. A server of one's own for Keycloak is handed on by its name."""
    if "KEYCLOAK_URL" in os.environ and "TEST_KEYCLOAK_URL" not in os.environ:
        os.environ["TEST_KEYCLOAK_URL"] = os.environ["KEYCLOAK_URL"]
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    own = cluster.own_name()
    os.environ["DATABASE_URL"] = cluster.address("app", own)
    os.environ["DATABASE_OWNER_URL"] = cluster.address("owner", own)
    os.environ["REDIS_URL"] = os.environ["TEST_REDIS_URL"]


servers = ThrowAwayServers()
servers.start()
set_environment()


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.register(requirements, "portal-requirements-option")
    pluginmanager.register(slow, "portal-slow")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Registered late, so that these fixtures win over pytest-django's of the same names."""
    config.pluginmanager.register(databases, "portal-databases")
    config.pluginmanager.register(browser, "portal-browser")


def pytest_unconfigure() -> None:
    servers.stop()
