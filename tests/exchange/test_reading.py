"""The truth table of consent and scope, over the database; and the order of changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from audit.models import Kind
from exchange import reading
from exchange.models import Dataset, Record
from registry.policy.rules import CLEAR_EVERY_CLASS
from scp_portal.kernel.tenancy import tenant_context
from tests import make
from tests.exchange.world import World, entries, subject_of

MakeWorld = Callable[..., World]


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [record["record_id"] for record in answer.json()["data"]]


def pages(world: World, **query: Any) -> Iterator[list[str]]:
    answer = world.read(**query)
    yield ids(answer)
    while onward := answer.json()["next"]:
        answer = world.get(onward)
        yield ids(answer)


def field(name: str, category: str = "public", kind: str = "string", **mask: Any) -> dict[str, Any]:
    return {
        "name": name,
        "logicalType": kind,
        "classification": category,
        "customProperties": [{"property": "scpMask", "value": mask or {"fn": "clear"}}],
    }


def document(dataset: dict[str, Any], verticals: tuple[str, ...] = ("health",), **changes: Any) -> dict[str, Any]:
    return {**make.contract_document(datasets=[dataset], verticals=verticals), **changes}


def with_fields(*fields: dict[str, Any]) -> dict[str, Any]:
    return {**make.dataset_document("health_records"), "properties": list(fields)}


# -- consent (governance 4.3) ------------------------------------------------------------------------------------


@pytest.mark.req("B-4.3-1")
@pytest.mark.parametrize(
    "events",
    [
        [],
        [{"status": "requested", "notice_version": ""}],
        [{"status": "refused"}],
        [{"status": "withdrawn"}],
        [{"status": "expired"}],
        [{"status": "invalidated"}],
        [{"status": "given"}, {"status": "withdrawn"}],
        [{"status": "given", "notice_version": "2025-01"}],
        [{"status": "given", "vertical": "education"}],
        [{"status": "given", "ends_in": -60}],
        [{"status": "given", "starts_in": 3600}],
    ],
    ids=lambda events: "+".join(f"{e['status']} {e.get('notice_version', '')}" for e in events) or "no row",
)
def test_whatever_is_no_consent_now_is_the_same_refusal(world: World, events: list[dict[str, Any]]) -> None:
    """Behaviour 13, VC-03."""
    who = world.person()
    for event in events:
        given = dict(event)
        now = timezone.now()
        given["effective_at"] = now + timedelta(seconds=given.pop("starts_in", -120))
        if "ends_in" in given:
            given["valid_until"] = now + timedelta(seconds=given.pop("ends_in"))
        make.consent(who, **given)
    record = world.record(who)
    answer = world.read_one(record)
    assert (answer.status_code, answer.json()["code"]) == (403, "consent_denied")
    assert answer.json()["detail"] == world.read_one(world.record(world.person())).json()["detail"]
    assert ids(world.read()) == []
    assert entries(action="records.read")[-1].document["consent"]["withheld"] == 2


@pytest.mark.req("B-4.3-1")
@pytest.mark.parametrize("status", ["given", "renewed"])
def test_consent_shows_the_record(world: World, status: str) -> None:
    who = world.person()
    make.consent(who, status)
    record = world.record(who)
    assert world.read_one(record).status_code == 200
    assert ids(world.read()) == [str(record.pk)]


@pytest.mark.req("B-4.3-2", "B-10-1", "A-6-3", "B-5.1-3")
def test_who_withdraws_between_two_pages_is_not_on_the_second(world: World) -> None:
    """Behaviour 15, VC-07."""
    records = world.records(4)
    first = world.read(page_size=2)
    assert ids(first) == [str(record.pk) for record in records[:2]]
    make.consent(subject_of(records[2]), "withdrawn")
    second = world.get(first.json()["next"])
    assert ids(second) == [str(records[3].pk)]
    consent = entries(action="records.read")[-1].document["consent"]
    assert (consent["kept"], consent["withheld"]) == (1, 1)


@pytest.mark.req("B-4.3-2")
def test_consent_given_again_shows_the_person_again_and_keeps_the_history(world: World) -> None:
    """Behaviour 25."""
    (record,) = world.records(1)
    make.consent(subject_of(record), "withdrawn", effective_at=timezone.now() - timedelta(seconds=1))
    assert ids(world.read()) == []
    make.consent(subject_of(record), "given")
    assert ids(world.read()) == [str(record.pk)]
    with make.seen():
        assert subject_of(record).consent_events.count() == 3


@pytest.mark.req("B-4.3-1")
def test_withdrawal_in_one_vertical_leaves_the_other_alone(make_world: MakeWorld) -> None:
    """Behaviour 22."""
    world = make_world(verticals=("health", "education"))
    who = world.person("health", "education")
    in_health, in_education = world.record(who), world.record(who, "education_records")
    make.consent(who, "withdrawn", vertical="health")
    assert world.read_one(in_health).status_code == 403
    assert world.read_one(in_education, "education_records").status_code == 200


@pytest.mark.req("B-4.3-2")
def test_a_legal_basis_other_than_consent_is_no_exemption(make_world: MakeWorld) -> None:
    """Behaviour 23."""
    contract = make.contract_document()
    basis = {"property": "legalBasisIri", "value": "https://w3id.org/dpv#LegalObligation"}
    contract["description"]["customProperties"][1] = basis
    world = make_world(document=contract)
    assert world.read_one(world.record(world.person())).status_code == 403


@pytest.mark.req("B-4.3-1")
def test_a_record_about_nobody_is_shown_only_where_core_and_contract_say_so(make_world: MakeWorld) -> None:
    """Fail closed: a missing person is no consent."""
    world = make_world()
    world.record(None)
    assert ids(world.read()) == []
    free = make.dataset_document("community_records", "community", person_free=True)
    contract = make.contract_document("KE", verticals=("community",), datasets=[free])
    other = make_world(code="KE", verticals=("community",), document=contract)
    other.record(None, "community_records")
    assert ids(other.read("community_records")) == [], "the core says its records are about persons"
    Dataset.objects.filter(name="community_records").update(person_free=True)
    assert len(ids(other.read("community_records"))) == 1
    other.record(other.person(), "community_records")
    assert len(ids(other.read("community_records"))) == 1, "a record about a person needs that person's consent"


# -- scope -------------------------------------------------------------------------------------------------------


@pytest.mark.req("B-4.2-2")
def test_a_read_across_two_verticals_needs_consent_in_both(make_world: MakeWorld) -> None:
    """Behaviour 10, truth table rows 1 to 3."""
    world = make_world(verticals=("health", "education"))
    both, one = world.person("health", "education"), world.person("health")
    seen_by_both, seen_by_one = world.record(both), world.record(one)
    assert ids(world.read()) == [str(seen_by_both.pk), str(seen_by_one.pk)]
    assert ids(world.read(verticals="health,education")) == [str(seen_by_both.pk)]
    assert world.read_one(seen_by_one, verticals="health,education").json()["code"] == "consent_denied"


@pytest.mark.req("B-4.2-2")
def test_a_read_across_two_verticals_gets_the_strictest_mask_of_both(make_world: MakeWorld) -> None:
    """Behaviour 8, VC-02: pseudonym ⊓ partial is nothing."""
    world = make_world(verticals=("health", "education"))
    masked = {"permitted": True, "classes": {**CLEAR_EVERY_CLASS, "personal": {"fn": "redact"}}}
    world.vertical_rules("education", {"datasets": {"health_records": masked, "education_records": masked}})
    world.record(world.person("health", "education"))
    assert world.read().json()["data"][0]["fields"]["given_name"] == "A***"
    assert world.read(verticals="health,education").json()["data"][0]["fields"]["given_name"] == "[redacted]"


@pytest.mark.req("B-4.2-2")
def test_a_vertical_that_forbids_the_dataset_forbids_the_read_across(make_world: MakeWorld) -> None:
    """Behaviour 9."""
    world = make_world(verticals=("health", "education"))
    world.vertical_rules("education", {"datasets": {"health_records": {"permitted": False}}})
    world.record(world.person("health", "education"))
    answer = world.read(verticals="health,education")
    assert (answer.status_code, answer.json()["code"]) == (403, "dataset_not_permitted")


@pytest.mark.req("B-4.2-1", "B-10-5")
@pytest.mark.parametrize("lacking", ["tenant", "integration", "token", "contract"])
def test_each_of_four_must_hold_the_vertical(make_world: MakeWorld, lacking: str) -> None:
    """Truth table rows 5 and 6; behaviour 7."""
    both = ("health", "education")
    contract = make.contract_document(verticals=("health",) if lacking == "contract" else both)
    settings = {"vertical_ids": ["health"]} if lacking == "integration" else {}
    world = make_world(verticals=both, document=contract, settings=settings)
    world.record(world.person(*both))
    if lacking == "tenant":
        make.vertical("jobs")
        with make.seen(), connection.cursor() as cursor:
            cursor.execute("UPDATE registry_tenantvertical SET vertical_id = 'jobs' WHERE vertical_id = 'education'")
    claimed = ["health"] if lacking == "token" else list(both)
    answer = world.read(token=world.token(verticals=claimed), verticals="health,education")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_violation")
    assert entries()[-1].kind == Kind.INCIDENT


@pytest.mark.req("B-4.2-2")
def test_a_record_that_touches_a_second_vertical_needs_both_asked_for(make_world: MakeWorld) -> None:
    """VC-02: object in two verticals, scope has one."""
    world = make_world(verticals=("health", "education"))
    record = world.record(world.person("health", "education"), verticals=("education",))
    assert ids(world.read()) == []
    assert world.read_one(record).json()["code"] == "scope_violation"
    assert ids(world.read(verticals="health,education")) == [str(record.pk)]


@pytest.mark.req("B-4.1-1")
def test_another_tenants_record_is_the_same_404_as_one_that_is_not_there(make_world: MakeWorld) -> None:
    """Behaviour 2, TI-01."""
    world, other = make_world(code="NZ"), make_world(code="KE")
    (foreign,) = other.records(1)

    def said(record_id: str) -> Any:
        answer = world.read_one(record_id)
        document = answer.json()
        varying = [document.pop(name) for name in ("instance", "request_id", "trace_id")]
        assert record_id in varying[0]
        kept = {name: value for name, value in answer.headers.items() if name not in ("X-Request-Id", "Content-Length")}
        return answer.status_code, document, kept

    assert said(str(foreign.pk)) == said("00000000-0000-4000-8000-000000000000")
    assert said(str(foreign.pk))[0] == 404
    assert ids(world.read()) == []


@pytest.mark.req("B-4.1-1")
def test_the_rows_of_another_tenant_are_hidden_from_the_database_role_itself(make_world: MakeWorld) -> None:
    """TI-07: also from a statement that forgets to ask for the tenant."""
    make_world(code="NZ").records(1)
    make_world(code="KE").records(2)
    for tenants, count in ((["NZ"], 1), (["KE"], 2), ([], 0), (["NZ", "KE"], 3)):
        with transaction.atomic(), tenant_context(*tenants):
            assert Record.objects.count() == count


@pytest.mark.req("B-4.1-1")
def test_a_record_cannot_be_about_another_tenants_person(make_world: MakeWorld) -> None:
    """TI-03: the plain foreign key would let it pass."""
    world, other = make_world(code="NZ"), make_world(code="KE")
    foreign = other.person()

    def stored() -> None:
        with make.seen():
            values = {"tenant_id": world.code, "dataset_id": "health_records", "verticals": ["health"], "payload": {}}
            Record.objects.create(source_key="x", person=foreign, **values)
            connection.check_constraints()

    with pytest.raises(IntegrityError, match="exchange_record_person_of_the_tenant"):
        stored()


@pytest.mark.req("B-4.4-1")
def test_the_contracts_row_filter_leaves_rows_out(make_world: MakeWorld) -> None:
    dataset = with_fields(field("title"), field("overdue_days", "health", "integer"))
    dataset["customProperties"].append({"property": "scpRowFilter", "value": {"overdue_days": {"gte": 14}}})
    world = make_world(document=document(dataset))
    rows = [world.record(world.person("health"), overdue_days=days) for days in (3, 14, 20)]
    world.record(world.person("health"), overdue_days=None)
    assert ids(world.read()) == [str(row.pk) for row in rows[1:]]
    assert world.read_one(rows[0]).status_code == 404


# -- minimisation ------------------------------------------------------------------------------------------------


@pytest.mark.req("B-4.4-1")
def test_what_the_contract_does_not_name_never_leaves(make_world: MakeWorld) -> None:
    """Behaviour 29."""
    world = make_world(document=document(with_fields(field("title"))))
    record = world.record(world.person("health"), secret_note="CANARY-1", nested={"deep": {"er": "CANARY-2"}})
    for answer in (world.read(), world.read_one(record)):
        assert b"CANARY" not in answer.content
    assert world.read().json()["data"][0]["fields"] == {"title": "A record"}


@pytest.mark.req("B-4.4-1")
def test_a_pseudonym_is_the_same_within_an_integration_and_another_outside(make_world: MakeWorld) -> None:
    """Behaviour 30."""
    world = make_world()
    who = world.person("health")
    world.record(who), world.record(who)
    seen = {record["fields"]["person_ref"] for record in world.read().json()["data"]}
    assert len(seen) == 1
    other = World(world.issuer)
    theirs = {record["fields"]["person_ref"] for record in other.read().json()["data"]}
    assert len(theirs) == 1
    assert theirs != seen
    assert who.reference not in str(seen | theirs)


@pytest.mark.req("B-4.4-1", "B-8.1-1")
def test_a_stored_record_that_breaks_its_contract_is_not_sent(make_world: MakeWorld) -> None:
    """Behaviour 32: 500 schema_guard and an incident, for the page and for the single record."""
    world = make_world(document=document(with_fields(field("title"), field("overdue_days", "health", "integer"))))
    good = world.record(world.person("health"), overdue_days=3)
    bad = world.record(world.person("health"), overdue_days="CANARY three")
    assert world.read_one(good).status_code == 200
    for answer in (world.read(), world.read_one(bad)):
        assert (answer.status_code, answer.json()["code"]) == (500, "schema_guard")
        assert b"CANARY" not in answer.content
        assert entries()[-1].kind == Kind.INCIDENT


def test_fields_can_be_asked_for(make_world: MakeWorld) -> None:
    world = make_world(document=document(with_fields(field("title"), field("given_name", "personal"))))
    world.record(world.person("health"))
    assert world.read(fields="given_name").json()["data"][0]["fields"] == {"given_name": "Aroha"}


@pytest.mark.req("B-4.4-1", "B-10-5")
def test_a_field_the_contract_does_not_grant_is_refused_and_one_that_is_none_is_a_mistake(world: World) -> None:
    """Behaviour 11, VC-12."""
    answer = world.read(fields="given_name,secret_note")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_violation")
    assert entries()[-1].kind == Kind.INCIDENT
    answer = world.read(fields="given_name,no_such_field")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")
    for odd in ("*", "a b", "", ",", "x" * 200, "fields'--", "given_name,"):
        assert world.read(fields=odd).status_code == 400, odd


# -- order and pages ---------------------------------------------------------------------------------------------


def test_pages_hold_every_record_once_in_the_order_of_changes(world: World) -> None:
    records = world.records(7)
    assert [one for page in pages(world, page_size=3) for one in page] == [str(record.pk) for record in records]


def test_withheld_records_take_no_place_on_a_page(world: World) -> None:
    kept = [str(record.pk) for record in world.records(2)]
    world.records(3, "education")
    kept += [str(record.pk) for record in world.records(2)]
    assert list(pages(world, page_size=3)) == [kept[:3], kept[3:]]
    counted = [entry.document["consent"] for entry in entries(action="records.read")]
    assert [(one["kept"], one["withheld"]) for one in counted] == [(3, 3), (1, 0)]


def test_a_page_looks_at_a_bounded_number_of_rows_and_leads_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hardly anyone consents a page is short, or empty, and the next one goes on."""
    monkeypatch.setattr("exchange.reading.ROWS_LOOKED_AT", 4)
    reading._page_statement.cache_clear()
    world.records(6, "education")
    (last,) = world.records(1)
    assert list(pages(world, page_size=3)) == [[], [str(last.pk)]]


