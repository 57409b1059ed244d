"""Open purchase-order lines as an array of records with a linked list per row, for kernels of plans and closes.

`sensing.supply.purchases` owns it and keeps it in step with its lines, so it is not part of snapshots. A *place* is an
index of the array.

Invariants
- The linked list of a row has its lines in order of opening. ``sequence`` rises in order of opening over all rows.
- A free place has ``open`` 0 and is in ``_free``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.jit import kernel
from sensing.machine_settings import DAY_MS
from sensing.supply.supply_record import NEVER

NONE = -1
Key = tuple[str, str]

OPEN_LINE = np.dtype(
    [
        ("open", "i8"),  # thousandths, open
        ("ordered", "i8"),  # thousandths
        ("placed_time", "i8"),  # UTC ms; NEVER: not known
        ("sequence", "i8"),
        ("row", "i4"),
        ("expected_day", "i4"),  # local day; NO_DAY: not known
        ("supplier", "i4"),
        ("lane", "i4"),
        ("before", "i4"),  # places of the previous and next line of the row, NONE at the ends
        ("after", "i4"),
    ],
    align=True,
)


@kernel
def count_open(table: NDArray[Any], first: NDArray[np.int32], rows: NDArray[np.int64]) -> int:
    """Number of open lines of some rows."""
    count = 0
    for row in rows:
        place = first[row]
        while place >= 0:
            count += 1
            place = table[place].after
    return count


@kernel
def read_open(
    table: NDArray[Any], first: NDArray[np.int32], rows: NDArray[np.int64], today: int, now: int,
    mean_days: NDArray[np.float64], delays: NDArray[np.float64], integers: NDArray[np.int64],
    floats: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill the columns of `sensing.supply.purchases.OpenLines` for the open lines (m,) of rows (n,).

    Parameters
    ----------
    today, now
        Local day that begins, and current instant in UTC ms.
    mean_days
        (n,) mean lead time of each row, in days.
    delays
        (suppliers,) typical delay of receipts of each supplier, in days.
    integers
        (3, m) filled with position of the row, due day, lane.
    floats
        (3, m) filled with open units, age in days, open share of the line.
    """
    k = 0
    for at in range(rows.shape[0]):
        place = first[rows[at]]
        while place >= 0:
            line = table[place]
            placed = line.placed_time != NEVER
            age = max(now - line.placed_time, 0) / DAY_MS if placed else np.nan
            due = int(line.expected_day)
            if due == NO_DAY:
                due = today + (int(np.rint(mean_days[at] - age)) if placed else 0)
            if due < today:
                due = max(today + 1, due + int(np.rint(delays[line.supplier])))
            integers[0, k], integers[1, k], integers[2, k] = at, due, line.lane
            floats[0, k], floats[1, k], floats[2, k] = line.open / THOUSANDTHS, age, line.open / line.ordered
            k += 1
            place = line.after


@kernel
def any_overdue(
    table: NDArray[Any], first: NDArray[np.int32], rows: NDArray[np.int64], day: int, out: NDArray[np.bool_]
) -> None:
    """Fill ``out`` (n,) with whether an open line of each row was expected on local ``day`` or before."""
    for at in range(rows.shape[0]):
        out[at] = False
        place = first[rows[at]]
        while place >= 0 and not out[at]:
            out[at] = NO_DAY < table[place].expected_day <= day
            place = table[place].after


@kernel
def places_of(table: NDArray[Any], first: int, last_day: int, out: NDArray[np.int64]) -> int:
    """Fill ``out`` with the places from ``first`` on whose lines are expected by ``last_day``; returns their number."""
    count = 0
    place = first
    while place >= 0:
        if table[place].expected_day <= last_day:
            out[count] = place
            count += 1
        place = table[place].after
    return count


@kernel
def chain(table: NDArray[Any], last: NDArray[np.int32], first: NDArray[np.int32], place: int, row: int) -> None:
    """Append a new place to the linked list of its row."""
    before = last[row]
    table[place].row = row
    table[place].before = before
    table[place].after = NONE
    if before == NONE:
        first[row] = place
    else:
        table[before].after = place
    last[row] = place


@kernel
def unchain(table: NDArray[Any], last: NDArray[np.int32], first: NDArray[np.int32], place: int) -> None:
    """Remove a place from the linked list of its row, and clear its open quantity."""
    record = table[place]
    record.open = 0
    if record.before == NONE:
        first[record.row] = record.after
    else:
        table[record.before].after = record.after
    if record.after == NONE:
        last[record.row] = record.before
    else:
        table[record.after].before = record.before


