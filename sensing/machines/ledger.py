"""The ledger: what came in, what was not taken, and whether the books balance."""

import base64

import msgspec

from sensing.codec.cloudevents import traceparent_of
from sensing.codec.record import Reject
from sensing.contracts.audit import ControlTotals
from sensing.contracts.dead_letters import DeadLetter
from sensing.machines.emit import Outbox
from sensing.machines.messages import OUTCOMES, LedgerBatch, Totals
from sensing.outputs import AUDIT, DEAD_LETTERS, OutputRecord


class _State(msgspec.Struct):
    """All that a ledger remembers."""

    number: int
    watermark: int
    final: bool
    published: bool
    read: list[tuple[str, int, int]]
    rejected: list[tuple[str, int, int]]
    totals: dict[int, list[tuple[str, int, tuple[int, ...]]]]


class LedgerMachine:
    """Counts messages read and rejected per topic partition and turns rejects into dead letters.

    At the end of the input it publishes control totals.

    ``apply`` takes blocks from sources and, after the last one, the totals of every shard. Totals are published once:
    when the final block and the totals of all ``shards`` shards are there.
    """

    def __init__(self, machine: int, shards: int) -> None:
        self.shards = shards
        self.outbox = Outbox(machine)
        self.watermark = 0
        self.final = False
        self.published = False
        self.read: dict[tuple[str, int], int] = {}
        self.rejected: dict[tuple[str, int], int] = {}
        self.totals: dict[int, list[tuple[str, int, tuple[int, ...]]]] = {}

    def apply(self, item: LedgerBatch | Totals) -> list[OutputRecord]:
        """Book one block or one shard's totals; returns dead letters and, last of all, the control totals."""
        if isinstance(item, Totals):
            self.totals[item.machine] = item.counts
        else:
            self.watermark = max(self.watermark, item.watermark)
            self.final |= item.final
            for topic, partition, count in item.read:
                self.read[topic, partition] = self.read.get((topic, partition), 0) + count
            for reject in item.rejects:
                self._dead_letter(reject)
        if self.final and len(self.totals) == self.shards and not self.published:
            self.published = True
            self._publish()
        return self.outbox.take()

    def _dead_letter(self, reject: Reject) -> None:
        place = (reject.topic, reject.partition)
        self.rejected[place] = self.rejected.get(place, 0) + 1
        with self.outbox.tracing(traceparent_of(reject.headers)):
            put_dead_letter(self.outbox, self.watermark, reject, original=True)

    def _publish(self) -> None:
        for topic, partition in sorted(self.read):
            sums = [0] * len(OUTCOMES)
            for machine in sorted(self.totals):
                for of_topic, of_partition, counts in self.totals[machine]:
                    if (of_topic, of_partition) == (topic, partition):
                        sums = [a + b for a, b in zip(sums, counts, strict=True)]
            outcomes = dict(zip(OUTCOMES, sums, strict=True))
            outcomes["dead_letter"] += self.rejected.get((topic, partition), 0)
            data = ControlTotals(topic=topic, partition=partition, read=self.read[topic, partition], **outcomes)
            name = f"{topic}/{partition}"
            self.outbox.put(
                self.watermark, AUDIT, "control.totals", f"control/{name}/{self.watermark}", name, self.watermark, data
            )

    def dump(self) -> bytes:
        """The whole state as bytes."""
        return msgspec.msgpack.encode(
            _State(
                self.outbox.number,
                self.watermark,
                self.final,
                self.published,
                [(t, p, n) for (t, p), n in self.read.items()],
                [(t, p, n) for (t, p), n in self.rejected.items()],
                self.totals,
            )
        )

    def load(self, block: bytes) -> None:
        """Take over the state of :meth:`dump`."""
        state = msgspec.msgpack.decode(block, type=_State)
        self.outbox.number = state.number
        self.watermark, self.totals = state.watermark, state.totals
        self.final, self.published = state.final, state.published
        self.read = {(t, p): n for t, p, n in state.read}
        self.rejected = {(t, p): n for t, p, n in state.rejected}


def put_dead_letter(outbox: Outbox, instant: int, reject: Reject, *, original: bool) -> None:
    """Put a reject out as a dead letter; ``original`` is false where its value was encoded anew."""
    data = DeadLetter(
        topic=reject.topic,
        partition=reject.partition,
        offset=reject.offset,
        reason=reject.reason,
        field=reject.field,
        required=reject.required,
        got=reject.got,
        value_base64=base64.b64encode(reject.value).decode(),
        headers={name: base64.b64encode(value).decode() for name, value in reject.headers.items()},
        original=original,
    )
    identity = f"{reject.topic}/{reject.partition}/{reject.offset}"
    outbox.put(
        instant, DEAD_LETTERS, "dead.letter", identity, reject.topic, reject.time, data, {"reason": reject.reason}
    )
