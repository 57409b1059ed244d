"""The live source itself, asked for batches as Bytewax asks: what leaves it, when, and where it ends and goes on."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from benchmarks.servers.kafka import admin
from flows.addresses import Addressed
from flows.control import Control
from flows.sources.kafka import guard as guard_module
from flows.sources.kafka.feed import Place
from flows.sources.kafka.live import ACCOUNT_SECONDS, Clocks, LiveGroup, LiveSource, LiveState
from sensing.codec.record import Batch
from sensing.machines.messages import LedgerBatch
from sensing.settings import HOUR_MS, Settings
from sinks.errors import TidegaugeError
from tests.flows.events import MONDAY, count, order
from tests.flows.kafka.places import Notes, logs_of, make_topics, produce, settings_of, until
from tests.machines.streams import line

SHARDS = 3
WALL = MONDAY + 20 * HOUR_MS
ITEMS = [line("item.updated", f"i{n}", None, sku=f"P{n}", unit_price=1.0, currency="EUR").value for n in range(4)]


class Asked:
    """A source with clocks of the test's, the groups it has built, and everything that has left it."""

    def __init__(self, address: str, prefix: str, names: dict[str, str], groups: int, saved: LiveState | None) -> None:
        self.now = 1000.0
        self.notes: Any = Notes()
        self.control = Control(SHARDS + 1, lasting=True)
        settings = Settings(shards=SHARDS, source_groups=groups, lateness_ms=HOUR_MS)
        clients = settings_of(address, prefix)
        self.source = LiveSource(
            clients.consumer_config(), clients.client_config(), logs_of(address, names), settings, self.control,
            self.notes, clocks=Clocks(lambda: WALL, lambda: self.now),
        )  # fmt: skip
        self.groups: list[LiveGroup] = [
            self.source.build_part("input", name, saved) for name in self.source.list_parts()
        ]
        self.left: list[tuple[int, Addressed]] = []

    def ask(self, group: int = 0) -> list[Addressed]:
        """One batch of a group, which machines apply at once."""
        loads = [addressed for _, addressed in self.groups[group].next_batch()]
        for load in loads:
            self.control.taken(load.machine, 1)
        self.left += [(group, load) for load in loads]
        return loads

    def epoch(self, group: int = 0) -> list[Addressed]:
        """The first batch of a new epoch."""
        self.groups[group].snapshot()
        return self.ask(group)

    def events(self, group: int | None = None) -> int:
        """Records and rare events for machines so far."""
        return sum(
            len(addressed.load.records) + len(addressed.load.rare)
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

    def accounts(self) -> list[int]:
        """Accounts that were asked for, by machine."""
        return [addressed.load.account for _, addressed in self.left if getattr(addressed.load, "account", 0)]


@contextmanager
def asked(
    address: str, prefix: str, names: dict[str, str], *, groups: int = 1, saved: LiveState | None = None
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
        until(lambda: it.control.reference_given, it.ask)
        assert (it.events(), it.notes.named("reference_read")) == (4, [[]])

        def ask_both() -> None:
            for group in (0, 1):
                it.ask(group)

        until(lambda: it.events(1) == 5, ask_both)
        assert set(it.read()) == {(t, p) for t in names for p in ((0,) if t == "reference" else (0, 1))}
        for group in (0, 1):
            it.epoch(group)
            assert [load.machine for load in it.epoch(group)] == list(range(SHARDS))
            assert it.ask(group) == []


def test_the_present_is_reached_when_every_group_has_handed_on_all(kafka: str, topics: str) -> None:
    """It is told once."""
    names = make_topics(kafka, topics, partitions=2)
    produce(kafka, names["orders"], [order(n, MONDAY + n) for n in range(5)], partition=1, timestamp=MONDAY + 9)
    with asked(kafka, topics, names, groups=2) as it:

        def go_on(group: int) -> None:
            it.now += 0.3
            it.ask(group)

        until(lambda: it.control.reference_given, it.ask)
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


def test_an_epoch_is_told_once(kafka: str, topics: str) -> None:
    """Not again while reference is read, nor while machines are behind and nothing leaves."""
    names = make_topics(kafka, topics)
    with asked(kafka, topics, names) as it:
        until(lambda: it.control.reference_given, it.ask)
        assert len(it.notes.named("epoch")) == 1
        it.groups[0].snapshot()
        it.now += 0.4
        it.control.sent(1000)
        for _ in range(3):
            assert it.ask() == []
        assert it.notes.named("epoch")[1:] == [[pytest.approx(0.4)]]
        it.control.taken(0, 1000)
        assert len(it.ask()) == SHARDS
        assert len(it.notes.named("epoch")) == 2


def test_accounts_are_asked_for_now_and_then(kafka: str, topics: str) -> None:
    """Every machine and the ledger get the same number at the same place."""
    names = make_topics(kafka, topics)
    with asked(kafka, topics, names) as it:
        until(lambda: it.control.reference_given, it.ask)
        it.epoch()
        assert it.accounts() == []
        for number in (1, 2):
            it.now += ACCOUNT_SECONDS
            it.epoch()
            it.epoch()
            assert it.accounts()[-SHARDS - 1 :] == [number] * (SHARDS + 1)
            assert len(it.accounts()) == number * (SHARDS + 1)


def test_a_stop_ends_all_groups_and_the_first_one_last(kafka: str, topics: str) -> None:
    """What the others handed on is in the account that closes the books; behind it nothing comes."""
    names = make_topics(kafka, topics, partitions=2)
    with asked(kafka, topics, names, groups=2) as it:
        until(lambda: it.control.reference_given, it.ask)
        until(lambda: it.ask(1))
        it.control.stop()
        for _ in range(3):
            it.epoch(0)
        assert it.accounts() == []
        it.epoch(1)
        with pytest.raises(StopIteration):
            it.epoch(1)
        it.epoch(0)
        assert it.accounts() == [1] * (SHARDS + 1)
        with pytest.raises(StopIteration):
            it.ask(0)


def test_a_stop_before_the_reference_is_read_ends_at_once(kafka: str, topics: str) -> None:
    """Nothing has been promised to anybody by then."""
    names = make_topics(kafka, topics)
    with asked(kafka, topics, names) as it:
        it.control.stop()
        with pytest.raises(StopIteration):
            it.ask()
        assert it.left == []


def test_a_saved_group_goes_on_where_it_was(kafka: str, topics: str) -> None:
    """Behind what was handed on, with the clock as it was; what came since is read."""
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [order(n, MONDAY + n) for n in range(5)], timestamp=MONDAY + 9)
    produce(kafka, names["inventory"], [count(n, MONDAY + n) for n in range(3)], timestamp=MONDAY + 9)
    with asked(kafka, topics, names) as it:
        until(lambda: it.read()["orders", 0] == 5 and it.read()["inventory", 0] == 3, it.ask)
        until(lambda: it.groups[0].clock.watermark == WALL - HOUR_MS, it.ask)
        saved = it.groups[0].snapshot()
    assert {place: offset for place, (offset, _) in saved.offsets.items() if offset} == {
        Place("orders", 0): 5, Place("inventory", 0): 3,
    }  # fmt: skip
    produce(kafka, names["orders"], [order(n, MONDAY + n) for n in range(5, 7)], timestamp=MONDAY + 9)
    with asked(kafka, topics, names, saved=saved) as it:
        assert it.groups[0].clock.watermark == saved.watermark
        until(lambda: it.read()["orders", 0] == 2, it.ask)
        assert it.read()["inventory", 0] == 0


def test_a_topic_that_is_deleted_ends_it(kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is running: a batch is refused, and it says which topic it was."""
    monkeypatch.setattr(guard_module, "ASK_EVERY_SECONDS", 0.5)
    names = make_topics(kafka, topics)
    client = admin(kafka)
    with asked(kafka, topics, names) as it:
        until(lambda: it.control.reference_given, it.ask)
        client.delete_topics([names["suppliers"]])[names["suppliers"]].result(30)

        def go_on() -> None:
            it.now += 0.1
            it.ask()

        told = f"topic {names['suppliers']}: required the topic that was read so far"
        with pytest.raises(TidegaugeError, match=told):
            until(lambda: False, go_on)
