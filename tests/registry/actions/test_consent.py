"""Consent is recorded in batches, all or none; what stops it stops at once (B-4.3-1, B-4.3-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from audit.models import Entry, Event
from registry.actions import consent
from registry.actions.consent import ConsentRow, NoticeText
from registry.models import ConsentEpoch, ConsentEvent, ConsentState, Person
from scp_portal.kernel.actor import Actor, ActorKind, Grant
from scp_portal.kernel.problems import Conflict, NotFound, PermissionRefused, ValidationFailed
from tests import make

pytestmark = pytest.mark.django_db

CORE = Actor(ActorKind.MACHINE, "scp-core", "SCP core", frozenset({Grant("core")}))
TEXT = NoticeText(
    "en", "We tell the nurse.", ["ImproveHealthcare"], "Ministry", ["Nurses"], "90 days", "In your account."
)


@pytest.fixture
def persons() -> list[Person]:
    make.tenant("NZ")
    make.notice("NZ", "health")
    return [make.person("NZ") for _ in range(3)]


@pytest.fixture
def person(persons: list[Person]) -> Person:
    return persons[0]


@pytest.fixture
def in_context(persons: list[Person]) -> Iterator[None]:
    with make.seen("NZ"):
        yield


def given(person: Person, **fields: Any) -> ConsentRow:
    values = {"status": "given", "notice_version": "2026-03", "method": "form", **fields}
    return ConsentRow(person_id=person.pk, vertical="health", **values)


def stands(person: Person) -> str:
    return ConsentState.objects.get(person=person, vertical="health").status


def codes(refusal: pytest.ExceptionInfo[ValidationFailed]) -> dict[str, str]:
    return {str(error["field"]): str(error["code"]) for error in refusal.value.errors}


@pytest.mark.req("B-4.3-1")
@pytest.mark.usefixtures("in_context")
def test_a_batch_sets_where_each_person_stands(persons: list[Person]) -> None:
    rows = [given(persons[0]), given(persons[1], status="refused", notice_version=""), given(persons[2])]
    assert consent.record_batch(rows, tenant_id="NZ", actor=CORE) == 3
    assert [stands(person) for person in persons] == ["given", "refused", "given"]
    assert ConsentEpoch.objects.get(vertical="health").epoch == 3
    assert set(ConsentEvent.objects.values_list("actor_id", flat=True)) == {"scp-core"}


@pytest.mark.usefixtures("in_context")
def test_one_entry_tells_of_a_batch_with_counts_and_names_nobody(persons: list[Person]) -> None:
    consent.record_batch([given(one) for one in persons], tenant_id="NZ", actor=CORE)
    entry = Entry.objects.get(action="consent.recorded")
    assert entry.vertical == "health"
    assert entry.document["data"] == {"counts": {"given": 3}, "notices": ["2026-03"]}
    assert not any(str(one.pk) in str(entry.document) for one in persons)


@pytest.mark.usefixtures("in_context")
def test_a_batch_with_one_fault_records_nothing_and_names_the_row(persons: list[Person]) -> None:
    rows = [given(persons[0]), given(persons[1], notice_version="2031-01")]
    with pytest.raises(ValidationFailed) as refusal:
        consent.record_batch(rows, tenant_id="NZ", actor=CORE)
    assert codes(refusal) == {"rows[1].notice_version": "unknown_notice"}
    assert not ConsentEvent.objects.exists()


@pytest.mark.usefixtures("in_context")
@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"notice_version": ""}, "notice_version", "unknown_notice"),
        ({"status": "maybe"}, "status", "unknown_status"),
        ({"actor_role": "friend"}, "actor_role", "unknown_role"),
        ({"status": "withdrawn", "effective_at": timedelta(hours=1)}, "effective_at", "post_dated"),
        ({"status": "expired", "effective_at": timedelta(hours=1)}, "effective_at", "post_dated"),
        ({"valid_until": timedelta(hours=-1)}, "valid_until", "ends_before_it_begins"),
        ({"method": "m" * 41}, "method", "too_long"),
        ({"evidence_ref": "e" * 201}, "evidence_ref", "too_long"),
    ],
)
def test_what_cannot_be_is_refused(person: Person, fields: dict[str, Any], field: str, code: str) -> None:
    now = timezone.now()
    values = {name: now + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    with pytest.raises(ValidationFailed) as refusal:
        consent.record(given(person, **values), tenant_id="NZ", actor=CORE)
    assert codes(refusal) == {f"rows[0].{field}": code}


@pytest.mark.usefixtures("in_context")
def test_a_stranger_and_a_vertical_the_tenant_does_not_run_are_refused(person: Person) -> None:
    row = ConsentRow(person_id=uuid4(), vertical="taxes", status="withdrawn")
    with pytest.raises(ValidationFailed) as refusal:
        consent.record(row, tenant_id="NZ", actor=CORE)
    assert codes(refusal) == {"rows[0].person_id": "unknown_person", "rows[0].vertical": "unknown_vertical"}


@pytest.mark.req("B-4.1-1")
def test_a_person_of_another_tenant_is_unknown_here(persons: list[Person]) -> None:
    make.tenant("EG")
    abroad = make.person("EG")
    with make.seen("NZ", "EG"), pytest.raises(ValidationFailed) as refusal:
        consent.record(given(abroad), tenant_id="NZ", actor=CORE)
    assert codes(refusal) == {"rows[0].person_id": "unknown_person"}


@pytest.mark.req("B-4.3-2")
@pytest.mark.usefixtures("in_context")
def test_a_withdrawal_stops_at_once_and_others_hear_of_it(person: Person) -> None:
    consent.record(given(person), tenant_id="NZ", actor=CORE)
    consent.withdraw(person, "health", actor=CORE)
    assert stands(person) == "withdrawn"
    event = Event.objects.get(type="consent.withdrawn")
    assert event.data == {"person_id": str(person.pk), "vertical": "health"}


@pytest.mark.usefixtures("in_context")
def test_an_officer_withdraws_with_a_reason_kept_as_evidence(person: Person) -> None:
    officer = make.actor("tenant_admin", "NZ")
    consent.withdraw(person, "health", actor=officer, reason="Asked by letter of 3 May")
    event = ConsentEvent.objects.get(person=person)
    assert (event.actor_role, event.evidence_ref, event.actor_id) == ("officer", "Asked by letter of 3 May", officer.id)


@pytest.mark.req("B-4.3-2")
@pytest.mark.usefixtures("in_context")
@pytest.mark.parametrize("first", ["given", "withdrawn"])
def test_of_two_with_the_same_time_the_withdrawal_wins_in_whatever_order_they_come(person: Person, first: str) -> None:
    at = timezone.now() - timedelta(minutes=1)
    both = [given(person, effective_at=at), given(person, status="withdrawn", effective_at=at)]
    ordered = both if first == "given" else both[::-1]
    consent.record_batch(ordered, tenant_id="NZ", actor=CORE)
    assert stands(person) == "withdrawn"
    consent.record(given(person, effective_at=at), tenant_id="NZ", actor=CORE)
    assert stands(person) == "withdrawn"


@pytest.mark.usefixtures("in_context")
def test_who_withdrew_may_consent_again(person: Person) -> None:
    consent.withdraw(person, "health", actor=CORE)
    consent.record(given(person), tenant_id="NZ", actor=CORE)
    assert stands(person) == "given"


@pytest.mark.usefixtures("in_context")
@pytest.mark.parametrize("role", ["vertical_owner", "auditor", "umbrella_authority", "member_user"])
def test_consent_is_recorded_by_the_core_or_an_officer_of_the_tenant_only(person: Person, role: str) -> None:
    with pytest.raises(PermissionRefused):
        consent.record(given(person), tenant_id="NZ", actor=make.actor(role, "NZ"))
    assert not ConsentEvent.objects.exists()


@pytest.mark.usefixtures("in_context")
def test_the_officer_of_another_tenant_may_not(person: Person) -> None:
    make.tenant("EG")
    with pytest.raises(PermissionRefused):
        consent.withdraw(person, "health", actor=make.actor("tenant_admin", "EG"))


@pytest.mark.usefixtures("in_context")
def test_a_notice_is_published_once_and_never_changed() -> None:
    officer = make.actor("tenant_admin", "NZ")
    notice = consent.publish_notice(TEXT, tenant_id="NZ", vertical="health", version="2026-09", actor=officer)
    assert len(notice.text_hash) == 64
    assert Entry.objects.get(action="consent.notice_published").document["data"]["version"] == "2026-09"
    with pytest.raises(Conflict):
        consent.publish_notice(TEXT, tenant_id="NZ", vertical="health", version="2026-09", actor=officer)


@pytest.mark.usefixtures("in_context")
@pytest.mark.parametrize("version", ["v2", "2026", "2026-9", "2026-09-1", ""])
def test_a_notice_version_sorts_by_time(version: str) -> None:
    officer = make.actor("tenant_admin", "NZ")
    with pytest.raises(ValidationFailed):
        consent.publish_notice(TEXT, tenant_id="NZ", vertical="health", version=version, actor=officer)


@pytest.mark.usefixtures("in_context")
def test_a_notice_for_a_vertical_the_tenant_does_not_run_is_refused() -> None:
    with pytest.raises(NotFound):
        consent.publish_notice(
            TEXT, tenant_id="NZ", vertical="taxes", version="2026-09", actor=make.actor("tenant_admin", "NZ")
        )


@pytest.mark.usefixtures("in_context")
def test_a_notice_is_published_by_who_answers_for_the_data() -> None:
    owner = make.actor("vertical_owner", "NZ", "health")
    consent.publish_notice(TEXT, tenant_id="NZ", vertical="health", version="2026-09", actor=owner)
    with pytest.raises(PermissionRefused):
        consent.publish_notice(TEXT, tenant_id="NZ", vertical="education", version="2026-09", actor=owner)
    with pytest.raises(PermissionRefused):
        consent.publish_notice(TEXT, tenant_id="NZ", vertical="health", version="2026-10", actor=CORE)
