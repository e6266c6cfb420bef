"""Reading a contract's text: YAML as plain JSON values, with the line and column of everything.

A subset on purpose. Refused, each with its place: anchors and aliases (a few lines can unfold to gigabytes), tags,
duplicate keys, keys that are not text, more than one document, more than 256 kB, more than 32 levels. Scalars are
read by the core schema of YAML 1.2, so NO stays Norway and a date stays the text it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import yaml

LARGEST, DEEPEST, MOST_DIGITS = 256 * 1024, 32, 15
Path = tuple[str | int, ...]
Place = tuple[int, int]
NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
BOOLEAN = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
INTEGER = re.compile(r"[-+]?[0-9]+\Z", re.ASCII)
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a document, where, and what to do about it."""

    message: str
    path: Path = ()
    place: Place | None = None


class Unreadable(ValueError):
    """The text is no document at all; there is nothing to check further."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass
class Document:
    """A document's value and the place of each of its parts (empty when it did not come from text)."""

    value: Any
    places: dict[Path, Place] = field(default_factory=dict)
    duplicates: list[Fault] = field(default_factory=list)

    def place(self, path: Path) -> Place | None:
        """Line and column, from 1, of a part, or of the nearest part around it."""
        while path not in self.places and path:
            path = path[:-1]
        return self.places.get(path)


def read(document: str | Mapping[str, Any]) -> Document:
    """Raises Unreadable."""
    return _read_text(document) if isinstance(document, str) else _read_mapping(document)


def _read_mapping(value: Mapping[str, Any]) -> Document:
    try:
        size = len(orjson.dumps(value))
    except (TypeError, RecursionError) as error:  # orjson's own error is a TypeError
        raise Unreadable(Fault(f"The document is not JSON: {error}.")) from error
    if size > LARGEST:
        raise Unreadable(Fault(_too_large()))
    _check(value, ())
    return Document(dict(value))


def _check(value: object, path: Path) -> None:
    """What the text form refuses by its place: depth, numbers that have no canonical form."""
    if len(path) > DEEPEST:
        raise Unreadable(Fault(f"The document is nested more than {DEEPEST} levels deep.", path))
    if isinstance(value, int | float) and not abs(value) < 10**MOST_DIGITS:
        raise Unreadable(Fault("The number has too many digits: quote it if it is text.", path))
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check(inner, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(value):
            _check(inner, (*path, at))


def _too_large() -> str:
    return f"The document is larger than {LARGEST // 1024} kB: split it."


def _read_text(text: str) -> Document:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise Unreadable(Fault("The document holds a character that is not text.", place=(line, 1))) from error
    if size > LARGEST:
        raise Unreadable(Fault(_too_large(), place=(1, 1)))
    try:
        document = _Builder(text).document()
        orjson.dumps(document.value)  # an escape such as "\ud800" makes what is no text
    except TypeError as error:
        raise Unreadable(Fault("The document holds a character that is not text.", place=(1, 1))) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise Unreadable(Fault(f"The text is not YAML: {error.problem or error.context}.", place=place)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(Fault("The text holds a control character that YAML forbids.", place=(line, 1))) from error
    return document


class _Builder:
    """Builds the value from the parser's events, so that nothing unfolds before it has been looked at."""

    def __init__(self, text: str) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
        self.places: dict[Path, Place] = {}
        self.duplicates: list[Fault] = []

    def document(self) -> Document:
        event = self._next()
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise Unreadable(Fault("The document is empty.", place=(1, 1)))
        value = self._value(event, (), 0)
        self._next()  # the document's end
        if not isinstance(last := self._next(), yaml.StreamEndEvent):
            raise self._refusal("The text holds more than one document: keep one.", last)
        return Document(value, self.places, self.duplicates)

    def _next(self) -> Any:
        return next(self.events)

    def _value(self, event: Any, path: Path, depth: int) -> Any:
        self.places.setdefault(path, _place(event))
        if depth > DEEPEST:
            raise self._refusal(f"The document is nested more than {DEEPEST} levels deep.", event, path)
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise self._refusal("Anchors and aliases are not allowed: write the part out.", event, path)
        if event.tag is not None and event.tag != "!":
            raise self._refusal(f"The tag {event.tag[:40]} is not allowed: leave it out.", event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._scalar(event, path)

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor:
                raise self._refusal("A key must be plain text.", event, path)
            key, place = event.value, _place(event)
            if key in value:
                self.duplicates.append(Fault(f"The key {key[:60]!r} stands twice: remove one.", (*path, key), place))
            self.places[(*path, key)] = place
            value[key] = self._value(self._next(), (*path, key), depth + 1)
        return value

    def _sequence(self, path: Path, depth: int) -> list[Any]:
        value: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            value.append(self._value(event, (*path, len(value)), depth + 1))
        return value

    def _scalar(self, event: Any, path: Path) -> Any:
        text: str = event.value
        if not event.implicit[0]:  # quoted or a block: text whatever it looks like
            return text
        if NULL.match(text):
            return None
        if BOOLEAN.match(text):
            return text.lower() == "true"
        if INTEGER.match(text) or FLOAT.match(text):
            return self._number(text, event, path)
        return text

    def _number(self, text: str, event: Any, path: Path) -> int | float:
        short = sum(map(str.isdigit, text)) <= MOST_DIGITS
        number = int(text) if INTEGER.match(text) and short else float(text)
        if not short or not abs(number) < 10**MOST_DIGITS:
            raise self._refusal("The number has too many digits: quote it if it is text.", event, path)
        return number

    def _refusal(self, message: str, event: Any, path: Path = ()) -> Unreadable:
        return Unreadable(Fault(message, path, _place(event)))


def _place(event: Any) -> Place:
    return (event.start_mark.line + 1, event.start_mark.column + 1)
