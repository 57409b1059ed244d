"""Order lines that end with the horizon, and those that are kept whatever their age.

The streams reach end_silent_lines, forget_lines and has_siblings.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import HEARD_COUNT, HEARD_DELIVERY, HEARD_SHIPMENT, NO_DAY, Kind
from sensing.contracts.common import VERSION_LAST
from sensing.contracts.reference import LocationUpdated
from sensing.machine_settings import DAY_MS
from sensing.machines.line_housekeeping import end_old_lines
from sensing.machines.shard_state import ShardState
from sensing.state.line_table import COUNT, EVICTED, EVICTED_OPEN, HELD
from sensing.supply.backlog import open_days
from tests.machines.made_tables import DAY, NOON, events, know_sizes, shard, take

HORIZON = 35
LINE = {"order_id": "O", "line": "1", "event_id": "a", "quantity": 5000}
SHIPPED = {**LINE, "kind": Kind.SHIPPED, "event_id": "s"}


def after(state: ShardState, days: int) -> tuple[int, int]:
    """Lines in the table and open thousandths of all rows after housekeeping, some days after the tests' first day."""
    end_old_lines(state.tables(), NOON + days * DAY_MS, HORIZON)
    supply = state.supply.supply
    for row in range(state.rows.count):
        units = sum(open_days(supply, state.lines.lines, row).values())
        assert units * 1000 == supply["open_total"][row]
    return int(state.lines.state[COUNT]), int(supply["open_total"].sum())


def known(*given_events: dict[str, Any], heard: int = HEARD_SHIPMENT) -> ShardState:
    """A shard whose location reports some kinds of events, after some events."""
    state = shard()
    if heard:
        state.locations.hear("L", heard)
    take(state, events(*given_events))
    return state


def test_a_finished_line_is_forgotten_after_the_horizon() -> None:
    """Shipped lines, and the ids of movements, go after their newest event; what they taught stays."""
    state = known(LINE, {**SHIPPED, "time": NOON + DAY_MS})
    assert after(state, HORIZON) == (2, 0)
    assert after(state, HORIZON + 1) == (2, 0)
    assert after(state, HORIZON + 2) == (0, 0)
    assert state.lines.state[[EVICTED, EVICTED_OPEN]].tolist() == [2, 0]
    assert state.rows.hot["day_quantity"][0].sum() == 5000


@pytest.mark.parametrize("kind", [Kind.CANCELLED, Kind.CLOSED])
def test_an_ended_line_is_forgotten(kind: Kind) -> None:
    """A cancelled or closed line is finished, though it is still linked to its row."""
    state = known(LINE, {**LINE, "line": "2", "event_id": "b"}, {**LINE, "kind": kind, "version": VERSION_LAST})
    assert after(state, HORIZON + 1) == (1, 5000)


@pytest.mark.parametrize("heard", [HEARD_SHIPMENT, HEARD_DELIVERY, HEARD_COUNT])
@pytest.mark.parametrize("days", [HORIZON, 400, 4000])
def test_an_open_line_is_kept_whatever_its_age(heard: int, days: int) -> None:
    """Where anything tells what becomes of lines, an open one stays until it is shipped, cancelled or closed."""
    state = known(LINE, {**LINE, "line": "2", "event_id": "b", "requested_day": DAY + 90}, heard=heard)
    assert after(state, days) == (2, 10_000)
    take(state, events({**SHIPPED, "time": NOON + days * DAY_MS}))
    assert after(state, days) == (3, 5000)


@pytest.mark.parametrize(("requested", "due"), [(NO_DAY, 0), (DAY - 3, -3), (DAY + 60, 60), (DAY + 700, 700)])
def test_a_line_of_a_silent_location_ends_after_its_requested_day(requested: int, due: int) -> None:
    """Where nothing was ever heard of, a line stays open until the horizon has passed since its requested day."""
    state = known({**LINE, "requested_day": requested}, heard=0)
    assert after(state, due + HORIZON) == (1, 5000)
    lines, left = after(state, due + HORIZON + 1)
    assert left == 0
    assert lines == (1 if due < 0 else 0)
    assert state.rows.hot["day_quantity"][0].sum() == 5000


