"""Life cycle of purchase-order lines."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.reference import ItemUpdated
from sensing.machine_settings import DAY_MS
from sensing.supply.receipt_statistics import HALF_LIFE_DAYS, log_days
from tests.supply import oracles
from tests.supply.events import DAY, apply_event, book, disrupted, due, event, tell


def test_a_line_is_on_order_until_it_is_received() -> None:
    """Placed, confirmed short, received in parts and beyond: on order falls to zero, receipts are movements for the
    caller to book. The part that was not confirmed stays on order.
    """
    b = book()
    assert tell(b, "placed", 0, quantity=10, promised=5).word == "absorbed"
    assert b.supply["on_order"][0] == 10_000
    assert tell(b, "confirmed", 1, quantity=8, promised=6).word == "absorbed"
    assert b.supply["on_order"][0] == 10_000
    assert tell(b, "shipped", 2).word == "absorbed"
    assert tell(b, "received", 5, quantity=3).movement == 3000
    assert b.supply["on_order"][0] == 7000
    assert tell(b, "received", 6, quantity=8).movement == 8000
    assert b.supply["on_order"][0] == 0
    assert b.purchases.of_row(0) == []
    receipts = [(5.0, log_days(5.0), 0.3), (6.0, log_days(6.0), 0.5), (6.0, log_days(6.0), 0.2)]
    assert b.lanes.lanes[0]["log_mean"] == pytest.approx(oracles.faded(receipts, HALF_LIFE_DAYS)[1])


def test_versions_are_duplicates_or_superseded() -> None:
    """An equal version is a duplicate, or a conflict with other content; a lower one is superseded."""
    b = book()
    tell(b, "placed", 0, quantity=10)
    assert tell(b, "placed", 1, quantity=10).word == "duplicate"
    assert tell(b, "placed", 0, quantity=99).word == "version_conflict"
    assert tell(b, "confirmed", 1, quantity=8, promised=6, line_version=3).word == "absorbed"
    assert tell(b, "confirmed", 2, quantity=8, promised=6, line_version=3).word == "duplicate"
    assert tell(b, "confirmed", 1, quantity=7, promised=6, line_version=3).word == "version_conflict"
    assert tell(b, "delayed", 2, promised=9, line_version=2).word == "superseded"
    assert tell(b, "placed", 3, quantity=20, line_version=4).word == "absorbed"
    assert b.supply["on_order"][0] == 20_000


def test_events_without_version_are_ordered_by_time_and_kind() -> None:
    """A later delay stands against an earlier one that comes after it; the same one again is a duplicate."""
    b = book()
    tell(b, "placed", 0, quantity=10)
    assert tell(b, "delayed", 5, promised=20).word == "absorbed"
    assert tell(b, "delayed", 4, promised=15).word == "superseded"
    assert tell(b, "delayed", 5, promised=20).word == "duplicate"
    assert tell(b, "confirmed", 5, promised=11).word == "superseded"
    assert tell(b, "shipped", 5, promised=21).word == "absorbed"
    assert due(b) == [(10, 21)]


def test_a_cancellation_before_the_placement_is_a_tombstone() -> None:
    """The placement is superseded, nothing comes on order, and goods that arrive all the same raise stock."""
    b = book()
    assert tell(b, "cancelled", 1).word == "absorbed"
    assert tell(b, "cancelled", 1).word == "duplicate"
    assert tell(b, "placed", 0, quantity=10).word == "superseded"
    assert tell(b, "delayed", 3, promised=9).word == "superseded"
    assert b.supply["on_order"][0] == 0
    assert tell(b, "received", 4, quantity=10).movement == 10_000


def test_a_cancellation_with_a_version_gives_way_to_a_higher_one() -> None:
    """A line cancelled as version 2 may be placed again as version 3."""
    b = book()
    tell(b, "placed", 0, quantity=10)
    assert tell(b, "cancelled", 1, line_version=2).word == "absorbed"
    assert tell(b, "delayed", 2, promised=9).word == "superseded"
    assert b.supply["on_order"][0] == 0
    assert tell(b, "placed", 2, quantity=6, line_version=3).word == "absorbed"
    assert b.supply["on_order"][0] == 6000


def test_a_last_receipt_closes_a_short_line() -> None:
    """After the last receipt the missing quantity is no longer on order."""
    b = book()
    tell(b, "placed", 0, quantity=10)
    tell(b, "received", 3, quantity=4, last=True)

    assert b.supply["on_order"][0] == 0


def test_a_line_never_changes_its_item() -> None:
    """The same order and line for another row is refused whatever it says, receipts included."""
    b = book()
    tell(b, "placed", 0, quantity=10, line="1")

    assert tell(b, "received", 1, row=1, quantity=10, line="1").word == "line_changed_item"
    assert tell(b, "placed", 1, row=1, quantity=10, line="1", line_version=2).word == "line_changed_item"
    assert b.supply["on_order"].tolist() == [10_000, 0, 0, 0]


def test_a_receipt_before_its_placement_counts_once_it_is_known() -> None:
    """Stock rises at once; when the placement comes only the rest is on order, and the lead time is learned."""
    b = book()
    assert tell(b, "received", 4, quantity=4).movement == 4000
    assert tell(b, "received", 6, quantity=4).movement == 4000
    assert b.supply["on_order"][0] == 0
    tell(b, "placed", 0, quantity=10, promised=3)
    b.lanes.take_in()
    lane, pool = b.lanes.lanes[0], b.lanes.pools[0]

    assert b.supply["on_order"][0] == 2000
    weight, mean, _ = oracles.faded([(4.0, log_days(4.0), 0.4), (6.0, log_days(6.0), 0.4)], HALF_LIFE_DAYS)
    assert (lane["weight"], lane["log_mean"]) == (pytest.approx(weight), pytest.approx(mean))
    assert pool["delay_mean"] == pytest.approx(oracles.faded([(4.0, 1.0, 0.4), (6.0, 3.0, 0.4)], HALF_LIFE_DAYS)[1])


def test_placement_and_confirmation_in_any_order_end_the_same() -> None:
    """Ordered quantity, promised day and open quantity do not depend on the order of arrival."""
    events = [
        event("placed", 0, quantity=10, promised=5),
        event("confirmed", 1, quantity=8, promised=6, line_version=2),
        event("received", 3, quantity=2),
    ]
    states = set()
    for order in permutations(events):
        b = book()
        for one in order:
            assert apply_event(b, one).word == "absorbed"
        ((_, line),) = b.purchases.of_row(0)
        states.add((*due(b), line.placed_time, int(b.supply["on_order"][0])))

    assert states == {((6, 6), (2, None), DAY * DAY_MS, 8000)}


def test_lines_that_move_are_told() -> None:
    """A later promise tells the line, and that it comes later; the same again, or one of a closed line, nothing."""
    b = book()
    assert tell(b, "placed", 0, quantity=10, promised=5, supplier="A").moved == (0, ("P", "S0"), False)
    assert tell(b, "delayed", 1, promised=9).moved == (0, ("P", "S0"), True)
    assert tell(b, "shipped", 2, promised=9).moved is None
    assert tell(b, "shipped", 2.5, promised=8).moved == (0, ("P", "S0"), False)
    assert tell(b, "received", 3, quantity=4).moved == (0, ("P", "S0"), False)
    assert tell(b, "received", 3, quantity=5, last=True).moved == (0, ("P", "S0"), True)
    assert tell(b, "delayed", 4, promised=12).moved is None


def test_units_are_those_of_the_item() -> None:
    """Quantities are kept in base units."""
    b = book()
    b.reference(ItemUpdated(event_id="i", sku="S0", units={"CASE": 12}, supplier="A"))
    tell(b, "placed", 0, quantity=2, unit_of_measure="CASE")

    assert b.supply["on_order"][0] == 24_000
    assert b.lanes.names[b.purchases.of_row(0)[0][1].supplier] == "A"


def test_a_disruption_delays_the_open_lines_of_its_supplier() -> None:
    """By days, and not before a date; other suppliers, items and lines without a day are left alone, until a new
    promise comes.
    """
    b = book()
    for row, supplier in ((0, "A"), (1, "A"), (2, "B")):
        tell(b, "placed", 0, row=row, quantity=10, promised=5, supplier=supplier)
    tell(b, "placed", 0, row=3, quantity=10, supplier="A")
    moved = disrupted(b, delay_days=3.0)
    assert [(one.row, one.later) for one in moved] == [(0, True), (1, True)]
    assert [due(b, row) for row in range(4)] == [[(10, 8)], [(10, 8)], [(10, 5)], [(10, None)]]
    assert [one.row for one in disrupted(b, sku="S1", location="L", until=20)] == [1]
    assert due(b, 1) == [(10, 20)]
    assert tell(b, "confirmed", 1, promised=7).moved == (0, ("P", "S0"), False)
    assert due(b, 0) == [(10, 7)]


def test_open_lines_are_due_as_promised_or_as_usual() -> None:
    """As long after the promised day as the supplier usually is, or as all are; without promise a mean lead time after
    placing; overdue ones as late as the supplier is, never before tomorrow.
    """
    b = book(3)
    tell(b, "placed", 0, quantity=10, promised=12)
    tell(b, "placed", 0, row=1, quantity=10)
    tell(b, "placed", 0, row=2, quantity=10, promised=4, supplier="late")
    for _ in range(9):
        b.lanes.heard(b.lanes.supplier("late"), 20.0, 1.0, DAY * DAY_MS, 12.0)
    b.lanes.take_in()
    today = DAY + 6
    mean = np.full(3, 9.0)
    lines = b.purchases.open_lines(np.arange(3), today, today * DAY_MS, b.supply, b.lanes, mean)

    assert (lines.due_day - DAY).tolist() == [12 + 9, 9, 4 + 11]
    assert lines.age_days.tolist() == [6.0] * 3
    later = b.purchases.open_lines(np.array([2]), DAY + 30, (DAY + 30) * DAY_MS, b.supply, b.lanes, mean)
    assert later.due_day.tolist() == [DAY + 31]


def test_the_table_is_bounded() -> None:
    """Lines long done go first, then the one longest open, which is no longer on order; both are counted."""
    b = book(purchase_lines_max=2, line_horizon_days=10)
    tell(b, "placed", 0, quantity=1, po_id="A")
    tell(b, "cancelled", 0, po_id="A")
    tell(b, "placed", 1, quantity=2, po_id="B")
    tell(b, "placed", 2, quantity=4, po_id="C")
    assert (b.purchases.forgotten, b.purchases.evicted) == (1, 0)
    tell(b, "placed", 3, quantity=8, po_id="D")
    assert (b.purchases.forgotten, b.purchases.evicted) == (1, 1)
    assert b.supply["on_order"][0] == 12_000
    tell(b, "received", 3, quantity=8, po_id="D")
    tell(b, "received", 3, quantity=4, po_id="C")
    tell(b, "placed", 20, quantity=16, po_id="E")
    assert (b.purchases.forgotten, b.supply["on_order"][0]) == (3, 16_000)


ACTIONS = st.tuples(
    st.sampled_from(("placed", "confirmed", "delayed", "shipped", "received", "cancelled")),
    st.integers(0, 30), st.integers(0, 2), st.sampled_from(("P", "Q")), st.integers(1, 20),
    st.none() | st.integers(1, 5), st.booleans(),
)  # fmt: skip


def _fields(kind: str, quantity: int, version: int | None, last: bool, day: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"line_version": version}
    if kind in ("placed", "confirmed", "received"):
        fields["quantity"] = quantity
    if kind in ("confirmed", "delayed"):
        fields["promised"] = day + quantity
    return fields | ({"last": last} if kind == "received" else {})


@given(st.lists(ACTIONS, max_size=40))
def test_on_order_is_always_the_sum_of_what_is_open(actions: list[Any]) -> None:
    """For events in any order, a row's quantity on order is the sum of its open lines; repeats change nothing."""
    b = book(3, purchase_lines_max=4)
    for kind, day, row, po_id, quantity, version, last in actions:
        made = event(kind, day, row, po_id=po_id, **_fields(kind, quantity, version, last, day))
        apply_event(b, made, row)
        if kind != "received":
            before = b.dump()
            assert apply_event(b, made, row).word in ("duplicate", "superseded", "version_conflict")
            assert b.dump() == before
        for each in range(3):
            assert b.supply["on_order"][each] == sum(line.open for _, line in b.purchases.of_row(each))
            assert all(line.open > 0 for _, line in b.purchases.of_row(each))
        assert len(b.purchases._open) + len(b.purchases._done) <= 4
