"""Open demand by requested day: the list of a row's open lines against a dictionary.

The dictionary reaches `read_due` through `open_by_day`.
"""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.state.line_table import CLOSED, LIST_END, NOT_LINKED, TRACKED_OPEN, LineTable, add_line
from sensing.supply import backlog
from sensing.supply.supply_record import fresh

TODAY = 20_000
ROWS = 3


class Placed(NamedTuple):
    """A line of the oracle."""

    row: int
    day: int
    open: int


def made(table: LineTable, row: int, day: int, quantity: int) -> int:
    """Slot of a new line that is not linked."""
    table.ensure(1)
    number = np.uint64(len(table.in_use()) + 1)
    slot = add_line(table.lines, table.index, table.state, number, number << np.uint64(7))
    line = table.lines[slot]
    line["row"], line["requested_day"], line["quantity"], line["flags"] = row, day, quantity, TRACKED_OPEN
    return slot


def chain(supply: NDArray[Any], table: LineTable, row: int) -> list[int]:
    """Slots of a row's list in its order."""
    slots: list[int] = []
    at = int(supply["open_head"][row])
    while at != LIST_END:
        assert at not in slots
        slots.append(at)
        at = int(table.lines["next_open"][at])
    return slots


def read(supply: NDArray[Any], table: LineTable, days: int = 28) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Open demand of all rows by day from TODAY on, and what is overdue."""
    by_day, overdue = np.empty((ROWS, days)), np.empty(ROWS)
    lines = table.lines[table.lines["row"] >= 0]
    lines = lines[lines["flags"] == TRACKED_OPEN]
    supply["open_total"] = [lines["quantity"][lines["row"] == row].sum() for row in range(ROWS)]
    backlog.open_by_day(supply, table.lines, np.arange(ROWS), TODAY, by_day, overdue)
    return by_day, overdue


# Days of the ring, long ago and far ahead.
days = st.integers(TODAY - 3, TODAY + 4) | st.sampled_from((TODAY - 4000, TODAY + 28, TODAY + 365, TODAY + 3653))


@given(st.data())
def test_open_demand_stands_under_its_requested_day(data: st.DataObject) -> None:
    """Whatever is opened, changed, ended, unlinked, moved and read, each open line is linked once in its row's list.

    Its quantity stands under its real day, however far that is.
    """
    supply, table = fresh(ROWS), LineTable(64)
    lines: dict[int, Placed] = {}
    for _ in range(data.draw(st.integers(1, 25))):
        action = data.draw(st.sampled_from(("new", "new", "change", "close", "move", "unlink", "prune", "read")))
        if action == "new" or not lines:
            placed = Placed(data.draw(st.integers(0, ROWS - 1)), data.draw(days), data.draw(st.integers(1, 10**12)))
            slot = made(table, *placed)
            lines[slot] = placed
            backlog.link(supply, table.lines, slot)
            continue
        slot = data.draw(st.sampled_from(sorted(lines)))
        placed = lines[slot]
        if action == "change":
            lines[slot] = placed._replace(day=data.draw(days), open=data.draw(st.integers(0, 10**6)))
            backlog.change_day(supply, table.lines, slot, lines[slot].day)
            table.lines["quantity"][slot] = lines[slot].open
            if lines[slot].open:
                backlog.link(supply, table.lines, slot)
        elif action == "close":
            table.lines["quantity"][slot] = 0
            lines[slot] = placed._replace(open=0)
        elif action == "move":
            backlog.unlink(supply, table.lines, slot)
            lines[slot] = placed._replace(row=data.draw(st.integers(0, ROWS - 1)))
            table.lines["row"][slot] = lines[slot].row
            if placed.open:
                backlog.link(supply, table.lines, slot)
        elif action == "unlink":
            backlog.unlink(supply, table.lines, slot)
            backlog.unlink(supply, table.lines, slot)
            assert table.lines["next_open"][slot] == NOT_LINKED
            table.lines["quantity"][slot] = 0
            lines[slot] = placed._replace(open=0)
        elif action == "prune":
            backlog.prune(supply, table.lines, placed.row)
            still = [at for at, line in lines.items() if line.row == placed.row and line.open]
            assert sorted(chain(supply, table, placed.row)) == still
        else:
            read(supply, table)
        linked = [at for row in range(ROWS) for at in chain(supply, table, row)]
        assert len(linked) == len(set(linked))
        assert set(linked) >= {at for at, line in lines.items() if line.open}
        assert [at for at in lines if table.lines["next_open"][at] != NOT_LINKED] == sorted(linked)
    compare(supply, table, lines)


def compare(supply: NDArray[Any], table: LineTable, lines: dict[int, Placed]) -> None:
    """Compare all ways to read open demand with the oracle's lines; nothing but open lines stays linked."""
    by_day, overdue = read(supply, table)
    for row in range(ROWS):
        mine = [line for line in lines.values() if line.row == row and line.open]
        ahead = [sum(line.open for line in mine if line.day == TODAY + day) / 1000 for day in range(28)]
        np.testing.assert_allclose(by_day[row], ahead)
        np.testing.assert_allclose(overdue[row], sum(line.open for line in mine if line.day < TODAY) / 1000)
        all_days = sorted({line.day for line in mine})
        of_day = {day: sum(line.open for line in mine if line.day == day) / 1000 for day in all_days}
        assert backlog.open_days(supply, table.lines, row) == of_day
        assert list(backlog.open_days(supply, table.lines, row)) == all_days
        assert len(chain(supply, table, row)) == len(mine)
        few = np.zeros(1, np.int64), np.zeros(1, np.int64)
        assert backlog.open_lines(supply, table.lines, row, *few) == len(mine)
        if mine:
            assert Placed(row, int(few[0][0]), int(few[1][0])) in mine


def test_an_ended_line_leaves_the_list_when_it_is_read() -> None:
    """A line that is closed stays linked until its row is read; linked again it stands in the list once."""
    supply, table = fresh(1), LineTable(8)
    slots = [made(table, 0, TODAY, 1000) for _ in range(3)]
    for slot in slots:
        backlog.link(supply, table.lines, slot)
        backlog.link(supply, table.lines, slot)
    assert chain(supply, table, 0) == slots[::-1]
    table.lines["flags"][slots[1]] |= CLOSED
    assert len(chain(supply, table, 0)) == 3
    assert backlog.open_days(supply, table.lines, 0) == {TODAY: 2.0}
    assert chain(supply, table, 0) == [slots[2], slots[0]]
    assert table.lines["next_open"][slots[1]] == NOT_LINKED
