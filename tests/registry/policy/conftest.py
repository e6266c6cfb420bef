"""A connection of the application's own role to a migrated database, kept for a module's many small statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from scp_portal.testing import cluster


@pytest.fixture(scope="module")
def database(django_db_setup: None) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(cluster.address("app", cluster.own_name()), autocommit=True) as connection:
        yield connection
