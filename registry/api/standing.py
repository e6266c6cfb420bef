"""Where an integration stands at this moment: everything a decision needs of the registry, in one statement.

State, window, frozen tenants and verticals come fresh from the database each time; only what follows from a text that
cannot change (a published contract, a policy's wording) is kept parsed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from registry import contracts
from registry.policy.rules import ContractVersion, IntegrationFacts, TenantPolicy, VerticalPolicy
from scp_portal.kernel.statements import fetch_one

CONTRACTS_KEPT: Final = 1024
SELECT: Final = """
SELECT i.integration_id, i.tenant_id, i.integration_name, i.status, i.vertical_ids, i.active_from, i.active_until,
       i.auth_client_id, i.ip_allowlist, i.mtls_required, i.certificate_thumbprint, i.token_lifetime, i.sunset_at,
       i.successor_id, i.status_reason, i.status_changed_at, i.created_by_id, i.created_at, i.partner_id,
       p.name, p.partner_type, p.blocked_at IS NOT NULL,
       l.id, l.burst, l.per_minute, l.per_day, c.name, c.version, coalesce(c.status, ''),
       coalesce(c.content_hash, ''), CASE WHEN c.content_hash = $1 THEN NULL ELSE c.parsed::text END,
       t.policy::text, t.frozen_at IS NOT NULL,
       (SELECT json_agg(json_build_array(v.vertical_id, v.policy::text, v.frozen_at IS NOT NULL))::text
        FROM public.registry_tenantvertical v WHERE v.tenant_id = i.tenant_id)
FROM public.registry_integration i
JOIN public.registry_tenant t ON t.code = i.tenant_id
JOIN public.registry_partner p ON p.id = i.partner_id
LEFT JOIN public.registry_datacontract c ON c.id = i.data_contract_id
LEFT JOIN public.registry_ratelimitpolicy l ON l.id = i.rate_limit_policy_id
WHERE i.integration_id = $2 AND i.tenant_id = $3
"""


class Row(NamedTuple):
    """The integration's row with its parties, in the order of `SELECT`."""

    integration_id: UUID
    tenant_id: str
    integration_name: str
    status: str
    vertical_ids: list[str]
    active_from: datetime | None
    active_until: datetime | None
    auth_client_id: str
    ip_allowlist: list[str]
    mtls_required: bool
    certificate_thumbprint: str
    token_lifetime: int
    sunset_at: datetime | None
    successor_id: UUID | None
    status_reason: str
    status_changed_at: datetime
    created_by_id: UUID
    created_at: datetime
    partner_id: UUID
    partner_name: str
    partner_type: str
    partner_is_blocked: bool
    rate_limit_policy_id: UUID | None
    burst: int | None
    per_minute: int | None
    per_day: int | None
    contract_name: str | None
    contract_version: str | None
    contract_status: str
    contract_hash: str
    contract_document: str | None
    tenant_policy: str
    tenant_is_frozen: bool
    vertical_policies: str | None

    @property
    def data_contract_ref(self) -> str:
        """B-6.4-1."""
        return f"{self.contract_name}@{self.contract_version}" if self.contract_name else ""


@dataclass(frozen=True, slots=True)
class Standing:
    """The inputs of `registry.policy.compile.decide` besides token and request. No contract: nothing is granted."""

    row: Row
    integration: IntegrationFacts
    tenant: TenantPolicy
    verticals: Mapping[str, VerticalPolicy]
    contract: ContractVersion | None


def read(integration_id: UUID, tenant_id: str) -> Standing | None:
    """None when the tenant has no such integration. Runs under the tenant's context."""
    known = _last_seen.get(integration_id)
    values = fetch_one(SELECT, (known.hash if known else "", integration_id, tenant_id))
    if values is None:
        return None
    row = Row(*values)
    verticals = _verticals(row.vertical_policies or "[]")
    return Standing(
        row,
        _integration(row),
        _tenant(row.tenant_id, row.tenant_policy, frozenset(verticals), row.tenant_is_frozen),
        verticals,
        _contract(row, known),
    )


def _integration(row: Row) -> IntegrationFacts:
    return IntegrationFacts(
        integration_id=str(row.integration_id),
        tenant_id=row.tenant_id,
        status=row.status,
        verticals=frozenset(row.vertical_ids),
        auth_client_id=row.auth_client_id,
        active_from=row.active_from,
        active_until=row.active_until,
        ip_allowlist=tuple(row.ip_allowlist),
        mtls_required=row.mtls_required,
        certificate_thumbprint=row.certificate_thumbprint,
        sunset_at=row.sunset_at,
    )


@lru_cache(maxsize=256)
def _tenant(code: str, policy: str, verticals: frozenset[str], frozen: bool) -> TenantPolicy:
    return TenantPolicy.parse(code, orjson.loads(policy), verticals=verticals, frozen=frozen)


@lru_cache(maxsize=256)
def _verticals(text: str) -> Mapping[str, VerticalPolicy]:
    rows: list[list[Any]] = orjson.loads(text)
    return {code: VerticalPolicy.parse(code, orjson.loads(policy), frozen=frozen) for code, policy, frozen in rows}


# -- contracts: immutable once published, so a parsed one is good for ever -----------------------------------------


class _Parsed(NamedTuple):
    hash: str
    contract: ContractVersion


_last_seen: OrderedDict[UUID, _Parsed] = OrderedDict()
"""What this process last parsed for an integration; a document whose hash is the same need not come again."""


def _contract(row: Row, known: _Parsed | None) -> ContractVersion | None:
    if row.contract_status != "published":
        return None
    if row.contract_document is not None:
        known = _Parsed(row.contract_hash, contracts.parse(orjson.loads(row.contract_document)))
        _last_seen[row.integration_id] = known
        while len(_last_seen) > CONTRACTS_KEPT:
            _last_seen.popitem(last=False)
    assert known is not None  # the statement leaves the document out only for the hash it was given
    return known.contract
