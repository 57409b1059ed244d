"""Reports of goods that leave, by shipments and deliveries, of a line and of its kit; later owed days.

``serve`` calls line_of and ship_line; both are compared with plain sums.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import DERIVED, Kind
from sensing.machine_settings import HOUR_MS
from sensing.machines.fulfilment import BY_KIT, OWN, add_report, entry_key, expect_later, reported_total, serve
from sensing.machines.kernel_tables import CALLBACK, CALLBACKS_MAX
from sensing.state.line_table import MOVED_DAY, REPORTED, find_line
from tests.machines.made_tables import DAY, NOON, events, shard, take

LINE = {"order_id": "O", "line": "1", "event_id": "a", "quantity": 50_000, "requested_day": DAY + 2}
HOUR = NOON // HOUR_MS


REPORTS = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 9_000)), max_size=12)


@given(REPORTS, st.booleans())
def test_goods_leave_once_whatever_reports_them_in_whatever_order(
    stream: list[tuple[bool, bool, int]], named: bool
) -> None:
    """What has left is the largest total of own and kit's shipments and deliveries; the line is open for the rest."""
    state = shard()
    keys = {**LINE, "line": LINE["line"] if named else ""}
    take(state, events(keys, *([] if named else [{**keys, "event_id": "b"}])))
    t, callbacks = state.tables(), np.zeros(CALLBACKS_MAX, CALLBACK)
    totals = {(by_kit, delivered): 0 for by_kit in (True, False) for delivered in (True, False)}
    left = 0
    for number, (by_kit, delivered, quantity) in enumerate(stream):
        (event,) = events({**keys, "kind": Kind.SHIPPED, "event_id": f"s{number}", "quantity": quantity})
        event["flags"] |= DERIVED if by_kit else 0
        totals[by_kit, delivered] += quantity
        moved, _ = serve(t, event, 0, HOUR, callbacks, delivered)
        assert moved == max(totals.values()) - left
        left += moved
    lines = 50_000 * (1 if named else 2)
    assert state.supply.supply["open_total"][0] == max(lines - left, 0)


def test_entries_of_reports() -> None:
    """Each line has one of its own and one of its kit's reports, and what was shipped before belongs to its own."""
    state = shard()
    take(state, events(LINE, {**LINE, "kind": Kind.SHIPPED, "event_id": "s", "quantity": 7}))
    t, line = state.tables(), state.lines.lines[0]
    assert not line["flags"] & REPORTED
    (event,) = events({**LINE, "kind": Kind.SHIPPED, "event_id": "d", "quantity": 9})
    event["flags"] |= DERIVED
    assert add_report(t, event, 0, 0, HOUR, False) == 2
    assert line["flags"] & REPORTED
    slots = [find_line(t.lines, t.line_index, *map(np.uint64, entry_key(line["key_hi"], line["key_lo"], of)))
             for of in (OWN, BY_KIT)]  # fmt: skip
    assert [reported_total(t, slot) for slot in (*slots, -1)] == [7, 9, 0]


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_entries_have_keys_of_their_own(hi: int, lo: int) -> None:
    """They differ from the line's, from each other, and from those of entries."""
    own, kit = (tuple(map(int, entry_key(np.uint64(hi), np.uint64(lo), of))) for of in (OWN, BY_KIT))
    again = entry_key(np.uint64(own[0]), np.uint64(own[1]), OWN)
    assert len({(hi, lo), own, kit, tuple(map(int, again))}) == 4


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
