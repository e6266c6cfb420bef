"""Reading rules that people wrote as JSON: what cannot be read is refused with its place, and nothing is ignored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Path = tuple[str | int, ...]


class RuleError(ValueError):
    """A rule that cannot be read; `path` leads from the rule's value to the part at fault."""

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.path = path

    def under(self, *steps: str | int) -> RuleError:
        """The same fault, seen from further out."""
        return type(self)(str(self), (*steps, *self.path))


def mapping(value: object, known: Iterable[str] | None = None, path: Path = ()) -> Mapping[str, Any]:
    """An object with text keys, of these names if they are given. A key we don't know is a rule not kept."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise RuleError("This must be an object.", path)
    for key in value:
        if known is not None and key not in known:
            raise RuleError(f"There is no rule {key[:60]!r}; use {', '.join(known)}.", (*path, key))
    return value


def whole(value: object, low: int, high: int, path: Path) -> int | None:
    """A whole number within bounds, or None when there is none."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise RuleError(f"This must be a whole number from {low} to {high}.", path)
    return value


def yes_or_no(value: object, path: Path) -> bool:
    """Raises RuleError for anything but true and false, 0 and 1 included."""
    if not isinstance(value, bool):
        raise RuleError("This must be true or false.", path)
    return value
