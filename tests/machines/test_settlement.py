"""Order lines of locations that report no shipments: a count settles those that were due.

The streams reach, through `absorb`: is_settled_by, settle_due_lines and settle_line.
"""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import HEARD_COUNT, HEARD_DELIVERY, HEARD_SHIPMENT, NO_DAY, Kind
from sensing.contracts.common import VERSION_LAST
from sensing.contracts.reference import LocationUpdated
from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS
from sensing.machines.order_lines import release_line
from sensing.machines.shard_state import ShardState
from sensing.supply.backlog import open_days
from sensing.supply.stock_ledger import on_hand
from tests.machines.made_tables import DAY, NOON, events, know_sizes, shard, take

LINE = {"order_id": "O", "line": "1", "event_id": "a", "quantity": 5000}
COUNT = {"kind": Kind.COUNTED, "quantity": 20_000, "event_id": "count"}
SHIPPED = {**LINE, "kind": Kind.SHIPPED, "event_id": "s"}


def found(state: ShardState) -> tuple[int, int, int]:
    """Demand, open demand and stock of the only row, thousandths."""
    supply = state.supply.supply
    assert sum(open_days(supply, state.lines.lines, 0).values()) * 1000 == supply["open_total"][0]
    return int(state.rows.hot["day_quantity"][0].sum()), int(supply["open_total"][0]), on_hand(supply, 0)


def after(*given_events: dict[str, Any], heard: int = 0) -> tuple[int, int, int]:
    """What events come to, one at a time, at a location of which some kinds of events were heard."""
    state = shard()
    if heard:
        state.locations.hear("L", heard)
    for event in given_events:
        take(state, events(event))
    return found(state)


@pytest.mark.parametrize(
    ("requested", "left"), [(NO_DAY, 0), (DAY - 30, 0), (DAY, 0), (DAY + 1, 5000), (DAY + 300, 5000)]
)
@pytest.mark.parametrize("late", ["line", "count"])
def test_a_count_settles_what_was_due_by_its_day(requested: int, left: int, late: str) -> None:
    """What is due later stays open, and what was settled stays demand, whichever of the two arrives late."""
    stream = [{**LINE, "requested_day": requested}, {**COUNT, "time": NOON + HOUR_MS}]
    assert after(*(stream if late == "count" else stream[::-1])) == (5000, left, 20_000)


@pytest.mark.parametrize(("minutes", "left"), [(-1, 0), (0, 0), (1, 5000)])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_line_placed_after_the_count_stays_open(minutes: int, left: int, backwards: bool) -> None:
    """The minute of the placement decides, not the order of arrival."""
    stream = [COUNT, {**LINE, "time": NOON + minutes * MINUTE_MS}]
    assert after(*(stream[::-1] if backwards else stream))[1] == left


@pytest.mark.parametrize(("heard", "left"), [(HEARD_SHIPMENT, 5000), (HEARD_DELIVERY, 0), (HEARD_COUNT, 0)])
def test_counts_settle_nothing_where_shipments_are_reported(heard: int, left: int) -> None:
    """Deliveries and counts do not say what was shipped; a shipment of the location in any shard does."""
    assert after(LINE, {**COUNT, "time": NOON + 1}, heard=heard)[1] == left


@pytest.mark.parametrize(("stated", "left"), [(True, 5000), (False, 0), (None, 5000)])
def test_master_data_say_whether_a_location_reports_shipments(stated: bool | None, left: int) -> None:
    """What a location record says goes before what was learned."""
    state = shard()
    state.locations.hear("L", HEARD_SHIPMENT)
    state.locations.apply(LocationUpdated(event_id="l", location="L", shipments=stated))
    take(state, events(LINE, {**COUNT, "time": NOON + 1}))
    assert found(state)[1] == left


def test_a_shipment_of_a_settled_line_lowers_stock_only() -> None:
    """It was taken as shipped before."""
    stream = [LINE, {**COUNT, "time": NOON + 1}, {**SHIPPED, "time": NOON + HOUR_MS, "quantity": 2000}]
    assert after(*stream) == (5000, 0, 18_000)


def test_a_settled_line_stays_demand_until_it_is_cancelled() -> None:
    """A cancellation leaves what was shipped, and nothing was heard of a shipment."""
    cancelled = {**LINE, "kind": Kind.CANCELLED, "version": VERSION_LAST, "event_id": "x", "time": NOON + HOUR_MS}
    assert after(LINE, {**COUNT, "time": NOON + 1}, cancelled) == (0, 0, 20_000)


