"""The trail's own migrations: made by an owner who is no superuser, taken back without a trace, made again."""

from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connections
from pytest_django import DjangoDbBlocker

from scp_portal.embedded.roles import apply_roles
from scp_portal.testing import cluster


@pytest.fixture
def bare_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database in which nothing but the roles exists; all aliases speak to it."""
    name = f"{cluster.own_name()}_bare"
    with cluster.superuser() as admin, django_db_blocker.unblock():
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template1")
        with cluster.superuser(name) as inside:
            apply_roles(inside)
        cluster.point_aliases_at(name)
        try:
            yield
        finally:
            cluster.point_aliases_at(cluster.own_name())
            cluster.drop(admin, name)


def left_over() -> list[str]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname = 'audit'"
            " UNION SELECT proname FROM pg_proc WHERE proname LIKE 'scp\\_%%'"
            " UNION SELECT relname FROM pg_class WHERE relname LIKE 'audit\\_%%'"
        )
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.usefixtures("bare_database")
def test_the_migrations_go_back_without_a_trace_and_forth_again() -> None:
    assert left_over() == []
    for _ in range(2):
        call_command("migrate", "audit", database="owner", verbosity=0)
        assert "audit" in left_over()
        call_command("migrate", "audit", "zero", database="owner", verbosity=0)
        assert left_over() == []


@pytest.mark.usefixtures("bare_database")
def test_the_application_cannot_be_the_one_who_migrates() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("GRANT CREATE ON SCHEMA public TO scp_app")
    with pytest.raises(ImproperlyConfigured, match="owner"):
        call_command("migrate", "audit", database="default", verbosity=0)


@pytest.mark.django_db
def test_the_models_say_what_the_migrations_made() -> None:
    call_command("makemigrations", "audit", check=True, dry_run=True, verbosity=0)
