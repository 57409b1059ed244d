"""Schedule lines of a purchase-order line: what is expected when, after events in any order."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import NO_DAY
from sensing.supply.purchase_line import EVENTS_MAX
from sensing.supply.supply_state import SupplyState
from tests.supply.events import DAY, apply_event, book, disrupted, due, event, tell

Told = tuple[str, float, dict[str, Any]]


def after(*told: Told) -> SupplyState:
    """State after events about line S0 of P."""
    b = book()
    for kind, day, fields in told:
        tell(b, kind, day, **fields)
    return b


def placed(quantity: float = 100, promised: int | None = 14, **fields: Any) -> Told:
    """The placement on day 0."""
    return ("placed", 0, {"quantity": quantity, "promised": promised, **fields})


def confirmed(day: float, promised: int, quantity: float | None = None, **fields: Any) -> Told:
    """A confirmation."""
    return ("confirmed", day, {"quantity": quantity, "promised": promised, **fields})


def test_confirmations_of_two_dates_are_schedule_lines() -> None:
    """60 now and 40 later: both are due at their dates; a receipt serves the earlier one."""
    b = after(placed(), confirmed(1, 14, 60), confirmed(1, 40, 40))
    assert due(b) == [(60, 14), (40, 40)]
    tell(b, "received", 14, quantity=60)
    assert due(b) == [(40, 40)]
    tell(b, "received", 40, quantity=40)
    assert b.purchases.of_row(0) == []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([confirmed(1, 20)], [(100, 20)]),
        ([confirmed(1, 10, 100)], [(100, 10)]),
        ([confirmed(1, 14, 60)], [(60, 14), (40, None)]),
        ([confirmed(1, 14, 60), confirmed(2, 20, 60)], [(60, 20), (40, None)]),
        ([confirmed(1, 14, 60), confirmed(2, 14, 50)], [(50, 14), (50, None)]),
        ([confirmed(1, 14, 60), confirmed(2, 20, 40), confirmed(3, 20, 30)], [(60, 14), (30, 20), (10, None)]),
        ([confirmed(1, 14, 60), confirmed(2, 30)], [(100, 30)]),
        ([confirmed(1, 14), confirmed(2, 20, 40)], [(40, 20), (60, None)]),
        ([confirmed(1, 14, 120)], [(120, 14)]),
    ],
)
def test_confirmations_without_a_name(told: list[Told], expected: list[Any]) -> None:
    """The whole line moves; less is confirmed; the same date or a sum beyond the order replaces; more is confirmed."""
    assert due(after(placed(), *told)) == expected


def test_a_confirmation_after_a_receipt_is_about_what_is_to_come() -> None:
    """60 arrived, 40 are to come: a new date for 40 replaces the old one, and the receipt does not count against it."""
    b = after(placed(), confirmed(1, 14, 60), confirmed(1, 20, 40))
    tell(b, "received", 14, quantity=60)
    tell(b, "confirmed", 15, quantity=40, promised=30)
    assert due(b) == [(40, 30)]
    tell(b, "confirmed", 16, quantity=100, promised=35)
    assert due(b) == [(40, 35)]


def test_named_schedule_lines() -> None:
    """Each is confirmed, delayed, shipped, received and cancelled by its name; they replace what had no name."""
    b = after(placed(), confirmed(1, 14), confirmed(2, 14, 60, schedule_line="1"))
    assert due(b) == [(60, 14), (40, None)]
    tell(b, "confirmed", 2, quantity=40, promised=20, schedule_line="2")
    tell(b, "delayed", 3, promised=30, schedule_line="1")
    assert due(b) == [(40, 20), (60, 30)]
    tell(b, "shipped", 4, promised=28, quantity=25, schedule_line="1")
    assert due(b) == [(40, 20), (25, 28), (35, 30)]
    tell(b, "received", 5, quantity=30, schedule_line="1")
    assert due(b) == [(40, 20), (30, 30)]
    tell(b, "cancelled", 6, schedule_line="2")
    assert due(b) == [(30, 30)]
    assert b.supply["on_order"][0] == 30_000


def test_a_new_name_takes_the_rest_or_the_first_line_without_one() -> None:
    """A delay that names a schedule line which no confirmation named."""
    assert due(after(placed(), ("delayed", 1, {"promised": 20, "schedule_line": "1"}))) == [(100, 20)]
    b = after(placed(), confirmed(1, 14, 60), ("delayed", 2, {"promised": 20, "schedule_line": "2"}))
    assert due(b) == [(60, 14), (40, 20)]
    b = after(placed(), confirmed(1, 14, 100), ("delayed", 2, {"promised": 20, "schedule_line": "1"}))
    assert due(b) == [(100, 20)]


def test_names_of_one_message_share_a_version() -> None:
    """Versions are those of a schedule line, so the second of a message is no duplicate; its repeat is."""
    b = after(placed(), confirmed(1, 14, 60, schedule_line="1", line_version=2))
    assert tell(b, "confirmed", 1, promised=20, quantity=40, schedule_line="2", line_version=2).word == "absorbed"
    assert tell(b, "confirmed", 1, promised=20, quantity=40, schedule_line="2", line_version=2).word == "duplicate"
    assert tell(b, "delayed", 2, promised=25, schedule_line="2", line_version=3).word == "absorbed"
    assert due(b) == [(60, 14), (40, 25)]


def test_a_delay_of_the_line_moves_what_was_due_before() -> None:
    """Schedule lines due later stay; a date before all of them is that of the first one."""
    lines = (placed(), confirmed(1, 14, 60), confirmed(1, 40, 40))
    assert due(after(*lines, ("delayed", 2, {"promised": 30}))) == [(60, 30), (40, 40)]
    assert due(after(*lines, ("delayed", 2, {"promised": 50}))) == [(60, 50), (40, 50)]
    assert due(after(*lines, ("delayed", 2, {"promised": 12}))) == [(60, 12), (40, 40)]
    assert due(after(placed(), ("delayed", 2, {"promised": 12}))) == [(100, 12)]
    b = after(placed(), confirmed(1, 14, 60), ("received", 14, {"quantity": 60}), ("delayed", 15, {"promised": 30}))
    assert due(b) == [(40, 30)]


def test_a_shipment_moves_what_it_carries() -> None:
    """Its quantity of what is due first takes the new date; without quantity the first schedule line does."""
    assert due(after(placed(), ("shipped", 2, {"promised": 16, "quantity": 60}))) == [(40, 14), (60, 16)]
    lines = (placed(), confirmed(1, 14, 60), confirmed(1, 40, 40))
    assert due(after(*lines, ("shipped", 2, {"promised": 15}))) == [(60, 15), (40, 40)]
    assert due(after(*lines, ("shipped", 2, {"promised": 15, "quantity": 80}))) == [(60, 15), (20, 15), (20, 40)]
    twice = (("shipped", 2, {"promised": 15, "quantity": 60}), ("shipped", 30, {"promised": 38, "quantity": 40}))
    assert due(after(*lines, *twice)) == [(60, 15), (40, 38)]
    assert due(after(*lines, ("shipped", 2, {"quantity": 60}), ("shipped", 3, {"promised": 39}))) == [
        (60, 14),
        (40, 39),
    ]


def test_over_receipt_and_short_receipt() -> None:
    """More than ordered leaves nothing open; a last receipt closes a short line."""
    assert due(after(placed(), ("received", 14, {"quantity": 130}))) == []
    b = after(placed(), confirmed(1, 14, 60), confirmed(1, 40, 40), ("received", 14, {"quantity": 70}))
    assert due(b) == [(30, 40)]
    tell(b, "received", 40, quantity=5, last=True)
    assert due(b) == []


def test_a_changed_order_replaces_the_schedule() -> None:
    """A later placement with a date starts anew; without one the schedule lines stay, as far as the order reaches."""
    lines = (placed(), confirmed(1, 14, 60, line_version=2), confirmed(1, 40, 40, line_version=3))
    again = ("placed", 2, {"quantity": 50, "promised": 20, "line_version": 4})
    assert due(after(*lines, again)) == [(50, 20)]
    fewer = ("placed", 2, {"quantity": 70, "line_version": 4})
    assert due(after(*lines, fewer)) == [(60, 14), (10, 40)]
    more = ("placed", 2, {"quantity": 130, "line_version": 4})
    assert due(after(*lines, more)) == [(60, 14), (40, 40), (30, None)]


def test_a_confirmation_before_its_placement_stays() -> None:
    """Without versions, whatever its time: the placement does not take back date and quantity."""
    for day in (-1, 0, 1):
        b = after(confirmed(day, 20, 80), placed())
        assert due(b) == [(80, 20), (20, None)]
        assert b.supply["on_order"][0] == 100_000


def test_quantity_open_is_read_when_the_line_is_first_heard_of() -> None:
    """An order in mid-life: 40 of 100 are still to come. Nothing is booked as received."""
    b = after(placed(quantity_open=40))
    assert due(b) == [(40, 14)]
    assert tell(b, "received", 14, quantity=40).movement == 40_000
    assert due(b) == []
    assert due(after(placed(quantity_open=0))) == []
    assert due(after(confirmed(1, 14, 100), placed(quantity_open=40))) == [(100, 14)]


def test_a_far_date_is_no_date() -> None:
    """9999-12-31 stands for "not known": what was confirmed or delayed so is expected without a date."""
    never = dt.date(9999, 12, 31)
    b = after(placed(promised=None, promised_date=never))
    assert due(b) == [(100, None)]
    tell(b, "confirmed", 1, promised=20)
    tell(b, "delayed", 2, promised_date=never)
    assert due(b) == [(100, None)]
    disrupted(b, 3, delay_days=3660.0, until=3652)
    assert due(b) == [(100, None)]


def test_a_disruption_holds_until_the_next_promise() -> None:
    """Whatever arrives first: a promise made before a disruption does not end it, one made after it does."""
    early, late = confirmed(2, 16), confirmed(6, 18)
    b = after(placed(supplier="A"))
    disrupted(b, 4, delay_days=10.0)
    assert due(b) == [(100, 24)]
    tell(b, early[0], early[1], **early[2])
    assert due(b) == [(100, 26)]
    tell(b, late[0], late[1], **late[2])
    assert due(b) == [(100, 18)]


def test_news_of_one_disruption_does_not_add_up() -> None:
    """While it lasts, newer news replaces older; after its end, another one adds its days."""
    b = after(placed(supplier="A"))
    disrupted(b, 1, delay_days=5.0)
    disrupted(b, 3, delay_days=7.0)
    assert due(b) == [(100, 21)]
    disrupted(b, 20, delay_days=2.0)
    assert due(b) == [(100, 23)]
    disrupted(b, 20.5, delay_days=1.0, sku="S0")
    assert due(b) == [(100, 23)]
    disrupted(b, 20.6, delay_days=1.0, sku="S0", until=30)
    assert due(b) == [(100, 30)]


def test_an_order_placed_during_a_disruption_is_late_too() -> None:
    """Its date is the order's own, not the supplier's. After the end of the disruption orders are on time."""
    b = book()
    disrupted(b, -1, delay_days=10.0)
    tell(b, "placed", 0, quantity=100, promised=14, supplier="A")
    assert due(b) == [(100, 24)]
    tell(b, "placed", 12, row=1, quantity=100, promised=26, supplier="A")
    assert due(b, 1) == [(100, 26)]


KINDS = ("placed", "confirmed", "confirmed", "delayed", "shipped", "received", "cancelled")
ACTIONS = st.tuples(
    st.sampled_from(KINDS), st.integers(0, 12), st.integers(1, 9), st.integers(-3, 6), st.none() | st.integers(2, 5),
    st.sampled_from((None, None, "1", "2")), st.booleans(),
)  # fmt: skip


def _event(number: int, action: Any) -> Any:
    kind, day, quantity, later, version, name, flag = action
    fields: dict[str, Any] = {"event_id": f"e{number}", "line_version": version, "supplier": "A"}
    if kind != "placed":
        fields["schedule_line"] = name
    if kind in ("placed", "received") or (flag and kind in ("confirmed", "shipped")):
        fields["quantity"] = quantity
    if kind in ("confirmed", "delayed") or (flag and kind in ("placed", "shipped")):
        fields["promised"] = day + later
    if kind == "received":
        fields |= {"last": quantity == 9, "line_version": None}
    return event(kind, day, **fields)


@given(st.lists(ACTIONS, min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(actions: list[Any], random: Any) -> None:
    """Where no two events contradict each other under one version, the end state is that of their text."""
    events, versions = [event("placed", 0, quantity=12, promised=3, supplier="A")], {1}
    for number, action in enumerate(actions):
        made = _event(number, action)
        version = made.line_version or {"placed": 1, "cancelled": 0}.get(action[0])
        if version is not None:
            if version in versions:
                continue
            versions.add(version)
        events.append(made)
    ends = []
    for _ in range(3):
        b = book()
        for one in events:
            apply_event(b, one)
        line = b.purchases.find(("P", "S0"))
        assert line is not None
        ends.append((line.schedule, line.total, line.received, line.cancelled, line.finished, line.placed_time))
        assert b.supply["on_order"][0] == line.open
        assert all(part.quantity > 0 for part in line.schedule)
        random.shuffle(events)
    assert ends[0] == ends[1] == ends[2]


def test_the_events_of_a_line_are_bounded() -> None:
    """Beyond the bound old receipts become one, and of other events the oldest is dropped; quantities stay right."""
    b = after(placed(quantity=1000, promised=14))
    for number in range(2 * EVENTS_MAX):
        tell(b, "received", number, quantity=1)
        tell(b, "delayed", number, promised=number + 20)
    ((_, line),) = b.purchases.of_row(0)
    assert len(line.events) == EVENTS_MAX
    assert b.purchases.events_dropped == 1 + 4 * EVENTS_MAX - EVENTS_MAX
    assert due(b) == [(1000 - 2 * EVENTS_MAX, 2 * EVENTS_MAX + 19)]
    assert (line.received, line.placed_time // 86_400_000) == (2 * EVENTS_MAX * 1000, DAY)
    assert line.schedule[0].expected != NO_DAY
