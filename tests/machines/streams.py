"""Small streams for tests of whole machines: events in order of arrival, cut into batches, and the outputs."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from sensing.codec.currency_notices import CurrencyNotices
from sensing.codec.decode import Block, decode
from sensing.codec.event_record import EVENT, TOPICS, Batch, InfrequentEvent, Reject
from sensing.codec.location_notices import LocationNotices
from sensing.codec.purchase_notices import announce_purchases
from sensing.codec.shard_split import shard_of, split
from sensing.codec.text_table import TextTable
from sensing.machine_settings import Settings
from sensing.machines.call_budget import UNBOUNDED, CallBounds
from sensing.machines.ledger import LedgerMachine
from sensing.machines.machine_messages import HandOver, LedgerBatch, ParameterRows, ShardReport, Totals
from sensing.machines.rollup import RollUpMachine
from sensing.machines.shard import ShardMachine
from sensing.outputs import OutputRecord
from sensing.state.rows import DAYS_KEPT, HOURS_KEPT

MONDAY = 1_769_990_400_000
"""2026-02-02T00:00:00Z."""

PREFIXES = {
    "order": "orders", "demand": "orders", "shipment": "shipments", "po": "suppliers",
    "supplier.disrupted": "suppliers", "inventory": "inventory", "decision": "decisions", "execution": "decisions",
}  # fmt: skip


def topic_of(event_type: str) -> str:
    """Topic of an event type."""
    return PREFIXES.get(event_type) or PREFIXES.get(event_type.split(".")[0]) or "reference"


class Line(NamedTuple):
    """One message of a stream: its topic and its bytes."""

    topic: str
    value: bytes


def line(event_type: str, event_id: str, time: int | None, **fields: Any) -> Line:
    """A message; fields that are None are left out."""
    event = {"event_id": event_id, "event_type": event_type, "event_time": time} | fields
    return Line(topic_of(event_type), orjson.dumps({name: value for name, value in event.items() if value is not None}))


class Stream:
    """Messages in order of arrival, decoded, with the watermark in force at each.

    ``cut`` returns any part as one batch. Reference records may be anywhere, since they do not move the watermark.
    """

    def __init__(self, lines: Sequence[Line], end: int | None = None) -> None:
        lateness_ms = Settings().lateness_ms
        self.lines = lines
        self.topics = np.array([TOPICS.index(line.topic) for line in lines], np.int64)
        self.infrequent: list[tuple[int, InfrequentEvent]] = []
        self.rejects: list[tuple[int, Reject]] = []
        self.texts: tuple[TextTable, ...] = ()
        times, parts, places = np.zeros(len(lines), np.int64), [np.empty(0, EVENT)], [np.empty(0, np.int64)]
        for number, topic in enumerate(TOPICS):
            at = np.flatnonzero(self.topics == number)
            if not len(at):
                continue
            decoded = decode(topic, 0, Block.of([lines[i].value for i in at.tolist()], np.arange(len(at))))
            places.append(at[decoded.positions])
            parts.append(decoded.records)
            self.texts += (decoded.texts,)
            times[places[-1]] = decoded.records["time"]
            for i, (_, infrequent) in zip(at[decoded.infrequent_positions].tolist(), decoded.infrequent, strict=True):
                self.infrequent.append((i, infrequent))
                times[i] = 0 if topic == "reference" else infrequent.time
            self.rejects += zip(at[decoded.reject_positions].tolist(), decoded.rejects, strict=True)
        order = np.argsort(np.concatenate(places), kind="stable")
        self.records = np.concatenate(parts)[order]
        self.watermarks = np.maximum(np.maximum.accumulate(times) - lateness_ms, 0)
        self.records["watermark"] = self.watermarks[np.concatenate(places)[order]]
        self.infrequent = [
            (i, infrequent._replace(watermark=int(self.watermarks[i])))
            for i, infrequent in sorted(self.infrequent, key=_first)
        ]
        self.rejects.sort(key=_first)
        self.before = np.zeros(len(lines) + 1, np.int64)
        self.before[1:] = np.cumsum(np.bincount(np.concatenate(places), minlength=len(lines)))
        self.end = int(self.watermarks[-1]) + lateness_ms if end is None else end

    def __len__(self) -> int:
        """Number of messages."""
        return len(self.lines)

    def cut(self, start: int, stop: int) -> Batch:
        """Messages ``start`` to ``stop`` (exclusive) as one batch."""
        first = int(self.before[start])
        low, high = np.searchsorted([i for i, _ in self.infrequent], [start, stop]).tolist()
        infrequent = [(int(self.before[i]) - first, item) for i, item in self.infrequent[low:high]]
        watermark = int(self.watermarks[stop - 1]) if stop > 0 else 0
        return Batch(self.records[first : int(self.before[stop])].copy(), infrequent, watermark, texts=self.texts)

    def books(self, start: int, stop: int) -> LedgerBatch:
        """The same messages as a batch of the ledger."""
        rejects = [reject for i, reject in self.rejects if start <= i < stop]
        counts = np.bincount(self.topics[start:stop], minlength=len(TOPICS)).tolist()
        read = [(topic, 0, count) for topic, count in zip(TOPICS, counts, strict=True) if count]
        return LedgerBatch(rejects, read, int(self.watermarks[stop - 1]) if stop > 0 else 0)

    def last(self) -> Batch:
        """The end of the input."""
        return Batch(np.empty(0, EVENT), [], self.end, final=True, reconciliation=1)


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


def sizes(stream: Stream, size: int) -> list[int]:
    """Cuts of a stream into blocks of one size."""
    return [*range(size, len(stream), size), len(stream)]


class Result(NamedTuple):
    """Outputs of the machines of one run, by machine: the shards, the ledger, the roll-up."""

    outputs: list[list[OutputRecord]]
    totals: list[Totals]
    columns: list[dict[str, Any]]
    shards: list[ShardMachine]
    roll_up: RollUpMachine

    def data(self, topic: str) -> list[dict[str, Any]]:
        """Decoded data of all outputs to a topic, in order of machine and output. Tombstones are left out."""
        records = [record for machine in self.outputs for record in machine if record.topic == topic]
        return [orjson.loads(record.data) for record in records if record.data]

    def table(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Parameters by SKU and location; arrays as lists."""
        found = {}
        for columns in self.columns:
            for at, key in enumerate(zip(columns["sku"], columns["location"], strict=True)):
                found[key] = {
                    name: column[at].tolist() if isinstance(column, np.ndarray) else column[at]
                    for name, column in columns.items()
                }
        return found

    def plain(self) -> tuple[Any, ...]:
        """All outputs as values that compare byte by byte."""
        columns = [
            {name: column.tobytes() if isinstance(column, np.ndarray) else column for name, column in rows.items()}
            for rows in self.columns
        ]
        # The instant of a dead letter is that of its block, so it depends on the cuts. No other output does.
        *shards, ledger, roll_up = self.outputs
        ledger = [record._replace(instant=0) for record in ledger]
        return [*shards, ledger, roll_up], self.totals, columns


