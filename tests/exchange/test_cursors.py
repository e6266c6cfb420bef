from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.cursors import Binding, open_sealed, seal
from exchange.reading import Key
from scp_portal.kernel.problems import CursorInvalid, CursorStale

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
BINDING = Binding.of(str(uuid4()), "posts", "ab" * 32, [("page_size", "10"), ("fields", "a,b")])
KEY = Key(datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC), uuid4())


@given(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC)), st.uuids()
)
def test_a_cursor_opens_to_the_key_it_was_made_of(moment: datetime, record_id: UUID) -> None:
    key = Key(moment, record_id)
    assert open_sealed(seal(key, BINDING, now=NOW), BINDING, now=NOW + timedelta(minutes=59)) == key


@pytest.mark.parametrize(
    "binding",
    [
        replace(BINDING, integration_id=str(uuid4())),
        replace(BINDING, dataset="comments"),
        replace(BINDING, parameters=()),
        replace(BINDING, parameters=(("fields", "a,b,c"), ("page_size", "10"))),
    ],
)
def test_a_cursor_belongs_to_one_request(binding: Binding) -> None:
    """TI-12."""
    with pytest.raises(CursorInvalid):
        open_sealed(seal(KEY, BINDING, now=NOW), binding, now=NOW)


def test_the_order_of_parameters_does_not_matter() -> None:
    turned = Binding.of(BINDING.integration_id, "posts", "ab" * 32, [("fields", "a,b"), ("page_size", "10")])
    assert open_sealed(seal(KEY, BINDING, now=NOW), turned, now=NOW) == KEY


def test_changed_rules_make_a_cursor_stale() -> None:
    with pytest.raises(CursorStale):
        open_sealed(seal(KEY, BINDING, now=NOW), replace(BINDING, policy_hash="cd" * 32), now=NOW)


def test_a_cursor_lives_for_an_hour() -> None:
    with pytest.raises(CursorInvalid):
        open_sealed(seal(KEY, BINDING, now=NOW), BINDING, now=NOW + timedelta(hours=1))


def test_every_changed_byte_is_noticed() -> None:
    data = base64.urlsafe_b64decode(seal(KEY, BINDING, now=NOW))
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(CursorInvalid):
            open_sealed(base64.urlsafe_b64encode(changed).decode(), BINDING, now=NOW)


@given(st.text(max_size=200) | st.binary(max_size=90).map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_whatever_is_no_cursor_is_invalid(text: str) -> None:
    with pytest.raises(CursorInvalid):
        open_sealed(text, BINDING, now=NOW)