def test_master_data_make_a_location_report() -> None:
    """A location that is said to report shipments is not silent."""
    state = shard()
    state.locations.apply(LocationUpdated(event_id="l", location="L", shipments=True))
    take(state, events(LINE))
    assert after(state, 400) == (1, 5000)


def test_a_line_that_ended_with_the_horizon_may_be_wanted_again() -> None:
    """A newer version for a later day opens it, and it ends again after that day."""
    changed = {**LINE, "kind": Kind.CHANGED, "version": 2, "event_id": "b", "time": NOON + 20 * DAY_MS}
    state = known({**LINE, "requested_day": DAY}, {**changed, "requested_day": DAY}, heard=0)
    assert after(state, HORIZON + 1) == (1, 0)
    take(
        state, events({**changed, "version": 3, "event_id": "c", "time": NOON + 40 * DAY_MS, "requested_day": DAY + 60})
    )
    assert after(state, 41) == (1, 5000)
    assert open_days(state.supply.supply, state.lines.lines, 0) == {DAY + 60: 5.0}
    assert after(state, 60 + HORIZON + 1) == (0, 0)


def test_a_forgotten_line_that_is_heard_of_again_teaches_no_demand() -> None:
    """A change of a forgotten line counts as open if it is due, and is no new demand."""
    state = known(LINE, {**SHIPPED, "time": NOON})
    assert after(state, HORIZON + 1) == (0, 0)
    later = NOON + (HORIZON + 1) * DAY_MS
    take(
        state,
        events(
            {**LINE, "kind": Kind.CHANGED, "version": 2, "event_id": "c", "time": later, "requested_day": DAY + HORIZON}
        ),
    )
    assert state.rows.hot["day_quantity"][0].sum() == 5000
    assert state.supply.supply["open_total"][0] == 5000


def test_a_held_line_is_kept() -> None:
    """A line that waits for a person is not finished."""
    state = shard()
    giant = events({**LINE, "quantity": 9_000_000})
    know_sizes(state, giant)
    take(state, giant)
    assert after(state, 400) == (1, 0)
    assert state.lines.in_use()["flags"][0] & HELD


def test_a_first_line_stays_as_long_as_its_siblings() -> None:
    """Only the first of the lines without a name leads to the others."""
    unnamed = {"order_id": "O", "line": ""}
    state = known({**unnamed, "event_id": "a"}, {**unnamed, "event_id": "b"})
    take(state, events({**unnamed, "kind": Kind.SHIPPED, "event_id": "s", "quantity": 1000}))
    assert after(state, HORIZON + 1) == (2, 1000)
    take(state, events({**unnamed, "kind": Kind.SHIPPED, "event_id": "t", "quantity": 1000, "time": NOON}))
    assert state.supply.supply["open_total"][0] == 0
    after(state, HORIZON + 1)
    assert after(state, HORIZON + 1) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=30), st.integers(0, 60))
def test_slots_of_forgotten_lines_are_reused(arrivals: list[tuple[int, bool]], days: int) -> None:
    """Housekeeping keeps exactly the open lines and the young ones; further lines take the slots that are free."""
    stream = [
        {
            **LINE,
            "line": str(n),
            "event_id": f"l{n}",
            "time": NOON + day * DAY_MS,
            "kind": Kind.PLACED if is_open else Kind.LOST,
        }
        for n, (day, is_open) in enumerate(arrivals)
    ]
    state = known(*stream)
    lines, _ = after(state, days)
    kept = sum(is_open or day >= days - HORIZON for day, is_open in arrivals)
    assert lines == kept == len(state.lines.in_use())
    more = [{**LINE, "line": f"m{n}", "event_id": f"m{n}"} for n in range(len(arrivals) - kept)]
    if more:
        take(state, events(*more))
    assert len(state.lines.in_use()) == len(arrivals)
    assert np.count_nonzero(state.lines.lines["row"][: len(arrivals)] >= 0) == len(arrivals)
