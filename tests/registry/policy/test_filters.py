"""Row filters and the consent test, as PostgreSQL evaluates them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from itertools import product
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.policy.filters import OPERATORS, FilterError, consent_clause, parse_row_filters, row_filter_sql
from scp_portal.testing import cluster

Database = psycopg.Connection[Any]


def keeps(database: Database, conditions: dict[str, Any], stored: Any) -> bool:
    made = row_filter_sql(parse_row_filters(conditions))
    statement = f"SELECT {made.text} FROM (SELECT %s::jsonb AS payload) r"
    row = database.execute(statement, (*made.params, json.dumps(stored))).fetchone()
    assert row is not None
    assert isinstance(row[0], bool)
    return row[0]


@pytest.mark.parametrize(
    ("conditions", "stored", "kept"),
    [
        ({"days": {"gte": 14}}, {"days": 14}, True),
        ({"days": {"gt": 14}}, {"days": 14}, False),
        ({"days": {"lte": 14}}, {"days": 14.0}, True),
        ({"days": {"lt": 14}}, {"days": 14}, False),
        ({"days": {"gte": 1, "lt": 5}}, {"days": 3}, True),
        ({"days": {"gte": 1, "lt": 5}}, {"days": 7}, False),
        ({"days": {"gte": 14}}, {"days": "15"}, False),
        ({"days": {"gte": 14}}, {"days": None}, False),
        ({"days": {"gte": 14}}, {}, False),
        ({"days": {"gte": 14}}, [], False),
        ({"days": {"eq": 14}}, {"days": 14.0}, True),
        ({"days": {"eq": 14}}, {"days": "14"}, False),
        ({"open": {"eq": True}}, {"open": True}, True),
        ({"open": {"eq": True}}, {"open": "true"}, False),
        ({"open": {"eq": True}}, {"open": 1}, False),
        ({"who": {"eq": "O'Brien %s"}}, {"who": "O'Brien %s"}, True),
        ({"who": {"in": ["a", 1, False]}}, {"who": False}, True),
        ({"who": {"in": ["a", 1]}}, {"who": "b"}, False),
        ({"who": {"in": ["a", 1]}}, {"who": None}, False),
        ({"at": {"gte": "2026-01-01"}}, {"at": "2026-01-01"}, True),
        ({"at": {"gte": "2026-01-01"}}, {"at": "2025-12-31T23:30:00-01:00"}, True),
        ({"at": {"gte": "2026-01-01"}}, {"at": "infinity"}, False),
        ({"at": {"gte": "2026-01-01"}}, {"at": "soon"}, False),
        ({"home.city": {"eq": "Suva"}}, {"home": {"city": "Suva"}}, True),
        ({"home.city": {"eq": "Suva"}}, {"home": "Suva"}, False),
        ({"a": {"eq": 1}, "b": {"eq": 2}}, {"a": 1, "b": 3}, False),
        ({}, {}, True),
    ],
)
def test_a_row_is_kept_only_when_every_condition_holds(
    database: Database, conditions: dict[str, Any], stored: Any, kept: bool
) -> None:
    assert keeps(database, conditions, stored) is kept


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("days > 3", ()),
        (["days"], ()),
        ({"da ys": {"eq": 1}}, ("da ys",)),
        ({"a..b": {"eq": 1}}, ("a..b",)),
        ({5: {"eq": 1}}, ("5",)),
        ({"days": 5}, ("days",)),
        ({"days": {}}, ("days",)),
        ({"days": {"like": "x"}}, ("days", "like")),
        ({"days": {"or": [1]}}, ("days", "or")),
        ({"days": {"eq": None}}, ("days", "eq")),
        ({"days": {"eq": [1]}}, ("days", "eq")),
        ({"days": {"in": []}}, ("days", "in")),
        ({"days": {"in": "abc"}}, ("days", "in")),
        ({"days": {"in": [{}]}}, ("days", "in")),
        ({"days": {"gte": "soon"}}, ("days", "gte")),
        ({"days": {"gte": "2026-02-30"}}, ("days", "gte")),
        ({"days": {"gte": True}}, ("days", "gte")),
        ({"days": {"gte": 1e300}}, ("days", "gte")),
        ({"days": {"gte": float("nan")}}, ("days", "gte")),
    ],
)
def test_a_filter_outside_the_vocabulary_is_refused_with_its_place(value: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(FilterError) as caught:
        parse_row_filters(value)
    assert caught.value.path == path


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.sampled_from(["a", "a.b", "eq", "in", "gte"]) | st.text(), v),
    )
)
def test_anything_at_all_is_read_as_a_filter_or_refused(value: Any) -> None:
    try:
        conditions = parse_row_filters(value)
    except FilterError:
        return
    assert all(condition.op in OPERATORS for condition in conditions)


# -- consent ---------------------------------------------------------------------------------------------------------

STATUSES = ("requested", "given", "refused", "renewed", "withdrawn", "expired", "invalidated")


@pytest.fixture
def states(database: Database) -> Iterator[Database]:
    """A superuser's transaction in which consent states can be set at will; nothing of it stays."""
    with cluster.superuser(cluster.own_name()) as admin, admin.transaction(force_rollback=True):
        admin.execute(
            "ALTER TABLE registry_consentstate DISABLE TRIGGER ALL"
        )  # the journal and its keys stay out of it
        yield admin


