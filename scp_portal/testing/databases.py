"""Fixtures that put each test into a database of the right kind. Tests log in as `scp_app`, as web and worker do.

`db`                 in a transaction that is rolled back; alias `audit` shares its connection, so that entries on the
                     second connection are seen and rolled back too. Alias `owner` is for reading here.
`transactional_db`   (also `live_server` and `django_db(transaction=True)`) in a fresh clone of the migrated template,
                     dropped afterwards; the aliases are separate connections, commits are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from django.db import connections, transaction
from pytest_django import DjangoDbBlocker

from scp_portal.testing import cluster

_numbers = count(1)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The migrated template and this worker's own clone of it."""
    with django_db_blocker.unblock():
        cluster.ensure_template()
        with cluster.superuser() as admin:
            cluster.clone(admin, cluster.own_name())
        cluster.point_aliases_at(cluster.own_name())


@pytest.fixture
def _django_db_helper(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Takes the place of pytest-django's fixture of this name, behind `db`, `transactional_db` and `live_server`."""
    mode = _in_fresh_database if _wants_commits(request) else _in_rolled_back_transaction
    with django_db_blocker.unblock():
        yield from mode()


def _wants_commits(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("django_db")
    return bool(
        {"transactional_db", "live_server"} & set(request.fixturenames)
        or (marker and (marker.kwargs.get("transaction") or (marker.args and marker.args[0])))
    )


def _in_rolled_back_transaction() -> Iterator[None]:
    shared = connections["default"]
    connections["audit"].close()
    connections["audit"] = shared
    around = transaction.atomic()
    around._from_testcase = True  # type: ignore[attr-defined]  # Django's own TestCase lets durable blocks nest so
    around.__enter__()
    try:
        yield
        if shared.is_usable() and not shared.needs_rollback:
            shared.check_constraints()
    finally:
        transaction.set_rollback(True)
        around.__exit__(None, None, None)
        del connections["audit"]
        for connection in connections.all(initialized_only=True):
            if connection is not shared:
                connection.close()


def _in_fresh_database() -> Iterator[None]:
    name = f"{cluster.own_name()}_{next(_numbers)}"
    with cluster.superuser() as admin:
        cluster.clone(admin, name)
        cluster.point_aliases_at(name)
        try:
            yield
        finally:
            cluster.point_aliases_at(cluster.own_name())
            cluster.drop(admin, name)
