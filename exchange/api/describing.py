"""What the API tells a partner about its own integration: state, scope, limits, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exchange.api.calls import PartnerCall
from exchange.api.masks_in_words import in_words
from exchange.api.parameters import LARGEST_PAGE
from exchange.models import Dataset
from registry.policy.rules import DatasetRules, EffectivePolicy, FieldRule
from scp_portal.kernel.problems import Problem

STATUS_ADVICE = {
    "approved": "It is approved but not active yet: the tenant's administrator activates it.",
    "restricted": "It is restricted: reading goes on, everything else is refused. Settle the reason with the tenant.",
    "suspended": "It is suspended: nothing is served. Settle the reason with the tenant's administrator.",
    "deprecated": "It is deprecated: move to its successor before the sunset date.",
    "archived": "It is archived and stays so: request a new one.",
}


def whoami(call: PartnerCall) -> dict[str, Any]:
    """The integration by the field names of B-6.4-1, and in `to_fix` everything that makes calls fail now."""
    row, claims = call.standing.row, call.identity.claims
    return {
        "integration_id": row.integration_id,
        "tenant_id": row.tenant_id,
        "integration_name": row.integration_name,
        "partner_name": row.partner_name,
        "partner_type": row.partner_type,
        "status": row.status,
        "vertical_ids": sorted(row.vertical_ids),
        "active_from": row.active_from,
        "active_until": row.active_until,
        "data_contract_ref": row.data_contract_ref,
        "auth_client_id": row.auth_client_id,
        "rate_limit_policy_id": row.rate_limit_policy_id,
        "created_by": row.created_by_id,
        "created_at": row.created_at,
        "datasets": sorted(call.standing.contract.datasets) if call.standing.contract else [],
        "token": {"verticals": sorted(call.identity.facts.verticals), "expires_at": claims.expires_at},
        "limits": _limits(call),
        "valid_until": min(filter(None, [row.active_until, row.sunset_at]), default=None),
        "to_fix": [{"code": problem.code, "message": problem.detail} for problem in _in_the_way(call)],
    }


def _limits(call: PartnerCall) -> dict[str, Any]:
    row = call.standing.row
    return {
        "page_size": LARGEST_PAGE,
        "burst_per_second": row.burst,
        "per_minute": row.per_minute,
        "per_day": row.per_day,
        "token_seconds": row.token_lifetime,
    }


def _in_the_way(call: PartnerCall) -> Iterator[Problem]:
    """Why a read would be refused now, each reason once; no reason, no entry."""
    standing = call.standing
    told: set[tuple[str, str]] = set()
    for name in sorted(standing.contract.datasets) if standing.contract else [""]:
        problem = _refusal(call, name)
        if problem is not None and (problem.code, problem.detail) not in told:
            told.add((problem.code, problem.detail))
            if advice := STATUS_ADVICE.get(standing.row.status):
                problem.detail = f"{problem.detail} {advice}"
            yield problem


def _refusal(call: PartnerCall, dataset: str) -> Problem | None:
    try:
        call.policy(dataset)
    except Problem as problem:
        return problem
    return None


# -- datasets ------------------------------------------------------------------------------------------------------


def datasets(call: PartnerCall) -> list[dict[str, Any]]:
    """Every dataset the contract names, with the fields a read would show now, or why it would not."""
    contract = call.standing.contract
    if contract is None:
        return []
    known = Dataset.objects.in_bulk(list(contract.datasets))
    return [_dataset(call, rules, known.get(name)) for name, rules in sorted(contract.datasets.items())]


def _dataset(call: PartnerCall, rules: DatasetRules, known: Dataset | None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "name": rules.name,
        "title": known.title if known else rules.name,
        "description": known.description if known else "",
        "vertical": rules.vertical,
        "direction": rules.direction,
        "modes": sorted(rules.modes),
        "person_free": rules.person_free,
        "records": f"/api/v1/datasets/{rules.name}/records",
    }
    try:
        policy = call.policy(rules.name)
    except Problem as problem:
        return {**answer, "readable": False, "why_not": {"code": problem.code, "message": problem.detail}, "fields": []}
    return {**answer, "readable": True, "why_not": None, **_terms(policy)}


def _terms(policy: EffectivePolicy) -> dict[str, Any]:
    return {
        "page_size": policy.page_size,
        "retention_days": policy.retention_days,
        "consent_notice": policy.consent_min_notice or None,
        "fields": [_field(rule) for rule in policy.fields],
    }


def _field(rule: FieldRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "type": rule.logical_type,
        "class": rule.category,
        "mask": rule.mask.as_document(),
        "shown": in_words(rule.mask),
    }
