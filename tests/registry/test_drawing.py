"""The picture of a life is drawn from the table of transitions, and the list beside it says the same."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.utils import translation

from registry import drawing
from registry.lifecycle import MOVES, Status


@pytest.mark.req("B-6.1-1")
@pytest.mark.parametrize("status", Status.values)
def test_every_state_that_can_follow_is_drawn(status: str) -> None:
    drawn = {stop.status: stop for stop in drawing.stops(status, {})}
    assert drawn[Status(status)].mark == "here"
    following = {Status(row.target) for row in MOVES if row.source == status}
    assert following <= set(drawn)
    assert [stop.mark for stop in drawn.values()].count("here") == 1


def test_a_branch_that_leads_nowhere_from_here_is_left_out() -> None:
    drawn = {stop.status for stop in drawing.stops("draft", {})}
    assert drawn == set(drawing.MAIN)


def test_what_was_passed_names_who_and_when() -> None:
    arrival = drawing.Arrival("A. Omar", datetime(2026, 11, 20, 9, 0))
    picture = drawing.rail(drawing.stops("reviewed", {"requested": arrival}))
    assert ">A. Omar<" in picture
    assert ">20 Nov<" in picture
    assert "<title" in picture
    assert "style=" not in picture


def test_the_picture_runs_from_right_to_left_where_the_language_does() -> None:
    with translation.override("ar"):
        mirrored = drawing.stops("draft", {})
    assert mirrored[0].x > mirrored[-1].x
    assert drawing.stops("draft", {})[0].x < drawing.stops("draft", {})[-1].x


def test_names_are_text_and_never_markup() -> None:
    arrival = drawing.Arrival("<b>x</b>", datetime(2026, 11, 20, 9, 0))
    assert "<b>" not in drawing.rail(drawing.stops("requested", {"requested": arrival}))
