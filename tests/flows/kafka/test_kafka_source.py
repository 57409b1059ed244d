"""The Kafka source, called as by Bytewax: its batches, their timing, its end and its resumption."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from benchmarks.servers.kafka import admin
from flows.input import topic_guard as guard_module
from flows.input.kafka_source import KafkaSource
from flows.input.source_group import PUBLISH_SECONDS, Clocks, GroupState, SourceGroup
from flows.input.topic_partition import TopicPartition
from flows.runtime.context import RunContext
from flows.runtime.roles import Addressed, machine_ids
from sensing.codec.event_record import AFTER_ALL, Batch
from sensing.machine_settings import HOUR_MS, Settings
from sensing.machines.machine_messages import LedgerBatch
from sinks.errors import TidegaugeError
from tests.flows.events import MONDAY, count, order
from tests.flows.kafka.places import Notes, logs_of, make_topics, produce, settings_of, until
from tests.machines.streams import line

SHARDS = 3
WALL = MONDAY + 20 * HOUR_MS
FED = machine_ids(SHARDS)[:-1]
"""Machines that sources feed: all but the roll-up machine, which shards feed."""
ITEMS = [line("item.updated", f"i{n}", None, sku=f"P{n}", unit_price=1.0, currency="EUR").value for n in range(4)]


class Asked:
    """A source with clocks of the test's, the groups it has built, and everything that has left it."""

    def __init__(self, address: str, prefix: str, names: dict[str, str], groups: int, saved: GroupState | None) -> None:
        self.now = 1000.0
        self.notes: Any = Notes()
        self.context = RunContext(service=True)
        settings = Settings(shards=SHARDS, source_groups=groups, lateness_ms=HOUR_MS)
        clients = settings_of(address, prefix)
        self.source = KafkaSource(
            clients.consumer_config(), clients.client_config(), logs_of(address, names), settings, self.context,
            self.notes, clocks=Clocks(lambda: WALL, lambda: self.now),
        )  # fmt: skip
        self.groups: list[SourceGroup] = [
            self.source.build_part("input", name, saved) for name in self.source.list_parts()
        ]
        self.left: list[tuple[int, Addressed]] = []

    def ask(self, group: int = 0) -> list[Addressed]:
        """One batch of a group."""
        loads = [addressed for _, addressed in self.groups[group].next_batch()]
        self.left += [(group, load) for load in loads]
        return loads

    def epoch(self, group: int = 0) -> list[Addressed]:
        """The first batch of a new epoch."""
        self.groups[group].snapshot()
        return self.ask(group)

    def events(self, group: int | None = None) -> int:
        """Records and infrequent events for machines so far."""
        return sum(
            len(addressed.load.records) + len(addressed.load.infrequent)
            for of, addressed in self.left
            if isinstance(addressed.load, Batch) and group in (None, of)
        )

    def read(self) -> Counter[tuple[str, int]]:
        """What the ledger was told to have been read, by place."""
        read: Counter[tuple[str, int]] = Counter()
        for _, addressed in self.left:
            if isinstance(addressed.load, LedgerBatch):
                read.update({(topic, partition): number for topic, partition, number in addressed.load.read})
        return read

    def reconciliations(self, group: int = 0) -> list[int]:
        """Accounts that a group asked for, by machine."""
        return [
            load.reconciliation for of, (_, load, _) in self.left if load.reconciliation and of == load.group == group
        ]


@contextmanager
def asked(
    address: str, prefix: str, names: dict[str, str], *, groups: int = 1, saved: GroupState | None = None
) -> Iterator[Asked]:
    """A source that leaves the broker at the end."""
    found = Asked(address, prefix, names, groups, saved)
    try:
        yield found
    finally:
        found.source.close()


def test_reference_leaves_before_anything_else_and_then_everyone_ticks(kafka: str, topics: str) -> None:
    """Another group waits for it; every partition is in the books; each epoch begins with a tick for every machine."""
    names = make_topics(kafka, topics, partitions=2)
    produce(kafka, names["orders"], [order(n, MONDAY + n) for n in range(5)], partition=1, timestamp=MONDAY + 9)
    produce(kafka, names["reference"], [*ITEMS, b"bad"])
    with asked(kafka, topics, names, groups=2) as it:
        for _ in range(20):
            assert it.ask(1) == []
        until(lambda: it.read()["reference", 0] == 5, it.ask)
        until(lambda: it.notes.named("reference_read"), it.ask)
        notices = SHARDS  # that there is a currency is told to every shard
        assert (it.events(), it.notes.named("reference_read")) == (len(ITEMS) + notices, [[]])

        def ask_both() -> None:
            for group in (0, 1):
                it.ask(group)

        until(lambda: it.events(1) == 5, ask_both)
        assert set(it.read()) == {(t, p) for t in names for p in ((0,) if t == "reference" else (0, 1))}
        for group in (0, 1):
            it.epoch(group)
            assert [load.machine for load in it.epoch(group)] == FED
            assert it.ask(group) == []


def test_the_present_is_reached_when_every_group_has_handed_on_all(kafka: str, topics: str) -> None:
    """It is told once."""
    names = make_topics(kafka, topics, partitions=2)
    produce(kafka, names["orders"], [order(n, MONDAY + n) for n in range(5)], partition=1, timestamp=MONDAY + 9)
    with asked(kafka, topics, names, groups=2) as it:

        def go_on(group: int) -> None:
            it.now += 0.3
            it.ask(group)

        until(lambda: it.notes.named("reference_read"), it.ask)
        for _ in range(20):
            go_on(0)
        assert it.notes.named("inputs_read") == []

        def both() -> None:
            go_on(0)
            go_on(1)

        until(lambda: it.notes.named("inputs_read"), both)
        assert it.events() == 5
        for _ in range(5):
            both()
        assert it.notes.named("inputs_read") == [[]]


