"""Final buckets and open demand do not depend on the order of arrival."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.workloads import Workload, arrivals, order_lines, settled
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from tests.machines.streams import MONDAY, Line, Stream, Sums, line, run, sums
from tests.searches import examples

pytestmark = pytest.mark.compiled

ONE = Settings(shards=1)
SKUS = ("A", "B", "C")


def final(lines: list[Line], end: int, size: int | None = None) -> dict[Any, Any]:
    """Bucket sums and open totals by row after the whole stream, counters included under None."""
    stream = Stream(lines, end=end)
    found = run(stream, ONE, None if size is None else range(size, len(stream), size))
    totals = {(topic, partition): counts for topic, partition, counts in found.totals[0].counts}
    return {**sums(found.shards[0]), None: totals}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_disturbed_workload_ends_as_the_clean_one(seed: int) -> None:
    """Late, repeated, overtaken and cancelled lines of the shared workload leave the sums of the clean stream."""
    load = Workload(seed=seed, skus=12, locations=2, days=5, lines_per_day=400, late_share=0.2, repeated_share=0.1,
                    overtaken_share=0.1, cancelled_share=0.1)  # fmt: skip
    arrived = np.concatenate(list(arrivals(load)))
    end = load.start_ms + (load.days + 2) * DAY_MS

    def stream(lines: Any) -> list[Line]:
        return [Line("orders", value) for page in order_lines(lines) for value in page.splitlines()]

    disturbed, clean = final(stream(arrived), end, 100), final(stream(settled(arrived)), end)
    _, late, duplicate, superseded, held, *_ = disturbed[None]["orders", 0]
    assert held == 0
    assert min(late, duplicate, superseded) > 100
    assert {row for row in disturbed if row is not None} >= set(clean) - {None}
    for row in set(disturbed) - {None}:
        expected = clean.get(row, Sums({}, {}, {}, 0, 0))
        assert disturbed[row].within(expected) == expected.within(disturbed[row])


class Order(NamedTuple):
    """An order line: minute of its placement, quantity of every version, whether cancelled, units shipped."""

    sku: str
    minute: int
    quantities: list[int]
    cancelled: bool
    shipped: list[int]


ORDERS = st.builds(
    Order, st.sampled_from(SKUS), st.integers(0, 10 * 1440), st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.booleans(), st.lists(st.integers(1, 6), max_size=2),
)  # fmt: skip


def messages(number: int, order: Order) -> list[tuple[int, Line]]:
    """All events of an order line with their event times; every version is one to 40 hours after the last."""
    keys = {"order_id": f"o{number}", "sku": order.sku, "location": "L"}
    time = MONDAY + order.minute * 60_000
    found = [(time, line("order.placed", f"p{number}", time, quantity=order.quantities[0], **keys))]
    for version, quantity in enumerate(order.quantities[1:], 2):
        later = time + (version - 1) * 7 * HOUR_MS
        changed = {"quantity": quantity, "line_version": version} | keys
        found.append((later, line("order.changed", f"c{number}.{version}", later, **changed)))
    for k, quantity in enumerate(order.shipped):
        later = time + (k + 1) * 5 * HOUR_MS
        found.append((later, line("shipment.shipped", f"s{number}.{k}", later, quantity=quantity, **keys)))
    if order.cancelled:
        later = time + 20 * HOUR_MS
        found.append((later, line("order.cancelled", f"x{number}", later, **keys)))
    return found


def expected_sums(orders: list[Order]) -> dict[tuple[str, str], Sums]:
    """Plain sums: the last version of every line in the hour of its placement; open demand is ordered less shipped.

    What was shipped of a cancelled line stays its demand.
    """
    found: dict[Any, Any] = {}
    for order in orders:
        shipped = 1000 * sum(order.shipped)
        quantity = shipped if order.cancelled else 1000 * order.quantities[-1]
        days, lines, hours, still = found.setdefault((order.sku, "L"), ({}, {}, {}, [0]))
        if quantity:
            hour = MONDAY // HOUR_MS + order.minute // 60
            days[hour // 24] = days.get(hour // 24, 0) + quantity
            lines[hour // 24] = lines.get(hour // 24, 0) + 1
            hours[hour] = hours.get(hour, 0) + 1
        still[0] += max(quantity - shipped, 0)
    return {row: Sums(days, lines, hours, still[0], 0) for row, (days, lines, hours, still) in found.items()}


@given(st.lists(ORDERS, min_size=1, max_size=12), st.data())
@settings(max_examples=examples(25))
def test_any_order_of_arrival_ends_in_the_same_sums(orders: list[Order], data: st.DataObject) -> None:
    """Events that are late (within the horizon), repeated, or before the event they refer to do not change the sums."""
    told = [message for number, order in enumerate(orders) for message in messages(number, order)]
    delays = data.draw(st.lists(st.integers(0, 7 * DAY_MS), min_size=len(told), max_size=len(told)))
    arrivals_of = [(time + delay, value) for (time, value), delay in zip(told, delays, strict=True)]
    again = data.draw(st.lists(st.integers(0, len(told) - 1), max_size=6))
    arrivals_of += [(arrivals_of[at][0] + 60_000, told[at][1]) for at in again]
    lines = [value for _, value in sorted(arrivals_of, key=lambda entry: entry[0])]
    found = final(lines, MONDAY + 30 * DAY_MS)
    counts = {topic: sum(outcomes[:6]) for (topic, _), outcomes in found.pop(None).items()}
    assert sum(counts.values()) == len(lines)
    expected = expected_sums(orders)
    assert set(found) == set(expected)
    for row, values in expected.items():
        assert found[row].within(values) == values.within(found[row])


@given(st.permutations(range(5)), st.data())
@settings(max_examples=examples(20))
def test_stock_is_the_last_count_and_what_moved_after_it(order: list[int], data: st.DataObject) -> None:
    """A count as of its own time with movements before and after it gives the same stock in any order of arrival."""
    hours = data.draw(st.lists(st.integers(0, 60), min_size=4, max_size=4, unique=True))
    counted = data.draw(st.integers(0, 60).filter(lambda hour: hour not in hours))
    at = [MONDAY + hour * HOUR_MS for hour in (*hours, counted)]
    keys = {"sku": "A", "location": "L"}
    lines = [
        line("shipment.shipped", "m0", at[0], quantity=3, **keys),
        line("inventory.adjusted", "m1", at[1], quantity=-2, **keys),
        line("order.returned", "m2", at[2], quantity=1, **keys),
        line("shipment.shipped", "m3", at[3], quantity=7, **keys),
        line("inventory.counted", "count", at[4], quantity=100, **keys),
    ]
    stream = Stream([lines[k] for k in order], end=MONDAY + 4 * DAY_MS)
    supply = run(stream, ONE).shards[0].state.supply.supply[0]
    moves = sum(int(supply["movement_quantity"][k]) for k in range(int(supply["movement_count"])))
    changes = zip((-3, -2, 1, -7), hours, strict=True)
    expected = 100 + sum(units for units, hour in changes if hour > counted)
    assert int(supply["count_quantity"]) + moves == 1000 * expected
