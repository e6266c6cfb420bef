"""What a contract grants: datasets, their fields with a mask each, and the limits it sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.policy.filters import RowFilter
from registry.policy.fingerprint import Fingerprinted
from registry.policy.lattice import CLEAR, Mask
from registry.policy.limits import NO_LIMITS, Limits

ELEMENTS = "[]"
"""In a field's path: each element of the array that stands before it."""
CLASSES = (
    "identifier",
    "personal",
    "contact",
    "location",
    "sensitive",
    "health",
    "education",
    "free_text",
    "operational",
    "public",
)
"""Categories of data a contract's `classification` may name. What it is, never how it is handled."""
CLEAR_EVERY_CLASS: dict[str, Any] = {category: CLEAR.as_document() for category in CLASSES}
"""`classes` of a tenant or vertical that leaves every decision to the other rules."""


@dataclass(frozen=True)
class FieldRule:
    """One leaf of a dataset. `path` is where it goes; `source` is where the first step of the path is read from."""

    path: tuple[str, ...]
    mask: Mask
    category: str
    logical_type: str
    required: bool = False
    source: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return ".".join(self.path).replace(f".{ELEMENTS}", ELEMENTS)

    @property
    def root_source(self) -> tuple[str, ...]:
        return self.source or self.path[:1]

    def lies_under(self, name: str) -> bool:
        """Whether `name` is this field or one it is part of."""
        return self.name == name or self.name.startswith((f"{name}.", f"{name}{ELEMENTS}"))

    def as_document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "mask": self.mask.as_document(),
            "class": self.category,
            "type": self.logical_type,
            "required": self.required,
            "source": list(self.root_source),
        }


@dataclass(frozen=True)
class DatasetRules:
    """What one contract grants of one dataset."""

    name: str
    vertical: str
    fields: tuple[FieldRule, ...]
    direction: str = "outbound"
    initiator: str = "partner"
    modes: frozenset[str] = frozenset({"realtime"})
    person_free: bool = False
    subject_path: tuple[str, ...] = ()
    row_filters: tuple[RowFilter, ...] = ()

    def as_document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "vertical": self.vertical,
            "fields": [rule.as_document() for rule in self.fields],
            "flow": {"direction": self.direction, "initiator": self.initiator, "modes": sorted(self.modes)},
            "person_free": self.person_free,
            "subject": list(self.subject_path),
            "row_filters": [condition.as_document() for condition in self.row_filters],
        }


@dataclass(frozen=True, eq=False)
class ContractVersion(Fingerprinted):
    """A published contract, as the compiler reads it. Made by `registry.contracts.parse`."""

    contract_id: str
    name: str
    version: str
    tenant_id: str
    verticals: frozenset[str]
    datasets: Mapping[str, DatasetRules]
    purposes: frozenset[str] = frozenset()
    legal_basis: str = ""
    consent_min_notice: str = ""
    limits: Limits = NO_LIMITS

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"

    def as_document(self) -> dict[str, Any]:
        return {
            "id": self.contract_id,
            "ref": self.ref,
            "tenant": self.tenant_id,
            "verticals": sorted(self.verticals),
            "datasets": [self.datasets[name].as_document() for name in sorted(self.datasets)],
            "purposes": sorted(self.purposes),
            "legal_basis": self.legal_basis,
            "notice": self.consent_min_notice,
            "limits": self.limits.as_document(),
        }
