"""The picture of an integration's life, drawn from `registry.lifecycle.TRANSITIONS`, and the same as a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from registry import lifecycle
from registry.lifecycle import Status

MAIN = (
    Status.DRAFT,
    Status.REQUESTED,
    Status.REVIEWED,
    Status.APPROVED,
    Status.ACTIVE,
    Status.DEPRECATED,
    Status.ARCHIVED,
)
"""The straight way. The other three hang below the state that leads to them."""
BRANCHES = {Status.REJECTED: 2, Status.RESTRICTED: 4, Status.SUSPENDED: 5}
GRAVE = frozenset({Status.REJECTED, Status.SUSPENDED})
WIDTH, STEP, FIRST, LINE, BELOW, RADIUS = 980, 142, 64, 34, 134, 15


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who brought it into a state, and when."""

    who: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """One state as the picture and the list show it. `mark` is here, passed, next or far."""

    status: Status
    mark: str
    arrival: Arrival | None
    x: int
    y: int

    @property
    def label(self) -> str:
        return _(str(self.status.label))

    @property
    def in_words(self) -> str:
        return {"here": _("you are here"), "passed": _("done"), "next": _("can follow"), "far": _("later")}[self.mark]


def stops(status: str, arrivals: Mapping[str, Arrival]) -> list[Stop]:
    """The states to draw: the straight way, and of the branches those reached or one step away."""
    here = Status(status)
    following = {Status(row.target) for row in lifecycle.MOVES if row.source == here}
    drawn = [*MAIN, *(branch for branch in BRANCHES if branch == here or branch in following or branch in arrivals)]
    return [_stop(one, here, following, arrivals) for one in drawn]


def _stop(one: Status, here: Status, following: set[Status], arrivals: Mapping[str, Arrival]) -> Stop:
    mark = (
        "here"
        if one == here
        else "passed"
        if _is_behind(one, here, arrivals)
        else "next"
        if one in following
        else "far"
    )
    index = BRANCHES[one] if one in BRANCHES else MAIN.index(one)
    x = FIRST + index * STEP
    return Stop(
        status=one,
        mark=mark,
        arrival=arrivals.get(one) if mark in ("here", "passed") else None,
        x=WIDTH - x if get_language_bidi() else x,
        y=BELOW if one in BRANCHES else LINE,
    )


def _is_behind(one: Status, here: Status, arrivals: Mapping[str, Arrival]) -> bool:
    """On the straight way what lies before; of the branches what was reached."""
    if one in BRANCHES or here in (Status.ARCHIVED, *BRANCHES):
        return one in arrivals or (one == Status.DRAFT and here != Status.DRAFT)
    return MAIN.index(one) < MAIN.index(here)


def rail(drawn: Iterable[Stop]) -> SafeString:
    """The SVG. Colours come from the style sheet by class; nothing in it needs a script."""
    listed = list(drawn)
    here = next(stop for stop in listed if stop.mark == "here")
    height = 200 if any(stop.y == BELOW for stop in listed) else 102
    title = _("Lifecycle of this integration. You are here: %(state)s.") % {"state": here.label}
    return format_html(
        '<svg viewBox="0 0 {} {}" role="img" aria-labelledby="rail-title"><title id="rail-title">{}</title>{}{}</svg>',
        WIDTH,
        height,
        title,
        _edges(listed),
        format_html_join("", "{}", ((_drawn(stop, number),) for number, stop in enumerate(listed, 1))),
    )


def _edges(listed: list[Stop]) -> SafeString:
    by_status = {stop.status: stop for stop in listed}
    straight = [(by_status[a], by_status[b], "") for a, b in pairwise(MAIN)]
    hanging = [(by_status[MAIN[at]], by_status[branch], "branch") for branch, at in _hanging() if branch in by_status]
    return format_html_join("", "{}", ((_edge(*ends),) for ends in [*straight, *hanging]))


def _hanging() -> list[tuple[Status, int]]:
    """Each branch with the place on the line from which its edge comes."""
    return [(Status.REJECTED, 2), (Status.RESTRICTED, 4), (Status.SUSPENDED, 4)]


def _edge(start: Stop, end: Stop, kind: str) -> SafeString:
    walked = "passed" if start.mark == "passed" and end.mark in ("passed", "here") else ""
    return format_html('<path class="edge {} {}" d="M{} {} L{} {}"/>', kind, walked, start.x, start.y, end.x, end.y)


def _drawn(stop: Stop, number: int) -> SafeString:
    grave = "bad" if stop.status in GRAVE else ""
    inside = {"passed": "✓", "here": "●"}.get(stop.mark, "")
    text_class = f"on {grave}" if stop.mark == "here" else "mark"
    return format_html(
        '<circle class="stop {m} {g}" cx="{x}" cy="{y}" r="{r}"/><text class="{t}" x="{x}" y="{c}">{i}</text>'
        '<text class="{m}" x="{x}" y="{l}">{label}</text><text class="soft" x="{x}" y="{n}">{who}</text>'
        '<text class="soft" x="{x}" y="{d}">{when}</text>',
        m=stop.mark,
        g=grave,
        x=stop.x,
        y=stop.y,
        r=RADIUS,
        t=text_class,
        c=stop.y + 5,
        i=inside,
        l=stop.y + RADIUS + 18,
        label=stop.label,
        n=stop.y + RADIUS + 34,
        d=stop.y + RADIUS + 49,
        who=_who(stop),
        when=date_format(stop.arrival.when, "j M") if stop.arrival else "",
    )


def _who(stop: Stop) -> str:
    if stop.arrival is None:
        return ""
    return stop.arrival.who if len(stop.arrival.who) <= 20 else f"{stop.arrival.who[:19]}…"
