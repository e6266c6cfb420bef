"""The facts a decision is made from, and what it decides (governance of integrations, 4.2; B-4.2-2).

The rules themselves stand beside: `granted` (contract), `owners` (tenant, verticals), `limits`, `lattice` (masks) and
`filters` (rows). Their names can be had from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from registry.policy.filters import RowFilter
from registry.policy.granted import (
    CLASSES,
    CLEAR_EVERY_CLASS,
    ELEMENTS,
    ContractVersion,
    DatasetRules,
    FieldRule,
)
from registry.policy.lattice import Mask
from registry.policy.limits import DEFAULT_CELL, DEFAULT_ROUNDING, LEAST_CELL, MOST_RECORDS_PER_PAGE, Limits
from registry.policy.owners import TenantPolicy, VerticalPolicy
from registry.policy.parsing import RuleError

__all__ = [
    "CLASSES",
    "CLEAR_EVERY_CLASS",
    "DEFAULT_CELL",
    "DEFAULT_ROUNDING",
    "ELEMENTS",
    "LEAST_CELL",
    "MOST_RECORDS_PER_PAGE",
    "Channel",
    "ContractVersion",
    "DatasetRules",
    "EffectivePolicy",
    "FieldExplanation",
    "FieldRule",
    "IntegrationFacts",
    "Limits",
    "Operation",
    "Request",
    "RuleError",
    "TenantPolicy",
    "TokenFacts",
    "VerticalPolicy",
]


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
