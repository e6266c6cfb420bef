"""The lattice of masks: whatever the rules and their order, nothing more shows than each of them allows."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.policy.lattice import (
    BAND_UNITS,
    CLEAR,
    DATE_UNITS,
    KEY_SCOPES,
    NULL,
    OMIT,
    REDACT,
    Band,
    Date,
    Geo,
    Mask,
    MaskError,
    Partial,
    Pseudonymise,
    Round,
    meet,
    parse_mask,
)

SAMPLES: tuple[Mask, ...] = (
    OMIT,
    NULL,
    REDACT,
    CLEAR,
    Pseudonymise("integration"),
    Pseudonymise("tenant"),
    Partial("start", 1, 4),
    Partial("start", 3, 6),
    Partial("end", 2, 5),
    Partial("mail"),
    Date("week"),
    Date("month"),
    Date("year"),
    Band("years", (0, 5, 18)),
    Band("years", (0, 18, 65)),
    Geo(1),
    Geo(3),
    Round(6),
    Round(10),
)


def partials() -> st.SearchStrategy[Mask]:
    kept = st.tuples(st.sampled_from(["start", "end"]), st.integers(1, 16), st.integers(0, 20)).map(
        lambda t: Partial(t[0], t[1], t[1] + 3 + t[2])
    )
    return kept | st.sampled_from([Partial("mail"), Partial("phone")])


def masks() -> st.SearchStrategy[Mask]:
    edges = st.sets(st.integers(-20, 20), min_size=1, max_size=6).map(lambda found: tuple(sorted(found)))
    return (
        st.sampled_from([OMIT, NULL, REDACT, CLEAR])
        | st.sampled_from(KEY_SCOPES).map(Pseudonymise)
        | partials()
        | st.sampled_from(DATE_UNITS).map(Date)
        | st.builds(Band, st.sampled_from(BAND_UNITS), edges)
        | st.integers(0, 4).map(Geo)
        | st.integers(2, 10**9).map(Round)
    )


def shows_at_most(one: Mask, other: Mask) -> bool:
    """one ≤ other in the order of the lattice."""
    return meet(one, other) == one


def test_over_all_triples_of_19_samples_the_order_of_rules_cannot_matter() -> None:
    assert len(SAMPLES) == 19
    for one, other, third in product(SAMPLES, repeat=3):
        both = meet(one, other)
        assert both == meet(other, one)
        assert meet(both, third) == meet(one, meet(other, third))
        assert shows_at_most(both, one)
        assert shows_at_most(both, other)
    assert all(meet(one, one) == one for one in SAMPLES)


@pytest.mark.req("B-4.2-2")
@given(masks(), masks())
def test_meet_is_commutative_idempotent_and_below_both(one: Mask, other: Mask) -> None:
    both = meet(one, other)
    assert both == meet(other, one)
    assert meet(one, one) == one
    assert shows_at_most(both, one)
    assert shows_at_most(both, other)


@pytest.mark.req("B-4.2-2")
@given(masks(), masks(), masks())
def test_three_rules_give_the_same_mask_in_every_order(one: Mask, other: Mask, third: Mask) -> None:
    outcomes = {meet(meet(a, b), c) for a, b, c in permutations((one, other, third))}
    outcomes |= {meet(a, meet(b, c)) for a, b, c in permutations((one, other, third))}
    assert len(outcomes) == 1


@given(masks(), masks(), masks())
def test_the_meet_is_the_finest_mask_below_both(one: Mask, other: Mask, below: Mask) -> None:
    if shows_at_most(below, one) and shows_at_most(below, other):
        assert shows_at_most(below, meet(one, other))


@given(masks())
def test_omit_hides_everything_and_clear_hides_nothing(mask: Mask) -> None:
    assert meet(OMIT, mask) == OMIT
    assert meet(CLEAR, mask) == mask


@given(masks())
def test_a_mask_is_written_as_the_document_it_is_read_from(mask: Mask) -> None:
    assert parse_mask(mask.as_document()) == mask


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Date("month"), Date("year"), Date("year")),
        (Date("day"), Date("week"), Date("week")),
        (Date("week"), Date("month"), REDACT),
        (Date("week"), Date("year"), REDACT),
        (Pseudonymise("integration"), Partial("start", 1, 4), REDACT),
        (Pseudonymise("integration"), Pseudonymise("tenant"), REDACT),
        (Partial("start", 1, 4), Partial("start", 3, 6), Partial("start", 1, 6)),
        (Partial("start", 1, 4), Partial("end", 1, 4), REDACT),
        (Partial("mail"), Partial("phone"), REDACT),
        (Geo(1), Geo(3), Geo(1)),
        (Round(6), Round(10), Round(30)),
        (Band("years", (0, 5, 18)), Band("years", (0, 18, 65)), Band("years", (0, 18))),
        (Band("years", (0, 5)), Band("years", (1, 6)), REDACT),
        (Band("years", (0, 5)), Band("months", (0, 5)), REDACT),
        (NULL, REDACT, NULL),
        (OMIT, NULL, OMIT),
        (REDACT, CLEAR, REDACT),
    ],
)
def test_the_meet_of_two_masks(one: Mask, other: Mask, both: Mask) -> None:
    assert meet(one, other) == both


@pytest.mark.parametrize(
    ("value", "path", "says"),
    [
        ("clear", (), "object with the key fn"),
        ({}, ("fn",), "fn must be one of"),
        ({"fn": ["clear"]}, ("fn",), "fn must be one of"),
        ({"fn": "hash"}, ("fn",), "fn must be one of"),
        ({"fn": "clear", "keep": 1}, ("keep",), "takes no parameter"),
        ({"fn": "partial"}, (), "exactly one of"),
        ({"fn": "partial", "keepStart": 1, "shape": "mail"}, (), "exactly one of"),
        ({"fn": "partial", "keepStart": 0}, ("keepStart",), "whole number from 1"),
        ({"fn": "partial", "keepStart": True}, ("keepStart",), "whole number from 1"),
        ({"fn": "partial", "keepStart": 3, "minLength": 5}, ("minLength",), "whole number from 6"),
        ({"fn": "partial", "shape": "mail", "minLength": 5}, ("minLength",), "takes no parameter"),
        ({"fn": "partial", "shape": "iban"}, ("shape",), "one of mail, phone"),
        ({"fn": "date", "unit": "decade"}, ("unit",), "one of day, week"),
        ({"fn": "band", "unit": "years", "edges": []}, ("edges",), "list of 1 to 50"),
        ({"fn": "band", "unit": "years", "edges": [1, "2"]}, ("edges", 1), "whole number"),
        ({"fn": "band", "unit": "years", "edges": [5, 5]}, ("edges", 1), "must grow"),
        ({"fn": "geo", "decimals": 9}, ("decimals",), "from 0 to 4"),
        ({"fn": "round", "base": 0}, ("base",), "from 2"),
        ({"fn": "pseudonymise"}, ("keyScope",), "one of integration"),
    ],
)
def test_a_mask_that_cannot_be_read_says_what_and_where(value: object, path: tuple[str | int, ...], says: str) -> None:
    with pytest.raises(MaskError, match=says) as caught:
        parse_mask(value)
    assert caught.value.path == path


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(
                st.sampled_from(
                    ["fn", "unit", "edges", "keepStart", "keepEnd", "shape", "base", "decimals", "keyScope"]
                ),
                v,
            )
        ),
    )
)
def test_anything_at_all_is_read_as_a_mask_or_refused(value: object) -> None:
    try:
        mask = parse_mask(value)
    except MaskError:
        return
    assert parse_mask(mask.as_document()) == mask
