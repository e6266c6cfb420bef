"""A piece of SQL with its values: text with %s placeholders, and what is bound to them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")


class Sql(NamedTuple):
    """Text and parameters of one piece; a value from outside is always a parameter."""

    text: str
    params: tuple[Any, ...] = ()


def name_literal(name: str) -> str:
    """A key of the payload as an SQL literal. Only plain names pass, so nothing needs escaping (ValueError)."""
    if not NAME.match(name):
        raise ValueError(f"{name!r} is not a plain field name")
    return f"'{name}'"


def joined(separator: str, parts: Iterable[Sql]) -> Sql:
    pieces = list(parts)
    return Sql(separator.join(p.text for p in pieces), tuple(v for p in pieces for v in p.params))
