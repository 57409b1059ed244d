"""Allocations: stock that is reserved for order lines and not free for others. `ShardState` owns them.

The stock of an allocated line is still on hand until it is shipped. A plan counts it as used at once, whatever day the
line is requested for. What is allocated of a line is never more than what is open on it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.state.line_table import find_line, open_quantity
from sensing.state.snapshot import Encoded, pack, unpack

LineKey = tuple[int, int]
_Entries = tuple[list[tuple[int, list[tuple[int, int, int]]]], int]
"""Allocations by row: (key, thousandths) of each line; and the number refused."""


class Allocations:
    """Allocated thousandths by row and line key. At most ``lines_max`` lines; further ones are refused and counted."""

    def __init__(self, lines_max: int) -> None:
        self.lines_max = lines_max
        self.refused = 0
        self._of_row: dict[int, dict[LineKey, int]] = {}
        self._count = 0

    def add(self, row: int, key: LineKey, quantity: int) -> None:
        """Allocate thousandths to a line."""
        if key not in self._of_row.get(row, {}):
            if self._count >= self.lines_max:
                self.refused += 1
                return
            self._count += 1
        lines = self._of_row.setdefault(row, {})
        lines[key] = lines.get(key, 0) + quantity

    def rows(self, rows: NDArray[np.int64]) -> list[int]:
        """Positions in ``rows`` of those that have allocations."""
        if not self._of_row:
            return []
        return [at for at, row in enumerate(rows.tolist()) if row in self._of_row]

    def of_row(self, row: int, lines: NDArray[Any], index: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Requested local day and allocated thousandths of each line of a row that is still open.

        Lines that are not open any more are forgotten.
        """
        found, kept = [], {}
        for key, quantity in self._of_row.get(row, {}).items():
            slot = find_line(lines, index, np.uint64(key[0]), np.uint64(key[1]))
            quantity_open = int(open_quantity(lines[slot])) if slot >= 0 else 0
            if quantity_open > 0:
                kept[key] = quantity
                found.append((int(lines[slot]["requested_day"]), min(quantity, quantity_open)))
        self._count -= len(self._of_row.get(row, {})) - len(kept)
        if kept:
            self._of_row[row] = kept
        else:
            self._of_row.pop(row, None)
        return found

    def take_row(self, row: int) -> list[tuple[int, int, int]]:
        """Remove and return the allocations of a row: line key and thousandths."""
        found = [(*key, quantity) for key, quantity in self._of_row.pop(row, {}).items()]
        self._count -= len(found)
        return found

    def convert(self, row: int, factor: float) -> None:
        """Multiply the allocations of a row by ``factor``, when its base unit has changed."""
        for key, quantity in self._of_row.get(row, {}).items():
            self._of_row[row][key] = round(quantity * factor)

    def dump(self) -> bytes:
        """All allocations as bytes."""
        rows = [(row, [(*key, quantity) for key, quantity in lines.items()]) for row, lines in self._of_row.items()]
        return pack({"allocations": Encoded((rows, self.refused), _Entries)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        rows, self.refused = unpack(block, {"allocations": _Entries})["allocations"]
        self._of_row = {row: {(hi, lo): quantity for hi, lo, quantity in lines} for row, lines in rows}
        self._count = sum(map(len, self._of_row.values()))