def test_consumed_offsets_are_committed_once_their_epoch_is_durable(
    kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they were at its end, whatever was consumed since; that it is durable is told once, with its length."""
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [order(n, MONDAY + n) for n in range(5)], timestamp=MONDAY + 9)
    with asked(kafka, topics, names) as it:
        group, committed = it.groups[0], list[dict[TopicPartition, int]]()
        reader: Any = group._reader
        monkeypatch.setattr(reader, "commit", lambda consumed: committed.append(dict(consumed)))
        orders = TopicPartition("orders", 0)
        it.source.epoch_durable()
        it.epoch()
        until(lambda: it.read()["orders", 0] == 5, it.ask)
        it.now += 0.4
        it.source.epoch_durable()
        it.source.epoch_durable()
        assert [offsets[orders] for offsets in committed] == [0]
        assert it.notes.named("epoch") == [[pytest.approx(0.4)]]
        group.snapshot()
        it.source.epoch_durable()
        assert [offsets[orders] for offsets in committed] == [0]
        produce(kafka, names["orders"], [order(5, MONDAY)], timestamp=MONDAY + 9)
        until(lambda: it.read()["orders", 0] == 6, it.ask)
        it.source.epoch_durable()
        assert [offsets[orders] for offsets in committed] == [0, 5]


def test_accounts_are_asked_for_now_and_then(kafka: str, topics: str) -> None:
    """Every machine and the ledger get the same number at the same place."""
    names = make_topics(kafka, topics)
    with asked(kafka, topics, names) as it:
        until(lambda: it.notes.named("reference_read"), it.ask)
        it.epoch()
        assert it.reconciliations() == []
        for number in (1, 2):
            it.now += PUBLISH_SECONDS
            it.epoch()
            it.epoch()
            assert it.reconciliations()[-SHARDS - 1 :] == [number] * (SHARDS + 1)
            assert len(it.reconciliations()) == number * (SHARDS + 1)


def test_a_stop_ends_every_group_with_an_account_of_its_own(kafka: str, topics: str) -> None:
    """It closes the books of the group and says that nothing more comes; behind it nothing comes."""
    names = make_topics(kafka, topics, partitions=2)
    with asked(kafka, topics, names, groups=2) as it:
        until(lambda: it.notes.named("reference_read"), it.ask)
        until(lambda: it.ask(1))
        it.context.stop()
        for group in (0, 1):
            last = it.ask(group)
            assert it.reconciliations(group) == [1] * (SHARDS + 1)
            assert {load.progress for _, load, _ in last if isinstance(load, Batch)} == {AFTER_ALL}
            with pytest.raises(StopIteration):
                it.ask(group)


def test_a_stop_before_the_reference_is_read_ends_at_once(kafka: str, topics: str) -> None:
    """The books are closed over what was read by then, and machines wait for no group that will not come."""
    names = make_topics(kafka, topics, partitions=2)
    with asked(kafka, topics, names, groups=2) as it:
        it.context.stop()
        for group in (1, 0):
            last = it.ask(group)
            assert [load.machine for load in last] == FED
            assert {load.reference_read for _, load, _ in last if isinstance(load, Batch)} == {group == 0}
            with pytest.raises(StopIteration):
                it.ask(group)
        assert it.events() == 0


def test_a_saved_group_goes_on_where_it_was(kafka: str, topics: str) -> None:
    """Behind what was handed on, with the clock as it was; what came since is read."""
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [order(n, MONDAY + n) for n in range(5)], timestamp=MONDAY + 9)
    produce(kafka, names["inventory"], [count(n, MONDAY + n) for n in range(3)], timestamp=MONDAY + 9)
    with asked(kafka, topics, names) as it:
        until(lambda: it.read()["orders", 0] == 5 and it.read()["inventory", 0] == 3, it.ask)
        until(lambda: it.groups[0].merge.watermark == WALL - HOUR_MS, it.ask)
        saved = it.groups[0].snapshot()
    assert {place: offset for place, (offset, _) in saved.offsets.items() if offset} == {
        TopicPartition("orders", 0): 5, TopicPartition("inventory", 0): 3,
    }  # fmt: skip
    produce(kafka, names["orders"], [order(n, MONDAY + n) for n in range(5, 7)], timestamp=MONDAY + 9)
    with asked(kafka, topics, names, saved=saved) as it:
        assert it.groups[0].merge.watermark == saved.watermark
        until(lambda: it.read()["orders", 0] == 2, it.ask)
        assert it.read()["inventory", 0] == 0


def test_a_topic_that_is_deleted_ends_it(kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is running: a batch is refused, and it says which topic it was."""
    monkeypatch.setattr(guard_module, "ASK_EVERY_SECONDS", 0.5)
    names = make_topics(kafka, topics)
    client = admin(kafka)
    with asked(kafka, topics, names) as it:
        until(lambda: it.notes.named("reference_read"), it.ask)
        client.delete_topics([names["suppliers"]])[names["suppliers"]].result(30)

        def go_on() -> None:
            it.now += 0.1
            it.ask()

        told = f"topic {names['suppliers']}: required the topic that was read so far"
        with pytest.raises(TidegaugeError, match=told):
            until(lambda: False, go_on)