@pytest.mark.parametrize("ships", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_settled_line_that_is_wanted_later_is_open_again(ships: bool, backwards: bool) -> None:
    """A newer version for a day after the count opens the line, also where shipments have been heard of since."""
    state = shard()
    changed = {
        **LINE, "kind": Kind.CHANGED, "version": 2, "event_id": "b", "requested_day": DAY + 7, "time": NOON + HOUR_MS,
    }  # fmt: skip
    stream = [{**COUNT, "time": NOON + 1}, changed]
    take(state, events(LINE))
    for event in stream[::-1] if backwards else stream:
        take(state, events(event))
        if ships:
            state.locations.hear("L", HEARD_SHIPMENT)
    assert found(state)[1] == 5000
    assert open_days(state.supply.supply, state.lines.lines, 0) == {DAY + 7: 5.0}


@pytest.mark.parametrize(("requested", "left"), [(DAY, 0), (DAY + 1, 9_000_000)])
def test_a_released_line_is_settled_as_others_are(requested: int, left: int) -> None:
    """A held line that was due by the count is not open after its release."""
    state = shard()
    giant = events({**LINE, "quantity": 9_000_000, "requested_day": requested})
    know_sizes(state, giant)
    take(state, giant)
    assert found(state)[:2] == (0, 0)
    take(state, events({**COUNT, "time": NOON + HOUR_MS}))
    release_line(state.tables(), 0, 0, NOON // MINUTE_MS, 9_000_000, requested)
    assert found(state)[:2] == (9_000_000, left)


times = st.integers(0, 100).map(lambda hours: NOON + hours * HOUR_MS)
days = st.just(NO_DAY) | st.integers(DAY - 1, DAY + 7)
placements = st.fixed_dictionaries({"time": times, "requested_day": days})
changes = st.lists(st.fixed_dictionaries({"time": times, "requested_day": days}), max_size=2)


@given(
    st.lists(st.tuples(placements, changes, st.booleans()), min_size=1, max_size=3), st.lists(times, max_size=3),
    st.data(),
)  # fmt: skip
def test_what_is_settled_does_not_depend_on_the_order_of_arrival(
    lines: list[tuple[dict[str, Any], list[dict[str, Any]], bool]], counts: list[int], data: st.DataObject
) -> None:
    """Placements, changes, cancellations and counts in any order leave the same demand, open demand and stock."""
    stream = [{**COUNT, "time": time, "event_id": f"c{time}", "quantity": time % 10**6} for time in set(counts)]
    for number, (placed, changed, ends) in enumerate(lines):
        line = {**LINE, "line": str(number)}
        stream.append({**line, **placed, "event_id": f"{number} 1"})
        for version, fields in enumerate(changed, start=2):
            more = {"kind": Kind.CHANGED, "version": version, "quantity": 1000 * version}
            stream.append({**line, **fields, **more, "event_id": f"{number} {version}"})
        if ends:
            stream.append({**line, "kind": Kind.CLOSED, "version": 9, "event_id": f"{number} end"})
    assert after(*data.draw(st.permutations(stream))) == after(*stream)


def test_open_lines_far_apart_are_settled_together() -> None:
    """One count settles all due lines of its row and none of another row."""
    state = shard()
    lines = [{**LINE, "line": str(n), "event_id": f"l{n}", "requested_day": DAY + n - 5} for n in range(10)]
    other = {**LINE, "sku": "B", "event_id": "other"}
    take(state, events(*lines, other))
    take(state, events({**COUNT, "time": NOON + DAY_MS}))
    assert state.supply.supply["open_total"].tolist() == [3 * 5000, 5000]
    assert open_days(state.supply.supply, state.lines.lines, 0) == {DAY + n: 5.0 for n in (2, 3, 4)}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("hours", [(2, 6), (6, 2), (5, 6)])
@pytest.mark.parametrize("requested", [DAY, NO_DAY])
def test_a_line_without_a_placement_begins_at_its_earliest_version(
    hours: tuple[int, int], backwards: bool, requested: int
) -> None:
    """A count after that settles it, in whatever order both versions and the count arrive. It never was demand."""
    versions = [
        {**LINE, "kind": Kind.CHANGED, "event_id": f"v{2 + k}", "version": 2 + k, "time": NOON + hour * HOUR_MS,
         "requested_day": requested, "quantity_open": 4000}
        for k, hour in enumerate(hours)
    ]  # fmt: skip
    stream = [*versions, {**COUNT, "time": NOON + 4 * HOUR_MS}]
    left = 0 if min(hours) < 4 else 4000
    results = {after(*each) for each in itertools.permutations(stream[::-1] if backwards else stream)}
    assert results == {(0, left, 20_000)}
