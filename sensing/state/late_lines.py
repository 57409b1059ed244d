"""Late lines of a shard: purchase-order lines that are late but open no exception, as last told to the roll-up.

`sensing.machines.late_line_reports` keeps the table, the detector of delays reads which lines it must watch.
"""

import datetime as dt

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.state.snapshot import Encoded, pack, unpack

LineKey = tuple[str, str]
"""Purchase order and line."""


class LateLine(msgspec.Struct, frozen=True, kw_only=True, tag="late_line"):
    """A late purchase-order line: base units, local dates, days of lateness that are usual for its supplier."""

    supplier: str
    sku: str
    location: str
    po_id: str
    line: str
    units: float
    first_date: dt.date
    expected_date: dt.date
    usual_days_late: int
    money_base: float | None = None
    base_currency: str | None = None

    @property
    def name(self) -> tuple[str, str, str, str]:
        """What tells it from all other lines."""
        return self.po_id, self.line, self.sku, self.location

    def days_late(self, today: dt.date) -> int:
        """Days after its first date."""
        return (max(self.expected_date, today) - self.first_date).days


_Dump = tuple[int, list[tuple[int, LineKey, LateLine]]]


class LateLines:
    """Late lines by row and key. ``refused`` counts those that were not kept because the table was full."""

    def __init__(self, lines_max: int) -> None:
        self.lines_max = lines_max
        self.refused = 0
        self._rows: dict[int, dict[LineKey, LateLine]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Number of lines."""
        return self._count

    def get(self, row: int, key: LineKey) -> LateLine | None:
        """The line as it was last put; None if it is not here."""
        return self._rows.get(row, {}).get(key)

    def put(self, row: int, key: LineKey, line: LateLine) -> bool:
        """Keep a line; False if there is no room for a new one."""
        known = self.get(row, key) is not None
        if not known and self._count >= self.lines_max:
            self.refused += 1
            return False
        self._count += not known
        self._rows.setdefault(row, {})[key] = line
        return True

    def take(self, row: int, key: LineKey) -> LateLine | None:
        """Remove and return a line; None if it is not here."""
        lines = self._rows.get(row, {})
        line = lines.pop(key, None)
        if line is not None:
            self._count -= 1
            if not lines:
                del self._rows[row]
        return line

    def of_row(self, row: int) -> list[LineKey]:
        """Keys of a row's lines."""
        return list(self._rows.get(row, ()))

    def all_keys(self) -> list[tuple[int, LineKey]]:
        """Rows and keys of all lines."""
        return [(row, key) for row, lines in self._rows.items() for key in lines]

    def listed(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) whether each row has a line."""
        if not self._rows:
            return np.zeros(len(rows), np.bool_)
        return np.fromiter(map(self._rows.__contains__, rows.tolist()), np.bool_, len(rows))

    def dump(self) -> bytes:
        """All lines as bytes."""
        lines = [(row, key, line) for row, lines in self._rows.items() for key, line in lines.items()]
        return pack({"lines": Encoded((self.refused, lines), _Dump)})

    def load(self, block: bytes) -> None:
        """Restore the lines of :meth:`dump`."""
        refused, lines = unpack(block, {"lines": _Dump})["lines"]
        for row, key, line in lines:
            self.put(row, key, line)
        self.refused = refused
