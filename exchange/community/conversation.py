"""One conversation's folder as typed rows. Pure: knows files, no database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from exchange.community import columns, files
from exchange.community.faults import Faults

SUMMARY, COMMENTS, VOTES = "summary.csv", "comments.csv", "votes.csv"
LONGEST_KEY = 60
LONGEST_TEXT = 20_000
IDENTIFIER = re.compile(r"[\w.:-]{1,36}")
DIGITS = re.compile(r"-?\d{1,15}")
REACTIONS = {"1": "agree", "-1": "disagree", "0": "pass", "agree": "agree", "disagree": "disagree", "pass": "pass"}
MODERATIONS = {"1": "accepted", "0": "open", "-1": "rejected", "": "open"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp() * 1000)
LATEST = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp() * 1000)
LAST_OF_SECONDS = LATEST // 1000
"""An epoch number up to this counts seconds, above it milliseconds: the two ranges don't meet."""


class Statement(NamedTuple):
    """`written` is in milliseconds since 1970, UTC; `line` the row's first line in its file."""

    line: int
    key: str
    author: str
    written: int
    body: str
    agrees: int
    disagrees: int
    moderation: str


class Vote(NamedTuple):
    line: int
    statement: str
    voter: str
    cast: int
    reaction: str


class BadValue(ValueError):
    """(what, remedy) of one cell."""


@dataclass(frozen=True, slots=True)
class Summary:
    topic: str = ""
    description: str = ""
    url: str = ""
    views: int = 0
    participants: int = 0
    authors: int = 0
    groups: int = 0


COUNTS = frozenset({"views", "participants", "authors", "groups"})


@dataclass
class Conversation:
    """One folder. The statements are to be read before the votes, which may only name what was said."""

    folder: Path
    faults: Faults
    statements_read: int = field(default=0, init=False)
    votes_read: int = field(default=0, init=False)
    lines: int = field(default=0, init=False)
    _seen: dict[str, int] = field(default_factory=dict, init=False)

    @property
    def key(self) -> str:
        """Names the conversation in every key made from it, so that two conversations' author 7 are two persons."""
        return re.sub(r"[^\w.-]+", "-", self.folder.resolve().name).strip("-.")

    def summary(self) -> Summary:
        """Topic and counts; keys not known are ignored, and so are missing ones but the topic."""
        source = files.SourceFile(self.folder / SUMMARY, self.faults)
        wanted = {columns.fold(alias): name for name, aliases in columns.SUMMARY_KEYS.items() for alias in aliases}
        found: dict[str, Any] = {}
        for line, key, value in files.key_values(source):
            name = wanted.get(key, "")
            try:
                if name in COUNTS:
                    found[name] = _number(value or "0")
                elif name:
                    found[name] = _text(value)
            except BadValue as bad:
                source.faults.row(source.where(line), *bad.args)
        if not found.get("topic") and not self.faults:
            self.faults.file(source.where(1), "names no topic", "add a line: topic,WHAT IT IS ABOUT")
        return Summary(**found)

    def statements(self) -> Iterator[Statement]:
        source = files.SourceFile(self.folder / COMMENTS, self.faults)
        for line, cells in files.table(source, columns.STATEMENTS):
            statement = self._statement(source, line, cells)
            if statement is not None:
                self.statements_read += 1
                yield statement
        self.lines += source.lines

    def votes(self) -> Iterator[Vote]:
        source = files.SourceFile(self.folder / VOTES, self.faults)
        for line, (cast, statement, voter, value) in files.table(source, columns.VOTES):
            try:
                vote = Vote(line, self._said(statement), _identifier(voter), _moment(cast), _reaction(value))
            except BadValue as bad:
                source.faults.row(source.where(line), *bad.args)
                continue
            self.votes_read += 1
            yield vote
        self.lines += source.lines

    def _statement(self, source: files.SourceFile, line: int, cells: tuple[str, ...]) -> Statement | None:
        written, key, author, body, agrees, disagrees, moderated = cells
        try:
            statement = Statement(
                line,
                self._new(key, line),
                _identifier(author),
                _moment(written),
                _body(body),
                _number(agrees or "0"),
                _number(disagrees or "0"),
                _moderation(moderated),
            )
        except BadValue as bad:
            source.faults.row(source.where(line), *bad.args)
            return None
        self._seen[statement.key] = line
        return statement

    def _new(self, key: str, line: int) -> str:
        key = _identifier(key)
        if key in self._seen:
            raise BadValue(f"the id {key} was used in line {self._seen[key]}", "give each statement an id of its own")
        return key

    def _said(self, key: str) -> str:
        key = key.strip()
        if key not in self._seen:
            raise BadValue(f"votes on the statement {key[:40]!r}, which {COMMENTS} does not have", "add the statement")
        return key


def _identifier(text: str) -> str:
    text = text.strip()
    if not IDENTIFIER.fullmatch(text):
        raise BadValue(f"the id {text[:40]!r} is none", "use up to 36 letters, digits, dots, colons or hyphens")
    return text


def _text(text: str) -> str:
    """Line breaks as LF. PostgreSQL keeps no NUL, and a lone surrogate stands for a byte that was not UTF-8."""
    if "\0" in text:
        raise BadValue("holds a NUL character", "remove it")
    if len(text) > LONGEST_TEXT:
        raise BadValue(f"holds a text of {len(text):,} characters", f"shorten it to {LONGEST_TEXT:,}")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise BadValue("holds bytes that are not UTF-8", files.SAVE_AS_UTF8)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _body(text: str) -> str:
    text = _text(text)
    if not text:
        raise BadValue("has no text", "remove the row or write its text")
    return text


def _number(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadValue(f"the number {text[:40]!r} is none", "write a whole number from 0 to 999999999")
    return int(text)


def _moment(text: str) -> int:
    """Milliseconds since 1970 in UTC, from an epoch number (seconds or milliseconds) or a zoned ISO 8601 time."""
    text = text.strip()
    if DIGITS.fullmatch(text) and text.isascii():
        number = int(text)
        moment = number * 1000 if abs(number) <= LAST_OF_SECONDS else number
    else:
        moment = _zoned(text)
    if not EARLIEST <= moment < LATEST:
        raise BadValue(f"the time {text[:40]!r} is none of 1990 to 2200", "write milliseconds since 1970")
    return moment


def _zoned(text: str) -> int:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = datetime.min
    if parsed.tzinfo is None:
        raise BadValue(f"the time {text[:40]!r} is none", "write milliseconds since 1970 or 2026-03-01T09:00:00Z")
    return int((parsed - EPOCH).total_seconds() * 1000)


def _reaction(text: str) -> str:
    try:
        return REACTIONS[text.strip().casefold()]
    except KeyError:
        raise BadValue(f"the vote {text[:40]!r} is none", "write 1 (agree), -1 (disagree) or 0 (pass)") from None


def _moderation(text: str) -> str:
    try:
        return MODERATIONS[text.strip()]
    except KeyError:
        raise BadValue(f"the moderation {text[:40]!r} is none", "write 1 (accepted), 0 (open) or -1") from None
