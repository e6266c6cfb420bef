"""The partner's addresses: what they answer, and the one entry each call leaves."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Kind
from registry.actions import partners
from scp_portal.kernel.problems import AuditUnavailable
from tests import make
from tests.exchange.world import World, entries

MakeWorld = Callable[..., World]
FIELDS_OF_B_6_4_1 = {
    "integration_id", "tenant_id", "integration_name", "partner_name", "partner_type", "status", "vertical_ids",
    "active_from", "active_until", "data_contract_ref", "auth_client_id", "rate_limit_policy_id", "created_by",
    "created_at",
}  # fmt: skip


# -- whoami and datasets -----------------------------------------------------------------------------------------


@pytest.mark.req("B-6.4-1")
def test_whoami_tells_every_field_by_its_name(world: World) -> None:
    """Behaviour 54."""
    answer = world.get("/api/v1/whoami").json()
    assert set(answer) >= FIELDS_OF_B_6_4_1
    assert answer["integration_id"] == str(world.integration.pk)
    assert answer["vertical_ids"] == ["health"]
    assert answer["to_fix"] == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"status": "suspended"}, "integration_not_active"),
        ({"settings": {"vertical_ids": ["community"]}}, "scope_violation"),
    ],
)
def test_whoami_tells_why_a_call_would_fail(make_world: MakeWorld, options: dict[str, Any], code: str) -> None:
    answer = make_world(**options).get("/api/v1/whoami")
    assert answer.status_code == 200
    assert [one["code"] for one in answer.json()["to_fix"]] == [code]


def test_datasets_tell_fields_and_masks_in_words(world: World) -> None:
    (one,) = world.get("/api/v1/datasets").json()["data"]
    assert one["readable"] is True
    shown = {field["name"]: field["shown"] for field in one["fields"]}
    assert shown == {
        "person_ref": "a pseudonym, the same throughout this integration",
        "given_name": "at most 1 of its first characters, the rest hidden",
    }


def test_a_dataset_that_cannot_be_read_says_why(world: World) -> None:
    world.vertical_rules("health", {"datasets": {"health_records": {"permitted": False}}})
    (one,) = world.get("/api/v1/datasets").json()["data"]
    assert (one["readable"], one["why_not"]["code"], one["fields"]) == (False, "dataset_not_permitted", [])


@pytest.mark.req("B-4.2-1", "B-10-5")
@pytest.mark.parametrize("name", ["education_records", "no-such-dataset", "..", "health_records'--"])
def test_a_dataset_outside_the_contract_is_an_incident_whether_it_exists_or_not(world: World, name: str) -> None:
    """VC-01."""
    answer = world.read(name)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_violation")
    assert entries()[-1].kind == Kind.INCIDENT


# -- methods, headers, parameters ----------------------------------------------------------------------------------


def test_head_answers_like_get_without_a_body(world: World) -> None:
    path, headers = "/api/v1/datasets/health_records/records", {"Authorization": f"Bearer {world.token()}"}
    answer = Client().head(path, headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert entries()[-1].action == "records.read"


@pytest.mark.req("B-8.1-1")
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_other_methods_are_405_with_what_is_allowed(world: World, method: str) -> None:
    """Behaviour 62, IF-05."""
    answer = getattr(Client(), method)("/api/v1/whoami", headers={"Authorization": f"Bearer {world.token()}"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.req("B-4.3-2", "B-5.2-2")
def test_nothing_is_kept_by_a_cache(world: World) -> None:
    """VC-06."""
    (record,) = world.records(1)
    for answer in (world.read(), world.read_one(record), world.get("/api/v1/whoami"), world.read("nowhere")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers
        assert answer.headers["X-Request-Id"]
    assert world.get("/api/v1/whoami", headers={"If-None-Match": "*"}).status_code == 200


def test_an_answer_names_its_entry_in_the_trail(world: World) -> None:
    receipt = world.read().headers["Audit-Receipt"]
    assert receipt == f"{entries()[-1].entry_id};{bytes(entries()[-1].leaf_hash).hex()}"


def test_the_way_on_stands_in_the_body_and_in_the_link(world: World) -> None:
    world.records(2)
    answer = world.read(page_size=1, updated_since="2026-01-01T00:00:00+00:00")
    assert answer.headers["Link"] == f'<{answer.json()["next"]}>; rel="next"'
    assert len(world.get(answer.json()["next"]).json()["data"]) == 1


@pytest.mark.req("B-8.1-1")
@pytest.mark.parametrize(
    "query",
    [
        "page_size=0",
        "page_size=201",
        "page_size=-1",
        "page_size=1e2",
        "page_size=",
        "page_size=٣",
        "page_size=5&page_size=6",
        "limit=5",
        "tenant_id=KE",
        "tenant=KE",
        "format=api",
        "expand=person",
        "sort=given_name",
        "given_name__startswith=A",
        "updated_since=yesterday",
        "updated_since=2026-01-01",
        "updated_since=2026-01-01T00:00:00",
        "updated_since=",
        "updated_since=2026-13-01T00:00:00Z",
        "updated_since=2026-01-01T00:00:00+00:00",
        "cursor=",
        "cursor=abc",
        "cursor=%00",
        "verticals=",
        "verticals=*",
        "verticals=health,,",
        "fields=*",
        "fields=",
        "%FF=1",
        "cursor=%FF",
    ],
)
def test_an_odd_parameter_is_a_400_that_names_it(world: World, query: str) -> None:
    """TI-02, VC-12, IF-06. (A plus sign in a query is a space.)"""
    answer = world.get(f"/api/v1/datasets/health_records/records?{query}")
    assert answer.status_code == 400, answer.content
    assert answer.json()["code"] in {"invalid_parameter", "cursor_invalid"}


@pytest.mark.parametrize("accept", ["text/html", "application/xml"])
def test_only_json_is_answered(world: World, accept: str) -> None:
    """IF-06."""
    answer = world.get("/api/v1/whoami", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nowhere", "/api/v2/whoami", "/api/v1/whoami/"])
@pytest.mark.req("B-8.1-1")
def test_an_address_that_is_none_is_a_404_document(world: World, path: str) -> None:
    answer = world.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "record_id", ["x", "1", "{7f3c2b1e-3f4d-4a53-9b0e-2f7f5a1d9c10}", "7f3c2b1e3f4d4a539b0e2f7f5a1d9c10"]
)
def test_what_is_no_id_names_nothing(world: World, record_id: str) -> None:
    assert world.read_one(record_id).status_code == 404


def test_a_cursor_of_another_integration_is_invalid(make_world: MakeWorld) -> None:
    """TI-12."""
    one, other = make_world(code="NZ"), make_world(code="KE")
    one.records(2), other.records(2)
    onward = one.read(page_size=1).json()["next"]
    answer = other.get(onward)
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


def test_changed_rules_make_a_cursor_stale(world: World) -> None:
    world.records(2)
    onward = world.read(page_size=1).json()["next"]
    masked = {"permitted": True, "classes": {"identifier": {"fn": "clear"}}}
    world.vertical_rules("health", {"datasets": {"health_records": masked}})
    answer = world.get(onward)
    assert (answer.status_code, answer.json()["code"]) == (409, "cursor_stale")


# -- the trail -----------------------------------------------------------------------------------------------------


def outcomes(world: World) -> dict[str, Callable[[], Any]]:
    """One call for each class of outcome."""
    record = world.records(1)[0]
    silent = world.record(world.person())
    return {
        "page": world.read,
        "record": lambda: world.read_one(record),
        "whoami": lambda: world.get("/api/v1/whoami"),
        "datasets": lambda: world.get("/api/v1/datasets"),
        "401 none": lambda: Client().get("/api/v1/whoami"),
        "401 bad": lambda: world.get("/api/v1/whoami", token="a.b.c"),
        "401 mismatch": lambda: world.get("/api/v1/whoami", token=world.token(tenant_id="ZZ")),
        "403 scope": lambda: world.read("education_records"),
        "403 consent": lambda: world.read_one(silent),
        "400 parameter": lambda: world.read(nothing="x"),
        "400 field": lambda: world.read(fields="no_such"),
        "404 record": lambda: world.read_one(str(uuid.uuid4())),
        "404 address": lambda: world.get("/api/v1/nowhere"),
        "405": lambda: Client().post("/api/v1/whoami", headers={"Authorization": f"Bearer {world.token()}"}),
        "406": lambda: world.get("/api/v1/whoami", headers={"Accept": "text/html"}),
    }


@pytest.mark.req("B-9-1", "A-6-4")
def test_every_outcome_leaves_exactly_one_entry_that_fits_it(world: World) -> None:
    """AU-06, behaviour 66."""
    for name, call in outcomes(world).items():
        before = len(entries())
        answer = call()
        added = entries()[before:]
        assert len(added) == 1, name
        said = added[0].document
        assert said["req"]["id"] == answer.headers["X-Request-Id"], name
        assert said["result"]["http"] == answer.status_code, name
        assert said["result"]["status"] == ("success" if answer.status_code == 200 else "denied"), name
        assert said["result"]["code"] == ("" if answer.status_code == 200 else answer.json()["code"]), name


@pytest.mark.req("B-9-1")
def test_the_entry_of_a_page_tells_what_left_and_under_which_rules(world: World) -> None:
    """Behaviour 66."""
    world.records(2)
    world.records(1, "education")
    world.read()
    said = entries()[-1].document
    assert (said["tenant"], said["vertical"], said["actor"]["id"]) == ("NZ", "health", str(world.integration.pk))
    assert said["data_categories"] == ["identifier", "personal"]
    assert said["data"]["contract"] == world.integration.data_contract_ref
    assert len(said["data"]["policy_hash"]) == 64
    assert (said["data"]["kept"], said["data"]["withheld"], said["data"]["persons"]) == (2, 1, 2)
    consent = said["consent"]
    assert (consent["kept"], consent["withheld"], consent["verticals"]) == (2, 1, ["health"])
    assert consent["epochs"]["health"] >= 2


@pytest.mark.req("B-9-1")
def test_without_an_entry_there_is_no_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """AU-07: the database itself refuses the entry."""
    world.records(1, given_name="CANARY")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    answer = world.read()
    assert (answer.status_code, answer.json()["code"]) == (503, AuditUnavailable.code)
    assert b"CANARY" not in answer.content


@pytest.mark.req("B-4.4-1")
def test_no_personal_value_is_in_logs_trail_or_answers(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Behaviour 33, VC-16."""
    canary = "Zebulon-CANARY"
    record = world.record(world.person("health"), given_name=canary, secret_note=canary, title=canary)
    said = [call().content.decode() for call in outcomes(world).values()]
    said += [world.read_one(record).content.decode(), world.read(fields=canary).content.decode()]
    said += [bytes(entry.body).decode() for entry in entries()]
    assert canary not in "".join(said).replace(f"no field {canary}", "") + caplog.text


