"""The ledger machine: counts messages read and rejected, publishes dead letters, and makes control totals.

`flows.runtime.machines` makes the only one.
"""

import base64
from collections.abc import Iterator

import msgspec

from sensing.codec.cloudevents import traceparent_of
from sensing.codec.event_record import Reject
from sensing.contracts.audit import ControlTotals
from sensing.contracts.dead_letters import DeadLetter
from sensing.machines.failure import EventPlace, failed_event
from sensing.machines.machine_messages import OUTCOMES, LedgerBatch, Totals
from sensing.machines.outbox import Outbox
from sensing.machines.refused_decisions import TOPIC, RefusedDecisions
from sensing.outputs import AUDIT, DEAD_LETTERS, OutputRecord
from sensing.state.snapshot import Encoded, pack_snapshot, unpack_snapshot


class _Reconciliation(msgspec.Struct):
    """An unfinished reconciliation: the ledger's read counts, and the totals of the shards by machine number."""

    read: dict[str, list[tuple[int, int, int]]] | None = None
    """By topic: partition, messages read, messages rejected by the source; None until the ledger's batch arrives."""
    watermark: int = 0
    totals: dict[int, list[tuple[str, int, tuple[int, ...]]]] = {}
    publish: bool = True


class _State(msgspec.Struct):
    """The whole state of a ledger."""

    number: int
    watermark: int
    published: dict[int, int]
    read: list[tuple[int, str, int, int]]
    rejected: list[tuple[str, int, int]]
    answered: list[str]
    reconciliations: list[tuple[int, int, _Reconciliation]]


