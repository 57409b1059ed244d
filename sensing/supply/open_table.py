"""Open schedule lines of purchase orders as an array of records with a linked list per row, for kernels of plans and
closes.

`sensing.supply.purchases` owns it and keeps it in step with its lines, so it is not part of snapshots. A *place* is an
index of the array.

Invariants
- The linked list of a row has its purchase-order lines in order of opening, each with its schedule lines one after the
  other. ``sequence`` rises in order of opening over all rows; schedule lines of one line share it.
- A free place has ``open`` 0 and is in ``_free``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.jit import kernel
from sensing.machine_settings import DAY_MS
from sensing.supply.lead_time import truncated_normal_moments
from sensing.supply.purchase_line import PurchaseLine
from sensing.supply.schedule_lines import PROMISED, UNCONFIRMED, ScheduleLine
from sensing.supply.supply_record import NEVER

NONE = -1
Key = tuple[str, str]

OPEN_LINE = np.dtype(
    [
        ("open", "i8"),  # thousandths, open
        ("ordered", "i8"),  # thousandths
        ("placed_time", "i8"),  # UTC ms; NEVER: not known
        ("since", "i8"),  # without an expected day the line is due a lead time after this instant, UTC ms
        ("sequence", "i8"),
        ("lead_days", "f8"),  # lead time that a later promise announces, in days; 0: none
        ("row", "i4"),
        ("expected_day", "i4"),  # local day; NO_DAY: not known
        ("supplier", "i4"),
        ("lane", "i4"),
        ("before", "i4"),  # places of the previous and next line of the row, NONE at the ends
        ("after", "i4"),
        ("unconfirmed", "i4"),  # 1: the supplier has not confirmed it
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
    mean_days: NDArray[np.float64], delays: tuple[NDArray[np.float64], NDArray[np.float64]],
    integers: NDArray[np.int64], floats: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill the columns of `sensing.supply.purchases.OpenLines` for the open lines (m,) of rows (n,).

    Parameters
    ----------
    today, now
        Local day that begins, and current instant in UTC ms.
    mean_days
        (n,) mean lead time of each row, in days.
    delays
        (suppliers,) mean and variance of the delays of each supplier's receipts after the expected day, in days.
    integers
        (3, m) filled with position of the row, due day, lane.
    floats
        (3, m) filled with open units, known part of the lead time in days (age, or what a later promise announces),
        open share of the line.
    """
    k = 0
    for at in range(rows.shape[0]):
        place = first[rows[at]]
        while place >= 0:
            line = table[place]
            age = np.nan
            if line.placed_time != NEVER:
                age = max(max(now - line.placed_time, 0) / DAY_MS, line.lead_days)
            due = int(line.expected_day)
            late, variance = delays[0][line.supplier], delays[1][line.supplier]
            if due == NO_DAY:
                waited = max(now - line.since, 0) / DAY_MS
                due = today + (int(np.rint(mean_days[at] - waited)) if line.since != NEVER else 0)
                late = 0.0  # lead times include it
            if due < today:
                late, _ = truncated_normal_moments(late, variance, today - due)
                due = max(today + 1, due + int(np.rint(late)))
            elif late > 0.0:
                due += int(np.rint(late))
            integers[0, k], integers[1, k], integers[2, k] = at, due, line.lane
            floats[0, k], floats[1, k], floats[2, k] = line.open / THOUSANDTHS, age, line.open / line.ordered
            k += 1
            place = line.after


@kernel
def any_late(
    table: NDArray[Any], first: NDArray[np.int32], rows: NDArray[np.int64], day: int, out: NDArray[np.bool_]
) -> None:
    """Fill ``out`` (n,) with whether an open line of each row was expected by local ``day`` or is not confirmed."""
    for at in range(rows.shape[0]):
        out[at] = False
        place = first[rows[at]]
        while place >= 0 and not out[at]:
            out[at] = NO_DAY < table[place].expected_day <= day or table[place].unconfirmed == 1
            place = table[place].after


@kernel
def places_of(table: NDArray[Any], first: int, last_day: int, out: NDArray[np.int64]) -> int:
    """Fill ``out`` with the places from ``first`` on that are expected by ``last_day`` or not confirmed.

    Returns their number.
    """
    count = 0
    place = first
    while place >= 0:
        if NO_DAY < table[place].expected_day <= last_day or table[place].unconfirmed == 1:
            out[count] = place
            count += 1
        place = table[place].after
    return count


@kernel
def chain(
    table: NDArray[Any], last: NDArray[np.int32], first: NDArray[np.int32], place: int, row: int, before: int
) -> None:
    """Insert a new place into the linked list of its row behind ``before``; NONE: at the beginning."""
    after = first[row] if before == NONE else table[before].after
    table[place].row = row
    table[place].before = before
    table[place].after = after
    if before == NONE:
        first[row] = place
    else:
        table[before].after = place
    if after == NONE:
        last[row] = place
    else:
        table[after].before = place


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
    table: NDArray[Any], place: int, quantities: tuple[int, int], times: tuple[int, int], days: tuple[int, float],
    supplier: int, lane: int, unconfirmed: int,
) -> None:  # fmt: skip
    """Write the values of a schedule line to its place.

    ``quantities`` are open and ordered, ``times`` placed_time and since, ``days`` expected_day and lead_days.
    """
    record = table[place]
    record.open, record.ordered = quantities
    record.placed_time, record.since = times
    record.expected_day, record.lead_days = days
    record.supplier = supplier
    record.lane = lane
    record.unconfirmed = unconfirmed


