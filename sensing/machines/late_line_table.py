"""Late lines of all shards by supplier, and the daily findings of `delay_digest` that the roll-up makes of them.

A supplier's first digest is DIGEST_AFTER_MS after its first line, when its other lines of that day's close have come;
the next ones follow daily until no line is left. A line that comes within a day of the end waits for that day's turn.
"""

import math
import zlib
from collections.abc import Sequence

import msgspec

from sensing.codec.instants import date
from sensing.contracts.subjects import problem_key
from sensing.detection.delay_digest import DELAY_DIGEST, SupplierLines
from sensing.detection.finding import DetectionContext, Finding
from sensing.machine_settings import DAY_MS, HOUR_MS
from sensing.machines.close_schedule import NEVER
from sensing.machines.machine_messages import LateLineEnded, RollUpMessage
from sensing.state.late_lines import LateLine
from sensing.state.snapshot import Encoded, pack, unpack

DIGEST_AFTER_MS = 2 * HOUR_MS
LINES_MAX = 100_000
"""Late lines of all suppliers. Further ones are left out of the digests and counted."""


class _Entry(msgspec.Struct):
    """Late lines of one supplier by name, the instant of its next digest, and whether the latest was its end."""

    due: int
    ended: bool
    lines: dict[tuple[str, str, str, str], LateLine]


class _Dump(msgspec.Struct):
    refused: int
    entries: list[tuple[str, int, bool, list[LateLine]]]


class LateLineTable:
    """Late lines by supplier. ``refused`` counts lines that found no room."""

    def __init__(self, lines_max: int = LINES_MAX) -> None:
        self.lines_max = lines_max
        self.refused = 0
        self._suppliers: dict[str, _Entry] = {}
        self._count = 0
        self._next = NEVER

    @property
    def next_due(self) -> int:
        """Instant of the next digest; NEVER if no line is late."""
        return self._next

    def fold(self, messages: Sequence[RollUpMessage], instant: int) -> None:
        """Take in the messages of one instant, by line; those of one line in the order in which its shard sent them."""
        found = [message for message in messages if isinstance(message, (LateLine, LateLineEnded))]
        for message in sorted(found, key=lambda message: message.name):
            if isinstance(message, LateLine):
                self._put(message, instant)
            else:
                self._end(message)

    def take_due(self, instant: int) -> list[Finding]:
        """Findings of the suppliers whose digests are due, in order of their names."""
        found = []
        for supplier in sorted(name for name, entry in self._suppliers.items() if entry.due <= instant):
            entry = self._suppliers[supplier]
            if entry.ended and not entry.lines:
                del self._suppliers[supplier]
                continue
            found.append(_finding(supplier, entry, instant))
            entry.due, entry.ended = entry.due + DAY_MS, not entry.lines
        self._next = min((entry.due for entry in self._suppliers.values()), default=NEVER)
        return found

    def dump(self) -> bytes:
        """All lines as bytes."""
        entries = [
            (name, entry.due, entry.ended, list(entry.lines.values())) for name, entry in self._suppliers.items()
        ]
        return pack({"lines": Encoded(_Dump(self.refused, entries), _Dump)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        dump: _Dump = unpack(block, {"lines": _Dump})["lines"]
        self.refused = dump.refused
        self._suppliers = {
            name: _Entry(due, ended, {line.name: line for line in lines}) for name, due, ended, lines in dump.entries
        }
        self._count = sum(len(entry.lines) for entry in self._suppliers.values())
        self._next = min((entry.due for entry in self._suppliers.values()), default=NEVER)

    def _end(self, ended: LateLineEnded) -> None:
        entry = self._suppliers.get(ended.supplier)
        if entry is not None and entry.lines.pop(ended.name, None) is not None:
            self._count -= 1

    def _put(self, line: LateLine, instant: int) -> None:
        entry = self._suppliers.get(line.supplier)
        known = entry is not None and line.name in entry.lines
        if not known and self._count >= self.lines_max:
            self.refused += 1
            return
        if entry is None:
            entry = self._suppliers[line.supplier] = _Entry(instant + DIGEST_AFTER_MS, ended=False, lines={})
            self._next = min(self._next, entry.due)
        entry.lines[line.name] = line
        self._count += not known


def _finding(supplier: str, entry: _Entry, instant: int) -> Finding:
    lines = tuple(entry.lines[name] for name in sorted(entry.lines))
    priced = [line for line in lines if line.money_base is not None]
    evidence = SupplierLines(supplier=supplier, lines=lines, date=date(instant // DAY_MS))
    currency = priced[0].base_currency if priced else None
    context = DetectionContext(
        sku="", location="", row=zlib.crc32(problem_key(supplier).encode()), instant=instant, event_time=instant,
        day=instant // DAY_MS,
        price=1.0 if priced else math.nan, rate=1.0 if priced else math.nan, currency=currency, base_currency=currency,
    )  # fmt: skip
    return DELAY_DIGEST.finding(context, evidence)
