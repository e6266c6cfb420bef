"""Months made ahead, and how many are left. Without its month's partition an entry, and its request, is refused."""

from typing import Final

from django.db import connections

MONTHS_AHEAD: Final = 4


def ensure_partitions(months_ahead: int = MONTHS_AHEAD) -> int:
    """Make what is missing; returns how many partitions were made. Runs again without harm."""
    return _ask("SELECT audit.ensure_partitions(%s)", months_ahead)


def months_ready() -> int:
    """Whole months after this one that are ready; at 0 the trail refuses every entry once this month is over."""
    return _ask("SELECT audit.months_ready()")


def _ask(statement: str, *values: int) -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, values)
        answer: int = cursor.fetchone()[0]
    return answer