@kernel
def fill(
    table: NDArray[Any], place: int, open_quantity: int, ordered: int, placed_time: int, expected_day: int,
    supplier: int, lane: int,
) -> None:  # fmt: skip
    """Write the values of a line to its place."""
    record = table[place]
    record.open = open_quantity
    record.ordered = ordered
    record.placed_time = placed_time
    record.expected_day = expected_day
    record.supplier = supplier
    record.lane = lane


class OpenTable:
    """Open lines by row, in order of opening."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self._place_of: dict[Key, int] = {}
        self._free: list[int] = []
        self._sequence = 0
        self._table: NDArray[Any] = np.zeros(16, OPEN_LINE)
        self._first = np.full(16, NONE, np.int32)
        self._last = np.full(16, NONE, np.int32)

    def put(self, key: Key, line: Any, expected_day: int) -> None:
        """Add an open `PurchaseLine`, or update its record."""
        place = self._place_of.get(key)
        if place is None:
            place = self._open(key, line.row)
        fill(
            self._table, place, line.open, line.ordered, line.placed_time, expected_day, line.supplier, line.lane
        )  # fmt: skip

    def remove(self, key: Key) -> None:
        """Remove a line, which must be in the table."""
        place = self._place_of.pop(key)
        unchain(self._table, self._last, self._first, place)
        self._free.append(place)

    def of_row(self, row: int) -> list[Key]:
        """Keys of a row's open lines, in order of opening."""
        rows = np.array([row], np.int64)
        self._ensure(row)
        out = np.empty(count_open(self._table, self._first, rows), np.int64)
        places_of(self._table, int(self._first[row]), np.iinfo(np.int32).max, out)
        return [self.keys[place] for place in out.tolist()]

    def late(self, row: int, day: int, others: list[Key]) -> list[Key]:
        """Keys of a row's lines that are overdue on ``day`` or in ``others``, in order of opening.

        Lines without an expected day are left out.
        """
        self._ensure(row)
        out = np.empty(count_open(self._table, self._first, np.array([row], np.int64)), np.int64)
        count = places_of(self._table, int(self._first[row]), day, out)
        places = set(out[:count].tolist()) | {self._place_of[key] for key in others if key in self._place_of}
        table = self._table
        kept = [place for place in places if table["expected_day"][place] != NO_DAY and table["row"][place] == row]
        return [self.keys[place] for place in sorted(kept, key=lambda place: int(table["sequence"][place]))]

    def of_supplier(self, supplier: int) -> list[Key]:
        """Keys of the lines of a supplier that have an expected day, in order of opening."""
        table = self._table
        found = (table["open"] > 0) & (table["supplier"] == supplier) & (table["expected_day"] != NO_DAY)
        places = np.flatnonzero(found)
        return [self.keys[place] for place in places[np.argsort(table["sequence"][places])].tolist()]

    def overdue(self, rows: NDArray[np.int64], day: int) -> NDArray[np.bool_]:
        """(n,) whether an open line of each row was expected on local ``day`` or before."""
        out = np.zeros(len(rows), np.bool_)
        if len(rows):
            self._ensure(int(rows.max()))
            any_overdue(self._table, self._first, rows, day, out)
        return out

    def read(
        self, rows: NDArray[np.int64], today: int, now: int, mean_days: NDArray[np.float64], delays: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Columns of the open lines of some rows, see :func:`read_open`."""
        if len(rows):
            self._ensure(int(rows.max()))
        count = count_open(self._table, self._first, rows)
        integers, floats = np.empty((3, count), np.int64), np.empty((3, count))
        read_open(self._table, self._first, rows, today, now, mean_days, delays, integers, floats)
        return integers, floats

    def _open(self, key: Key, row: int) -> int:
        """Place of a new line, which is appended to the linked list of its row."""
        self._ensure(row)
        if self._free:
            place = self._free.pop()
            self.keys[place] = key
        else:
            place = len(self.keys)
            self.keys.append(key)
            if place == len(self._table):
                self._table = np.concatenate((self._table, np.zeros(place, OPEN_LINE)))
        chain(self._table, self._last, self._first, place, row)
        self._table["sequence"][place] = self._sequence
        self._sequence += 1
        self._place_of[key] = place
        return place

    def _ensure(self, row: int) -> None:
        if row >= len(self._first):
            more = np.full(max(row + 1, 2 * len(self._first)) - len(self._first), NONE, np.int32)
            self._first, self._last = np.concatenate((self._first, more)), np.concatenate((self._last, more))
