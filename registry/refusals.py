"""What the database refuses, as the problem a person reads. The SQLSTATEs are those of `registry.lifecycle_sql`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import DatabaseError

from registry import lifecycle_sql
from scp_portal.kernel.problems import (
    ArchivedImmutable,
    Conflict,
    ContentChanged,
    IllegalTransition,
    Problem,
    SodViolation,
)

PROBLEMS: Final[dict[str, tuple[type[Problem], str]]] = {
    lifecycle_sql.ILLEGAL: (IllegalTransition, "This step does not exist from where the integration is."),
    lifecycle_sql.ARCHIVED: (ArchivedImmutable, "An archived integration is kept as it was."),
    lifecycle_sql.SOD: (SodViolation, "You already acted on this integration in another part."),
    lifecycle_sql.FROZEN: (ContentChanged, "What was submitted for review changes in draft only."),
    lifecycle_sql.APPEND_ONLY: (Conflict, "What was recorded is kept as it was."),
    lifecycle_sql.UNDECIDED: (IllegalTransition, "The decisions that this step needs are not there."),
}
LOST_RACES: Final = {"23505": Conflict, "40001": Conflict, "40P01": Conflict}
"""A unique index, a serialization failure and a deadlock: somebody else was faster."""


@contextmanager
def translated() -> Iterator[None]:
    """Within, a refusal of the database's guards is raised as the problem it stands for."""
    try:
        yield
    except DatabaseError as error:
        state = getattr(error.__cause__, "sqlstate", None) or ""
        if state in PROBLEMS:
            problem, sentence = PROBLEMS[state]
            raise problem(sentence, internal=f"sqlstate {state}") from error
        if state in LOST_RACES:
            raise LOST_RACES[state]("Somebody else just did this.", internal=f"sqlstate {state}") from error
        raise
