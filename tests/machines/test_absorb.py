"""Booking of events into buckets, open demand and stock, against an oracle on dictionaries.

The oracle reaches, through `absorb`: apply_movement, apply_order, apply_version, apply_older, awaited_day_of,
booked_day, hear_of_earlier, is_outside_sizes, keep_content, learn_line, local_minute, needs_judgement, refresh_stock,
requested_day_of, same_content, serve_line, ship_closed_line, tag_of, tally, unlink_after and was_only_line.
"""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensing.codec.event_record import HEARD_SHIPMENT, NO_DAY, NOT_GIVEN, PROMOTED, TOPICS, Kind, Topic
from sensing.contracts.common import VERSION_LAST
from sensing.machine_settings import HOUR_MS, MINUTE_MS
from sensing.machines import absorb as machine
from sensing.machines.absorb import EVENT_WORDS
from sensing.machines.kernel_tables import (
    ABSORBED,
    CALLBACK,
    CALLBACKS_MAX,
    CONFLICT,
    IMPOSSIBLE,
    LOW_STOCK,
    RELEASE,
)
from sensing.machines.machine_messages import OUTCOMES
from sensing.machines.row_lookup import resolve_records
from sensing.machines.shard_state import ShardState
from sensing.state.line_table import COUNTED, HELD
from sensing.state.observed_hours import lines_of_hour
from sensing.state.rows import DAYS_KEPT, HOURS_KEPT
from sensing.supply.backlog import open_by_day
from sensing.supply.stock_ledger import on_hand
from sensing.supply.supply_record import INVENTORY, ORDERS
from tests.machines.made_tables import DAY, NOON, MadeTexts, Noted, events, know_sizes, one_row, shard, take
from tests.machines.oracles import Book

HOUR = NOON // HOUR_MS
OPEN_DAYS = 14
NOTES = {IMPOSSIBLE: "impossible", RELEASE: "release", CONFLICT: "conflict"}

times = st.integers(-72, 72).map(lambda hours: NOON + hours * HOUR_MS)
common = {"time": times, "location": st.sampled_from("LM"), "behind": st.sampled_from((-1, 0, 1))}
quantities = st.integers(1, 9).map(lambda units: units * 1000)
lines = st.fixed_dictionaries(
    {
        **common,
        "kind": st.sampled_from((Kind.PLACED, Kind.CHANGED)),
        "order_id": st.sampled_from(("O1", "O2", "")),
        "line": st.sampled_from(("1", "2")),
        "version": st.integers(1, 4),
        "requested_day": st.just(NO_DAY) | st.integers(DAY - 4, DAY + 9) | st.sampled_from((DAY - 50, DAY + 4000)),
        "quantity": quantities,
        "quantity_open": st.just(NOT_GIVEN) | quantities,
    }
)
giants = lines.map(lambda fields: {**fields, "quantity": 10**9})
emptied = lines.map(
    lambda fields: {**fields, "kind": Kind.CHANGED, "quantity": 0, "version": max(int(str(fields["version"])), 2)}
)
cancelled = st.builds(
    lambda fields, kind, version: {**fields, "kind": kind, "version": version},
    lines, st.sampled_from((Kind.CANCELLED, Kind.CLOSED)), st.sampled_from((2, 3, VERSION_LAST)),
)  # fmt: skip
lost = st.fixed_dictionaries(
    {**common, "kind": st.just(Kind.LOST), "event_id": st.sampled_from(("x1", "x2")), "quantity": quantities}
)
movements = st.fixed_dictionaries(
    {
        **common,
        "kind": st.sampled_from((Kind.RETURNED, Kind.SHIPPED, Kind.SHIPPED, Kind.COUNTED, Kind.ADJUSTED)),
        "event_id": st.sampled_from([f"m{number}" for number in range(7)]),
        "order_id": st.sampled_from(("O1", "O2", "")),
        "line": st.sampled_from(("1", "2")),
        "quantity": quantities,
    }
)
streams = st.lists(st.one_of(lines, lines, emptied, cancelled, giants, lost, movements), max_size=25)


