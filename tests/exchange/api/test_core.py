"""The core's batches: all stored or nothing, each fault by its index."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Event
from exchange.models import Record
from registry.models import ConsentState, Person
from tests import make
from tests.exchange.issuer import Issuer
from tests.exchange.world import World, entries

CORE = "/api/v1/core"


@pytest.fixture
def token(issuer: Issuer) -> str:
    return issuer.token("scp-core", scp_role="core")


def put(token: str, what: str, items: Any, tenant: str = "NZ", **options: Any) -> Any:
    body = items if isinstance(items, bytes | str) else {"items": items}
    options.setdefault("content_type", "application/json")
    headers = {"Authorization": f"Bearer {token}"}
    return Client(raise_request_exception=False).put(f"{CORE}/{tenant}/{what}", body, headers=headers, **options)


def item(key: str = "k-1", **changes: Any) -> dict[str, Any]:
    made = {
        "dataset": "health_records",
        "source_key": key,
        "person": "P-1",
        "payload": {"title": "T", "overdue_days": 3},
    }
    return {**made, **changes}


def faults(answer: Any) -> list[tuple[str, str]]:
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), answer.content
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def stored() -> list[tuple[str, dict[str, Any]]]:
    with make.seen():
        return list(Record.objects.order_by("source_key").values_list("source_key", "payload"))


@pytest.mark.req("B-5.1-1")
def test_persons_records_and_consent_make_a_record_readable(world: World, token: str) -> None:
    make.notice("NZ", "health", "2026-03")
    assert put(token, "persons", [{"reference": "P-1"}]).json() == {"created": 1, "updated": 0, "unchanged": 0}
    assert put(token, "records", [item()]).json() == {"created": 1, "updated": 0, "unchanged": 0}
    assert world.read().json()["data"] == []
    said = {"person": "P-1", "vertical": "health", "status": "given", "notice_version": "2026-03"}
    assert put(token, "consents", [said]).json() == {"recorded": 1}
    assert len(world.read().json()["data"]) == 1
    assert put(token, "consents", [{"person": "P-1", "vertical": "health", "status": "withdrawn"}]).status_code == 200
    assert world.read().json()["data"] == []
    with make.seen():
        assert ConsentState.objects.get().status == "withdrawn"
        assert Event.objects.filter(type="consent.withdrawn").count() == 1


def test_a_batch_again_changes_nothing_and_a_changed_one_only_what_changed(world: World, token: str) -> None:
    world.person(reference="P-1")
    batch = [item(f"k-{number}") for number in range(3)]
    assert put(token, "records", batch).json()["created"] == 3
    with make.seen():
        before = dict(Record.objects.values_list("source_key", "updated_at"))
    assert put(token, "records", batch).json() == {"created": 0, "updated": 0, "unchanged": 3}
    batch[1]["payload"] = {"title": "New"}
    assert put(token, "records", batch).json() == {"created": 0, "updated": 1, "unchanged": 2}
    with make.seen():
        after = dict(Record.objects.values_list("source_key", "updated_at"))
        told = list(Event.objects.values_list("type", flat=True))
    assert [key for key in after if after[key] != before[key]] == ["k-1"]
    assert sorted(told) == ["record.created"] * 3 + ["record.updated"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"dataset": "nowhere"}, ("items[1].dataset", "unknown_dataset")),
        ({"person": "nobody"}, ("items[1].person", "unknown_person")),
        ({"person": None}, ("items[1].person", "required")),
        ({"verticals": ["jobs"]}, ("items[1].verticals", "unknown_vertical")),
        ({"payload": {"no_such": 1}}, ("items[1].payload.no_such", "unknown_field")),
        ({"payload": {"overdue_days": "3"}}, ("items[1].payload.overdue_days", "wrong_type")),
        ({"payload": {"overdue_days": True}}, ("items[1].payload.overdue_days", "wrong_type")),
        ({"payload": {"overdue_days": 1.5}}, ("items[1].payload.overdue_days", "wrong_type")),
        ({"source_key": "first"}, ("items[1].source_key", "duplicate")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_one_bad_item_stores_nothing_and_is_named(
    world: World, token: str, changes: dict[str, Any], fault: tuple[str, str]
) -> None:
    world.person(reference="P-1")
    assert faults(put(token, "records", [item("first"), item("second", **changes)])) == [fault]
    assert stored() == []


@pytest.mark.parametrize(
    "extra",
    [{"tenant_id": "KE"}, {"record_id": "x"}, {"updated_at": "2026-01-01T00:00:00Z"}, {"status": "active"}],
    ids=str,
)
def test_a_member_that_is_not_known_is_a_fault(world: World, token: str, extra: dict[str, Any]) -> None:
    """VC-14."""
    world.person(reference="P-1")
    ((field, code),) = faults(put(token, "records", [item(**extra)]))
    assert (field.startswith(f"items[0].{next(iter(extra))}"), code) == (True, "unknown_field")
    assert stored() == []


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'"x"', b"null", b'{"items":{}}', b'{"items":[]}', b'{"items":[1]}', b'{"items":[{}],"more":1}',
     b'{"items":[{"reference":""}]}', b'{"items":[{"reference":null}]}', b'{"items":[{"reference":{}}]}',
     b'{"items":[{"reference":"a\\u0000b"}]}', b"{" * 100_000, b'{"items":[{"reference":"x"}],"items":[]}',
     '{"items":[{"reference":"x"}]}'.encode("utf-16"), b'{"items":[{"reference":"' + b"x" * 101 + b'"}]}'],
    ids=lambda body: str(body[:30]),
)  # fmt: skip
def test_a_body_that_is_no_batch_is_refused(world: World, token: str, body: bytes) -> None:
    """IF-04."""
    assert put(token, "persons", body).status_code in {400, 422}
    with make.seen():
        assert not Person.objects.exists()


def test_a_batch_has_at_most_a_thousand_items_and_names_nobody_twice(world: World, token: str) -> None:
    assert put(token, "persons", [{"reference": f"R-{number}"} for number in range(1001)]).status_code == 422
    assert put(token, "persons", [{"reference": f"R-{number}"} for number in range(1000)]).json()["created"] == 1000
    twice = put(token, "persons", [{"reference": "a"}, {"reference": "b"}, {"reference": "a"}])
    assert faults(twice) == [("items[2].reference", "duplicate")]
    said = {"person": "R-1", "vertical": "health", "status": "refused"}
    assert faults(put(token, "consents", [said, said])) == [("items[1].person", "duplicate")]


def test_other_media_types_and_encodings_are_refused(world: World, token: str) -> None:
    """IF-04."""
    body = b'{"items":[{"reference":"x"}]}'
    assert put(token, "persons", body, content_type="text/plain").status_code == 415
    assert put(token, "persons", body, content_type="application/json; charset=utf-7").status_code == 415
    assert put(token, "persons", body, HTTP_CONTENT_ENCODING="gzip").status_code == 415
    assert put(token, "persons", b" " * (8 * 1024 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"person": "nobody"}, "items[0].person"),
        ({"vertical": "jobs"}, "items[0].vertical"),
        ({"status": "perhaps"}, "items[0].status"),
        ({"notice_version": "1999-01"}, "items[0].notice_version"),
        ({"effective_at": "yesterday"}, "items[0].effective_at"),
    ],
    ids=str,
)
def test_a_consent_that_cannot_be_recorded_is_named(world: World, token: str, said: dict[str, str], fault: str) -> None:
    world.person(reference="P-1")
    make.notice("NZ", "health", "2026-03")
    whole = {"person": "P-1", "vertical": "health", "status": "given", "notice_version": "2026-03", **said}
    (named, _), *_ = faults(put(token, "consents", [whole]))
    assert named.startswith(fault)


@pytest.mark.req("B-4.1-1")
def test_a_batch_reaches_one_tenant_only(world: World, token: str) -> None:
    """TI-03, TI-04: another tenant's person is nobody here, and an unknown tenant is not found."""
    make.tenant("KE")
    make.person("KE", "P-1")
    assert faults(put(token, "records", [item()])) == [("items[0].person", "unknown_person")]
    for tenant in ("ZZ", "*", "NZ,KE", "nz", "%00", "..%2f"):
        assert put(token, "persons", [{"reference": "x"}], tenant=tenant).status_code == 404, tenant


def test_each_batch_leaves_one_entry_of_its_request(world: World, token: str) -> None:
    """AU-06."""
    for items, status in (([{"reference": "a"}], 200), ([{"reference": ""}], 422)):
        before = len(entries())
        answer = put(token, "persons", items)
        (entry,) = entries()[before:]
        assert (entry.document["result"]["http"], answer.status_code) == (status, status)
        assert entry.tenant_id == "NZ"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(payload=st.dictionaries(st.sampled_from(["title", "overdue_days", "x"]), JSON, max_size=3), member=JSON)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_item_makes_the_portal_fail(world: World, token: str, payload: dict[str, Any], member: Any) -> None:
    """IF-01."""
    world.person(reference=f"P-{id(payload)}-{len(entries())}")
    for changes in ({"payload": payload}, {"payload": member}, {"person": member}, {"verticals": member}):
        answer = put(token, "records", [item(**changes)])
        assert answer.status_code in {200, 400, 422}, answer.content