def stand(database: Database, vertical: str, status: str = "given", **facts: Any) -> uuid.UUID:
    """One state of a person, new unless given; times are SQL."""
    person = facts.pop("person", None) or uuid.uuid4()
    until, since = facts.get("until", "NULL"), facts.get("since", "now() - interval '1 day'")
    database.execute(
        "INSERT INTO registry_consentstate"
        " (tenant_id, person_id, vertical_id, status, notice_version, effective_from, valid_until, event_seq)"
        f" VALUES (%s, %s, %s, %s, %s, {since}, {until}, 1)",
        (facts.get("tenant", "KE"), person, vertical, status, facts.get("notice", "2026-03")),
    )
    return person


def consents(database: Database, person: uuid.UUID | None, verticals: str, notice: str = "") -> bool:
    made = consent_clause(verticals, notice)
    statement = f"SELECT {made.text} FROM (SELECT 'KE'::text AS tenant_id, %s::uuid AS person_id) r"
    row = database.execute(statement, (*made.params, person)).fetchone()
    assert row is not None
    return bool(row[0])


@pytest.mark.req("B-4.3-1", "B-4.2-2")
@pytest.mark.parametrize(("in_h", "in_j"), list(product([*STATUSES, None], repeat=2)))
def test_only_who_permits_in_every_vertical_is_seen(states: Database, in_h: str | None, in_j: str | None) -> None:
    person = uuid.uuid4()
    for vertical, status in (("h", in_h), ("j", in_j)):
        if status:
            stand(states, vertical, status, person=person)
    permits = {"given", "renewed"}
    assert consents(states, person, "h") is (in_h in permits)
    assert consents(states, person, "hj") is (in_h in permits and in_j in permits)


@pytest.mark.req("B-4.3-1")
def test_no_row_and_no_person_mean_no(states: Database) -> None:
    stand(states, "h")
    assert not consents(states, uuid.uuid4(), "h")
    assert not consents(states, None, "h")


@pytest.mark.req("B-4.3-1")
@pytest.mark.parametrize(
    ("facts", "seen"),
    [
        ({"until": "now() + interval '1 second'"}, True),
        ({"until": "now()"}, False),
        ({"until": "now() - interval '1 second'"}, False),
        ({"since": "now() + interval '1 hour'"}, False),
        ({"notice": "2026-03"}, True),
        ({"notice": "2026-02"}, False),
        ({"notice": "2027-01"}, True),
        ({"notice": ""}, False),
        ({"tenant": "UG"}, False),
    ],
)
def test_consent_counts_only_in_its_time_tenant_and_notice(states: Database, facts: dict[str, str], seen: bool) -> None:
    person = stand(states, "h", **facts)
    assert consents(states, person, "h", "2026-03") is seen


def test_an_empty_consent_test_is_refused_because_it_would_permit_all() -> None:
    with pytest.raises(ValueError, match="at least one vertical"):
        consent_clause([])
