"""Masks, and their meet: what remains visible when several rules must all hold.

The order runs from `omit` (nothing, not even the key) over `null` (the key) and `redact` (that there is a value)
up to `clear`; between `redact` and `clear` stand the families that show a part. `meet` is commutative, associative
and idempotent, and never shows more than either side, so the order in which policies are read cannot matter.

Within a family the meet is the finest form that *both* sides could compute from their own answer. Where there is
none (two pseudonym scopes, weeks and months, bands without a common edge) the value is redacted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import lcm
from typing import Any, ClassVar

from registry.policy.parsing import RuleError

KEY_SCOPES = ("integration", "partner", "tenant")
DATE_UNITS = ("day", "week", "month", "year")
BAND_UNITS = ("years", "months", "value")
BLURRED_TAIL = 3
"""A value shorter than what is kept plus this many characters shows nothing: the rest would be guessed."""


class MaskError(RuleError):
    """A mask that cannot be read."""


@dataclass(frozen=True)
class Mask:
    """One form in which a value may leave."""

    fn: ClassVar[str]

    def parameters(self) -> dict[str, Any]:
        return {}

    def as_document(self) -> dict[str, Any]:
        """The `scpMask` value that parses to this mask."""
        return {"fn": self.fn, **self.parameters()}

    def coarser(self, other: Any) -> Mask:
        """Meet with a mask of the same family."""
        return self if self == other else REDACT


@dataclass(frozen=True)
class Omit(Mask):
    fn = "omit"


@dataclass(frozen=True)
class Null(Mask):
    fn = "null"


@dataclass(frozen=True)
class Redact(Mask):
    fn = "redact"


@dataclass(frozen=True)
class Clear(Mask):
    fn = "clear"


@dataclass(frozen=True)
class Pseudonymise(Mask):
    """A keyed digest: the same person is the same word within the scope, and another word outside it."""

    key_scope: str
    fn = "pseudonymise"

    def parameters(self) -> dict[str, Any]:
        return {"keyScope": self.key_scope}


@dataclass(frozen=True)
class Partial(Mask):
    """Some characters, the rest blurred. `floor` is the shortest text of which anything is shown.

    The floor is a parameter of its own because a mask that keeps fewer characters would otherwise show something
    of a short text where the one that keeps more shows nothing.
    """

    shape: str
    keep: int = 0
    floor: int = 0
    fn = "partial"

    def parameters(self) -> dict[str, Any]:
        if self.shape in ("mail", "phone"):
            return {"shape": self.shape}
        kept = {"keepStart" if self.shape == "start" else "keepEnd": self.keep}
        return kept if self.floor == self.keep + BLURRED_TAIL else kept | {"minLength": self.floor}

    def coarser(self, other: Partial) -> Mask:
        if self.shape != other.shape:
            return REDACT
        return Partial(self.shape, min(self.keep, other.keep), max(self.floor, other.floor))


@dataclass(frozen=True)
class Date(Mask):
    unit: str
    fn = "date"

    def parameters(self) -> dict[str, Any]:
        return {"unit": self.unit}

    def coarser(self, other: Date) -> Mask:
        units = {self.unit, other.unit}
        if len(units) == 1:
            return self
        if "week" in units:  # a week can lie in two months and in two years: only a day tells the week
            return Date("week") if "day" in units else REDACT
        return Date(max(units, key=DATE_UNITS.index))


@dataclass(frozen=True)
class Band(Mask):
    """The interval a number, or an age in whole years or months, falls in."""

    unit: str
    edges: tuple[int, ...]
    fn = "band"

    def parameters(self) -> dict[str, Any]:
        return {"unit": self.unit, "edges": list(self.edges)}

    def coarser(self, other: Band) -> Mask:
        common = tuple(sorted(set(self.edges) & set(other.edges)))
        return Band(self.unit, common) if common and self.unit == other.unit else REDACT


@dataclass(frozen=True)
class Geo(Mask):
    """The centre of the cell of 10^-decimals degrees that holds a point."""

    decimals: int
    fn = "geo"

    def parameters(self) -> dict[str, Any]:
        return {"decimals": self.decimals}

    def coarser(self, other: Geo) -> Mask:
        return Geo(min(self.decimals, other.decimals))


@dataclass(frozen=True)
class Round(Mask):
    """Rounded down to a multiple of `base`: only so is a multiple of two bases a function of either answer."""

    base: int
    fn = "round"

    def parameters(self) -> dict[str, Any]:
        return {"base": self.base}

    def coarser(self, other: Round) -> Mask:
        return Round(lcm(self.base, other.base))


OMIT, NULL, REDACT, CLEAR = Omit(), Null(), Redact(), Clear()
HIDING: tuple[Mask, ...] = (OMIT, NULL, REDACT)
"""Masks that show nothing of the value, strictest first."""


def meet(one: Mask, other: Mask) -> Mask:
    """The finest mask that shows no more than either."""
    for hiding in HIDING:
        if hiding in (one, other):
            return hiding
    if one == CLEAR:
        return other
    if other == CLEAR:
        return one
    return one.coarser(other) if one.fn == other.fn else REDACT


# -- reading `scpMask` -------------------------------------------------------------------------------------------


def _whole(value: Mapping[str, Any], key: str, low: int, high: int) -> int:
    number = value.get(key)
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise MaskError(f"{key} must be a whole number from {low} to {high}.", (key,))
    return number


def _choice(value: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str:
    chosen = value.get(key)
    if not isinstance(chosen, str) or chosen not in choices:
        raise MaskError(f"{key} must be one of {', '.join(choices)}.", (key,))
    return chosen


def _only(value: Mapping[str, Any], *keys: str) -> None:
    for key in value:
        if key != "fn" and key not in keys:
            raise MaskError(f"{value['fn']} takes no parameter {key!r}; it takes {', '.join(keys) or 'none'}.", (key,))


def _bare(mask: Mask) -> Callable[[Mapping[str, Any]], Mask]:
    def read(value: Mapping[str, Any]) -> Mask:
        _only(value)
        return mask

    return read


def _pseudonymise(value: Mapping[str, Any]) -> Mask:
    _only(value, "keyScope")
    return Pseudonymise(_choice(value, "keyScope", KEY_SCOPES))


def _partial(value: Mapping[str, Any]) -> Mask:
    ways = [key for key in ("keepStart", "keepEnd", "shape") if key in value]
    if len(ways) != 1:
        raise MaskError("partial takes exactly one of keepStart, keepEnd and shape.")
    if ways == ["shape"]:
        _only(value, "shape")
        return Partial(_choice(value, "shape", ("mail", "phone")))
    _only(value, "keepStart", "keepEnd", "minLength")
    keep = _whole(value, ways[0], 1, 16)
    least = keep + BLURRED_TAIL
    floor = _whole(value, "minLength", least, 1000) if "minLength" in value else least
    return Partial("start" if ways == ["keepStart"] else "end", keep, floor)


def _date(value: Mapping[str, Any]) -> Mask:
    _only(value, "unit")
    return Date(_choice(value, "unit", DATE_UNITS))


def _band(value: Mapping[str, Any]) -> Mask:
    _only(value, "unit", "edges")
    edges = value.get("edges")
    if not isinstance(edges, list | tuple) or not 1 <= len(edges) <= 50:
        raise MaskError("edges must be a list of 1 to 50 whole numbers.", ("edges",))
    for at, edge in enumerate(edges):
        if not isinstance(edge, int) or isinstance(edge, bool) or abs(edge) > 10**9:
            raise MaskError("Each edge must be a whole number within a thousand million.", ("edges", at))
        if at and edge <= edges[at - 1]:
            raise MaskError("Edges must grow from one to the next.", ("edges", at))
    return Band(_choice(value, "unit", BAND_UNITS), tuple(edges))


def _geo(value: Mapping[str, Any]) -> Mask:
    _only(value, "decimals")
    return Geo(_whole(value, "decimals", 0, 4))


def _round(value: Mapping[str, Any]) -> Mask:
    _only(value, "base")
    return Round(_whole(value, "base", 2, 10**9))


READERS: dict[str, Callable[[Mapping[str, Any]], Mask]] = {
    "omit": _bare(OMIT),
    "null": _bare(NULL),
    "redact": _bare(REDACT),
    "clear": _bare(CLEAR),
    "pseudonymise": _pseudonymise,
    "partial": _partial,
    "date": _date,
    "band": _band,
    "geo": _geo,
    "round": _round,
}


def parse_mask(value: object) -> Mask:
    """Read the value of `scpMask`. Raises MaskError with the path inside the value."""
    if not isinstance(value, Mapping):
        raise MaskError("A mask is an object with the key fn, such as {fn: omit}.")
    fn = value.get("fn")
    if not isinstance(fn, str) or fn not in READERS:
        raise MaskError(f"fn must be one of {', '.join(READERS)}.", ("fn",))
    return READERS[fn](value)