class Run:
    """All machines of one engine, fed step by step."""

    def __init__(self, settings: Settings, bounds: CallBounds = UNBOUNDED) -> None:
        self.settings = settings
        self.bounds = bounds
        self.notices = LocationNotices()
        self.shards = [ShardMachine(shard, settings, bounds) for shard in range(settings.shards)]
        self.ledger = LedgerMachine(settings.shards, settings.shards)
        self.roll_up = RollUpMachine(settings.shards + 1, settings)
        self.outputs: list[list[OutputRecord]] = [[] for _ in range(settings.shards + 2)]
        self.totals: list[Totals] = []
        self.columns: list[dict[str, Any]] = []
        self._currencies = CurrencyNotices()
        self._way_back: deque[HandOver] = deque()

    def apply(self, batch: Batch, books: LedgerBatch | None = None, *, everyone: bool = True) -> None:
        """Apply a batch to all shards. If not ``everyone``, shards without records in it are skipped."""
        announced = announce_purchases(self._currencies.announce(self.notices.announce(batch)))
        for machine, part in enumerate(split(announced, self.settings.shards)):
            if everyone or part.infrequent or len(part.records) or len(part.purchases):
                for output in self.shards[machine].apply(part):
                    self._keep(machine, output)
        self._hand_over()
        if books is not None:
            self.outputs[-2] += self.ledger.apply(books)

    def proceed(self) -> int:
        """Call every busy machine once more; returns the number of machines that are still busy."""
        for machine, shard in enumerate(self.shards):
            if shard.busy:
                for output in shard.proceed():
                    self._keep(machine, output)
        self._hand_over()
        return sum(shard.busy for shard in self.shards)

    def _hand_over(self) -> None:
        """Bring what items hand over to the shards of their successors."""
        while self._way_back:
            message = self._way_back.popleft()
            machine = shard_of(message.successor, self.settings.shards)
            for output in self.shards[machine].apply(message):
                self._keep(machine, output)

    def _keep(self, machine: int, output: OutputRecord | Totals | ParameterRows | ShardReport | HandOver) -> None:
        if isinstance(output, OutputRecord):
            self.outputs[machine].append(output)
        elif isinstance(output, HandOver):
            self._way_back.append(output)
        elif isinstance(output, Totals):
            self.totals.append(output)
            self.outputs[-2] += self.ledger.apply(output)
        elif isinstance(output, ShardReport):
            self.outputs[-1] += self.roll_up.apply(output)
        else:
            self.columns.append(output.columns)

    def tick(self, watermark: int) -> None:
        """Apply an empty batch with this watermark to every machine."""
        self.apply(Batch(np.empty(0, EVENT), [], watermark))

    def restart(self) -> None:
        """Dump every machine, and continue with new machines that load the dumps. A source group announces anew."""
        self.notices = LocationNotices()
        for number, machine in enumerate(self.shards):
            self.shards[number] = ShardMachine(number, self.settings, self.bounds)
            self.shards[number].load(machine.dump())
        dump = self.ledger.dump()
        self.ledger = LedgerMachine(self.settings.shards, self.settings.shards)
        self.ledger.load(dump)
        dump = self.roll_up.dump()
        self.roll_up = RollUpMachine(self.settings.shards + 1, self.settings)
        self.roll_up.load(dump)

    def end(self, stream: Stream) -> None:
        """Apply the final batches to ledger and shards."""
        self.outputs[-2] += self.ledger.apply(stream.books(0, 0)._replace(watermark=stream.end, reconciliation=1))
        self.apply(stream.last())

    def result(self) -> Result:
        """All outputs so far."""
        return Result(self.outputs, self.totals, self.columns, self.shards, self.roll_up)


