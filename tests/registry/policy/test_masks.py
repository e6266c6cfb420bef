"""Masks on a real PostgreSQL: every trap of the design (governance of integrations, 5), and any JSON value at all."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from registry.policy.functions import DROP_FUNCTIONS_SQL, FUNCTIONS_SQL, SIGNATURES
from registry.policy.lattice import meet, parse_mask
from registry.policy.masks import LONGEST_ARRAY, pads, projection, schema_guard
from registry.policy.rules import FieldRule
from scp_portal.testing import cluster
from tests.registry.policy.facts import CLEAR, KEYS, TODAY, field, masked

Database = psycopg.Connection[Any]
PSEUDONYM = {"fn": "pseudonymise", "keyScope": "integration"}
MAIL, PHONE = {"fn": "partial", "shape": "mail"}, {"fn": "partial", "shape": "phone"}
START, END = {"fn": "partial", "keepStart": 1}, {"fn": "partial", "keepEnd": 2}
YEARS = {"fn": "band", "unit": "years", "edges": [0, 1, 5, 12, 18]}
GEO = {"fn": "geo", "decimals": 1}
ODD: tuple[Any, ...] = (None, True, False, 0, -7, 1.5, "", [], {}, [1], {"a": 1})
MISSING = object()


def one(database: Database, mask: Mapping[str, Any], value: Any, kind: str = "string") -> Any:
    document = {} if value is MISSING else {"v": value}
    return masked(database, [field("v", mask, kind)], document)["v"]


def day(unit: str) -> dict[str, str]:
    return {"fn": "date", "unit": unit}


# -- allow-list ----------------------------------------------------------------------------------------------------


@pytest.mark.req("B-4.4-1")
def test_a_stored_key_that_is_not_granted_never_leaves_at_any_depth(database: Database) -> None:
    granted = [field("name"), field("home.city"), field("home.geo.cell"), field("visits.[].code"), field("tags.[]")]
    stored = {
        "name": "Ada",
        "secret": "leak",
        "home": {"city": "Ōtaki", "secret": "leak", "geo": {"cell": "c", "secret": "leak"}},
        "visits": [{"code": "a", "secret": "leak"}, {"secret": "leak"}, "leak", 5, None, ["leak"]],
        "tags": ["x", {"secret": "leak"}, ["leak"], 1],
    }
    assert masked(database, granted, stored) == {
        "name": "Ada",
        "home": {"city": "Ōtaki", "geo": {"cell": "c"}},
        "visits": [{"code": "a"}, {"code": None}, None, None, None, None],
        "tags": ["x", None, None, None],
    }


@pytest.mark.req("B-4.4-1")
@pytest.mark.parametrize("stored", [None, [], "text", 5, True, {}, {"home": "text"}, {"home": None, "tags": {}}])
def test_a_record_of_another_shape_leaves_as_nulls(database: Database, stored: Any) -> None:
    leaves = masked(database, [field("name"), field("home.city"), field("tags.[]"), field("v", PSEUDONYM)], stored)
    assert leaves in (
        {"name": None, "home": None, "tags": None, "v": None},
        {"name": None, "home": {"city": None}, "tags": None, "v": None},
    )


def test_fields_leave_in_the_order_they_are_granted(database: Database) -> None:
    made = projection([field("b"), field("a"), field("c")], keys=KEYS, as_of=TODAY)
    row = database.execute(
        f"SELECT ({made.text})::text FROM (SELECT '{{}}'::jsonb AS payload) r", made.params
    ).fetchone()
    assert row == ('{"b" : null, "a" : null, "c" : null}',)


def test_a_field_is_read_from_where_the_contract_says(database: Database) -> None:
    rule = FieldRule(("who",), parse_mask(CLEAR), "personal", "string", source=("person", "ref"))
    assert masked(database, [rule], {"who": "no", "person": {"ref": "yes"}}) == {"who": "yes"}


def test_a_column_can_take_the_place_of_a_source(database: Database) -> None:
    made = projection([field("n")], keys=KEYS, as_of=TODAY, columns={"n": "to_jsonb(r.n)"})
    row = database.execute(f"SELECT {made.text} FROM (SELECT '{{}}'::jsonb AS payload, 'x'::text AS n) r").fetchone()
    assert row == ({"n": "x"},)


@pytest.mark.parametrize("name", ["a'b", 'a"b', "a b", "a-b", "", "naïve", "a" * 64, "a;drop", "%s"])
def test_a_name_that_is_not_plain_makes_no_sql(name: str) -> None:
    with pytest.raises(ValueError, match="not a plain field name"):
        projection([FieldRule((name,), parse_mask(CLEAR), "personal", "string")], keys=KEYS, as_of=TODAY)


def test_a_pseudonym_without_its_key_makes_no_sql() -> None:
    with pytest.raises(KeyError):
        projection([field("v", {"fn": "pseudonymise", "keyScope": "partner"})], keys=KEYS, as_of=TODAY)


# -- single masks and their traps ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "leaves"), [(MISSING, None), (None, "[redacted]"), ("x", "[redacted]"), ({}, "[redacted]")]
)
def test_redact_tells_presence_and_nothing_else(database: Database, value: Any, leaves: Any) -> None:
    assert one(database, {"fn": "redact"}, value) == leaves


@pytest.mark.parametrize("value", [MISSING, *ODD])
def test_null_leaves_the_key_and_not_the_row(database: Database, value: Any) -> None:
    """The trap of jsonb_set(d, p, NULL): the whole row would be NULL."""
    assert one(database, {"fn": "null"}, value) is None


@pytest.mark.parametrize(
    ("kind", "value", "leaves"),
    [
        ("string", "ok", "ok"),
        ("string", 5, None),
        ("string", {"nested": "leak"}, None),
        ("date", "2026-01-31", "2026-01-31"),
        ("number", 1.5, 1.5),
        ("number", "1.5", None),
        ("integer", 5, 5),
        ("integer", 5.0, 5),
        ("integer", 5.5, None),
        ("integer", "5", None),
        ("boolean", True, True),
        ("boolean", "true", None),
        ("object", {"nested": "leak"}, None),
        ("array", ["leak"], None),
    ],
)
def test_clear_lets_through_the_declared_type_only(database: Database, kind: str, value: Any, leaves: Any) -> None:
    assert one(database, CLEAR, value, kind) == leaves


def test_a_pseudonym_is_hmac_sha256_of_the_value(database: Database) -> None:
    expected = hmac.new(b"i" * 32, "Zoë".encode(), hashlib.sha256).hexdigest()[:32]
    assert one(database, PSEUDONYM, "Zoë") == f"psn_{expected}"


@given(key=st.binary(min_size=1, max_size=64), message=st.text(st.characters(exclude_characters="\0", codec="utf-8")))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_databases_hmac_is_the_standards(database: Database, key: bytes, message: str) -> None:
    inner, outer = pads(key)
    row = database.execute("SELECT public.scp_hmac_sha256(%s::bytea, %s::bytea, %s::text)", (inner, outer, message))
    assert row.fetchone() == (hmac.new(key, message.encode(), hashlib.sha256).hexdigest(),)


@pytest.mark.parametrize("key", [b"", b"k" * 65])
def test_a_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="1 to 64 bytes"):
        pads(key)


def test_the_same_person_has_another_pseudonym_in_another_scope(database: Database) -> None:
    both = [field("a", PSEUDONYM), field("b", {"fn": "pseudonymise", "keyScope": "tenant"})]
    leaves = masked(database, both, {"a": "p1", "b": "p1"})
    assert leaves["a"] != leaves["b"]
    assert masked(database, both, {"a": "p1", "b": "p1"}) == leaves


@pytest.mark.parametrize("value", [MISSING, None, "", True, [], {}, {"id": "p1"}])
def test_what_is_no_identifier_has_no_pseudonym(database: Database, value: Any) -> None:
    assert one(database, PSEUDONYM, value) is None


def test_a_number_can_be_an_identifier(database: Database) -> None:
    assert one(database, PSEUDONYM, 42, "integer") == one(database, PSEUDONYM, "42")


@pytest.mark.parametrize(
    ("mask", "value", "leaves"),
    [
        (START, "Jonathan", "J***"),
        (START, "Jona", "J***"),
        (START, "Jon", "***"),
        (START, "", "***"),
        (START, "مرحبا بكم", "م***"),
        (START, "👩🏽‍🚀 pilot", "👩***"),
        (START, "é" * 4, "é***"),
        (END, "12345678", "***78"),
        (END, "1234", "***"),
        ({"fn": "partial", "keepStart": 3, "minLength": 9}, "12345678", "***"),
        ({"fn": "partial", "keepStart": 3, "minLength": 9}, "123456789", "123***"),
        (MAIL, "jonathan@example.org", "j***@example.org"),
        (MAIL, "jon@example.org", "***"),
        (MAIL, "no-at-sign", "***"),
        (MAIL, "two@at@example.org", "***"),
        (MAIL, "@example.org", "***"),
        (MAIL, "jonathan@", "***"),
        (MAIL, "jonathan@exa mple.org", "***"),
        (MAIL, "line\nbreak@example.org", "***"),
        (MAIL, "jonathan@example.org\nsecret", "***"),
        (PHONE, "+64 (21) 123-4567", "***67"),
        (PHONE, "12345", "***45"),
        (PHONE, "1234", "***"),
        (PHONE, "7", "***"),
        (PHONE, "", "***"),
        (PHONE, "call me 12345", "***"),
        (PHONE, "٠١٢٣٤٥٦٧", "***"),
        (PHONE, "+64 21 123 456 7", "***"),
        (PHONE, "+ 1 2 34", "***"),
        (PHONE, "1" * 33, "***"),
    ],
)
def test_part_of_a_text(database: Database, mask: dict[str, Any], value: str, leaves: str) -> None:
    assert one(database, mask, value) == leaves


@pytest.mark.parametrize("mask", [START, END, MAIL, PHONE])
@pytest.mark.parametrize("value", [v for v in (MISSING, *ODD, 64211234567) if not isinstance(v, str)])
def test_part_of_what_is_no_text_is_null(database: Database, mask: dict[str, Any], value: Any) -> None:
    assert one(database, mask, value) is None


@pytest.mark.parametrize(
    ("unit", "value", "leaves"),
    [
        ("day", "2026-02-28", "2026-02-28"),
        ("month", "2026-02-28", "2026-02"),
        ("year", "2026-02-28", "2026"),
        ("week", "2026-01-01", "2026-W01"),
        ("week", "2027-01-01", "2026-W53"),
        ("day", "2026-03-01T01:30:00+13:00", "2026-02-28"),
        ("day", "2026-02-28T23:59:59.999Z", "2026-02-28"),
        ("day", "2024-02-29", "2024-02-29"),
        ("day", "2026-01-31", "2026-01-31"),
        ("month", "2026-04-31", None),
        ("year", "0000-06-15", None),
        ("day", "0001-01-01T00:00:00+05:00", None),
        ("day", "9999-12-31T23:00:00-05:00", None),
        ("day", "2026-02-29", None),
        ("day", "2026-13-01", None),
        ("day", "2026-00-10", None),
        ("day", "0000-01-01", None),
        ("day", "2026-02-28T25:00:00Z", None),
        ("day", "2026-02-28T23:59:59", None),
        ("day", "now", None),
        ("day", "today", None),
        ("day", "infinity", None),
        ("day", "-infinity", None),
        ("day", "epoch", None),
        ("day", "not-a-date", None),
        ("day", "28/02/2026", None),
        ("day", "2026-2-3", None),
        ("day", "2026-02-28 secret", None),
        ("day", "2026-02-28\n", None),
        ("day", "٢٠٢٦-٠٢-٢٨", None),
        ("day", "", None),
        ("day", 20260228, None),
        ("day", None, None),
        ("day", MISSING, None),
        ("day", ["2026-02-28"], None),
    ],
)
def test_a_date_told_to_its_unit(database: Database, unit: str, value: Any, leaves: str | None) -> None:
    assert one(database, day(unit), value, "date") == leaves


@pytest.mark.parametrize(
    ("born", "leaves"),
    [
        ("2026-11-22", "0"),
        ("2025-11-23", "0"),
        ("2025-11-22", "1-4"),
        ("2014-11-22", "12-17"),
        ("2008-11-22", "18+"),
        ("1900-01-01", "18+"),
        ("2026-11-23", "<0"),
        ("2020-02-30", None),
        ("infinity", None),
        (7, None),
        (None, None),
        (MISSING, None),
    ],
)
def test_an_age_told_by_its_band(database: Database, born: Any, leaves: str | None) -> None:
    assert one(database, YEARS, born, "date") == leaves


@pytest.mark.parametrize(
    ("value", "leaves"),
    [(4, "<5"), (5, "5-9"), (9.99, "5-9"), (10, "10+"), (-1e9, "<5"), ("5", None), (1e300, None), ([5], None)],
)
def test_a_number_told_by_its_band(database: Database, value: Any, leaves: str | None) -> None:
    assert one(database, {"fn": "band", "unit": "value", "edges": [5, 10]}, value, "number") == leaves


def test_a_date_is_told_alike_whatever_the_sessions_style(database: Database) -> None:
    with database.transaction():
        database.execute("SET LOCAL DateStyle = 'SQL, DMY'")
        told = [one(database, day(unit), "2026-01-31", "date") for unit in ("day", "week", "month", "year")]
    assert told == ["2026-01-31", "2026-W05", "2026-01", "2026"]


def test_an_age_in_months(database: Database) -> None:
    assert one(database, {"fn": "band", "unit": "months", "edges": [0, 6, 24]}, "2025-05-21", "date") == "6-23"


@pytest.mark.parametrize(
    ("point", "leaves"),
    [
        ({"lat": -41.28664, "lon": 174.77557}, {"lat": -41.25, "lon": 174.75}),
        ({"lat": 90, "lon": 180, "name": "leak"}, {"lat": 89.95, "lon": 179.95}),
        ({"lat": -90, "lon": -180}, {"lat": -89.95, "lon": -179.95}),
        ({"lat": "-41.2", "lon": 174.7}, None),
        ({"lat": -41.2}, None),
        ({"lat": 91, "lon": 0}, None),
        ({"lat": 0, "lon": -180.1}, None),
        ([-41.2, 174.7], None),
        ("POINT(174.7 -41.2)", None),
        (None, None),
        (MISSING, None),
    ],
)
def test_a_point_told_by_the_centre_of_its_cell(database: Database, point: Any, leaves: Any) -> None:
    assert one(database, GEO, point, "object") == leaves


@pytest.mark.parametrize(
    ("value", "leaves"),
    [(23, 21), (-1, -7), (0, 0), (6.99, 0), ("23", None), (1e300, None), (True, None), ([23], None), (MISSING, None)],
)
def test_a_number_rounded_down(database: Database, value: Any, leaves: Any) -> None:
    assert one(database, {"fn": "round", "base": 7}, value, "integer") == leaves


def test_an_array_is_masked_element_by_element_in_its_order(database: Database) -> None:
    rules = [field("tags.[]", START)]
    assert masked(database, rules, {"tags": ["Zebra", "ant", 5, None, "Apple"]}) == {
        "tags": ["Z***", "***", None, None, "A***"]
    }
    assert masked(database, rules, {"tags": []}) == {"tags": []}
    assert masked(database, rules, {"tags": {"0": "leak"}}) == {"tags": None}


def test_arrays_in_arrays_do_not_shadow_each_other(database: Database) -> None:
    rules = [field("a.[].[].b"), field("a.[].[].c.[]", START)]
    rules = [field("a.[].b"), field("a.[].c.[].d"), field("a.[].c.[].e.[]", START)]
    stored = {"a": [{"b": "1", "c": [{"d": "2", "e": ["three", "x"]}, {"d": "4"}]}, {"b": "5"}]}
    assert masked(database, rules, stored) == {
        "a": [{"b": "1", "c": [{"d": "2", "e": ["t***", "***"]}, {"d": "4", "e": None}]}, {"b": "5", "c": None}]
    }
    assert masked(database, [field("m.[].[]")], {"m": [["a", 1], ["b"], "c"]}) == {"m": [["a", None], ["b"], None]}


def test_an_array_that_is_too_long_is_null_and_not_cut_short(database: Database) -> None:
    rules = [field("tags.[]")]
    assert masked(database, rules, {"tags": ["x"] * LONGEST_ARRAY}) == {"tags": ["x"] * LONGEST_ARRAY}
    assert masked(database, rules, {"tags": ["x"] * (LONGEST_ARRAY + 1)}) == {"tags": None}


def test_huge_texts_pass_through_every_mask(database: Database) -> None:
    huge = "x" * 1_000_000
    assert one(database, CLEAR, huge) == huge
    assert [one(database, mask, huge) for mask in (START, END, MAIL, PHONE)] == ["x***", "***xx", "***", "***"]
    assert one(database, day("day"), huge) is None
    assert re.fullmatch("psn_[0-9a-f]{32}", one(database, PSEUDONYM, huge))


# -- any value whatever --------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
LIKELY = st.sampled_from(
    [
        "now",
        "infinity",
        "2026-02-30",
        "1999-12-31",
        "2026-01-01T00:00:00Z",
        "a@b",
        "long.name@host.org",
        "0",
        "+1 555 0100",
    ]
)
POINTS = st.fixed_dictionaries({"lat": st.floats(-95, 95), "lon": st.floats(-185, 185)})
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS | LIKELY
VALUES = st.recursive(
    LEAVES | POINTS, lambda v: st.lists(v, max_size=4) | st.dictionaries(TEXTS, v, max_size=4), max_leaves=8
)
EVERY_MASK: dict[str, tuple[dict[str, Any], str]] = {
    "null": ({"fn": "null"}, "string"),
    "redact": ({"fn": "redact"}, "string"),
    "pseudonym": (PSEUDONYM, "string"),
    "start": ({"fn": "partial", "keepStart": 3}, "string"),
    "end": (END, "string"),
    "mail": (MAIL, "string"),
    "phone": (PHONE, "string"),
    "day": (day("day"), "string"),
    "week": (day("week"), "string"),
    "month": (day("month"), "string"),
    "year": (day("year"), "string"),
    "age": (YEARS, "string"),
    "band": ({"fn": "band", "unit": "value", "edges": [0, 100]}, "number"),
    "geo": (GEO, "object"),
    "round": ({"fn": "round", "base": 7}, "number"),
}
ALL_RULES = [
    FieldRule((name,), parse_mask(mask), "personal", kind, source=("v",)) for name, (mask, kind) in EVERY_MASK.items()
]
SHAPES = {
    "pseudonym": r"psn_[0-9a-f]{32}",
    "day": r"\d{4}-\d{2}-\d{2}",
    "week": r"\d{4}-W\d{2}",
    "month": r"\d{4}-\d{2}",
    "year": r"\d{4}",
    "age": r"<0|0|1-4|5-11|12-17|18\+",
    "band": r"<0|0-99|100\+",
    "phone": r"\*\*\*(\d\d)?",
}


@pytest.mark.req("B-4.4-1")
@given(value=VALUES)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_mask_shows_more_of_any_value_than_it_says(database: Database, value: Any) -> None:
    leaves = masked(database, ALL_RULES, {"v": value})
    assert leaves["null"] is None
    assert leaves["redact"] == "[redacted]"
    for name, shape in SHAPES.items():
        assert leaves[name] is None or re.fullmatch(shape, leaves[name], re.ASCII), (name, leaves[name])
    text = value if isinstance(value, str) else None
    assert leaves["start"] in ((None,) if text is None else ("***", text[:3] + "***"))
    assert leaves["end"] in ((None,) if text is None else ("***", "***" + text[-2:]))
    assert leaves["mail"] in ((None,) if text is None else ("***", text[:1] + "***@" + text.partition("@")[2]))
    for name in ("start", "end", "mail", "phone", "day", "month", "year"):
        short = text is not None and name != "day" and len(text) < 5
        assert not (short and leaves[name] not in (None, "***")), (name, text)


@given(value=VALUES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_and_points_leave_only_on_their_grid(database: Database, value: Any) -> None:
    leaves = masked(database, ALL_RULES, {"v": value})
    if leaves["round"] is not None:
        assert not isinstance(value, bool | str)
        assert Decimal(leaves["round"]) % 7 == 0
        assert 0 <= Decimal(value) - Decimal(leaves["round"]) < Decimal("7.001")
    if leaves["geo"] is not None:
        assert sorted(leaves["geo"]) == ["lat", "lon"]
        assert all(round(leaves["geo"][axis] * 100) % 10 == 5 for axis in ("lat", "lon"))
        assert all(abs(leaves["geo"][axis] - value[axis]) <= 0.1001 for axis in ("lat", "lon"))


@given(born=st.dates(date(1900, 1, 1), TODAY), edges=st.sets(st.integers(0, 110), min_size=1, max_size=8))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_band_holds_the_age_it_is_told_for(database: Database, born: date, edges: set[int]) -> None:
    band = one(database, {"fn": "band", "unit": "years", "edges": sorted(edges)}, born.isoformat(), "date")
    age = TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))
    assume(not (born.month == 2 and born.day == 29))
    if band.startswith("<"):
        assert age < int(band[1:])
    elif band.endswith("+"):
        assert age >= int(band[:-1])
    else:
        low, _, high = band.partition("-")
        assert int(low) <= age <= int(high or low)


@given(moment=st.dates(date(1, 1, 1), date(9999, 12, 31)))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_weeks_and_months_are_those_of_the_calendar(database: Database, moment: date) -> None:
    leaves = masked(database, ALL_RULES, {"v": moment.isoformat()})
    year, week, _ = moment.isocalendar()
    assert leaves["week"] == f"{year:04d}-W{week:02d}"
    assert (leaves["month"], leaves["year"]) == (moment.isoformat()[:7], moment.isoformat()[:4])


# -- the order of masks is an order of what is shown ------------------------------------------------------------------

COMPARABLE = [
    ({"fn": "round", "base": 6}, {"fn": "round", "base": 10}),
    (day("month"), day("year")),
    (day("day"), day("week")),
    (GEO, {"fn": "geo", "decimals": 2}),
    (YEARS, {"fn": "band", "unit": "years", "edges": [0, 12, 40]}),
]


@pytest.mark.req("B-4.2-2")
@pytest.mark.parametrize(("one_mask", "other_mask"), COMPARABLE, ids=lambda mask: json.dumps(mask))
def test_values_alike_under_either_mask_are_alike_under_their_meet(
    database: Database, one_mask: dict[str, Any], other_mask: dict[str, Any]
) -> None:
    """So the meet tells nobody more than either mask alone: it is a function of each one's answer."""
    values: list[Any] = ["", "abc", "abcd", "abce", "abcdefg", "abcdefh", "xbcdefgh", 0, 5, 6, 29, 30, 59, 60, 61, -1]
    values += [(date(2026, 11, 22) - timedelta(days=37 * n)).isoformat() for n in range(60)]
    values += [{"lat": n / 37, "lon": n / 19} for n in range(-30, 30)]
    both = meet(parse_mask(one_mask), parse_mask(other_mask))
    rules = [
        FieldRule((name,), mask, "personal", "string", source=("v",))
        for name, mask in (("one", parse_mask(one_mask)), ("other", parse_mask(other_mask)), ("both", both))
    ]
    shown = [masked(database, rules, {"v": value}) for value in values]
    for side in ("one", "other"):
        answers: dict[str, str] = {}
        for leaves in shown:
            assert answers.setdefault(json.dumps(leaves[side]), json.dumps(leaves["both"])) == json.dumps(
                leaves["both"]
            )