# -- fuzz ----------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["page_size", "cursor", "updated_since", "fields", "verticals", "format", "x"]) | st.text(
    max_size=8
)
VALUES = (
    st.text(max_size=40)
    | st.integers().map(str)
    | st.sampled_from(["health", "given_name", "2026-01-01T00:00:00Z", "9998-12-31T23:59:59-14:00", "person_ref"])
)


@given(
    query=st.lists(st.tuples(NAMES, VALUES), max_size=4),
    name=st.sampled_from(["health_records", "x"]) | st.text(max_size=9),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_makes_the_portal_fail(world: World, query: list[tuple[str, str]], name: str) -> None:
    """IF-01: whatever is asked, the answer is a page or a refusal of ours."""
    path = f"/api/v1/datasets/{name.replace('/', '_') or 'x'}/records"
    given_once = {
        key.encode("utf-8", "replace").decode(): value.encode("utf-8", "replace").decode() for key, value in query
    }
    answer = world.get(path.encode("utf-8", "replace").decode(), query_params=given_once)
    assert answer.status_code < 500, answer.content
    assert answer.status_code == 200 or answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.req("B-6.2-6")
def test_a_partner_that_is_blocked_is_refused_on_the_very_next_request(world: World) -> None:
    integration = world.integration
    assert world.read().status_code == 200
    with make.seen("NZ"):
        partners.block(integration.partner, actor=make.actor("tenant_admin", "NZ"), reason="They sold what they got.")
    for answer in (world.read(), world.get("/api/v1/whoami"), world.get("/api/v1/datasets")):
        assert (answer.status_code, answer.json()["code"]) == (403, "integration_not_active")
    with make.seen("NZ"):
        partners.unblock(integration.partner, actor=make.actor("umbrella_authority"), reason="They have paid.")
    assert world.read().status_code == 200
