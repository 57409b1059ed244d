"""A reader of some topics, with what it read, for tests."""

import time
from typing import Any, Self

import numpy as np
import pytest

from flows.sources.kafka import reader as reader_module
from flows.sources.kafka.feed import Feed
from flows.sources.kafka.reader import LogReader
from flows.sources.run import Run, empty_run
from sensing.codec.record import EVENT
from sensing.settings import Settings
from tests.flows.kafka.places import Notes, logs_of, settings_of, until

SETTINGS = Settings()


class Reading:
    """A `LogReader` over all partitions of some topics, each from its start or from an offset of ``offsets``.

    It reads while it is open as a context.
    """

    def __init__(
        self, address: str, prefix: str, *topics: str, offsets: dict[tuple[str, int], int] | None = None, **kafka: Any
    ) -> None:
        names = {topic: prefix + topic for topic in topics}
        logs = logs_of(address, names)
        starts = offsets or {}
        self.feeds = [
            Feed(source, log, starts.get((log.topic, log.partition), log.start), SETTINGS)
            for source, log in enumerate(logs)
        ]
        self.notes: Any = Notes()
        self.reader = LogReader(settings_of(address, prefix, **kafka).consumer_config(), self.feeds, self.notes)

    def __enter__(self) -> Self:
        """Read from now on."""
        self.reader.assign(self.feeds)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the broker."""
        self.reader.close()

    def poll(self, count: int = 1000) -> None:
        """Poll once, without haste."""
        if not self.reader.poll(count):
            time.sleep(0.005)

    def read_to_end(self) -> None:
        """Poll until every partition is at its end."""
        until(lambda: all(feed.at_end for feed in self.feeds), self.poll)

    def hand(self, feed: int = 0) -> Run:
        """All that waits in a feed."""
        run = gathered([empty_run(), *self.feeds[feed].hand(2**62)])
        self.feeds[feed].settled()
        return run

    def all(self) -> Run:
        """Everything there is in the only feed."""
        self.read_to_end()
        return self.hand()

    def told(self) -> list[str]:
        """How the consumer was said to be, without repeats."""
        calls = [call[0] for call in self.notes.calls if call[0] in ("ok", "failing")]
        return [call for at, call in enumerate(calls) if at == 0 or calls[at - 1] != call]


def paced(monkeypatch: pytest.MonkeyPatch, most: int, resume: int) -> None:
    """Let a partition be paused with more than ``most`` messages waiting, until there are less than ``resume``."""
    monkeypatch.setattr(reader_module, "WAITING_MAX", most)
    monkeypatch.setattr(reader_module, "WAITING_RESUME", resume)


def gathered(runs: list[Run]) -> Run:
    """Runs one after another as one."""
    if len(runs) < 2:
        return runs[0]
    return Run(
        np.concatenate([run.keys for run in runs]),
        np.concatenate([run.kinds for run in runs]),
        np.concatenate([run.sources for run in runs]),
        np.concatenate([run.numbers for run in runs]),
        np.concatenate([run.records.view(np.uint64) for run in runs]).view(EVENT),
        [event for run in runs for event in run.rare],
        [reject for run in runs for reject in run.rejects],
        tuple(table for run in runs for table in run.texts),
    )
