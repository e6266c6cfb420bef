"""Identifiers that sort by time."""

import threading
import time
from uuid import RFC_4122

import pytest

from scp_portal.kernel import ids
from scp_portal.kernel.ids import uuid7


def test_ids_are_version_7_and_carry_the_time() -> None:
    before = time.time_ns() // 1_000_000
    value = uuid7()
    assert (value.version, value.variant) == (7, RFC_4122)
    assert before - 1 <= value.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_ids_of_several_threads_are_distinct_and_those_of_one_ascend() -> None:
    made: list[list[object]] = [[] for _ in range(4)]

    def make(into: list[object]) -> None:
        into.extend(uuid7() for _ in range(5000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(series == sorted(series, key=str) for series in made)
    assert len({value for series in made for value in series}) == 20_000


@pytest.mark.parametrize(("step_back", "ascends"), [(0.5, True), (3600, False)])
def test_a_clock_set_back_a_little_keeps_the_order_and_one_set_back_far_is_followed(
    step_back: float, ascends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = uuid7()
    monkeypatch.setattr(ids, "wall_clock_ns", lambda: time.time_ns() - int(step_back * 1e9))
    second = uuid7()
    assert (second > first) is ascends
    monkeypatch.undo()
    assert uuid7() > second
