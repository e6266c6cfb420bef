"""Records, as the core publishes them: checked item by item, stored all or none, in one statement (B-5.1-1)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from audit import actions as audit
from exchange.actions.persons import Supplied, ids_of
from exchange.models import Dataset
from exchange.permissions import may_supply
from registry.models import TenantVertical
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.permissions import require
from scp_portal.kernel.problems import ValidationFailed
from scp_portal.kernel.statements import fetch_all

FAULTS_TOLD = 100
LOCK = """
SELECT public.exchange_lock_dataset($1, dataset) FROM unnest($2::varchar[]) AS item(dataset)
"""
UPSERT = """
INSERT INTO public.exchange_record AS r
    (record_id, tenant_id, dataset, source_key, verticals, person_id, payload, updated_at)
SELECT gen_random_uuid(), $1, item->>'dataset', item->>'source_key',
       ARRAY(SELECT jsonb_array_elements_text(item->'verticals')), (item->>'person_id')::uuid, item->'payload',
       clock_timestamp()
FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS batch(item, number)
ORDER BY number
ON CONFLICT (tenant_id, dataset, source_key) DO UPDATE
    SET verticals = excluded.verticals, person_id = excluded.person_id, payload = excluded.payload
    WHERE (r.verticals, r.person_id, r.payload) IS DISTINCT FROM
          (excluded.verticals, excluded.person_id, excluded.payload)
RETURNING r.record_id, r.dataset, r.verticals, xmax = 0
"""
"""A record that is the same as before is left alone and does not move in the order of changes."""

JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One record of the core. `person` is the core's reference; without verticals it touches its dataset's own."""

    dataset: str
    source_key: str
    payload: Mapping[str, Any]
    person: str | None = None
    verticals: tuple[str, ...] = ()


@transaction.atomic
def upsert(items: Sequence[Item], *, tenant_id: str, actor: Actor, request: RequestFacts | None = None) -> Supplied:
    """Store the batch. Needs the tenant's context. Raises ValidationFailed naming each fault, PermissionRefused."""
    require(may_supply(actor, tenant_id))
    datasets = Dataset.objects.in_bulk({item.dataset for item in items})
    verticals = set(TenantVertical.objects.filter(tenant_id=tenant_id).values_list("vertical_id", flat=True))
    persons = ids_of([item.person for item in items if item.person], tenant_id=tenant_id)
    if faults := _faults(items, datasets, verticals, persons):
        raise ValidationFailed("Nothing of the batch was stored.", errors=faults)
    rows = [_row(item, datasets[item.dataset], persons) for item in items]
    # In this order, so that two batches never wait for each other in a circle.
    fetch_all(LOCK, (tenant_id, sorted({item.dataset for item in items})), prepare=False)
    changed = fetch_all(UPSERT, (tenant_id, json.dumps(rows, default=str)), prepare=False)
    return _told(items, changed, tenant_id, actor, request)


def _row(item: Item, dataset: Dataset, persons: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "dataset": item.dataset,
        "source_key": item.source_key,
        "verticals": sorted({dataset.vertical_id, *item.verticals}),
        "person_id": persons[item.person] if item.person else None,
        "payload": item.payload,
    }


def _told(
    items: Sequence[Item],
    changed: Sequence[tuple[Any, ...]],
    tenant_id: str,
    actor: Actor,
    request: RequestFacts | None,
) -> Supplied:
    """Entry and events of a stored batch."""
    created = sum(is_new for *_, is_new in changed)
    for event_type, is_wanted in (("record.created", True), ("record.updated", False)):
        audit.publish_all(
            event_type,
            actor=actor,
            tenant_id=tenant_id,
            happened=(
                (f"record:{key}", {"dataset": dataset, "record_id": str(key), "verticals": verticals})
                for key, dataset, verticals, is_new in changed
                if is_new is is_wanted
            ),
        )
    counts = {"created": created, "updated": len(changed) - created, "unchanged": len(items) - len(changed)}
    receipt = audit.record(
        "records.supplied",
        actor=actor,
        result=audit.Result.SUCCESS,
        kind=audit.Kind.REQUEST,
        tenant_id=tenant_id,
        data={"datasets": sorted({item.dataset for item in items}), **counts},
        request=request,
        http=200 if request else None,
    )
    return Supplied(counts["created"], counts["updated"], counts["unchanged"], receipt)


# -- what cannot be stored -----------------------------------------------------------------------------------------


def _faults(
    items: Sequence[Item], datasets: Mapping[str, Dataset], verticals: set[str], persons: Mapping[str, Any]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], int] = {}
    for index, item in enumerate(items):
        first = seen.setdefault((item.dataset, item.source_key), index)
        faults = list(_item_faults(item, datasets.get(item.dataset), verticals, persons))
        if first != index:
            faults.append(("source_key", "duplicate", f"The same record as items[{first}]."))
        found += [
            {"index": index, "field": f"items[{index}].{field}", "code": code, "message": message}
            for field, code, message in faults
        ]
        if len(found) >= FAULTS_TOLD:
            return found[:FAULTS_TOLD]
    return found


def _item_faults(
    item: Item, dataset: Dataset | None, verticals: set[str], persons: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    if dataset is None:
        yield "dataset", "unknown_dataset", "There is no such dataset."
        return
    for vertical in sorted({dataset.vertical_id, *item.verticals} - verticals):
        yield "verticals", "unknown_vertical", f"The tenant has no vertical {vertical}."
    if item.person is not None and item.person not in persons:
        yield "person", "unknown_person", "The tenant has no person of this reference; supply persons first."
    if item.person is None and not dataset.person_free:
        yield "person", "required", "Records of this dataset are about a person."
    if item.person is not None and dataset.person_free:
        yield "person", "not_allowed", "Records of this dataset are about nobody."
    yield from _payload_faults(item.payload, dataset)


def _payload_faults(payload: Mapping[str, Any], dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    for name, value in payload.items():
        declared = dataset.fields.get(name)
        if declared is None:
            yield f"payload.{name[:100]}", "unknown_field", "The dataset has no such field."
        elif not _fits(value, declared.get("type")):
            yield f"payload.{name}", "wrong_type", f"Expected {declared.get('type')} or null."


def _fits(value: Any, declared: Any) -> bool:
    kinds = [declared] if isinstance(declared, str) else declared or []
    if value is None or not kinds:
        return True
    return any(
        isinstance(value, JSON_TYPES.get(kind, (str,))) and (kind == "boolean" or not isinstance(value, bool))
        for kind in kinds
    )