def test_a_change_moves_a_record_to_the_end_and_updated_since_finds_it(world: World) -> None:
    records = world.records(3)
    with make.seen():
        Record.objects.filter(pk=records[0].pk).update(payload={"title": "New"})
        changed = Record.objects.get(pk=records[0].pk).updated_at
    assert ids(world.read())[-1] == str(records[0].pk)
    assert ids(world.read(updated_since=changed.isoformat())) == [str(records[0].pk)]
    assert ids(world.read(updated_since=(changed + timedelta(microseconds=1)).isoformat())) == []


def test_a_page_holds_at_most_what_every_rule_permits(world: World) -> None:
    """Behaviour 12."""
    world.rules({"health_records": {"permitted": True, "classes": CLEAR_EVERY_CLASS}}, pageSize=2)
    world.records(3)
    assert [len(page) for page in pages(world, page_size=200)] == [2, 1]


@pytest.mark.django_db(transaction=True)
def test_a_writer_that_commits_late_is_not_passed_over(issuer: Any) -> None:
    """A reader that pages while a slow writer has not committed still finds its record afterwards."""
    world = World(issuer)
    world.records(1)
    slow_has_written, slow_may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with make.seen():
                _insert(world, "slow")
                slow_has_written.set()
                slow_may_commit.wait(10)
        finally:
            connections.close_all()

    def fast() -> None:
        try:
            with make.seen():
                _insert(world, "fast")
        finally:
            connections.close_all()

    writers = [threading.Thread(target=slow), threading.Thread(target=fast)]
    writers[0].start()
    assert slow_has_written.wait(10)
    writers[1].start()
    first = world.read(page_size=1)
    assert first.json()["next"] is None
    since = first.json()["data"][0]["updated_at"]
    slow_may_commit.set()
    for writer in writers:
        writer.join(10)
    later = ids(world.read(updated_since=since))
    with make.seen():
        in_order = [str(pk) for pk in Record.objects.order_by("updated_at").values_list("pk", flat=True)]
        keys = list(Record.objects.order_by("updated_at").values_list("source_key", flat=True))
    assert later == in_order
    assert keys[1:] == ["slow", "fast"], "who commits first has the earlier stamp"


