"""Every address of the API against every foreign thing: a new address without a row here fails (B-4.1-1, TI-01)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from exchange.models import Record
from registry.models import Person
from scp_portal import openapi
from tests import make
from tests.exchange.conftest import issuer, make_world
from tests.exchange.issuer import Issuer
from tests.exchange.world import World, subject_of

__all__ = ["issuer", "make_world"]

OPEN = {"api/v1/openapi.json", "api/docs/"}
"""The description and its page: the same for everyone, no data."""


def addresses(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    for one in (resolver or get_resolver()).url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from addresses(one, route)
        elif isinstance(one, URLPattern) and route.startswith("api/"):
            yield route


class Foreign:
    """A second tenant, and everything of it that an address of ours could be asked for."""

    def __init__(self, world: World) -> None:
        self.world = world
        (self.record,) = world.records(1, given_name="FOREIGN-CANARY")
        self.code = world.code


Ask = Callable[[World, Foreign], Iterator[tuple[Any, int]]]


def whoami(own: World, foreign: Foreign) -> Iterator[tuple[Any, int]]:
    token = own.token(tenant_id=foreign.code)
    yield own.get("/api/v1/whoami", token=token), 401
    yield own.get("/api/v1/whoami", token=own.token(integration_id=str(foreign.world.integration.pk))), 401
    yield own.get("/api/v1/whoami", query_params={"tenant_id": foreign.code}), 400
    yield own.get("/api/v1/whoami", headers={"X-Tenant-Id": foreign.code}), 200


def datasets(own: World, foreign: Foreign) -> Iterator[tuple[Any, int]]:
    yield own.get("/api/v1/datasets", token=own.token(tenant_id=foreign.code)), 401
    yield own.get("/api/v1/datasets", query_params={"tenant": foreign.code}), 400


def records(own: World, foreign: Foreign) -> Iterator[tuple[Any, int]]:
    onward = (
        foreign.world.read(page_size=1).json()["next"] or "/api/v1/datasets/health_records/records?cursor=" + "A" * 80
    )
    yield own.read(token=own.token(tenant_id=foreign.code)), 401
    yield own.read(tenant_id=foreign.code), 400
    yield own.get(onward), 400
    yield own.read(), 200


def record(own: World, foreign: Foreign) -> Iterator[tuple[Any, int]]:
    yield own.read_one(foreign.record), 404
    yield own.read_one(str(uuid.uuid4())), 404


def core(what: str, item: dict[str, Any]) -> Ask:
    """Partners have no way in; the core's own batch for one tenant cannot name another's person."""

    def ask(own: World, foreign: Foreign) -> Iterator[tuple[Any, int]]:
        named = {name: value.format(person=subject_of(foreign.record).reference) for name, value in item.items()}
        body = json.dumps({"items": [{**named, **({"payload": {}} if what == "records" else {})}]})
        for token, status in ((own.token(), 403), (own.issuer.token("scp-core", scp_role="core"), 422)):
            answer = Client().put(
                f"/api/v1/core/{own.code}/{what}", body, content_type="application/json",
                headers={"Authorization": f"Bearer {token}"},
            )  # fmt: skip
            yield answer, status

    return ask


MATRIX: dict[str, Ask] = {
    "api/v1/whoami": whoami,
    "api/v1/datasets": datasets,
    "api/v1/datasets/<str:name>/records": records,
    "api/v1/datasets/<str:name>/records/<str:record_id>": record,
    "api/v1/core/<str:tenant_id>/persons": core("persons", {"reference": "{person}", "tenant_id": "KE"}),
    "api/v1/core/<str:tenant_id>/records": core(
        "records", {"dataset": "health_records", "source_key": "x", "person": "{person}"}
    ),
    "api/v1/core/<str:tenant_id>/consents": core(
        "consents", {"person": "{person}", "vertical": "health", "status": "withdrawn"}
    ),
}


@pytest.mark.req("B-4.1-1")
def test_every_address_has_its_row() -> None:
    assert set(addresses()) == set(MATRIX) | OPEN


def test_the_description_names_every_address() -> None:
    described = {path.lstrip("/") for path in json.loads(openapi.document())["paths"]}
    assert described == {route.replace("<str:", "{").replace(">", "}") for route in MATRIX}


@pytest.mark.req("B-4.1-1", "B-10-5")
@pytest.mark.parametrize("route", sorted(MATRIX))
def test_nothing_of_another_tenant_is_seen_or_changed(make_world: Callable[..., World], route: str) -> None:
    own, foreign = make_world(code="NZ"), Foreign(make_world(code="KE"))
    foreign_names = [str(foreign.record.pk), subject_of(foreign.record).reference, str(foreign.world.integration.pk)]
    before = state(foreign.code)
    for answer, status in MATRIX[route](own, foreign):
        assert answer.status_code == status, (answer.request["PATH_INFO"], answer.content)
        said = answer.content.decode().replace(answer.request["PATH_INFO"], "")
        assert not [name for name in ("FOREIGN-CANARY", "F***", *foreign_names) if name in said]
    assert state(foreign.code) == before


@pytest.mark.req("B-7.3-1")
@pytest.mark.parametrize("route", sorted(MATRIX))
@pytest.mark.django_db
def test_no_address_answers_without_a_token(issuer: Issuer, route: str) -> None:
    """Behaviour 60: every path but health, discovery and documentation."""
    path = "/" + route.replace("<str:", "").replace(">", "")
    for method in ("get", "head", "post", "put", "patch", "delete", "options"):
        answer = getattr(Client(), method)(path)
        assert answer.status_code == 401, (method, path)


def state(tenant: str) -> tuple[list[Any], list[Any]]:
    with make.seen(tenant):
        rows = Record.objects.order_by("pk").values_list("pk", "payload", "updated_at")
        return list(rows), list(Person.objects.order_by("pk").values_list("pk", "reference"))