def announced_days(line: PurchaseLine, part: ScheduleLine) -> float:
    """Lead time in days that the supplier announced by promising a later day than the first one; 0: none."""
    if part.source != PROMISED or not line.placed or part.first_day == NO_DAY or part.day <= part.first_day:
        return 0.0
    return float(max(part.day - line.placed_day, 0))


class OpenTable:
    """Open schedule lines by row, in order of opening of their purchase-order lines."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self._places_of: dict[Key, list[int]] = {}
        self._free: list[int] = []
        self._sequence = 0
        self._table: NDArray[Any] = np.zeros(16, OPEN_LINE)
        self._first = np.full(16, NONE, np.int32)
        self._last = np.full(16, NONE, np.int32)

    def put(self, key: Key, line: PurchaseLine) -> None:
        """Add an open purchase-order line, or update its schedule lines."""
        places = self._places_of.get(key)
        if places is None:
            self._ensure(line.row)
            places = self._places_of[key] = []
            self._sequence += 1
        while len(places) > len(line.schedule):
            self._close(places.pop())
        sequence = int(self._table["sequence"][places[0]]) if places else self._sequence
        while len(places) < len(line.schedule):
            before = places[-1] if places else int(self._last[line.row])
            places.append(self._open(key, line.row, before, sequence))
        for place, part in zip(places, line.schedule, strict=True):
            fill(
                self._table, place, (part.quantity, line.ordered), (line.placed_time, part.since),
                (part.expected, announced_days(line, part)), line.supplier, line.lane, int(part.source == UNCONFIRMED),
            )  # fmt: skip

    def remove(self, key: Key) -> None:
        """Remove a purchase-order line, which must be in the table."""
        for place in self._places_of.pop(key):
            self._close(place)

    def of_row(self, row: int) -> list[Key]:
        """Keys of a row's open lines, in order of opening."""
        self._ensure(row)
        found: dict[Key, None] = {}
        place = int(self._first[row])
        while place >= 0:
            found[self.keys[place]] = None
            place = int(self._table["after"][place])
        return list(found)

    def late(self, row: int, day: int, others: list[Key]) -> list[Key]:
        """Keys of a row's lines that are overdue on ``day``, not confirmed or in ``others``, in order of opening."""
        self._ensure(row)
        out = np.empty(count_open(self._table, self._first, np.array([row], np.int64)), np.int64)
        count = places_of(self._table, int(self._first[row]), day, out)
        sequence = self._table["sequence"]
        found = {int(sequence[place]): self.keys[place] for place in out[:count].tolist()}
        for key in others:
            places = self._places_of.get(key)
            if places and self._table["row"][places[0]] == row:
                found[int(sequence[places[0]])] = key
        return [found[at] for at in sorted(found)]

    def of_supplier(self, supplier: int) -> list[Key]:
        """Keys of the lines of a supplier, in order of opening."""
        table = self._table
        places = np.flatnonzero((table["open"] > 0) & (table["supplier"] == supplier))
        found = {self.keys[place]: None for place in places[np.argsort(table["sequence"][places])].tolist()}
        return list(found)

    def late_rows(self, rows: NDArray[np.int64], day: int) -> NDArray[np.bool_]:
        """(n,) whether an open line of each row was expected on local ``day`` or before, or is not confirmed."""
        out = np.zeros(len(rows), np.bool_)
        if len(rows):
            self._ensure(int(rows.max()))
            any_late(self._table, self._first, rows, day, out)
        return out

    def read(
        self,
        rows: NDArray[np.int64],
        today: int,
        now: int,
        mean_days: NDArray[np.float64],
        delays: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Columns of the open lines of some rows, see :func:`read_open`."""
        if len(rows):
            self._ensure(int(rows.max()))
        count = count_open(self._table, self._first, rows)
        integers, floats = np.empty((3, count), np.int64), np.empty((3, count))
        read_open(self._table, self._first, rows, today, now, mean_days, delays, integers, floats)
        return integers, floats

    def _open(self, key: Key, row: int, before: int, sequence: int) -> int:
        """A new place of a line, inserted into the linked list of its row behind ``before``."""
        if self._free:
            place = self._free.pop()
            self.keys[place] = key
        else:
            place = len(self.keys)
            self.keys.append(key)
            if place == len(self._table):
                self._table = np.concatenate((self._table, np.zeros(place, OPEN_LINE)))
        chain(self._table, self._last, self._first, place, row, before)
        self._table["sequence"][place] = sequence
        return place

    def _close(self, place: int) -> None:
        unchain(self._table, self._last, self._first, place)
        self._free.append(place)

    def _ensure(self, row: int) -> None:
        if row >= len(self._first):
            more = np.full(max(row + 1, 2 * len(self._first)) - len(self._first), NONE, np.int32)
            self._first, self._last = np.concatenate((self._first, more)), np.concatenate((self._last, more))
