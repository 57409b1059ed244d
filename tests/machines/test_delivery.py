"""Deliveries: what was delivered and never reported as shipped ships; later owed days; against plain sums."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import Kind
from sensing.machine_settings import HOUR_MS
from sensing.machines.fulfilment import (
    delivery_key,
    expect_later,
    mark_shipped_ahead,
    note_delivery,
    take_shipped_ahead,
)
from sensing.state.line_table import AHEAD, MOVED_DAY
from tests.machines.made_tables import DAY, NOON, events, shard, take

LINE = {"order_id": "O", "line": "1", "event_id": "a", "quantity": 50_000, "requested_day": DAY + 2}
HOUR = NOON // HOUR_MS


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9_000)), max_size=12))
def test_goods_are_shipped_once_whichever_is_heard_first(stream: list[tuple[bool, int]]) -> None:
    """A delivery ships what exceeds all shipments; a later shipment of these goods ships nothing."""
    state = shard()
    take(state, events(LINE))
    t, line = state.tables(), state.lines.lines[0]
    shipped = delivered = ahead = 0
    for number, (is_delivery, quantity) in enumerate(stream):
        (event,) = events({**LINE, "kind": Kind.SHIPPED, "event_id": f"s{number}", "quantity": quantity})
        if is_delivery:
            delivered += quantity
            missing = min(max(delivered - shipped, 0), quantity)
            assert note_delivery(t, event, 0, HOUR) == missing
            if missing:
                mark_shipped_ahead(t, event, missing)
                assert line["flags"] & AHEAD
            shipped, ahead = shipped + missing, ahead + missing
        else:
            taken = min(quantity, ahead)
            assert take_shipped_ahead(t, 0, quantity) == taken
            shipped, ahead = shipped + quantity - taken, ahead - taken
        line["shipped"] = shipped
    assert shipped >= delivered


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_deliveries_have_a_key_of_their_own(hi: int, lo: int) -> None:
    """It is neither that of the line nor that of the deliveries of deliveries."""
    key = delivery_key(np.uint64(hi), np.uint64(lo))
    again = delivery_key(np.uint64(key[0]), np.uint64(key[1]))
    assert len({(hi, lo), tuple(map(int, key)), tuple(map(int, again))}) == 3


def test_only_a_later_day_of_an_open_line_moves() -> None:
    """An earlier day, or a line that is shipped, stays as it is."""
    state = shard()
    take(state, events(LINE))
    t, line = state.tables(), state.lines.lines[0]
    assert not expect_later(t, 0, DAY + 2)
    assert not line["flags"] & MOVED_DAY
    assert expect_later(t, 0, DAY + 9)
    assert (line["requested_day"], bool(line["flags"] & MOVED_DAY)) == (DAY + 9, True)
    line["shipped"] = line["quantity"]
    assert not expect_later(t, 0, DAY + 20)
    assert line["requested_day"] == DAY + 9
