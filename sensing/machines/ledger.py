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
from sensing.state.snapshot import Encoded, seal, unseal


class _Account(msgspec.Struct):
    """What is known so far of one account: the ledger's own part, and the totals of the shards by machine."""

    read: dict[str, list[tuple[int, int, int]]] | None = None
    """By topic: partition, messages read, messages rejected before any machine; None before the ledger's turn."""
    watermark: int = 0
    totals: dict[int, list[tuple[str, int, tuple[int, ...]]]] = {}


class _State(msgspec.Struct):
    """All that a ledger remembers."""

    number: int
    watermark: int
    published: dict[int, int]
    read: list[tuple[int, str, int, int]]
    rejected: list[tuple[str, int, int]]
    accounts: list[tuple[int, int, _Account]]


class LedgerMachine:
    """Counts messages read and rejected per topic partition and turns rejects into dead letters.

    Where a source group asks for an account, it publishes control totals of the group's partitions as they were at that
    place of the group's stream, as soon as each of ``shards`` shards has sent its outcome counts. An account is
    published once; numbers rise per group.
    """

    def __init__(self, machine: int, shards: int) -> None:
        self.shards = shards
        self.outbox = Outbox(machine)
        self.watermark = 0
        self.published: dict[int, int] = {}
        self.read: dict[int, dict[tuple[str, int], int]] = {}
        self.rejected: dict[tuple[str, int], int] = {}
        self.accounts: dict[tuple[int, int], _Account] = {}

    def apply(self, item: LedgerBatch | Totals) -> list[OutputRecord]:
        """Book one block or one shard's totals; returns dead letters and, last of all, the control totals."""
        if isinstance(item, LedgerBatch):
            self._book(item)
        if item.account > self.published.get(item.group, 0):
            account = self.accounts.setdefault((item.group, item.account), _Account())
            if isinstance(item, Totals):
                account.totals[item.machine] = item.counts
            else:
                account.read, account.watermark = self._books(item.group), self.watermark
            if account.read is not None and len(account.totals) == self.shards:
                self._publish(account.read, account)
                self.published[item.group] = item.account
                self.accounts = {
                    (group, number): kept
                    for (group, number), kept in self.accounts.items()
                    if group != item.group or number > item.account
                }
        return self.outbox.take()

    def _book(self, block: LedgerBatch) -> None:
        self.watermark = max(self.watermark, block.watermark)
        of_group = self.read.setdefault(block.group, {})
        for topic, partition, count in block.read:
            of_group[topic, partition] = of_group.get((topic, partition), 0) + count
        for reject in block.rejects:
            place = (reject.topic, reject.partition)
            self.rejected[place] = self.rejected.get(place, 0) + 1
            with self.outbox.tracing(traceparent_of(reject.headers)):
                put_dead_letter(self.outbox, self.watermark, reject, original=True)

    def _books(self, group: int) -> dict[str, list[tuple[int, int, int]]]:
        books: dict[str, list[tuple[int, int, int]]] = {}
        for (topic, partition), read in sorted(self.read.get(group, {}).items()):
            books.setdefault(topic, []).append((partition, read, self.rejected.get((topic, partition), 0)))
        return books

    def _publish(self, books: dict[str, list[tuple[int, int, int]]], account: _Account) -> None:
        sums: dict[tuple[str, int], list[int]] = {}
        for counted in account.totals.values():
            for topic, partition, counts in counted:
                before = sums.get((topic, partition), [0] * len(OUTCOMES))
                sums[topic, partition] = [a + b for a, b in zip(before, counts, strict=True)]
        for topic, partitions in books.items():
            for partition, read, rejected in partitions:
                of_place = sums.get((topic, partition), [0] * len(OUTCOMES))
                outcomes = dict(zip(OUTCOMES, of_place, strict=True))
                outcomes["dead_letter"] += rejected
                data = ControlTotals(topic=topic, partition=partition, read=read, **outcomes)
                name, at = f"{topic}/{partition}", account.watermark
                # The count of what was read is the version: it grows, and the same input gives the same number.
                self.outbox.put(at, AUDIT, "control.totals", f"control/{name}#{read}", name, at, data)

    def dump(self) -> bytes:
        """The whole state as bytes."""
        state = _State(
            self.outbox.number,
            self.watermark,
            self.published,
            [(group, t, p, n) for group, read in self.read.items() for (t, p), n in read.items()],
            [(t, p, n) for (t, p), n in self.rejected.items()],
            [(*key, account) for key, account in self.accounts.items()],
        )
        return seal({"state": Encoded(state, _State)}, "the ledger", {"shards": self.shards})

    def load(self, block: bytes) -> None:
        """Take over the state of :meth:`dump`."""
        state = unseal(block, "the ledger", {"shards": self.shards}, {"state": _State})["state"]
        self.outbox.number = state.number
        self.watermark, self.published = state.watermark, state.published
        self.accounts = {(group, number): account for group, number, account in state.accounts}
        self.read = {}
        for group, topic, partition, count in state.read:
            self.read.setdefault(group, {})[topic, partition] = count
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
        key_base64=None if reject.key is None else base64.b64encode(reject.key).decode(),
    )
    identity = f"{reject.topic}/{reject.partition}/{reject.offset}"
    outbox.put(
        instant, DEAD_LETTERS, "dead.letter", identity, reject.topic, reject.time, data, {"reason": reject.reason}
    )
