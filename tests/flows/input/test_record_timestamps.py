"""Event times against the broker's timestamps, some of which are implausible."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.input.partition_buffer import PartitionBuffer
from flows.input.record_timestamps import RecordTimestamps
from sensing.codec.event_record import AFTER_ALL
from sensing.codec.instants import INSTANT_MIN, rfc3339
from sensing.codec.message_block import Block
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sinks.kafka_client import Log
from tests.flows.events import order

NOW = 1_800_000_000_000
FAR = 2_900_000_000_000  # in 2061
SETTINGS = Settings()


def buffer() -> PartitionBuffer:
    """A buffer of orders in front of a service whose clock stands still."""
    log = Log("orders", "orders", 0, "id", 0, 0)
    return PartitionBuffer(0, log, 0, SETTINGS, RecordTimestamps(SETTINGS.skew_ms, lambda: NOW))


def fill(into: PartitionBuffer, messages: list[tuple[int, int]]) -> None:
    """Give a buffer messages: event time and the broker's timestamp."""
    first = into.position
    values = [order(first + at, time) for at, (time, _) in enumerate(messages)]
    offsets = np.arange(first, first + len(values), dtype=np.int64)
    into.add(Block.of(values, offsets, np.array([stamp for _, stamp in messages], np.int64)), 0.0)


def refused(from_buffer: PartitionBuffer) -> list[tuple[int, str]]:
    """Offsets and requirements of the refused messages."""
    blocks = from_buffer.take(AFTER_ALL)
    return [(reject.offset, reject.required) for block in blocks for reject in block.rejects]


AHEAD = f"at most {DAY_MS} ms ahead of "


@pytest.mark.parametrize("wrong", [0, -1, INSTANT_MIN - 1, NOW + DAY_MS + 1, FAR])
def test_the_last_plausible_timestamp_serves(wrong: int) -> None:
    """Within a block and from the block before."""
    into = buffer()
    good = NOW - 30 * DAY_MS
    fill(into, [(good, good), (good + DAY_MS, wrong), (good + DAY_MS + 1, wrong)])
    fill(into, [(good + DAY_MS, wrong), (good + DAY_MS + 1, wrong), (good, good + HOUR_MS)])
    required = f"{AHEAD}the last plausible timestamp of its partition, {rfc3339(good)}; its own timestamp is "
    own = rfc3339(wrong)
    assert refused(into) == [(2, required + own), (4, required + own)]
    assert into.watermark_time == good  # what is ahead of a timestamp does not move the partition beyond it


@pytest.mark.parametrize("wrong", [0, FAR])
def test_without_a_plausible_one_the_clock_serves(wrong: int) -> None:
    """At the beginning of a partition, and in one that has none at all."""
    into = buffer()
    fill(into, [(NOW - 9 * DAY_MS, wrong), (NOW + DAY_MS, wrong), (NOW + DAY_MS + 1, wrong), (FAR, wrong)])
    clock = f"{AHEAD}the engine's clock {rfc3339(NOW)}, since its partition has no plausible timestamp"
    assert refused(into) == [(at, f"{clock}; its own timestamp is {rfc3339(wrong)}") for at in (2, 3)]
    assert into.watermark_time == NOW


def test_a_plausible_timestamp_is_named() -> None:
    """As it is."""
    into = buffer()
    fill(into, [(NOW, NOW - DAY_MS - 1)])
    assert refused(into) == [(0, f"{AHEAD}the record's timestamp {rfc3339(NOW - DAY_MS - 1)}")]


STAMPS = st.sampled_from([0, FAR, NOW - 9 * DAY_MS, NOW - 8 * DAY_MS, NOW])
TIMES = st.integers(0, 12).map(lambda days: NOW - (10 - days) * DAY_MS)


@given(st.lists(st.tuples(TIMES, STAMPS), max_size=12), st.lists(st.integers(0, 12), max_size=3))
def test_the_cut_into_blocks_does_not_matter(messages: list[tuple[int, int]], cuts: list[int]) -> None:
    """What is refused is what one look at each message after the other refuses."""
    into, last, expected = buffer(), None, []
    for offset, (time, stamp) in enumerate(messages):
        last = stamp if INSTANT_MIN <= stamp <= NOW + DAY_MS else last
        if time > (NOW if last is None else last) + DAY_MS:
            expected.append(offset)
    bounds = sorted({0, *(min(cut, len(messages)) for cut in cuts), len(messages)})
    for start, stop in itertools.pairwise(bounds):
        fill(into, messages[start:stop])
    assert [offset for offset, _ in refused(into)] == expected