def complete(number: int, fields: dict[str, Any]) -> dict[str, Any]:
    """All fields that the oracle wants; an order without order id is its own event and its own line."""
    usual = {"order_id": "", "line": "1", "version": 1, "requested_day": NO_DAY, "quantity_open": NOT_GIVEN}
    event = {**usual, "event_id": f"e{number}", **fields}
    if event["kind"] not in (Kind.PLACED, Kind.CHANGED, Kind.CANCELLED, Kind.CLOSED, Kind.SHIPPED):
        event["order_id"] = ""
    if not event["order_id"] and event["kind"] != Kind.SHIPPED:
        event["version"] = 1
    event["watermark"] = event["time"] + event.pop("behind") * HOUR_MS
    return event


def records(given_events: list[dict[str, Any]]) -> Any:
    """Event records of complete events."""
    return events(*given_events)


def reporting() -> ShardState:
    """A shard whose locations report shipments, so that counts settle nothing."""
    state = shard()
    for name in "LM":
        state.locations.hear(name, HEARD_SHIPMENT)
    return state


def compare_row(state: ShardState, row: int, name: str, book: Book) -> None:
    """Compare buckets, stock, open demand and last-seen times of a row with those of the oracle."""
    hot, supply, expected = state.rows.hot[row], state.supply.supply[row], book.rows[name]
    assert supply["last_seen"][ORDERS] == expected.last_seen["orders"]
    assert supply["last_seen"][INVENTORY] == expected.last_seen["inventory"]
    assert on_hand(state.supply.supply, row) == expected.on_hand
    booked = book.of_row(name)
    if expected.newest_hour is None:
        assert hot["active"] == 0
        return
    newest = expected.newest_hour
    assert (hot["active"], hot["hour"], hot["day"]) == (1, newest, newest // 24)
    demanded = [line for line in booked if line.demand]
    days = Counter(line.booked_hour // 24 for line in demanded)
    hours = Counter(line.booked_hour for line in demanded)
    for day in range(newest // 24 - DAYS_KEPT + 1, newest // 24 + 1):
        assert hot["day_lines"][day % DAYS_KEPT] == days[day]
        of_day = sum(line.demand for line in demanded if line.booked_hour // 24 == day)
        assert hot["day_quantity"][day % DAYS_KEPT] == of_day
    kept = range(newest - HOURS_KEPT + 1, newest + 1)
    assert [hot["hour_lines"][hour % HOURS_KEPT] for hour in kept] == [hours[hour] for hour in kept]
    assert hot["window_72"] == sum(hours[hour] for hour in kept)
    assert hot["window_24"] == sum(hours[hour] for hour in kept[-24:])
    for day in range(DAY - 4, DAY + 5):
        of_location = state.locations.lines[int(hot["location"])]
        assert sum(lines_of_hour(of_location, day * 24 + hour) for hour in range(24)) == days[day]

    assert supply["open_total"] == sum(line.open for line in booked)
    by_day, overdue = np.empty((1, OPEN_DAYS)), np.empty(1)
    open_by_day(state.supply.supply, state.lines.lines, np.array([row]), newest // 24, by_day, overdue)
    for later in range(OPEN_DAYS):
        asked = sum(line.open for line in booked if line.requested_day == newest // 24 + later)
        assert by_day[0, later] == asked / 1000
    assert overdue[0] == pytest.approx(sum(line.open for line in booked if line.requested_day < newest // 24) / 1000)


def placed(line: str, version: int, quantity: int) -> dict[str, Any]:
    """A placement of a line of order O1 at noon."""
    return {
        "time": NOON, "location": "L", "behind": -1, "kind": Kind.PLACED, "order_id": "O1",
        "line": line, "version": version, "quantity": quantity,
    }  # fmt: skip


SLIP_BEFORE_ITS_OLDER_VERSION = [
    placed("1", 1, 1000),
    placed("2", 2, 10**9),
    placed("2", 1, 10**9),
    placed("1", 2, 10**9),
]
"""The older version counts, since the newest is held. It must not teach the row such sizes."""


def changed(version: int, requested_day: int) -> dict[str, Any]:
    """A change of a line of order O1 that was never placed."""
    return {**placed("1", version, 1000), "kind": Kind.CHANGED, "requested_day": requested_day}


A_DAY_IN_AN_OLDER_CHANGE = [changed(3, NO_DAY), changed(2, DAY + 1)]
A_DAY_BEHIND_A_HELD_CHANGE = [{**changed(3, NO_DAY), "quantity": 10**9}, changed(2, DAY + 1)]
"""What names a day opens a line without a placement."""


@given(streams)
@example(SLIP_BEFORE_ITS_OLDER_VERSION)
@example(A_DAY_IN_AN_OLDER_CHANGE)
@example(A_DAY_BEHIND_A_HELD_CHANGE)
def test_events_come_to_what_a_dictionary_of_lines_says(stream: list[dict[str, Any]]) -> None:
    """Versions, repeats, older versions, cancellations before placements, holds and releases, late events, lost sales,
    returns, counts and shipments in any order leave the buckets, open demand, stock and outcomes of the oracle.
    """
    given_events = [complete(number, fields) for number, fields in enumerate(stream)]
    state, book = reporting(), Book()
    if given_events:
        know_sizes(state, records(given_events))
    added = take(state, records(given_events)) if given_events else []
    for event in given_events:
        book.take(event)

    topics = [int(topic) for topic in records(given_events)["topic"]] if given_events else []
    counts = Counter((TOPICS[topic], outcome) for topic, outcome in zip(topics, book.outcomes, strict=True))
    for topic in TOPICS:
        found = dict(zip(OUTCOMES, state.counts[TOPICS.index(topic), 0].tolist(), strict=True))
        released = sum(name == "release" for _, name in book.notes) if topic == "orders" else 0
        unknown = book.unknown if topic == "orders" else 0
        outcomes = {outcome: counts[topic, outcome] for outcome in OUTCOMES}
        assert found == {**outcomes, "released": released, "unknown_line": unknown}
    notes = [(entry.record, NOTES[entry.kind]) for entry in added if entry.kind in NOTES]
    assert notes == book.notes
    for row in range(state.rows.count):
        compare_row(state, row, state.location_of(row), book)


def state_by_day(state: ShardState) -> dict[str, Any]:
    """State that must not depend on the order of arrival: buckets by day and hour, open demand, stock."""
    found: dict[str, Any] = {"location": state.locations.lines["hour_lines"].sum()}
    for row in range(state.rows.count):
        hot = state.rows.hot[row]
        name = state.location_of(row)
        found |= {
            f"{name} {field} {at}": int(hot[field][at])
            for field in ("day_quantity", "day_lines", "hour_lines")
            for at in np.flatnonzero(hot[field]).tolist()
        }
        by_day, overdue = np.empty((1, OPEN_DAYS)), np.empty(1)
        open_by_day(state.supply.supply, state.lines.lines, np.array([row]), DAY + 3, by_day, overdue)
        found[f"{name} open"] = (by_day.tolist(), overdue.tolist(), on_hand(state.supply.supply, row))
    return found


one_day = st.integers(0, 71).map(lambda hours: NOON - 12 * HOUR_MS + hours * HOUR_MS)
clean = st.lists(
    # What is open is read from the first event that is heard of a line, so it depends on the order.
    st.one_of(lines, cancelled, movements).map(lambda fields: {**fields, "behind": 0, "quantity_open": NOT_GIVEN}),
    max_size=10,
).flatmap(lambda stream: st.tuples(st.just(stream), st.lists(one_day, min_size=len(stream), max_size=len(stream))))


@given(clean, st.data())
def test_order_and_repeats_do_not_matter(stream: tuple[list[dict[str, Any]], list[int]], data: st.DataObject) -> None:
    """Shuffled, with repeats and older versions late, events leave the buckets, open demand and stock of clean ones."""
    distinct: dict[Any, dict[str, Any]] = {}
    for number, (fields, time) in enumerate(zip(*stream, strict=True)):
        event = complete(number, {**fields, "time": time})
        event["location"] = "L"
        moved = event["kind"] in (Kind.RETURNED, Kind.SHIPPED, Kind.COUNTED, Kind.ADJUSTED)
        own = moved or not event["order_id"]
        key = event["event_id"] if own else (event["order_id"], event["line"], event["version"])
        distinct.setdefault(key, event)
    given_events = list(distinct.values())
    if not given_events:
        return
    first, second = reporting(), reporting()
    take(first, records(given_events))
    again = data.draw(st.permutations(given_events + data.draw(st.lists(st.sampled_from(given_events), max_size=5))))
    for event in again:
        take(second, records([event]))
    assert state_by_day(second) == state_by_day(first)


def test_a_day_opens_a_line_that_was_never_placed_in_any_order() -> None:
    """A change that names a day opens the line, whether it comes before or after a newer one that names none."""
    open_total = []
    for order in (1, -1):
        state = reporting()
        given_events = [complete(*each) for each in enumerate(A_DAY_IN_AN_OLDER_CHANGE)][::order]
        take(state, records(given_events))
        open_total.append(int(state.supply.supply["open_total"].sum()))
    assert open_total == [1000, 1000]


def held_line() -> tuple[ShardState, list[Noted]]:
    """A shard in which version 2 of a line waits, version 1 counts."""
    state = shard()
    line = {"order_id": "O", "line": "1"}
    know_sizes(state, events(line))
    added = take(state, events(line, {**line, "version": 2, "quantity": 10**9, "event_id": "b"}))
    return state, added


def test_a_held_version_leaves_the_one_before() -> None:
    """An impossible version is held and causes a callback; earlier bookings stay."""
    state, added = held_line()
    assert added == [Noted(1, IMPOSSIBLE, 0, 1e6)]
    assert state.rows.hot["day_quantity"].sum() == 1000
    assert state.lines.in_use()["flags"][0] & (HELD | COUNTED) == HELD | COUNTED


@pytest.mark.parametrize(("kind", "version", "left"), [(Kind.CHANGED, 3, 2000), (Kind.CANCELLED, VERSION_LAST, 0)])
def test_a_newer_version_releases_a_held_line(kind: Kind, version: int, left: int) -> None:
    """A sane version or a cancellation takes the held one's place; one event is absorbed and released."""
    state, _ = held_line()
    added = take(
        state,
        events({"order_id": "O", "line": "1", "kind": kind, "version": version, "quantity": 2000, "event_id": "c"}),
    )
    assert added == [Noted(0, RELEASE, 0, left / 1000)]
    assert state.rows.hot["day_quantity"].sum() == left
    assert dict(zip(OUTCOMES, state.counts[Topic.ORDERS, 0].tolist(), strict=True)) == {
        "absorbed": 2, "absorbed_late": 0, "duplicate": 0, "superseded": 0, "held": 1, "dead_letter": 0, "released": 1,
        "unknown_line": 0,
    }  # fmt: skip


def test_a_line_is_booked_when_it_was_ordered_not_when_it_was_shipped() -> None:
    """A shipment that comes before its order does not date the order."""
    state = shard()
    line = {"order_id": "O", "line": "1"}
    take(state, events({**line, "kind": Kind.SHIPPED, "time": NOON - 48 * HOUR_MS, "quantity": 400}, line))
    assert state.rows.hot["day_lines"][0, DAY % DAYS_KEPT] == 1
    assert state.supply.supply["open_total"][0] == 600


def test_an_older_version_takes_the_requested_day_along() -> None:
    """Where no day was asked for, a line is owed on the day it was first ordered, however its versions come."""
    state = shard()
    line = {"order_id": "O", "line": "1"}
    yesterday = NOON - 24 * HOUR_MS
    take(state, events({**line, "version": 2}, {**line, "version": 1, "time": yesterday, "event_id": "b"}))
    assert state.lines.in_use()["requested_day"].tolist() == [DAY - 1]
    assert state.lines.in_use()["minute"].tolist() == [yesterday // MINUTE_MS]


def test_prices_and_promotions_follow_the_newest_order() -> None:
    """The price is that of the newest event time; promoted days are remembered by day, as far back as eight."""
    state = shard()
    take(
        state,
        events(
            {"price": 5.0, "currency": "EUR", "flags": PROMOTED, "time": NOON - 24 * HOUR_MS},
            {"price": 7.0, "currency": "GBP"},
            {"price": 6.0, "currency": "EUR", "time": NOON - 1},
            {"time": NOON + 1},
            {"flags": PROMOTED, "time": NOON - 9 * 24 * HOUR_MS},
        ),
    )
    hot = state.rows.hot[0]
    assert (hot["price"], hot["currency"], hot["last_order"], hot["promoted_days"]) == (7.0, b"GBP", NOON + 1, 0b10)


def test_low_stock_is_pointed_out_once() -> None:
    """A movement that takes stock below the row's threshold is noted, and the threshold is gone until the next
    close.
    """
    state = shard()
    take(state, events({"kind": Kind.COUNTED, "quantity": 10_000}))
    state.rows.hot["stock_threshold"][0] = 9.0
    shipped = {"kind": Kind.SHIPPED, "quantity": 2000}
    added = take(state, events(*({**shipped, "time": NOON + at, "event_id": f"s{at}"} for at in (1, 2))))
    assert added == [Noted(0, LOW_STOCK, 0, 8.0)]
    assert np.isnan(state.rows.hot["stock_threshold"][0])


def test_refused_records_are_passed_over() -> None:
    """Records with a negative row change nothing, and the kernel goes on behind them."""
    state = one_row()
    t = state.tables()
    records_of = events({}, {}, {})
    words = records_of.view(np.uint64).reshape(3, EVENT_WORDS)
    found = machine.absorb(
        t, records_of, words, np.array([-1, 0, -3], np.int32), 0, 3, 35, np.zeros(CALLBACKS_MAX, CALLBACK), 0
    )
    assert found == (3, 0)
    assert state.counts.sum() == state.counts[Topic.ORDERS, 0, ABSORBED] == 1


def bytes_of_row(state: ShardState, row: int) -> bytes:
    """What records may change of a row."""
    return bytes(state.rows.hot[row].tobytes() + state.supply.supply[row].tobytes())


@given(before=streams, after=streams)
def test_rows_that_records_change_are_named(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    """Whatever records do to lines known or new, no other row is changed."""
    state = shard()
    take(state, records([complete(number, fields) for number, fields in enumerate(before)]))
    given_events = [complete(100 + number, fields) for number, fields in enumerate(after)]
    # The clock of a batch never goes back.
    newest = 0
    for event in given_events:
        newest = event["watermark"] = max(newest, event["watermark"])
    events_after = records(given_events)
    rows = resolve_records(state, events_after, MadeTexts()).rows
    named = machine.rows_changed(state.tables(), events_after, rows)
    count = state.rows.count
    kept = [bytes_of_row(state, row) for row in range(count)]
    take(state, events_after)
    assert {row for row in range(count) if bytes_of_row(state, row) != kept[row]} <= set(named.tolist())


def test_a_held_placement_that_is_corrected_is_open() -> None:
    """The corrected quantity is demand at the time of the placement, and open."""
    state = reporting()
    given_events = events(
        {"order_id": "O", "quantity": 10**9, "event_id": "slip"},
        {"order_id": "O", "kind": Kind.CHANGED, "version": 2, "quantity": 4000, "event_id": "mended",
         "time": NOON + 5 * HOUR_MS},
    )  # fmt: skip
    know_sizes(state, given_events)
    take(state, given_events)
    assert state.supply.supply["open_total"][0] == 4000
    assert state.rows.hot["hour_lines"][0][NOON // HOUR_MS % HOURS_KEPT] == 1
