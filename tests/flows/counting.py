"""A small deterministic machine that counts events. Its outputs show the order of events and the watermarks."""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from flows.runtime.machine_logic import Machine, MakeMachine
from flows.runtime.roles import MachineId, Role
from sensing.codec.event_record import LocationHeard
from sensing.codec.text_table import EventTexts, TextLookup
from sensing.machines.ledger import LedgerMachine
from sensing.machines.machine_messages import ParameterRows, Totals
from sensing.outputs import EXCEPTIONS, PARAMETERS, OutputRecord
from sinks.parameter_table import SCHEMA

RECORDED_FIELD = b'"recordedtime":"'
RECORDED_WIDTH = len("2010-01-04T00:00:00.000Z")


class CountingMachine:
    """Emits an exception for every seventh event and planning parameters for every infrequent one."""

    def __init__(self, shard: int) -> None:
        self.shard = shard
        self.seen = 0
        self.number = 0
        self.counts: dict[str, int] = {}

    def apply(self, batch: Any) -> list[Any]:
        """Count a batch."""
        found: list[Any] = []
        infrequent = list(batch.infrequent)
        texts = TextLookup(batch.texts)
        for at, record in enumerate(batch.records):
            while infrequent and infrequent[0][0] == at:
                self._rare(found, infrequent.pop(0)[1])
            self._record(found, record, texts.one(record))
        for _, event in infrequent:
            self._rare(found, event)
        if batch.final:
            counts: list[tuple[str, int, tuple[int, ...]]]
            counts = [(topic, 0, (count, 0, 0, 0, 0, 0, 0, 0)) for topic, count in self.counts.items()]
            found += [Totals(self.shard, counts, batch.reconciliation), ParameterRows(self.shard, self._rows())]
        return found

    def _record(self, found: list[Any], record: Any, texts: EventTexts) -> None:
        self.seen += 1
        topic = "inventory" if record["topic"] == 1 else "orders"
        self.counts[topic] = self.counts.get(topic, 0) + 1
        if self.seen % 7 == 0:
            self._emit(found, EXCEPTIONS, "exception.opened", int(record["watermark"]), texts.event_id)

    def _rare(self, found: list[Any], event: Any) -> None:
        if isinstance(event.event, LocationHeard):
            return
        self.seen += 1
        if event.topic != 3 or self.shard == 0:
            topic = "reference" if event.topic == 3 else "suppliers"
            self.counts[topic] = self.counts.get(topic, 0) + 1
            self._emit(found, PARAMETERS, "parameters.proposed", event.watermark, event.event.event_id)

    def _emit(self, found: list[Any], topic: str, kind: str, instant: int, name: str) -> None:
        data = orjson.dumps({"seen": self.seen, "by": self.shard})
        attributes = {"severity": "low", "exceptiontype": "order_surge"}
        found.append(
            OutputRecord(instant, self.shard, self.number, topic, kind, f"{name}/1", name, instant, attributes, data)
        )
        self.number += 1

    def _rows(self) -> dict[str, Any]:
        columns: dict[str, Any] = {name: [float(self.seen)] for name in SCHEMA.names}
        columns |= {"sku": [f"sku-{97 - self.shard}"], "location": ["L1"], "as_of": ["2010-01-04"]}
        columns |= {"demand_class": ["smooth"], "method": ["tsb"], "status": ["proposed"]}
        columns |= {"version": [1], "decimals": [0], "stockout_date": [None]}
        return columns | {"forecast_mean": np.ones((1, 28)), "forecast_quantiles": np.ones((1, 28, 11))}


def counting_machines(shards: int = 16) -> MakeMachine:
    """Counting shards, and the real ledger."""
    return functools.partial(machine_of, CountingMachine, shards)


def machine_of(shard: Callable[[int], Machine], shards: int, machine: MachineId) -> Machine:
    """A shard, or the real ledger."""
    return LedgerMachine(machine.number, shards) if machine.role is Role.LEDGER else shard(machine.number)


def outputs_of(folder: Path) -> dict[str, bytes]:
    """Contents of all output files, without the time of recording."""
    found = {}
    for path in sorted(folder.iterdir()):
        first, *others = path.read_bytes().split(RECORDED_FIELD)
        found[path.name] = RECORDED_FIELD.join([first, *(other[RECORDED_WIDTH:] for other in others)])
    return found


def shuffled_lines(maker: Any, count: int, start: int, step: int) -> list[bytes]:
    """Lines of one topic, every ninth of them five hours late."""
    times = itertools.count(start, step)
    return [maker(i, next(times) - (5 * 3_600_000 if i % 9 == 8 else 0)) for i in range(count)]
