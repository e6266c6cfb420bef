"""Query parameters, strictly: each known by name, given once, of one form (RFC 3986, RFC 3339)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import QueryDict

from scp_portal.kernel.problems import InvalidParameter

DEFAULT_PAGE_SIZE = 100
LARGEST_PAGE = 200
MOST_NAMES = 200
LONGEST_CURSOR = 512
FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}(?:\[\])*(?:\.[A-Za-z_][A-Za-z0-9_]{0,62}(?:\[\])*){0,8}", re.ASCII)
VERTICAL = re.compile(r"[a-z][a-z0-9_]{1,31}", re.ASCII)
WHOLE = re.compile(r"[0-9]{1,4}", re.ASCII)
RFC3339 = re.compile(
    r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ShapeParameters:
    """Which fields, under which verticals. None: all the contract grants; the dataset's own."""

    fields: frozenset[str] | None
    verticals: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class PageParameters:
    shape: ShapeParameters
    page_size: int
    cursor: str
    updated_since: datetime | None
    bound: tuple[tuple[str, str], ...]
    """Everything but the cursor, as given: a cursor belongs to these."""


def page_parameters(query: QueryDict) -> PageParameters:
    """Raises InvalidParameter."""
    given = _once(query, ("fields", "verticals", "page_size", "cursor", "updated_since"))
    cursor = given.pop("cursor", "")
    if "cursor" in query and not 0 < len(cursor) <= LONGEST_CURSOR:
        raise _invalid("cursor", "A cursor comes from the answer before.")
    return PageParameters(
        shape=_shape(given),
        page_size=_page_size(given.get("page_size")),
        cursor=cursor,
        updated_since=_moment(given.get("updated_since")),
        bound=tuple(sorted(given.items())),
    )


def shape_parameters(query: QueryDict) -> ShapeParameters:
    """Raises InvalidParameter."""
    return _shape(_once(query, ("fields", "verticals")))


def no_parameters(query: QueryDict) -> None:
    """Raises InvalidParameter when there is any."""
    _once(query, ())


def _once(query: QueryDict, known: Iterable[str]) -> dict[str, str]:
    known = tuple(known)
    for name, values in query.lists():
        if name not in known:
            takes = f" Known here: {', '.join(known)}." if known else ""
            raise _invalid(name[:100], f"There is no such parameter.{takes}")
        if len(values) != 1:
            raise _invalid(name, "A parameter is given once.")
    return {name: str(value) for name, value in query.items()}


def _shape(given: dict[str, str]) -> ShapeParameters:
    return ShapeParameters(
        fields=_names("fields", given.get("fields"), FIELD),
        verticals=_names("verticals", given.get("verticals"), VERTICAL),
    )


def _names(parameter: str, text: str | None, form: re.Pattern[str]) -> frozenset[str] | None:
    if text is None:
        return None
    names = text.split(",")
    if len(names) > MOST_NAMES or not all(form.fullmatch(name) for name in names):
        raise _invalid(parameter, f"Write names, separated by commas, at most {MOST_NAMES}.")
    return frozenset(names)


def _page_size(text: str | None) -> int:
    if text is None:
        return DEFAULT_PAGE_SIZE
    size = int(text) if WHOLE.fullmatch(text) else 0
    if not 1 <= size <= LARGEST_PAGE:
        raise _invalid("page_size", f"Write a whole number from 1 to {LARGEST_PAGE}.")
    return size


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if not RFC3339.fullmatch(text):
            raise ValueError(text)
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _invalid("updated_since", "Write a time such as 2026-03-01T09:00:00Z (a plus sign as %2B).") from error


def _invalid(parameter: str, message: str) -> InvalidParameter:
    errors = [{"field": parameter, "code": "invalid", "message": message}]
    return InvalidParameter(f"{parameter}: {message}", errors=errors)
