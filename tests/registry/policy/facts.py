"""Facts for the tests of policy: two verticals h and j in tenant KE, one contract, one integration, one partner."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from registry.policy.compile import decide
from registry.policy.lattice import parse_mask
from registry.policy.masks import Pads, pads, projection
from registry.policy.rules import (
    CLEAR_EVERY_CLASS,
    Channel,
    ContractVersion,
    DatasetRules,
    EffectivePolicy,
    FieldRule,
    IntegrationFacts,
    Operation,
    Request,
    TenantPolicy,
    TokenFacts,
    VerticalPolicy,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = date(2026, 11, 22)
KEYS: dict[str, Pads] = {"integration": pads(b"i" * 32), "tenant": pads(b"t" * 32)}
CLEAR = {"fn": "clear"}
MONTH, YEAR = {"fn": "date", "unit": "month"}, {"fn": "date", "unit": "year"}


def field(name: str, mask: Mapping[str, Any] = CLEAR, kind: str = "string", category: str = "personal") -> FieldRule:
    return FieldRule(tuple(name.split(".")), parse_mask(mask), category, kind)


def dataset(name: str = "visits", vertical: str = "h", fields: Iterable[FieldRule] = (), **facts: Any) -> DatasetRules:
    granted = tuple(fields) or (field("born"), field("code", category="health"))
    return DatasetRules(name=name, vertical=vertical, fields=granted, subject_path=("person_id",), **facts)


def contract(*datasets: DatasetRules, verticals: str = "hj", **facts: Any) -> ContractVersion:
    given = datasets or (dataset(),)
    known = {"purposes": frozenset({"https://w3id.org/dpv#ImproveHealthcare"}), "consent_min_notice": "2026-03"}
    return ContractVersion(
        "c1", "follow-up", "1.0.0", "KE", frozenset(verticals), {one.name: one for one in given}, **{**known, **facts}
    )


def tenant(verticals: str = "hj", *, frozen: bool = False, **policy: Any) -> TenantPolicy:
    return TenantPolicy.parse("KE", {"classes": CLEAR_EVERY_CLASS, **policy}, verticals=verticals, frozen=frozen)


def vertical(code: str, *, frozen: bool = False, permitted: bool = True, **policy: Any) -> VerticalPolicy:
    rules = {"permitted": permitted, "fields": policy.pop("fields", {}), "rowFilter": policy.pop("rowFilter", {})}
    return VerticalPolicy.parse(
        code, {"classes": CLEAR_EVERY_CLASS, "datasets": {"visits": rules}, **policy}, frozen=frozen
    )


def integration(verticals: str = "hj", **facts: Any) -> IntegrationFacts:
    window = {"active_from": datetime(2026, 1, 1, tzinfo=UTC), "active_until": datetime(2027, 1, 1, tzinfo=UTC)}
    return IntegrationFacts(
        **{
            "integration_id": "i1",
            "tenant_id": "KE",
            "status": "active",
            "verticals": frozenset(verticals),
            "auth_client_id": "scp-int-i1",
            **window,
            **facts,
        }
    )


def token(verticals: str = "hj", **facts: Any) -> TokenFacts:
    own = {"client_id": "scp-int-i1", "tenant_id": "KE", "integration_id": "i1", "verticals": frozenset(verticals)}
    return TokenFacts(**{**own, **facts})


def request(**facts: Any) -> Request:
    return replace(Request("visits", Operation.READ, Channel.REALTIME, NOW), **facts)


def decided(**given: Any) -> EffectivePolicy:
    """The decision with everything in order but what is given."""
    verticals = given.get("verticals", {"h": vertical("h"), "j": vertical("j")})
    return decide(
        given.get("integration", integration()),
        given.get("token", token()),
        given.get("tenant", tenant()),
        verticals,
        given.get("contract", contract()),
        given.get("request", request()),
    )


def masked(database: psycopg.Connection[Any], fields: Iterable[FieldRule], document: object) -> Any:
    """What leaves of one stored document."""
    made = projection(fields, keys=KEYS, as_of=TODAY)
    statement = f"SELECT {made.text} FROM (SELECT %s::jsonb AS payload) r"
    found = database.execute(statement, (*made.params, json.dumps(document))).fetchone()
    assert found is not None
    return found[0]
