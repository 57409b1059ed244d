"""Rows that events have changed: when each is planned again, against a slow counterpart."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.output_fields import CAUSES_MAX
from sensing.contracts.parameters import Trigger
from sensing.machines import changed_rows
from sensing.machines.changed_rows import NO_SEVERITY, PLAN_EVERY_MS, ChangedRows
from sensing.machines.close_schedule import NEVER
from sensing.supply.publication_causes import Causes

PLANNED: Trigger = "purchase_order_placed"


class Mark(NamedTuple):
    """An event that changes a row, ``wait_ms`` after the one before."""

    wait_ms: int
    row: int
    rank: int


MARKS = st.lists(
    st.builds(Mark, st.sampled_from((0, 1, 3_000, 9_999, 10_000, 25_000)), st.integers(0, 2), st.integers(-1, 3)),
    max_size=25,
)


def plans_of(marks: list[Mark]) -> list[tuple[int, int, int]]:
    """(instant, row, number of events) of every plan, by one look at each row after the other."""
    found = []
    for row in range(3):
        clock, waiting, due, rank = 0, 0, NEVER, NO_SEVERITY
        planned, planned_rank = -NEVER, NO_SEVERITY
        for mark in [*marks, Mark(NEVER // 2, -1, NO_SEVERITY)]:
            clock += mark.wait_ms
            if due <= clock:  # at this instant it is planned before the event
                lately = due < planned + PLAN_EVERY_MS
                planned_rank = max(rank, planned_rank) if lately else rank
                found.append((due, row, waiting))
                planned, waiting, due, rank = due, 0, NEVER, NO_SEVERITY
            if mark.row != row:
                continue
            waiting, rank = waiting + 1, max(rank, mark.rank)
            at_once = clock >= planned + PLAN_EVERY_MS or rank > planned_rank
            due = clock if at_once else min(due, planned + PLAN_EVERY_MS)
    return sorted(found)


@given(MARKS, st.booleans())
def test_rows_are_planned_at_once_and_then_at_the_end_of_ten_seconds(marks: list[Mark], restart: bool) -> None:
    """A row waits for ten seconds after its last plan, unless its severity rises; a restart does not show."""
    changed, clock = ChangedRows(), 0
    found: list[tuple[int, int, int]] = []

    def plan(until: int) -> None:
        while changed.next_instant <= until:
            found.extend((each.instant, each.row, each.causes.events) for each in changed.take_due(until, 1))

    for number, mark in enumerate(marks):
        clock += mark.wait_ms
        plan(clock)
        assert changed.mark(mark.row, PLANNED, f"e{number}", clock, clock, mark.rank)
        plan(clock)
        if restart:
            dump = changed.dump()
            changed = ChangedRows()
            changed.load(dump)
            assert changed.dump() == dump
    plan(NEVER - 1)
    assert sorted(found) == plans_of(marks)
    assert changed.next_instant == NEVER


def test_a_row_names_its_causes_once() -> None:
    """Triggers once, events once; the newest ids, and the number of all."""
    changed = ChangedRows()
    changed.mark(0, "large_order", "first", 5, 0)
    changed.take_due(0, 1)
    for number in range(12):
        changed.mark(0, PLANNED, f"e{number}", number, 1)
        changed.mark(0, "count_drift", f"e{number}", number, 1)
    (found,) = changed.take_due(PLAN_EVERY_MS, 5)
    assert found.causes.triggers == [PLANNED, "count_drift"]
    assert found.causes.event_ids == [f"e{number}" for number in range(12 - CAUSES_MAX, 12)]
    assert (found.causes.events, found.event_time) == (12, 11)


def test_causes_are_joined() -> None:
    """Those of a row that waits come before those of what publishes it."""
    both = Causes(["plan"], ["a", "b"], 9).then(Causes(["policy", "plan"], ["b", "c"], 2))
    assert both == Causes(["plan", "policy"], ["a", "b", "c"], 10)
    assert Causes.of("day_close") == Causes(["day_close"], [], 0)


def test_rows_beyond_the_table_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that waits already takes further events."""
    monkeypatch.setattr(changed_rows, "CHANGED_MAX", 1)
    changed = ChangedRows()
    assert changed.mark(0, PLANNED, "a", 0, 0)
    assert not changed.mark(1, PLANNED, "b", 0, 0)
    assert changed.mark(0, PLANNED, "c", 0, 0)
    assert changed.refused == 1


def test_a_row_that_was_published_waits_no_longer() -> None:
    """Its place in the order of instants goes with it."""
    changed = ChangedRows()
    changed.mark(0, PLANNED, "a", 0, 7)
    changed.mark(1, PLANNED, "b", 0, 7)
    changed.drop(0)
    assert changed.causes(0) is None
    assert [each.row for each in changed.take_due(7, 5)] == [1]


def test_at_the_end_no_row_waits() -> None:
    """All are due at the clock."""
    changed = ChangedRows()
    assert not changed.end_waiting(3)
    changed.mark(0, PLANNED, "a", 0, 0)
    changed.take_due(0, 1)
    changed.mark(0, PLANNED, "b", 3, 3)
    assert changed.next_instant == PLAN_EVERY_MS
    assert changed.end_waiting(3)
    assert [each.instant for each in changed.take_due(3, 1)] == [3]
