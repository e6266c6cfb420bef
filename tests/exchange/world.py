"""A small world to read from: datasets, rules that show everything, persons with consent, an active integration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from audit.models import Entry
from exchange.models import Dataset, Record
from registry.models import Integration, Person, Tenant, TenantVertical
from registry.policy.rules import CLEAR_EVERY_CLASS
from tests import make
from tests.exchange.issuer import Issuer

FIELDS = {
    "title": {"type": "string", "class": "public", "title": "Title"},
    "given_name": {"type": "string", "class": "personal", "title": "Given name"},
    "secret_note": {"type": "string", "class": "sensitive", "title": "Note"},
    "overdue_days": {"type": "integer", "class": "health", "title": "Days overdue"},
}


@dataclass
class World:
    """One tenant with one active integration over these verticals; a dataset `<vertical>_records` in each."""

    issuer: Issuer
    code: str = "NZ"
    verticals: Sequence[str] = ("health",)
    document: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    status: str = "active"

    def __post_init__(self) -> None:
        self.cast = make.cast(self.code)
        for vertical in make.VERTICALS:
            self.dataset(f"{vertical}_records", vertical)
        self.rules({name: {"permitted": True, "classes": CLEAR_EVERY_CLASS} for name in self._datasets()})
        contract = make.contract(self.code, self.verticals, document=self.document)
        values = {"vertical_ids": list(self.verticals), "data_contract": contract, **self.settings}
        self.integration: Integration = make.integration(self.status, cast=self.cast, **values)

    def _datasets(self) -> list[str]:
        return [f"{vertical}_records" for vertical in make.VERTICALS]

    # -- what there is ---------------------------------------------------------------------------------------

    @staticmethod
    def dataset(name: str, vertical: str, **values: Any) -> Dataset:
        made = {"vertical": make.vertical(vertical), "title": name.capitalize(), "fields": FIELDS, **values}
        return Dataset.objects.update_or_create(name=name, defaults=made)[0]

    def rules(self, datasets: Mapping[str, Any], **limits: Any) -> None:
        """What every vertical of the tenant says of each dataset; the tenant itself hides nothing."""
        with make.seen():
            Tenant.objects.filter(pk=self.code).update(policy={"classes": CLEAR_EVERY_CLASS})
            TenantVertical.objects.filter(tenant=self.code).update(policy={"datasets": datasets, **limits})

    def vertical_rules(self, vertical: str, policy: Mapping[str, Any]) -> None:
        with make.seen():
            TenantVertical.objects.filter(tenant=self.code, vertical=vertical).update(policy=policy)

    def person(self, *consents: str, reference: str = "") -> Person:
        who = make.person(self.code, reference)
        for vertical in consents:
            make.consent(who, vertical=vertical)
        return who

    def record(
        self, person: Person | None, dataset: str = "health_records", *, verticals: Sequence[str] = (), **payload: Any
    ) -> Record:
        own = dataset.removesuffix("_records")
        values: dict[str, Any] = {"title": "A record", "given_name": "Aroha", "person_id": "raw", **payload}
        if person is not None:
            values["person_id"] = person.reference
        with make.seen():
            key = f"{dataset}-{Record.objects.count()}"
            made = Record.objects.create(
                tenant_id=self.code,
                dataset_id=dataset,
                source_key=key,
                verticals=sorted({own, *verticals}),
                person=person,
                payload=values,
            )
            made.refresh_from_db(fields=["updated_at"])
        return made

    def records(self, count: int, *consents: str, **payload: Any) -> list[Record]:
        return [self.record(self.person(*(consents or ("health",))), **payload) for _ in range(count)]

    # -- who asks --------------------------------------------------------------------------------------------

    def claims(self, **claims: Any) -> dict[str, Any]:
        own = {
            "tenant_id": self.code,
            "integration_id": str(self.integration.pk),
            "verticals": list(self.integration.vertical_ids),
        }
        return {**own, **claims}

    def token(self, **claims: Any) -> str:
        return self.issuer.token(**{"client_id": self.integration.auth_client_id, **self.claims(**claims)})

    def get(self, path: str, *, token: str | None = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {token or self.token()}", **options.pop("headers", {})}
        return Client(raise_request_exception=False).get(path, headers=headers, **options)

    def read(self, dataset: str = "health_records", *, token: str | None = None, **query: Any) -> Any:
        return self.get(f"/api/v1/datasets/{dataset}/records", token=token, query_params=query)

    def read_one(self, record: Record | str, dataset: str = "health_records", **query: Any) -> Any:
        record_id = record.pk if isinstance(record, Record) else record
        return self.get(f"/api/v1/datasets/{dataset}/records/{record_id}", query_params=query)


def subject_of(record: Record) -> Person:
    """The person a record is about."""
    assert record.person is not None
    return record.person


def entries(**filters: Any) -> list[Entry]:
    """What the trail holds, oldest first."""
    with make.seen():
        return list(Entry.objects.filter(**filters).order_by("entry_id"))
