"""The databases of one test run: a migrated template, and clones of it that cost some 40 ms each."""

from __future__ import annotations

import os
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from scp_portal.embedded.postgres import APP, OWNER
from scp_portal.embedded.roles import Admin, apply_roles

USERS = {"app": APP, "owner": OWNER}
TEMPLATE_LOCK = 0x5C9  # advisory lock: one worker builds the template, the others wait


def prefix() -> str:
    """Begins the name of every database of this run."""
    return f"scp_{os.environ['PORTAL_TEST_RUN']}"


def template_name() -> str:
    return f"{prefix()}_template"


def own_name() -> str:
    """The database of this worker, for the tests that end in a rollback."""
    return f"{prefix()}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


def address(user: str, database: str) -> str:
    """Address of `database` for `app` or `owner`, on the server of TEST_DATABASE_ADMIN_URL.

    A server that asks for passwords gets TEST_ROLE_PASSWORD, which must be the two roles' password there.
    """
    admin = urlsplit(os.environ["TEST_DATABASE_ADMIN_URL"])
    password = os.environ.get("TEST_ROLE_PASSWORD")
    host = admin.netloc.rpartition("@")[2]
    login = USERS[user] + (f":{password}" if password else "")
    return urlunsplit(("postgresql", f"{login}@{host}", f"/{database}", admin.query, ""))


def superuser(database: str = "postgres") -> Admin:
    """A superuser's autocommit connection."""
    parts = urlsplit(os.environ["TEST_DATABASE_ADMIN_URL"])
    return psycopg.connect(urlunsplit(parts._replace(path=f"/{database}")), autocommit=True)


def point_aliases_at(database: str) -> None:
    """All aliases, in this and in every later thread, speak to `database` from now on."""
    for connection in connections.all(initialized_only=True):
        connection.close()
    for settings in connections.settings.values():
        settings["NAME"] = database
        settings["CONN_MAX_AGE"] = 0
        settings["OPTIONS"].pop("pool", None)  # a pool would keep sessions of a database that is dropped
        settings["TEST"]["MIRROR"] = None


def ensure_template() -> None:
    """Migrate the template as the owner, unless another worker of this run has done it."""
    with superuser() as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        if not _exists(admin, template_name()):
            unfinished = f"{prefix()}_unfinished"
            drop(admin, unfinished)
            _create(admin, unfinished, "template1")
            with superuser(unfinished) as inside:
                apply_roles(inside)
            _migrate(unfinished)
            names = (sql.Identifier(unfinished), sql.Identifier(template_name()))
            admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))


def clone(admin: Admin, name: str) -> None:
    """A fresh copy of the template; rights on the database itself are not copied by PostgreSQL, so set again."""
    _create(admin, name, template_name())
    names = sql.Identifier(name)
    for statement in (
        "ALTER DATABASE {} OWNER TO scp_owner",
        "REVOKE ALL ON DATABASE {} FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE {} TO scp_app",
    ):
        admin.execute(sql.SQL(statement).format(names))


def drop(admin: Admin, name: str) -> None:
    """Drop a database, ending the sessions that are still in it."""
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def drop_all() -> None:
    """Drop every database of this run; for a server that lives on."""
    with superuser() as admin:
        found = admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix()]).fetchall()
        for (name,) in found:
            drop(admin, str(name))


def _exists(admin: Admin, name: str) -> bool:
    return admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _create(admin: Admin, name: str, template: str) -> None:
    names = (sql.Identifier(name), sql.Identifier(template))
    admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(*names))


def _migrate(database: str) -> None:
    point_aliases_at(database)
    call_command("migrate", database="owner", verbosity=0, interactive=False)
    for connection in connections.all(initialized_only=True):
        connection.close()
