"""Looking into a document of any shape, and collecting what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from registry.contracts.document import Fault, Path


class Custom(NamedTuple):
    """A custom property's value, and where the value stands."""

    value: Any
    path: Path


def as_mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def as_items(value: object, path: Path) -> Iterator[tuple[Mapping[str, Any], Path]]:
    """The objects in a list, each with its path."""
    for at, item in enumerate(value if isinstance(value, list | tuple) else ()):
        if isinstance(item, Mapping):
            yield item, (*path, at)


class Faults:
    """Collects what is wrong."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def note(self, message: str, path: Path) -> None:
        self.found.append(Fault(message, path))

    def customs(self, owner: Mapping[str, Any], path: Path, allowed: frozenset[str]) -> dict[str, Custom]:
        """Custom properties by name; one of ours that is unknown or stands twice is a fault."""
        found: dict[str, Custom] = {}
        for item, at in as_items(owner.get("customProperties"), (*path, "customProperties")):
            name = item.get("property")
            if not isinstance(name, str):
                continue
            if name.startswith("scp") and name not in allowed:
                self.note(f"{name} is not a property of ours here: use {', '.join(sorted(allowed)) or 'none'}.", at)
            elif name in found and name != "purposeIri":
                self.note(f"{name} stands twice: keep one.", at)
            elif "value" in item:
                found.setdefault(name, Custom(item["value"], (*at, "value")))
        return found
