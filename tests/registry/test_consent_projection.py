"""The journal of consent and where a person then stands, computed by the database in the journal's own commit."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from registry.models import ConsentEpoch, ConsentEvent, ConsentState
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    make.tenant()
    return make.person()


def stands(person, vertical="health"):
    with make.seen():
        state = ConsentState.objects.filter(person=person, vertical_id=vertical).first()
    return state and state.status


def epoch(vertical="health"):
    with make.seen():
        return ConsentEpoch.objects.values_list("epoch", flat=True).filter(vertical_id=vertical).first()


@pytest.mark.req("B-4.3-1")
def test_no_event_is_no_consent(person):
    assert stands(person) is None


@pytest.mark.req("B-4.3-1")
def test_consent_is_per_vertical(person):
    make.consent(person, "given", "health")
    make.consent(person, "refused", "education")
    assert (stands(person, "health"), stands(person, "education")) == ("given", "refused")


@pytest.mark.req("B-4.3-2")
def test_the_latest_event_stands(person):
    for status in ("given", "withdrawn", "given", "withdrawn"):
        make.consent(person, status)
        assert stands(person) == status


def test_every_event_counts_the_epoch_of_its_vertical(person):
    make.consent(person, "given")
    make.consent(person, "withdrawn")
    make.consent(person, "given", "education")
    assert (epoch("health"), epoch("education")) == (2, 1)


@pytest.mark.req("B-4.3-2")
@pytest.mark.parametrize("order", [("given", "withdrawn"), ("withdrawn", "given")])
def test_of_two_in_the_same_instant_the_withdrawal_wins(person, order):
    instant = timezone.now()
    for status in order:
        make.consent(person, status, effective_at=instant)
    assert stands(person) == "withdrawn"


@pytest.mark.req("B-4.3-2")
def test_a_grant_that_arrives_late_does_not_undo_a_withdrawal_after_it(person):
    now = timezone.now()
    make.consent(person, "withdrawn", effective_at=now - timedelta(days=1))
    make.consent(person, "given", effective_at=now - timedelta(days=2))
    assert stands(person) == "withdrawn"


@pytest.mark.req("B-4.3-2")
def test_a_withdrawal_is_not_post_dated(person):
    make.consent(person)
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        make.consent(person, "withdrawn", effective_at=timezone.now() + timedelta(days=1))
    assert refused.value.__cause__.sqlstate == "SCP07"


@pytest.mark.req("B-4.3-2")
def test_a_withdrawal_noted_for_earlier_takes_effect_when_it_is_recorded(person):
    make.consent(person, "given", effective_at=timezone.now() - timedelta(hours=1))
    make.consent(person, "withdrawn", effective_at=timezone.now() - timedelta(days=9))
    assert stands(person) == "withdrawn"


def test_a_grant_may_start_later(person):
    start = timezone.now() + timedelta(days=3)
    make.consent(person, "given", effective_at=start)
    with make.seen():
        assert ConsentState.objects.get(person=person).effective_from == start


def test_a_renewal_that_starts_later_leaves_no_gap(person):
    first = timezone.now() - timedelta(days=1)
    make.consent(person, "given", effective_at=first)
    make.consent(person, "renewed", effective_at=timezone.now() + timedelta(days=3), notice_version="2026-09")
    with make.seen():
        state = ConsentState.objects.get(person=person)
    assert (state.status, state.effective_from, state.notice_version) == ("renewed", first, "2026-09")


def test_the_time_of_recording_is_the_databases(person):
    event = make.consent(person, recorded_at=timezone.now() - timedelta(days=400))
    with make.seen():
        assert timezone.now() - ConsentEvent.objects.get(pk=event.pk).recorded_at < timedelta(minutes=5)