class LedgerMachine:
    """Counts messages read and rejected per topic-partition and turns rejects into dead letters.

    A source group asks for a reconciliation at a position of its stream. When each of ``shards`` shards has sent its
    outcome counts up to that position, the ledger has control totals of the group's partitions. Each reconciliation is
    made once; its number rises per group. Refused decisions are answered.

    Attributes
    ----------
    control_totals
        Those of the newest reconciliation of every group, for metrics. They are not part of a dump: the next
        reconciliation makes them anew.
    """

    def __init__(self, machine: int, shards: int) -> None:
        self.shards = shards
        self.outbox = Outbox(machine)
        self.watermark = 0
        self.published: dict[int, int] = {}
        self.read: dict[int, dict[tuple[str, int], int]] = {}
        self.rejected: dict[tuple[str, int], int] = {}
        self.decisions = RefusedDecisions()
        self.reconciliations: dict[tuple[int, int], _Reconciliation] = {}
        self.control_totals: dict[int, tuple[ControlTotals, ...]] = {}

    def apply(self, item: LedgerBatch | Totals) -> list[OutputRecord]:
        """Add one block or the totals of one shard; returns dead letters, then control totals that are complete."""
        if isinstance(item, LedgerBatch):
            self._count_block(item)
        if item.reconciliation > self.published.get(item.group, 0):
            reconciliation = self.reconciliations.setdefault((item.group, item.reconciliation), _Reconciliation())
            if isinstance(item, Totals):
                reconciliation.totals[item.machine] = item.counts
            else:
                reconciliation.read, reconciliation.watermark = self._read_counts(item.group), self.watermark
                reconciliation.publish = item.publish
            if reconciliation.read is not None and len(reconciliation.totals) == self.shards:
                self.control_totals[item.group] = tuple(_control_totals(reconciliation.read, reconciliation))
                if reconciliation.publish:
                    self._publish(item.group, reconciliation.watermark)
                self.published[item.group] = item.reconciliation
                self.reconciliations = {
                    (group, number): kept
                    for (group, number), kept in self.reconciliations.items()
                    if group != item.group or number > item.reconciliation
                }
        return self.outbox.take()

    def _count_block(self, block: LedgerBatch) -> None:
        self.watermark = max(self.watermark, block.watermark)
        of_group = self.read.setdefault(block.group, {})
        for topic, partition, count in block.read:
            of_group[topic, partition] = of_group.get((topic, partition), 0) + count
        for reject in block.rejects:
            try:
                self._put_reject(reject)
            except Exception as error:
                raise failed_event(EventPlace(reject.topic, reject.partition, reject.offset), error) from error

    def _put_reject(self, reject: Reject) -> None:
        topic_partition = (reject.topic, reject.partition)
        self.rejected[topic_partition] = self.rejected.get(topic_partition, 0) + 1
        with self.outbox.tracing(traceparent_of(reject.headers)):
            put_dead_letter(self.outbox, self.watermark, reject, original=True)
            if reject.topic == TOPIC:
                self.decisions.answer(self.outbox, self.watermark, reject)

    def _read_counts(self, group: int) -> dict[str, list[tuple[int, int, int]]]:
        read_counts: dict[str, list[tuple[int, int, int]]] = {}
        for (topic, partition), read in sorted(self.read.get(group, {}).items()):
            read_counts.setdefault(topic, []).append((partition, read, self.rejected.get((topic, partition), 0)))
        return read_counts

    def _publish(self, group: int, at: int) -> None:
        for data in self.control_totals[group]:
            name = f"{data.topic}/{data.partition}"
            # The read count is the version: it grows, and the same input gives the same number.
            self.outbox.put(at, AUDIT, "control.totals", f"control/{name}#{data.read}", name, at, data)

    def dump(self) -> bytes:
        """The whole state as bytes."""
        state = _State(
            self.outbox.number,
            self.watermark,
            self.published,
            [(group, t, p, n) for group, read in self.read.items() for (t, p), n in read.items()],
            [(t, p, n) for (t, p), n in self.rejected.items()],
            list(self.decisions.answered),
            [(*key, reconciliation) for key, reconciliation in self.reconciliations.items()],
        )
        return pack_snapshot({"state": Encoded(state, _State)}, "the ledger", {"shards": self.shards})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        state = unpack_snapshot(block, "the ledger", {"shards": self.shards}, {"state": _State})["state"]
        self.outbox.number = state.number
        self.watermark, self.published = state.watermark, state.published
        self.reconciliations = {
            (group, number): reconciliation for group, number, reconciliation in state.reconciliations
        }
        self.read = {}
        for group, topic, partition, count in state.read:
            self.read.setdefault(group, {})[topic, partition] = count
        self.rejected = {(t, p): n for t, p, n in state.rejected}
        self.decisions.answered = dict.fromkeys(state.answered)


def _control_totals(
    read_counts: dict[str, list[tuple[int, int, int]]], reconciliation: _Reconciliation
) -> Iterator[ControlTotals]:
    sums: dict[tuple[str, int], list[int]] = {}
    for counted in reconciliation.totals.values():
        for topic, partition, counts in counted:
            before = sums.get((topic, partition), [0] * len(OUTCOMES))
            sums[topic, partition] = [a + b for a, b in zip(before, counts, strict=True)]
    for topic, partitions in read_counts.items():
        for partition, read, rejected in partitions:
            of_partition = sums.get((topic, partition), [0] * len(OUTCOMES))
            outcomes = dict(zip(OUTCOMES, of_partition, strict=True))
            outcomes["dead_letter"] += rejected
            yield ControlTotals(topic=topic, partition=partition, read=read, **outcomes)


def put_dead_letter(outbox: Outbox, instant: int, reject: Reject, *, original: bool) -> None:
    """Put out a reject as a dead letter; ``original`` is false if its value was encoded again."""
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
        key_base64=None if reject.key is None else base64.b64encode(reject.key).decode(),
    )
    identity = f"{reject.topic}/{reject.partition}/{reject.offset}"
    outbox.put(
        instant, DEAD_LETTERS, "dead.letter", identity, reject.topic, reject.time, data, {"reason": reject.reason}
    )
