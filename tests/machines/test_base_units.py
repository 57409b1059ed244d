"""Order lines in another base unit, against lines that are read one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import Kind
from sensing.machines.base_units import QUANTITY_MAX, convert_lines, convert_supply
from sensing.state.line_table import HIGH, open_quantity
from tests.machines.made_tables import events, shard, take

SKUS = ("A", "B")
lines = st.lists(
    st.tuples(st.sampled_from(SKUS), st.integers(1, 9_000), st.integers(0, 9_000), st.booleans()), max_size=8
)


@given(lines, st.sampled_from((0.001, 0.5, 12.0, 1000.0)))
def test_lines_of_converted_rows_are_multiplied(given_lines: list[tuple[str, int, int, bool]], factor: float) -> None:
    """Quantity, shipped and price of them and of no others; what is open adds up in their rows."""
    state = shard()
    for number, (sku, quantity, shipped, cancelled) in enumerate(given_lines):
        keys = {"sku": sku, "order_id": f"O{number}", "line": "1", "price": 4.0}
        take(state, events({**keys, "event_id": f"a{number}", "quantity": quantity}))
        if shipped:
            take(state, events({**keys, "event_id": f"s{number}", "kind": Kind.SHIPPED, "quantity": shipped}))
        if cancelled:
            take(state, events({**keys, "event_id": f"c{number}", "kind": Kind.CANCELLED}))
    rows = state.rows.count
    if not rows:
        return
    concerned = np.zeros(rows, np.bool_)
    concerned[0] = True
    # Only what is used: the table reserves room for millions of lines, which a copy would fill.
    before, supply = state.lines.lines[: int(state.lines.state[HIGH])].copy(), state.supply.supply.copy()
    supply["open_total"][0] = 0
    convert_lines(state.lines.lines, int(state.lines.state[HIGH]), concerned, factor, supply)
    total = 0
    for slot in range(int(state.lines.state[HIGH])):
        was, line = before[slot], state.lines.lines[slot]
        if was["row"] != 0:
            assert line.tobytes() == was.tobytes()
            continue
        assert line["quantity"] == np.rint(was["quantity"] * factor)
        assert line["shipped"] == np.rint(was["shipped"] * factor)
        np.testing.assert_allclose(line["price"], was["price"] / factor, rtol=1e-6)
        if open_quantity(was) > 0:
            total += open_quantity(line)
    assert supply["open_total"][0] == total


def test_stock_beyond_the_integers_stays_at_its_limit() -> None:
    """Two conversions by a million after another: either sign ends at the limit, other rows stay."""
    state = shard()
    for sku in SKUS:
        take(state, events({"sku": sku, "order_id": sku, "line": "1", "event_id": sku, "quantity": 1}))
    supply = state.supply.supply
    supply["count_quantity"][:2] = 9_000_000_000_000, 7
    supply["movement_quantity"][0] = -9_000_000_000_000
    for _ in range(2):
        convert_supply(supply, np.array([0]), 1e6)
    assert supply["count_quantity"][:2].tolist() == [QUANTITY_MAX, 7]
    assert (supply["movement_quantity"][0] == -QUANTITY_MAX).all()
