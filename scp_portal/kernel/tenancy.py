"""Whose rows a transaction may see: two settings of PostgreSQL that row-level security reads (B-4.1-1).

`scp.tenants` is a comma list of tenant codes, or `*`; `scp.person` is the user acting. Both end with the transaction.
Empty means: sees nothing.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

ALL_TENANTS: Final = "*"
TENANT_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
"""Short codes such as `NZ`; never a comma or a star, which have a meaning in the setting."""

_ENTER: Final = (
    "SELECT current_setting('scp.tenants', true), current_setting('scp.person', true),"
    " set_config('scp.tenants', %s, true),"
    " set_config('scp.person', coalesce(%s, current_setting('scp.person', true), ''), true)"
)
_LEAVE: Final = "SELECT set_config('scp.tenants', %s, true), set_config('scp.person', %s, true)"


class TenantContextError(RuntimeError):
    """The context was asked for where it cannot hold: outside a transaction, or with a code that is none."""


@contextmanager
def tenant_context(*tenants: str, person_id: str | None = None, using: str = "default") -> Iterator[None]:
    """Within this block the transaction sees the rows of these tenants and of no other; without any, none.

    One round trip in, one out. `person_id` left out keeps the person of the context around this one. Leaving the
    block brings the outer context back; after an SQL error PostgreSQL does that itself when the savepoint or the
    transaction is rolled back. Raises TenantContextError outside a transaction.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        raise TenantContextError("a tenant context holds for a transaction; open transaction.atomic() first")
    outer_tenants, outer_person = _set(connection, _ENTER, (_setting(tenants), person_id))[:2]
    try:
        yield
    finally:
        if _answers(connection):
            _set(connection, _LEAVE, (outer_tenants or "", outer_person or ""))


@contextmanager
def tenant_transaction(*tenants: str, person_id: str | None = None, using: str = "default") -> Iterator[None]:
    """A transaction with its tenant context; the context ends with the commit, which saves the round trip out."""
    connection = connections[using]
    nested = connection.in_atomic_block
    with transaction.atomic(using=using):
        if nested:
            with tenant_context(*tenants, person_id=person_id, using=using):
                yield
        else:
            _set(connection, _ENTER, (_setting(tenants), person_id))
            yield


def _setting(tenants: tuple[str, ...]) -> str:
    if tenants == (ALL_TENANTS,):
        return ALL_TENANTS
    for code in tenants:
        if not TENANT_CODE.fullmatch(code):
            raise TenantContextError(f"not a tenant code: {code!r}")
    return ",".join(tenants)


def _set(connection: BaseDatabaseWrapper, statement: str, values: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """Runs on the driver's own cursor: this is on the way of every request, and is no query to log or to count."""
    with connection.wrap_database_errors:
        row: tuple[str | None, ...] = connection.connection.execute(statement, values).fetchone()
    return row


def _answers(connection: BaseDatabaseWrapper) -> bool:
    driver = connection.connection
    return driver is not None and not driver.closed and driver.info.transaction_status is not TransactionStatus.INERROR
