"""Master data that arrive after the date from which they hold: what is recomputed, and what stands.

A service learns such a record when it arrives; a replay, and a restart, read all reference records first.
"""

from typing import Any

from sensing.machine_settings import DAY_MS, Settings
from tests.claims import at, orders, states
from tests.machines.linked import Arriving
from tests.machines.streams import Line, Result, Stream, line, run, sums

ONE = Settings(shards=1)
FROM, ARRIVES, DAYS = 10, 31, 34
"""Day from which the record holds, day on which it arrives, days in all."""


def giant(day: float, quantity: float = 5_000) -> Line:
    """A large order."""
    keys = {"order_id": f"g{day}", "sku": "A", "location": "L", "quantity": quantity, "requested_date": "2027-01-20"}
    return line("order.placed", f"g{day}", at(day), **keys)


def item(event_id: str, day: int | None, **fields: Any) -> Line:
    """A record of the item."""
    return line("item.updated", event_id, None if day is None else at(day), sku="A", **fields)


def placed(**fields: Any) -> tuple[list[Line], list[Line]]:
    """Orders before and after the record arrives."""
    found = orders("o", range(DAYS), 4.0, **fields)
    cut = sum(int(each.value.split(b'"event_time":')[1].split(b",")[0].rstrip(b"}")) < at(ARRIVES) for each in found)
    return found[:cut], found[cut:]


def price_history(*, late: bool) -> Result:
    """A price that is backdated, and a large order before and after it arrives."""
    before, after = placed()
    first, record = item("i1", None, unit_price=20.0), item("i2", FROM, unit_price=30.0)
    arrived = [first, *before, giant(30.9), record] if late else [first, record, *before, giant(30.9)]
    keys = {"order_id": "g30.9", "sku": "A", "location": "L", "line_version": 2, "requested_date": "2027-01-20"}
    more = line("order.changed", "more", at(31.1), quantity=6_000, **keys)
    return run(Stream([*arrived, giant(31.0), more, *after], end=at(DAYS)), ONE)


def money_of(result: Result, order_id: str) -> list[tuple[float, bool]]:
    """Money of the states of a large order, and whether its deadline had passed."""
    found = (state for state in states(result, "large_order") if state["details"]["order_id"] == order_id)
    return [(state["money"], state["overdue"]) for state in found]


def test_a_late_price_counts_from_its_arrival() -> None:
    """What was published stands, also when its deadline passes; what is found later has the new price.

    Read first, the price holds from its date. Then 20 % more of an order is no news.
    """
    late, first = price_history(late=True), price_history(late=False)
    assert money_of(late, "g30.9") == [(100_000, False), (100_000, True), (180_000, True)]
    assert money_of(late, "g31.0") == [(150_000, False), (150_000, True)]
    for order_id in ("g30.9", "g31.0"):
        assert money_of(first, order_id) == [(150_000, False), (150_000, True)]


def test_a_record_older_than_the_one_in_force_changes_nothing() -> None:
    """The latest effective date holds, whatever arrived last."""
    before, after = placed()
    lines = [item("i1", 20, unit_price=20.0), *before, item("i2", FROM, unit_price=30.0), giant(31.0), *after]
    assert money_of(run(Stream(lines, end=at(DAYS)), ONE), "g31.0") == [(100_000, False), (100_000, True)]


def demand(result: Result, sku: str = "A") -> dict[int, int]:
    """Thousandths of demand by day since the fourth week."""
    found = sums(result.shards[0])[sku, "L"].quantity
    return {day - at(0) // DAY_MS: quantity for day, quantity in found.items() if day >= at(25) // DAY_MS}


def test_a_late_unit_factor_leaves_what_was_booked() -> None:
    """Packs of twelve that were packs of ten: lines before the arrival stand, later ones have the new factor."""
    before, after = placed(unit_of_measure="PACK")
    lines = [item("i1", None, units={"PACK": 12}), *before, item("i2", FROM, units={"PACK": 10}), *after]
    found = demand(run(Stream(lines, end=at(DAYS)), ONE))
    assert found == {day: 4 * 2 * (12 if day < ARRIVES else 10) * 1000 for day in range(25, DAYS)}


def test_a_late_base_unit_converts_what_was_booked() -> None:
    """The history is multiplied when the record arrives, so that all days are in the new base unit."""
    before, after = placed()
    lines = [item("i1", None), *before, item("i2", FROM, base_unit="BOX", units={"EA": 0.5}), *after]
    found = demand(run(Stream(lines, end=at(DAYS)), ONE))
    assert found == dict.fromkeys(range(25, DAYS), 4 * 1000)


def test_a_late_bill_of_materials_leaves_what_was_ordered() -> None:
    """Kits ordered before the arrival keep their parts, in whatever order time is; later ones have the new parts."""
    before, after = placed()
    lines = [item("i1", None, parts={"P": 1}), *before, item("i2", FROM, parts={"Q": 1}), *after]
    split = len(before) + 2
    found = run(Arriving(lines, end=at(DAYS)), ONE, cuts=(1, split))
    assert demand(found, "P") == dict.fromkeys(range(25, ARRIVES), 4 * 2 * 1000)
    assert demand(found, "Q") == dict.fromkeys(range(ARRIVES, DAYS), 4 * 2 * 1000)
