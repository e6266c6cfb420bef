"""What must be true before the portal is ready: the roles, the tables and the demo are there.

Imports Django and its database driver, which a warm start need not wait for: it asks `fingerprint` alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import django
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from scp_portal.embedded.processes import CannotStart
from scp_portal.embedded.roles import prepare_server
from scp_portal.embedded.services import Services

Say = Callable[[str], None]


def prepare(services: Services, say: Say) -> None:
    """Migrate and load the demo in this process (a command of its own would cost a second each)."""
    if services.postgres:
        prepare_server(services.postgres)
    django.setup()
    if migrations_are_missing():
        migrate(say)
    if settings.DEMO:
        load_demo(say)
    for connection in connections.all(initialized_only=True):
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has one


def load_demo(say: Say) -> None:
    try:
        call_command("load_demo", verbosity=0)
    except CommandError as error:
        raise CannotStart(f"The demo could not be loaded: {error} PORTAL_DEMO=0 starts without it.") from error
    say("Demo data is in place")


def migrations_are_missing() -> bool:
    executor = MigrationExecutor(connections["default"])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def migrate(say: Say) -> None:
    if not os.environ.get("DATABASE_OWNER_URL"):
        raise CannotStart(
            "The database of DATABASE_URL lacks tables of this version, and only their owner may make them: "
            "set DATABASE_OWNER_URL to the owner's login (see README), or migrate it yourself."
        )
    call_command("migrate", database="owner", verbosity=0, interactive=False)
    say("Tables made")
