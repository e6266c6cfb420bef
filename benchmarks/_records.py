"""What the read benchmark reads."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from django.db import connections

from exchange.models import Record
from registry.models import ConsentEvent, Person
from tests import make
from tests.exchange.issuer import Issuer
from tests.exchange.world import World

FIELDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "title": ("public", "string", {"fn": "clear"}),
    "given_name": ("personal", "string", {"fn": "partial", "keepStart": 1}),
    "birth_date": ("personal", "string", {"fn": "date", "unit": "month"}),
    "phone": ("contact", "string", {"fn": "partial", "shape": "phone"}),
    "clinic": ("operational", "string", {"fn": "clear"}),
    "dose_code": ("health", "string", {"fn": "clear"}),
    "overdue_days": ("health", "integer", {"fn": "round", "base": 7}),
    "note": ("public", "string", {"fn": "clear"}),
}


def document() -> dict[str, Any]:
    dataset = make.dataset_document("health_records")
    reference = next(one for one in dataset["properties"] if one["name"] == "person_ref")
    dataset["properties"] = [reference, *(_leaf(name, *of) for name, of in FIELDS.items())]
    return make.contract_document(datasets=[dataset])


def _leaf(name: str, category: str, kind: str, mask: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "logicalType": kind,
        "classification": category,
        "customProperties": [{"property": "scpMask", "value": mask}],
    }


def payload(dice: random.Random, number: int) -> dict[str, Any]:
    return {
        "title": f"Reminder {number} for the family",
        "given_name": dice.choice(["Aroha", "Noor", "Wei-Ling", "Émilie"]),
        "birth_date": str(date(2020, 1, 1) + timedelta(days=dice.randrange(2000))),
        "phone": f"+64 21 {dice.randrange(10**6, 10**7)}",
        "clinic": f"Clinic {dice.randrange(40)}",
        "dose_code": dice.choice(["MMR1", "MMR2", "DTP3"]),
        "overdue_days": dice.randrange(200),
        "note": "Call in the afternoon; the family moved and asked for a later date. " * 3,
        "not_granted": "stays here",
    }


def world(issuer: Issuer, count: int) -> World:
    made = World(issuer, document=document(), settings={"token_lifetime": 900})
    dice = random.Random(1)
    with make.seen():
        persons = Person.objects.bulk_create(Person(tenant_id="NZ", reference=f"B-{n}") for n in range(count))
        made_at = persons[0].created_at
        ConsentEvent.objects.bulk_create(
            ConsentEvent(
                tenant_id="NZ", person=who, vertical_id="health", status="given" if n % 8 else "refused",
                notice_version="2026-03", method="form", actor_id="core", effective_at=made_at,
            )
            for n, who in enumerate(persons)
        )  # fmt: skip
        Record.objects.bulk_create(
            Record(
                tenant_id="NZ", dataset_id="health_records", source_key=f"b-{n}", verticals=["health"],
                person=who, payload=payload(dice, n),
            )
            for n, who in enumerate(persons)
        )  # fmt: skip
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")  # by whoever owns the tables: for others PostgreSQL passes them over
    return made
