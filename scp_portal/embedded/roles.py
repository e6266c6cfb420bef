"""The two roles of the portal and their rights, from `roles.sql`, on any PostgreSQL that a superuser's login opens."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

from scp_portal.embedded.postgres import DATABASE, SUPERUSER, EmbeddedPostgres

ROLES = Path(__file__).with_name("roles.sql")

Admin = psycopg.Connection[tuple[object, ...]]


def prepare_server(server: EmbeddedPostgres, database: str = DATABASE) -> None:
    """Roles and database as the portal needs them; does nothing where they are."""
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        create_database(admin, database)
    with psycopg.connect(server.url(SUPERUSER, database), autocommit=True) as admin:
        apply_roles(admin)


def create_database(admin: Admin, name: str) -> None:
    """An empty database, unless there is one of that name."""
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def apply_roles(admin: Admin) -> None:
    """Run `roles.sql` in the database that the connection is in."""
    admin.execute(ROLES.read_bytes())
