"""Kernels that take the order lines of one row out of a table and put them into another."""

import numpy as np
import pytest

from sensing.codec.keys import row_key
from sensing.machine_settings import DAY_MS, Settings
from sensing.machines.handed_rows import lines_of, put_lines, remove_lines
from sensing.state.line_table import HIGH, LIST_END, open_quantity
from tests.machines.linked import Linked
from tests.machines.streams import MONDAY, run
from tests.machines.test_succession import at, order, shipped

pytestmark = pytest.mark.compiled


def test_lines_leave_a_table_and_enter_another() -> None:
    """The kernels against filters of the whole table: all lines of a row, and what is open of them."""
    plain = [order("placed", f"p{k}", at(0, k), f"p{k}", 5, sku=f"S{k % 2}") for k in range(12)]
    s = run(Linked([*plain, shipped("x", at(1), "p2", 2, sku="S0")], end=at(2)), Settings(shards=1)).shards[0].state
    row = s.rows.find(row_key("S0", "L"))
    slots = np.empty(len(s.lines.lines), np.int64)
    slots = slots[: lines_of(s.lines.lines, int(s.lines.state[HIGH]), row, slots)]
    before = s.lines.in_use()
    mine = np.take(s.lines.lines, slots)
    assert sorted(mine["key_lo"].tolist()) == sorted(before["key_lo"][before["row"] == row].tolist())
    assert s.supply.supply["open_total"][row] == sum(map(open_quantity, mine)) == 28_000
    remove_lines(s.tables(), row, slots)
    others = before[before["row"] != row]
    assert sorted(s.lines.in_use()["key_lo"].tolist()) == sorted(others["key_lo"].tolist())
    assert (s.supply.supply["open_total"][row], s.supply.supply["open_head"][row]) == (0, LIST_END)
    for _ in range(2):  # lines that are there already are left alone
        put_lines(s.tables(), mine, row)
        again = s.lines.in_use()
        assert sorted(again["key_lo"].tolist()) == sorted(before["key_lo"].tolist())
        assert s.supply.supply["open_total"][row] == 28_000
        assert s.open_days(row) == {MONDAY // DAY_MS: 28.0}