def _insert(world: World, key: str) -> None:
    who = make.person(world.code)
    make.consent(who)
    Record.objects.create(
        tenant_id=world.code, dataset_id="health_records", source_key=key, verticals=["health"], person=who, payload={}
    )


@pytest.mark.req("B-4.3-2")
@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_that_has_returned_is_seen_by_every_request_that_starts_after(issuer: Any) -> None:
    """Behaviour 14, VC-04: real commits, several connections."""
    world = World(issuer)
    records = world.records(10)
    for record in records:
        assert str(record.pk) in ids(world.read())
        make.consent(subject_of(record), "withdrawn")
        gone: list[list[str]] = []

        def look(found: list[list[str]] = gone) -> None:
            try:
                found.append(ids(world.read()))
            finally:
                connections.close_all()

        readers = [threading.Thread(target=look) for _ in range(2)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(10)
        assert len(gone) == 2
        assert all(str(record.pk) not in page for page in gone)


# -- state and time ----------------------------------------------------------------------------------------------


@pytest.mark.req("B-6.2-6", "B-6.3-1")
@pytest.mark.parametrize(
    ("status", "code"),
    [("active", 200), ("restricted", 200), ("deprecated", 200), ("suspended", 403)],
)
def test_what_each_state_serves(make_world: MakeWorld, status: str, code: int) -> None:
    """Truth table rows 8 to 10; behaviours 47, 50."""
    world = make_world(status=status)
    answer = world.read()
    assert answer.status_code == code
    if status == "deprecated":
        assert answer.headers["Deprecation"].startswith("@")
        assert answer.headers["Sunset"].endswith("GMT")
        assert 'rel="deprecation"' in answer.headers["Link"]
    elif code == 403:
        assert answer.json()["code"] == "integration_not_active"


@pytest.mark.req("B-6.2-6")
@pytest.mark.parametrize("window", [(1, 10), (-10, -1)], ids=["not yet", "no longer"])
def test_nothing_is_served_outside_the_window_whatever_jobs_do(make_world: MakeWorld, window: tuple[int, int]) -> None:
    """Behaviour 46."""
    now = timezone.now()
    begins, ends = (now + timedelta(days=days) for days in window)
    world = make_world(settings={"active_from": begins, "active_until": ends})
    answer = world.read()
    assert (answer.status_code, answer.json()["code"]) == (403, "integration_window")


@pytest.mark.parametrize("what", ["tenant", "vertical"])
def test_a_frozen_tenant_or_vertical_serves_nothing(world: World, what: str) -> None:
    table, key = ("registry_tenant", "code") if what == "tenant" else ("registry_tenantvertical", "tenant_id")
    with make.seen(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET frozen_at = now() WHERE {key} = 'NZ'")
    assert world.read().json()["code"] == "integration_not_active"