@pytest.mark.req("B-4.2-2")
@given(
    text=st.text(st.characters(codec="ascii", exclude_characters="\0*"), max_size=12),
    keeps=st.tuples(*[st.integers(1, 6)] * 2),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_meet_shows_no_character_that_either_side_hides(
    database: Database, text: str, keeps: tuple[int, int]
) -> None:
    one_mask, other_mask = (parse_mask({"fn": "partial", "keepStart": keep}) for keep in keeps)
    rules = [
        FieldRule((name,), mask, "personal", "string", source=("v",))
        for name, mask in (("one", one_mask), ("other", other_mask), ("both", meet(one_mask, other_mask)))
    ]
    shown = {name: leaf.removesuffix("***") for name, leaf in masked(database, rules, {"v": text}).items()}
    assert shown["one"].startswith(shown["both"])
    assert shown["other"].startswith(shown["both"])


# -- guard and functions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "holds"),
    [
        ({"name": "x", "age": 5, "home": {"city": "y"}}, True),
        ({"name": "x"}, True),
        ({"name": "x", "age": None}, True),
        ({"age": 5}, False),
        ({"name": None}, False),
        ({"name": 5}, False),
        ({"name": "x", "age": "5"}, False),
        ({"name": "x", "home": {"city": {}}}, False),
    ],
)
def test_the_guard_finds_rows_that_break_their_contract(database: Database, stored: Any, holds: bool) -> None:
    rules = [
        FieldRule(("name",), parse_mask(CLEAR), "personal", "string", required=True),
        field("age", CLEAR, "integer"),
        field("home.city"),
        field("tags.[]"),
    ]
    guard = schema_guard(rules)
    statement = f"SELECT {guard.text} FROM (SELECT %s::jsonb AS payload) r"
    assert database.execute(statement, (*guard.params, json.dumps(stored))).fetchone() == (holds,)


def test_the_functions_in_the_database_are_those_of_the_code(database: Database) -> None:
    """The migration holds a copy of the text; this fails when the two part."""
    with cluster.superuser(cluster.own_name()) as admin, admin.transaction(force_rollback=True):
        installed = definitions(admin)
        admin.execute(FUNCTIONS_SQL)
        assert definitions(admin) == installed


def test_the_functions_can_be_taken_away_again(database: Database) -> None:
    with cluster.superuser(cluster.own_name()) as admin, admin.transaction(force_rollback=True):
        admin.execute(DROP_FUNCTIONS_SQL)
        left = admin.execute("SELECT 1 FROM pg_proc WHERE proname = ANY(%s)", [names()]).fetchall()
        assert left == []


def names() -> list[str]:
    return [signature.partition("(")[0] for signature in SIGNATURES]


def definitions(admin: psycopg.Connection[Any]) -> list[Any]:
    found = admin.execute("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = ANY(%s) ORDER BY 1", [names()])
    definitions = found.fetchall()
    assert len(definitions) == len(SIGNATURES)
    return definitions
