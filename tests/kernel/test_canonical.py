"""One value, one byte sequence: equal to RFC 8785 as another program writes it."""

import hashlib
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from scp_portal.kernel.canonical import CanonicalError, canonical_bytes, content_hash, timestamp

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
integers = st.integers(-(2**53) + 1, 2**53 - 1)
leaves = st.none() | st.booleans() | integers | texts


def documents(keys: st.SearchStrategy[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(values, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5))


plain_keys = st.text("AZaz09_.$-", min_size=1, max_size=8)


@given(documents(plain_keys, leaves))
@settings(max_examples=150, deadline=None)
def test_the_trails_form_equals_rfc_8785(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(documents(texts, leaves | st.floats(allow_nan=False, allow_infinity=False)))
@settings(max_examples=200, deadline=None)
def test_a_content_hash_is_over_rfc_8785(value: Any) -> None:
    assert content_hash(value) == hashlib.sha256(rfc8785.dumps(value)).hexdigest()


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=200, deadline=None)
def test_every_float_is_written_as_ecmascript_writes_it(number: float) -> None:
    assert content_hash(number) == hashlib.sha256(rfc8785.dumps(number)).hexdigest()


@pytest.mark.parametrize(
    "number", [1e21, 1e20, 123456789e12, 1e-6, 1e-7, 5e-324, 1.7976931348623157e308, -0.0, 0.1, 1.0]
)
def test_floats_at_the_edges_of_the_notation(number: float) -> None:
    assert content_hash([number]) == hashlib.sha256(rfc8785.dumps([number])).hexdigest()


def test_keys_beyond_the_basic_plane_sort_by_utf_16() -> None:
    value = {"\U0001f600": 1, "\ufb33": 2, "\u20ac": 3, "a": 4}
    assert content_hash(value) == hashlib.sha256(rfc8785.dumps(value)).hexdigest()


class Kind(StrEnum):
    REQUEST = "request"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 5, 4, 3, 2, 1, 42, UTC), b'"2026-05-04T03:02:01.000042Z"'),
        (datetime(2026, 5, 4, 3, 2, 1, tzinfo=timezone(timedelta(hours=12))), b'"2026-05-03T15:02:01.000000Z"'),
        (date(2026, 5, 4), b'"2026-05-04"'),
        (UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (Kind.REQUEST, b'"request"'),
        ({Kind.REQUEST: 1}, b'{"request":1}'),
        ((1, 2), b"[1,2]"),
        ({"b": 1, "a": {"d": None, "c": True}}, b'{"a":{"c":true,"d":null},"b":1}'),
        ("é\n\x00\u2028", '"é\\n\\u0000\u2028"'.encode()),
    ],
)
def test_times_ids_and_names_have_one_spelling(value: Any, expected: bytes) -> None:
    assert canonical_bytes(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        math.nan,
        2**53,
        -(2**53),
        Decimal("1"),
        b"bytes",
        {1, 2},
        pytest.param(object(), id="an object"),
        datetime(2026, 1, 1),
        {"a b": 1},
        {"": 1},
        {1: 1},
        {"é": 1},
        "\ud800",
        {"a": ["\udfff"]},
    ],
    ids=repr,
)
def test_what_has_no_one_spelling_is_refused_in_the_trail(value: Any) -> None:
    with pytest.raises(CanonicalError):
        canonical_bytes(value)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 2**53, {1: 1}, "\ud800", {"\udfff": 1}, b"x"], ids=repr
)
def test_what_json_cannot_hold_has_no_hash(value: Any) -> None:
    with pytest.raises(CanonicalError):
        content_hash(value)


@pytest.mark.parametrize("form", [canonical_bytes, content_hash])
def test_endless_nesting_is_refused(form: Any) -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(CanonicalError, match="deep"):
        form(deep)


def test_a_fault_deep_inside_is_named_by_its_place() -> None:
    with pytest.raises(CanonicalError, match=r"^rows: 2: sum: float has no canonical form here$"):
        canonical_bytes({"rows": [1, 2, {"sum": 0.5}]})


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(CanonicalError):
        timestamp(datetime(2026, 1, 1))
