"""The rules that a decision is made from, as plain facts. Sources: governance of integrations, 4.2; B-4.2-2.

Everything a policy is compiled from has a `fingerprint` (SHA-256 of its canonical JSON); equality and hash go by it,
so a compiled policy can be found again by the content of its inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any

import orjson

from registry.policy.filters import RowFilter, parse_row_filters
from registry.policy.lattice import CLEAR, OMIT, Mask, parse_mask
from scp_portal.kernel.canonical import content_hash

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
MOST_RECORDS_PER_PAGE = 200
LEAST_CELL, DEFAULT_CELL, DEFAULT_ROUNDING = 5, 10, 5


class Operation(StrEnum):
    READ = "read"
    WRITE = "write"
    EXPORT = "export"
    EVENT = "event"
    AGGREGATE = "aggregate"


class Channel(StrEnum):
    REALTIME = "realtime"
    BATCH = "batch"
    EVENT = "event"


class Fingerprinted:
    """Equal when the canonical JSON of `as_document()` is equal."""

    def as_document(self) -> dict[str, Any]:
        raise NotImplementedError

    @cached_property
    def fingerprint(self) -> str:
        return content_hash(self.as_document())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fingerprinted) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)


# -- contract ----------------------------------------------------------------------------------------------------


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


@dataclass(frozen=True)
class Limits:
    """Bounds that several rules set together: the strictest of each wins."""

    min_cell: int | None = None
    round_to: int | None = None
    page_size: int | None = None
    rate_per_minute: int | None = None
    retention_days: int | None = None
    mtls: bool = False
    ip_allowlist: bool = False
    purposes: frozenset[str] | None = None
    """Purpose IRIs accepted; None accepts any."""

    @classmethod
    def parse(cls, policy: Mapping[str, Any]) -> Limits:
        purposes = policy.get("purposes")
        return cls(
            min_cell=policy.get("minCell"),
            round_to=policy.get("roundTo"),
            page_size=policy.get("pageSize"),
            rate_per_minute=policy.get("ratePerMinute"),
            retention_days=policy.get("retentionDays"),
            mtls=bool(policy.get("mtls", False)),
            ip_allowlist=bool(policy.get("ipAllowlist", False)),
            purposes=None if purposes is None else frozenset(purposes),
        )

    def as_document(self) -> dict[str, Any]:
        return {**self.__dict__, "purposes": None if self.purposes is None else sorted(self.purposes)}


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
    limits: Limits = Limits()

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


# -- tenant and verticals ----------------------------------------------------------------------------------------


def _class_masks(value: Mapping[str, Any]) -> dict[str, Mask]:
    return {category: parse_mask(mask) for category, mask in value.items()}


@dataclass(frozen=True, eq=False)
class TenantPolicy(Fingerprinted):
    """A tenant's share. JSON: {"classes": {class: mask}, "minCell", "roundTo", "pageSize", "ratePerMinute",
    "retentionDays", "mtls", "ipAllowlist", "purposes": [IRI]}. A class that is not named is omitted.
    """

    code: str
    verticals: frozenset[str]
    classes: Mapping[str, Mask]
    limits: Limits = Limits()
    frozen: bool = False

    @classmethod
    def parse(
        cls, code: str, policy: Mapping[str, Any], *, verticals: Iterable[str], frozen: bool = False
    ) -> TenantPolicy:
        """Raises MaskError for a mask that cannot be read. Cached by content."""
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
    def parse(cls, value: Mapping[str, Any], classes: Mapping[str, Mask]) -> VerticalDataset:
        return cls(
            permitted=bool(value.get("permitted", False)),
            fields={name: parse_mask(mask) for name, mask in value.get("fields", {}).items()},
            classes={**classes, **_class_masks(value.get("classes", {}))},
            row_filters=parse_row_filters(value.get("rowFilter", {})),
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
    limits: Limits = Limits()
    frozen: bool = False

    @classmethod
    def parse(cls, code: str, policy: Mapping[str, Any], *, frozen: bool = False) -> VerticalPolicy:
        """Raises MaskError or FilterError for a rule that cannot be read. Cached by content."""
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
    value = orjson.loads(policy)
    return TenantPolicy(code, verticals, _class_masks(value.get("classes", {})), Limits.parse(value), frozen)


@lru_cache(maxsize=1024)
def _vertical_policy(code: str, policy: bytes, frozen: bool) -> VerticalPolicy:
    value = orjson.loads(policy)
    classes = _class_masks(value.get("classes", {}))
    datasets = {name: VerticalDataset.parse(rules, classes) for name, rules in value.get("datasets", {}).items()}
    return VerticalPolicy(code, datasets, Limits.parse(value), frozen)


# -- integration, token, request ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class IntegrationFacts:
    """The integration's row, read in the transaction that serves the request."""

    integration_id: str
    tenant_id: str
    status: str
    verticals: frozenset[str]
    auth_client_id: str
    active_from: datetime | None
    active_until: datetime | None
    ip_allowlist: tuple[str, ...] = ()
    mtls_required: bool = False
    certificate_thumbprint: str = ""
    """SHA-256 of the pinned certificate, hexadecimal; empty when none is pinned."""
    sunset_at: datetime | None = None


@dataclass(frozen=True)
class TokenFacts:
    """Claims of a verified token. `certificate_thumbprint` is `cnf.x5t#S256` as the token has it (RFC 8705)."""

    client_id: str
    tenant_id: str
    integration_id: str
    verticals: frozenset[str]
    certificate_thumbprint: str = ""


@dataclass(frozen=True)
class Request:
    """What is asked. `verticals` and `fields` None mean the dataset's own, and all the contract grants."""

    dataset: str
    operation: Operation
    channel: Channel
    now: datetime
    tenant_id: str | None = None
    verticals: frozenset[str] | None = None
    fields: frozenset[str] | None = None
    source_ip: str | None = None
    certificate_thumbprint: str = ""
    """SHA-256 of the client certificate of this connection, hexadecimal; empty when there is none."""
    known_fields: frozenset[str] = frozenset()
    """Fields the dataset has, granted or not: tells an unknown field (400) from one out of scope (403)."""


# -- outcome -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EffectivePolicy:
    """What this request may have. `fields` stand in the contract's order with their effective masks, none omitted."""

    tenant_id: str
    dataset: str
    verticals: tuple[str, ...]
    fields: tuple[FieldRule, ...]
    row_filters: tuple[RowFilter, ...]
    consent_min_notice: str
    person_free: bool
    subject_path: tuple[str, ...]
    min_cell: int
    round_to: int
    page_size: int
    rate_per_minute: int | None
    retention_days: int | None
    categories: tuple[str, ...]
    contract_ref: str
    policy_hash: str


@dataclass(frozen=True)
class FieldExplanation:
    """One field for the preview: what it becomes, and whose rule made it so."""

    name: str
    category: str
    mask: Mask
    set_by: tuple[str, ...]
    """Of "contract", "tenant" and "vertical <code>": those whose rule the effective mask is."""
    rules: tuple[tuple[str, Mask], ...]
    """Every rule that had a say, in that order."""
