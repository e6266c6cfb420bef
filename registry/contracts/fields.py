"""The fields of a dataset: each leaf with exactly one mask that suits what it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from registry.contracts.document import Path
from registry.contracts.faults import Custom, Faults
from registry.policy.lattice import OMIT, Mask, MaskError, parse_mask
from registry.policy.masks import JSON_TYPES
from registry.policy.rules import CLASSES, ELEMENTS, FieldRule
from registry.policy.sql import NAME

MOST_FIELDS = 50
"""Of one object: PostgreSQL passes at most 100 arguments to a function, two per field."""
SOURCE = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]{0,62}){1,8}\Z")
ON_FIELD = frozenset({"scpMask"})
TEXT, NUMBER, DAY = ("string",), ("number", "integer"), ("string", "date", "timestamp")
HIDING = ("omit", "null", "redact")
SUITS = {"pseudonymise": TEXT + NUMBER, "partial": TEXT, "date": DAY, "round": NUMBER, "geo": ("object",)}
"""logicalTypes a mask can work on; hiding suits all, clear every leaf, band a number or a day by its unit."""


class FieldReader:
    """Reads the properties of one dataset into field rules, noting every fault."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults

    def read(self, dataset: Mapping[str, Any], at: Path) -> tuple[FieldRule, ...]:
        return tuple(self._properties(dataset, at, ()))

    def _properties(self, owner: Mapping[str, Any], at: Path, steps: tuple[str, ...]) -> list[FieldRule]:
        listed = owner.get("properties")
        items = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
        if not items:
            self._note("List the properties: what is not listed cannot leave.", at)
        if len(items) > MOST_FIELDS:
            self._note(f"One object may have {MOST_FIELDS} properties at most: group them.", (*at, "properties"))
        rules: list[FieldRule] = []
        names: set[str] = set()
        for index, item in enumerate(listed if items and isinstance(listed, list) else ()):
            if isinstance(item, Mapping):
                here = (*at, "properties", index)
                name = self._name(item, here, names)
                rules += self._property(item, here, (*steps, name))
        return rules

    def _name(self, item: Mapping[str, Any], at: Path, names: set[str]) -> str:
        name = item.get("name")
        if not isinstance(name, str) or not NAME.match(name):
            self._note("A field's name is made of letters, digits and underscores.", (*at, "name"))
            return "_"
        if name in names:
            self._note(f"The field {name} stands twice: remove one.", (*at, "name"))
        names.add(name)
        return name

    def _property(self, item: Mapping[str, Any], at: Path, path: tuple[str, ...]) -> list[FieldRule]:
        kind = item.get("logicalType")
        masked = self.faults.customs(item, at, ON_FIELD).get("scpMask")
        source = self._source(item, at, path)
        if kind == "object" and masked is None:
            rules = self._properties(item, at, path)
        elif kind == "array":
            rules = self._elements(item, at, path, masked)
        else:
            rules = [self._leaf(item, at, path, masked)]
        return [replace(rule, source=source) for rule in rules]

    def _elements(
        self, item: Mapping[str, Any], at: Path, path: tuple[str, ...], masked: Custom | None
    ) -> list[FieldRule]:
        if masked:
            self._note("Mask the items of an array, not the array: move scpMask to its items.", masked.path)
        items = item.get("items")
        if not isinstance(items, Mapping):
            self._note("An array needs items that say what its elements are.", at)
            return []
        return self._property(items, (*at, "items"), (*path, ELEMENTS))

    def _source(self, item: Mapping[str, Any], at: Path, path: tuple[str, ...]) -> tuple[str, ...]:
        if "transformLogic" not in item:
            return ()
        logic = item["transformLogic"]
        if len(path) > 1:
            self._note("Only a dataset's own fields may have transformLogic, not what is inside them.", at)
        elif not isinstance(logic, str) or not SOURCE.match(logic):
            self._note(
                "transformLogic must be a path into the stored record, such as $.person_id.", (*at, "transformLogic")
            )
        else:
            return tuple(logic.split(".")[1:])
        return ()

    # -- one leaf --

    def _leaf(self, item: Mapping[str, Any], at: Path, path: tuple[str, ...], masked: Custom | None) -> FieldRule:
        kind = item.get("logicalType")
        if not isinstance(kind, str) or kind not in JSON_TYPES:
            self._note(f"logicalType must be array or one of {', '.join(JSON_TYPES)}.", (*at, "logicalType"))
            kind = "string"
        category = item.get("classification")
        if category not in CLASSES:
            self._note(
                f"classification must say what the field is: one of {', '.join(CLASSES)}.", (*at, "classification")
            )
            category = ""
        mask = self._mask(masked, at)
        if mask is not None and masked is not None:
            self._check_suits(mask, kind, str(category), masked.path)
            if kind == "object":
                self._check_masked_object(mask, item, at)
        return FieldRule(path, mask or OMIT, str(category), kind, item.get("required") is True)

    def _mask(self, custom: Custom | None, at: Path) -> Mask | None:
        if custom is None:
            self._note("Each field needs exactly one scpMask, such as {fn: omit}.", at)
            return None
        try:
            return parse_mask(custom.value)
        except MaskError as error:
            self._note(f"scpMask: {error}", (*custom.path, *error.path))
            return None

    def _check_suits(self, mask: Mask, kind: str, category: str, at: Path) -> None:
        fn = mask.fn
        if category == "free_text" and fn not in (*HIDING, "clear"):
            self._note("Free text cannot be masked in part: use omit, redact or clear.", at)
        elif fn == "clear" and kind == "object":
            self._note("An object cannot be clear as a whole: list its properties with a mask each.", at)
        elif fn == "band":
            wanted = NUMBER if mask.parameters()["unit"] == "value" else DAY
            if kind not in wanted:
                self._note(f"This band works on {' or '.join(wanted)}, not on {kind}.", at)
        elif kind not in SUITS.get(fn, (kind,)):
            self._note(f"{fn} works on {' or '.join(SUITS[fn])}, not on {kind}.", at)

    def _check_masked_object(self, mask: Mask, item: Mapping[str, Any], at: Path) -> None:
        """An object with a mask of its own is one leaf: its properties are listed, and carry none."""
        listed = item.get("properties")
        parts = [part for part in listed if isinstance(part, Mapping)] if isinstance(listed, list) else []
        if not parts:
            self._note("List the properties of the object.", at)
        for index, part in enumerate(parts):
            here = (*at, "properties", index)
            self._name(part, here, set())
            if "scpMask" in self.faults.customs(part, here, ON_FIELD):
                self._note("The object already has a mask: remove this one, or that.", here)
        if mask.fn == "geo" and sorted(str(part.get("name")) for part in parts) != ["lat", "lon"]:
            self._note("geo works on an object with exactly the properties lat and lon.", at)

    def _note(self, message: str, at: Path) -> None:
        self.faults.note(message, at)
