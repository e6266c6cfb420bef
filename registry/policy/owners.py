"""What a tenant and the owners of its verticals allow: read from the JSON that they keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from registry.policy.filters import FilterError, RowFilter, parse_row_filters
from registry.policy.fingerprint import Fingerprinted
from registry.policy.granted import CLASSES, FieldRule
from registry.policy.lattice import OMIT, Mask, MaskError, parse_mask
from registry.policy.limits import LIMITS, NO_LIMITS, Limits
from registry.policy.parsing import Path, mapping, yes_or_no


def _masks(value: object, path: Path, known: tuple[str, ...] | None = None) -> dict[str, Mask]:
    found: dict[str, Mask] = {}
    for name, mask in mapping(value, known, path).items():
        try:
            found[name] = parse_mask(mask)
        except MaskError as error:
            raise error.under(*path, name) from error
    return found


@dataclass(frozen=True, eq=False)
class TenantPolicy(Fingerprinted):
    """A tenant's share. JSON: {"classes": {class: mask}, "minCell", "roundTo", "pageSize", "ratePerMinute",
    "retentionDays", "mtls", "ipAllowlist", "purposes": [IRI]}. A class that is not named is omitted.
    """

    code: str
    verticals: frozenset[str]
    classes: Mapping[str, Mask]
    limits: Limits = NO_LIMITS
    frozen: bool = False

    @classmethod
    def parse(
        cls, code: str, policy: Mapping[str, Any], *, verticals: Iterable[str], frozen: bool = False
    ) -> TenantPolicy:
        """Raises RuleError for what cannot be read. Cached by content."""
        return _tenant_policy(code, orjson.dumps(policy), frozenset(verticals), frozen)

    def mask(self, category: str) -> Mask:
        return self.classes.get(category, OMIT)

    def as_document(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "verticals": sorted(self.verticals),
            "classes": {category: mask.as_document() for category, mask in self.classes.items()},
            "limits": self.limits.as_document(),
            "frozen": self.frozen,
        }


@dataclass(frozen=True)
class VerticalDataset:
    """What a vertical's owner says of one dataset: a mask per field, or else per class."""

    permitted: bool
    fields: Mapping[str, Mask]
    classes: Mapping[str, Mask]
    row_filters: tuple[RowFilter, ...] = ()

    @classmethod
    def parse(cls, value: object, classes: Mapping[str, Mask], path: Path) -> VerticalDataset:
        rules = mapping(value, ("permitted", "fields", "classes", "rowFilter"), path)
        try:
            conditions = parse_row_filters(rules.get("rowFilter", {}))
        except FilterError as error:
            raise error.under(*path, "rowFilter") from error
        return cls(
            permitted=yes_or_no(rules.get("permitted", False), (*path, "permitted")),
            fields=_masks(rules.get("fields", {}), (*path, "fields")),
            classes={**classes, **_masks(rules.get("classes", {}), (*path, "classes"), CLASSES)},
            row_filters=conditions,
        )

    def mask(self, rule: FieldRule) -> Mask:
        return self.fields.get(rule.name) or self.classes.get(rule.category, OMIT)

    def as_document(self) -> dict[str, Any]:
        return {
            "permitted": self.permitted,
            "fields": {name: mask.as_document() for name, mask in self.fields.items()},
            "classes": {category: mask.as_document() for category, mask in self.classes.items()},
            "row_filters": [condition.as_document() for condition in self.row_filters],
        }


@dataclass(frozen=True, eq=False)
class VerticalPolicy(Fingerprinted):
    """A vertical's share in one tenant. JSON: as TenantPolicy's, and "datasets": {name: {"permitted": true,
    "fields": {field: mask}, "classes": {class: mask}, "rowFilter": {field: {op: value}}}}. A dataset that is not
    named is not permitted; a field without a mask of its own takes its class's, else it is omitted.
    """

    code: str
    datasets: Mapping[str, VerticalDataset] = field(default_factory=dict)
    limits: Limits = NO_LIMITS
    frozen: bool = False

    @classmethod
    def parse(cls, code: str, policy: Mapping[str, Any], *, frozen: bool = False) -> VerticalPolicy:
        """Raises RuleError for what cannot be read. Cached by content."""
        return _vertical_policy(code, orjson.dumps(policy), frozen)

    def as_document(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "datasets": {name: rules.as_document() for name, rules in self.datasets.items()},
            "limits": self.limits.as_document(),
            "frozen": self.frozen,
        }


@lru_cache(maxsize=256)
def _tenant_policy(code: str, policy: bytes, verticals: frozenset[str], frozen: bool) -> TenantPolicy:
    value = mapping(orjson.loads(policy), ("classes", *LIMITS))
    return TenantPolicy(
        code, verticals, _masks(value.get("classes", {}), ("classes",), CLASSES), Limits.parse(value), frozen
    )


@lru_cache(maxsize=1024)
def _vertical_policy(code: str, policy: bytes, frozen: bool) -> VerticalPolicy:
    value = mapping(orjson.loads(policy), ("classes", "datasets", *LIMITS))
    classes = _masks(value.get("classes", {}), ("classes",), CLASSES)
    datasets = {
        name: VerticalDataset.parse(rules, classes, ("datasets", name))
        for name, rules in mapping(value.get("datasets", {}), path=("datasets",)).items()
    }
    return VerticalPolicy(code, datasets, Limits.parse(value), frozen)
