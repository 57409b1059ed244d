"""A partition read to a fixed end is what a file of the same lines is."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sources.folder import Input
from flows.sources.kafka.group import GroupClock
from flows.sources.kafka.history import HistoryFeed
from flows.sources.run import RECORD, Run, empty_run
from flows.sources.stream import Position, Stream
from sensing.codec.block import Block
from sensing.codec.record import EVENT
from sensing.settings import HOUR_MS, Settings
from sinks.kafka_client import Log
from tests.flows.events import MAKERS, MONDAY, order
from tests.flows.kafka.reading import gathered

SETTINGS = Settings(lateness_ms=HOUR_MS, horizon_ms=6 * HOUR_MS, skew_ms=9 * HOUR_MS)
BROKER_TIME = MONDAY + 9999 * HOUR_MS
"""When the history was loaded, which says nothing of when it happened."""

AHEAD_HOURS = {"on time": 0, "late": -2, "too late": -9, "ahead": 40}
kinds = st.sampled_from(["on time"] * 6 + ["late", "too late", "ahead", "bad", "of another topic"])


def line(topic: str, number: int, kind: str) -> bytes:
    """A line of one kind; time goes on by ten minutes a line."""
    if kind == "bad":
        return b'{"event_id": %d' % number
    wanted = ("suppliers" if topic == "orders" else "orders") if kind == "of another topic" else topic
    return MAKERS[wanted](number, MONDAY + number * HOUR_MS // 6 + AHEAD_HOURS.get(kind, 0) * HOUR_MS)


def of_file(path: Path, topic: str, lines: list[bytes]) -> Run:
    """Runs of a file, as one."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    stream = Stream(0, Input(topic, path), SETTINGS, 1 << 12, Position(), None)
    return gathered([empty_run(), *iter(stream.next_run, None)])


def blocks(lines: list[bytes], first: int, cuts: list[int]) -> Iterator[Block]:
    """Lines as messages, cut into blocks of the sizes ``cuts``, again and again."""
    sizes = itertools.cycle(cuts)
    at = 0
    while at < len(lines):
        values = lines[at : at + next(sizes)]
        offsets = np.arange(first + at, first + at + len(values), dtype=np.int64)
        yield Block.of(values, offsets, np.full(len(values), BROKER_TIME, np.int64))
        at += len(values)


def plain(run: Run, first: int) -> list[Any]:
    """All of a run as values that can be compared, offsets counted from the first one."""
    records = {name: run.records[name].tobytes() for name in EVENT.names or () if name != "offset"}
    rejects = [msgspec.structs.replace(reject, offset=reject.offset - first) for reject in run.rejects]
    rare = [event._replace(offset=event.offset - first) for event in run.rare]
    assert run.records["offset"].tolist() == run.numbers[run.kinds == RECORD].tolist()
    return [run.keys.tolist(), run.kinds.tolist(), (run.numbers - first).tolist(), records, rare, rejects]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Room for files."""
    return tmp_path_factory.mktemp("history")


@given(
    st.lists(st.tuples(kinds, st.integers(1, 30)), max_size=20),
    st.lists(st.integers(1, 70), min_size=1, max_size=4),
    st.integers(0, 5),
    st.sampled_from(["orders", "suppliers"]),
)
def test_it_gives_what_a_file_gives(
    folder: Path, pieces: list[tuple[str, int]], cuts: list[int], beyond: int, topic: str
) -> None:
    """Keys, kinds, numbers, records, rare events and rejects, however it is cut; nothing behind its end."""
    told = [kind for kind, count in pieces for _ in range(count)]
    lines = [line(topic, number, kind) for number, kind in enumerate(told)]
    expected = of_file(folder / f"{topic}.ndjson", topic, lines)

    first = 17
    more = [order(number, MONDAY) for number in range(beyond)]
    # The end is behind a marker, which is no message.
    end = first + len(lines) + (1 if beyond == 0 else 0)
    feed = HistoryFeed(0, Log(topic, topic, 0, "id", first, end), first, SETTINGS)
    clock = GroupClock([feed], SETTINGS, lambda _: False, event_time=True)
    runs = [empty_run()]
    for block in blocks([*lines, *more], first, cuts):
        feed.take(block, 0.0)
        runs.append(clock.hand(0, 0.0))
        handed = first + sum(map(len, runs))
        assert feed.handed == (handed if handed < first + len(lines) else feed.position)
    feed.end(end, 0.0)
    runs.append(clock.hand(0, 0.0))
    while clock.leaping or len(runs[-1]):
        runs.append(clock.hand(0, 0.0))
    assert clock.over
    assert (feed.handed, feed.position, feed.watermark) == (end, end, None)
    assert plain(gathered(runs), first) == plain(expected, 0)


def test_messages_without_value_are_passed_over() -> None:
    """The end is reached by them as well, and one behind it moves nothing."""
    feed = HistoryFeed(0, Log("orders", "orders", 0, "id", 0, 3), 0, SETTINGS)
    clock = GroupClock([feed], SETTINGS, lambda _: False, event_time=True)
    feed.take(next(blocks([order(0, MONDAY)], 0, [1])), 0.0)
    assert (len(clock.hand(0, 0.0)), feed.handed, feed.position) == (0, 0, 1)
    feed.passed(1, 0.0)
    assert not feed.at_end
    feed.passed(2, 0.0)
    assert (len(clock.hand(0, 0.0)), clock.over, feed.position) == (1, True, 3)
    feed.passed(7, 0.0)
    feed.lose()
    assert (clock.over, feed.position, feed.handed) == (True, 3, 3)


def test_an_empty_partition_is_over_at_once() -> None:
    """There is nothing to wait for."""
    feed = HistoryFeed(0, Log("orders", "orders", 0, "id", 5, 5), 5, SETTINGS)
    assert GroupClock([feed], SETTINGS, lambda _: False, event_time=True).over
