"""Columns are found by name: any order, extra ones ignored, `Comment ID`, `comment_id` and `comment-id` are one."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

IGNORED = str.maketrans("", "", " _-\t\ufeff\xa0")


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    aliases: tuple[str, ...] = ()
    required: bool = True

    @property
    def folded(self) -> frozenset[str]:
        return frozenset(map(fold, (self.name, *self.aliases)))


@dataclass(frozen=True, slots=True)
class Found:
    """Where each column stands in this file; None for an optional one that is not there."""

    places: tuple[int | None, ...]
    width: int


class ColumnsError(ValueError):
    """The header does not name what is needed. The message says what and how to help."""


def fold(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().translate(IGNORED)


def find(columns: tuple[Column, ...], header: list[str]) -> Found:
    """Places of the columns in the header. Raises ColumnsError for a missing or doubled one."""
    folded = [fold(cell) for cell in header]
    missing = [c for c in columns if c.required and not c.folded.intersection(folded)]
    if missing:
        names = ", ".join(f"{c.name} (or {', '.join(c.aliases)})" if c.aliases else c.name for c in missing)
        raise ColumnsError(f"misses the column {names}; the header has {', '.join(header) or 'nothing'}")
    return Found(tuple(_place(column, folded) for column in columns), len(header))


def _place(column: Column, folded: list[str]) -> int | None:
    """The column's own name goes before its aliases; two of one name leave it open which is meant."""
    for name in map(fold, (column.name, *column.aliases)):
        if folded.count(name) > 1:
            raise ColumnsError(f"names the column {column.name} twice")
        if name in folded:
            return folded.index(name)
    return None


STATEMENTS = (
    Column("timestamp", ("time", "created", "created-at")),
    Column("comment-id", ("statement-id", "post-id", "tid", "id")),
    Column("author-id", ("author", "user-id", "participant-id", "pid")),
    Column("comment-body", ("body", "text", "txt", "comment", "statement")),
    Column("agrees", ("agree", "agree-count"), required=False),
    Column("disagrees", ("disagree", "disagree-count"), required=False),
    Column("moderated", ("moderation", "mod"), required=False),
)
VOTES = (
    Column("timestamp", ("time", "created", "created-at")),
    Column("comment-id", ("statement-id", "post-id", "tid")),
    Column("voter-id", ("voter", "user-id", "participant-id", "author-id", "pid")),
    Column("vote", ("value", "reaction")),
)
SUMMARY_KEYS = {
    "topic": ("topic", "title", "name"),
    "description": ("conversation-description", "description"),
    "url": ("url", "link"),
    "views": ("views",),
    "participants": ("voters", "participants"),
    "authors": ("commenters", "authors"),
    "groups": ("groups",),
}
