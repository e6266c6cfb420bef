"""What the core's client sends is believed, so its form is not guessed at."""

from __future__ import annotations

import pytest
from rest_framework.serializers import Serializer

from exchange.api.items import ConsentItem, PersonItem


def faults(form: Serializer[object], given: dict[str, object]) -> set[str]:
    """Names of the members that are refused."""
    item = form.__class__(data=given)
    item.is_valid()
    return {str(name) for name in dict(item.errors)}


@pytest.mark.parametrize("reference", [5, 5.0, True, None, ["P-1"], {"P": 1}], ids=str)
def test_a_persons_key_is_a_text(reference: object) -> None:
    assert faults(PersonItem(), {"reference": reference}) == {"reference"}
    assert faults(PersonItem(), {"reference": "5"}) == set()


@pytest.mark.req("B-4.3-2")
@pytest.mark.parametrize("moment", ["2026-01-01", "2026-01-01T00:00", "2026-01-01T00:00:00", "1767225600", 1767225600])
@pytest.mark.parametrize("member", ["effective_at", "valid_until"])
def test_consent_begins_and_ends_at_a_moment_that_is_the_same_for_all(member: str, moment: object) -> None:
    given = {"person": "P-1", "vertical": "health", "status": "withdrawn"}
    assert faults(ConsentItem(), {**given, member: moment}) == {member}
    assert faults(ConsentItem(), {**given, member: "2026-01-01t09:00:00.5+13:00"}) == set()
