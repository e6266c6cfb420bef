"""Statements on the driver's own cursor: values bound by the server, plans prepared, answers in binary form.

For the few statements on the way of every partner request, written with PostgreSQL's own placeholders ($1, $2, …), so
that nothing has to be read again each time. They run inside the caller's transaction and under its tenant context;
nothing here opens either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection

PREPARED_PER_CONNECTION = 200


def fetch_one(text: str, values: Sequence[Any], *, prepare: bool = True) -> tuple[Any, ...] | None:
    """The only row of a statement, or None. Database errors come out as Django's."""
    return _cursor(text, values, prepare).fetchone()


def fetch_all(text: str, values: Sequence[Any], *, prepare: bool = True) -> list[tuple[Any, ...]]:
    return _cursor(text, values, prepare).fetchall()


def _cursor(text: str, values: Sequence[Any], prepare: bool) -> psycopg.RawCursor[tuple[Any, ...]]:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        driver = connection.connection
        if driver.prepare_threshold is None:
            # Django turns preparing off for its own client-bound cursors, which never prepare in any case.
            driver.prepare_threshold = 5
            driver.prepared_max = PREPARED_PER_CONNECTION
        cursor: psycopg.RawCursor[tuple[Any, ...]] = psycopg.RawCursor(driver)
        return cursor.execute(text, values, prepare=prepare, binary=True)
