"""What the partner gets, on an invented record: computed by the same SQL as the gateway's, without anybody's data."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.utils import timezone

from registry.admin.in_words import mask_in_words
from registry.policy import compile as policy
from registry.policy.lattice import OMIT, Mask
from registry.policy.masks import pads, projection
from registry.policy.rules import ELEMENTS, ContractVersion, FieldRule, TenantPolicy, VerticalPolicy

EXAMPLE_KEYS = {scope: pads(b"a key for examples only") for scope in ("tenant", "partner", "integration")}
DAY = "2019-03-04"
BY_TYPE: dict[str, Any] = {
    "integer": 42,
    "number": 36.82,
    "boolean": True,
    "date": DAY,
    "timestamp": "2026-03-04T10:15:00Z",
    "time": "10:15:00",
    "object": {"lat": -1.2864, "lon": 36.8172},
}
BY_CLASS = {
    "identifier": "4471-882-9",
    "personal": "Wanjiku",
    "contact": "wanjiku@example.org",
    "location": "Nakuru",
    "free_text": "Two sentences that somebody wrote.",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One field of the invented record, before and after."""

    name: str
    category: str
    before: str
    after: str
    rule: str
    sent: bool


def of_dataset(
    tenant: TenantPolicy, verticals: dict[str, VerticalPolicy], contract: ContractVersion, name: str
) -> list[Shown]:
    """Every field of one dataset. A field within an array or an object is shown by the rule alone."""
    rules = contract.datasets[name].fields
    masks = [field.mask for field in policy.explain(tenant, verticals, contract, name)]
    flat = [(rule, mask) for rule, mask in zip(rules, masks, strict=True) if len(rule.path) == 1]
    record: dict[str, Any] = {}
    for rule, _ in flat:
        _put(record, rule.root_source, _invented(rule))
    sent = _answer([replace(rule, mask=mask) for rule, mask in flat if mask != OMIT], record)
    return [_shown(rule, mask, record, sent) for rule, mask in zip(rules, masks, strict=True)]


def _invented(rule: FieldRule) -> Any:
    document = rule.mask.as_document()
    if document.get("shape") == "phone":
        return "+64 21 555 0143"
    if rule.logical_type in BY_TYPE:
        return BY_TYPE[rule.logical_type]
    if document["fn"] in ("date", "band"):
        return DAY
    return BY_CLASS.get(rule.category, "Example")


def _put(record: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *outer, last = path
    for step in outer:
        if not isinstance(record.get(step), dict):
            record[step] = {}
        record = record[step]
    record.setdefault(last, value)


def _got(record: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = record
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _answer(rules: list[FieldRule], record: dict[str, Any]) -> dict[str, Any]:
    """The projection that the governed read uses, over one row that is no one's."""
    if not rules:
        return {}
    projected = projection(rules, keys=EXAMPLE_KEYS, as_of=timezone.now().date())
    statement = f"SELECT {projected.text} FROM (SELECT %s::jsonb AS payload) r"
    with connection.cursor() as cursor:
        cursor.execute(statement, [*projected.params, json.dumps(record)])
        value = cursor.fetchone()[0]
    return dict(value if isinstance(value, dict) else json.loads(value))


def _shown(rule: FieldRule, mask: Mask, record: dict[str, Any], sent: dict[str, Any]) -> Shown:
    if len(rule.path) > 1 or ELEMENTS in rule.path:
        return Shown(rule.name, rule.category, "…", "…", mask_in_words(mask), mask != OMIT)
    after = _text(sent[rule.name]) if rule.name in sent else ""
    before = _text(_got(record, rule.root_source))
    return Shown(rule.name, rule.category, before, after, mask_in_words(mask), rule.name in sent)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
