"""Stock under old names: balances of a successor against two balances that are kept apart."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines.machine_messages import MOVEMENTS_MAX, OldStock
from tests.machines.linked import Linked
from tests.machines.streams import MONDAY, Line, line, run
from tests.searches import examples

pytestmark = pytest.mark.compiled

SWITCH_AT = MONDAY + 5 * DAY_MS
EVENTS = st.lists(
    st.tuples(st.sampled_from(("OLD", "NEWEST")), st.sampled_from(("count", "adjust", "ship")), st.integers(1, 50)),
    max_size=14,
)


def message(at: int, sku: str, kind: str, quantity: int) -> Line:
    """One event of a stock."""
    fields: dict[str, Any] = {"sku": sku, "location": "L", "quantity": quantity}
    types = {"count": "inventory.counted", "adjust": "inventory.adjusted", "ship": "shipment.shipped"}
    return line(types[kind], f"e{at}", MONDAY + 3 * DAY_MS + at * 6 * HOUR_MS, **fields)


@given(EVENTS, st.booleans())
@settings(max_examples=examples(10), deadline=None)
def test_two_stocks_counted_apart(events: list[tuple[str, str, int]], known: bool) -> None:
    """Whatever is counted and moved under either name, before and after the instant, the balance is the sum of both."""
    stock = {"OLD": 1_000, "NEWEST": 400 if known else 0}
    lines = [line("inventory.counted", "c", MONDAY, sku="OLD", location="L", quantity=1_000)]
    if known:
        lines.append(line("inventory.counted", "d", MONDAY, sku="NEWEST", location="L", quantity=400))
    for at, (sku, kind, quantity) in enumerate(events):
        lines.append(message(at, sku, kind, quantity))
        stock[sku] = quantity if kind == "count" else stock[sku] + (quantity if kind == "adjust" else -quantity)
    master = line("item.updated", "m", None, sku="OLD", successor="NEWEST", successor_from=SWITCH_AT)
    result = run(Linked([master, *lines], end=MONDAY + 12 * DAY_MS), Settings(shards=4))
    (s,) = [each.state for each in result.shards if each.state.hand_overs.old_names]
    assert s.rows.hot["stock"][0] == sum(stock.values())
    assert s.hand_overs.under_old_names(0) == 1000 * stock["OLD"]


def test_only_the_newest_movements_are_kept() -> None:
    """A count older than all of them cannot know what moved before."""
    part = OldStock(0)
    for time in range(MOVEMENTS_MAX + 3):
        part.move(time, 2)
    assert (part.quantity, part.later(MOVEMENTS_MAX), part.at(MOVEMENTS_MAX)) == (2 * (MOVEMENTS_MAX + 3), 4, 66)
    assert part.later(-1) == 2 * MOVEMENTS_MAX