def run(
    stream: Stream, settings: Settings, cuts: Iterable[int] | None = None, *, ticks: int = 0, everyone: bool = True,
    restarts: Sequence[int] = (),
) -> Result:  # fmt: skip
    """Feed a stream to machines, cut at ``cuts`` (each the end of a block; by default one block).

    Parameters
    ----------
    ticks
        Number of empty batches after every block, spread over the time to the next message.
    everyone
        Whether shards also get blocks without records for them.
    restarts
        Cuts after which all machines are dumped and loaded again.
    """
    engine = Run(settings)
    for start, stop in _blocks(stream, cuts):
        engine.apply(stream.cut(start, stop), stream.books(start, stop), everyone=everyone)
        if stop in restarts:
            engine.restart()
        if stop < len(stream):
            between = np.linspace(stream.watermarks[stop - 1], stream.watermarks[stop], ticks + 2)[1:-1]
            for watermark in between.tolist():
                engine.tick(int(watermark))
    engine.end(stream)
    return engine.result()


def _blocks(stream: Stream, cuts: Iterable[int] | None) -> Iterator[tuple[int, int]]:
    start = 0
    for stop in [*(cuts or []), len(stream)]:
        if start < stop <= len(stream):
            yield start, stop
            start = stop


class Sums(NamedTuple):
    """Contents of a row's rings without zeros: thousandths and lines by local day, lines by local hour."""

    quantity: dict[int, int]
    day_lines: dict[int, int]
    hour_lines: dict[int, int]
    open: int
    """Open demand, thousandths."""
    hour: int
    """Newest local hour of the rings."""

    def within(self, other: "Sums") -> "Sums":
        """The part that is within the rings of ``other`` as well."""
        hour = max(self.hour, other.hour)
        day = hour // 24 - DAYS_KEPT
        quantity, day_lines = (
            {at: n for at, n in ring.items() if at > day} for ring in (self.quantity, self.day_lines)
        )
        hour_lines = {at: n for at, n in self.hour_lines.items() if at > hour - HOURS_KEPT}
        return Sums(quantity, day_lines, hour_lines, self.open, hour)


def sums(machine: ShardMachine) -> dict[tuple[str, str], Sums]:
    """Sums by SKU and location."""
    found = {}
    for row in range(machine.state.rows.count):
        hot = machine.state.rows.hot[row]
        day, hour = int(hot["day"]), int(hot["hour"])
        found[machine.state.names_of(row)] = Sums(
            _ring(hot["day_quantity"], day), _ring(hot["day_lines"], day), _ring(hot["hour_lines"], hour),
            int(machine.state.supply.supply["open_total"][row]), hour,
        )  # fmt: skip
    return found


def _ring(ring: NDArray[Any], newest: int) -> dict[int, int]:
    at = range(newest - len(ring) + 1, newest + 1)
    return {place: int(ring[place % len(ring)]) for place in at if ring[place % len(ring)]}
