"""A partition that is read to a fixed end gives the same as a file with the same lines."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.input.file_source import FileReader, file_buffers
from flows.input.input_folder import InputFile
from flows.input.ordered_merge import OrderedMerge
from flows.input.partition_buffer import PartitionBuffer
from flows.input.sorted_block import RECORD, SortedBlock, empty_block
from flows.input.timestamps import FollowingTimestamps
from sensing.codec.event_record import AFTER_ALL, EVENT
from sensing.codec.message_block import Block
from sensing.machine_settings import HOUR_MS, Settings
from sinks.kafka_client import Log
from tests.flows.events import MAKERS, MONDAY, order
from tests.flows.input.blocks import gathered

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


def bounded(topic: str, first: int, end: int) -> PartitionBuffer:
    """A buffer of a Kafka partition that is read to a fixed end."""
    timestamps = FollowingTimestamps(SETTINGS.skew_ms)
    return PartitionBuffer(0, Log(topic, topic, 0, "id", first, end), first, SETTINGS, timestamps, bounded=True)


def merged(buffer: PartitionBuffer) -> OrderedMerge:
    """The merge of one partition by event time."""
    return OrderedMerge([buffer], SETTINGS, lambda _: False, event_time=True)


def all_of(merge: OrderedMerge) -> list[SortedBlock]:
    """All that may leave now."""
    found = [empty_block(), merge.take(0, 0.0)]
    while merge.catching_up or len(found[-1]):
        merge.release()
        found.append(merge.take(0, 0.0))
    return found


def of_file(path: Path, topic: str, lines: list[bytes]) -> SortedBlock:
    """Merged blocks of a file, as one."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    files = [InputFile(topic, path)]
    buffers = file_buffers(files, SETTINGS)
    reader, merge = FileReader(files, buffers, 1 << 12), merged(buffers[0])
    reader.start(buffers)
    found = [empty_block()]
    while not merge.over:
        reader.poll()
        found += all_of(merge)
    reader.close()
    return gathered(found)


def blocks(lines: list[bytes], first: int, cuts: list[int]) -> Iterator[Block]:
    """Lines as messages, cut into blocks of the sizes ``cuts``, again and again."""
    sizes = itertools.cycle(cuts)
    at = 0
    while at < len(lines):
        values = lines[at : at + next(sizes)]
        offsets = np.arange(first + at, first + at + len(values), dtype=np.int64)
        yield Block.of(values, offsets, np.full(len(values), BROKER_TIME, np.int64))
        at += len(values)


def plain(block: SortedBlock, first: int) -> list[Any]:
    """All of a block as values that can be compared, offsets counted from the first one."""
    records = {name: block.records[name].tobytes() for name in EVENT.names or () if name != "offset"}
    rejects = [msgspec.structs.replace(reject, offset=reject.offset - first) for reject in block.rejects]
    infrequent = [event._replace(offset=event.offset - first) for event in block.infrequent]
    assert block.records["offset"].tolist() == block.numbers[block.kinds == RECORD].tolist()
    return [block.keys.tolist(), block.kinds.tolist(), (block.numbers - first).tolist(), records, infrequent, rejects]


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
def test_kafka_gives_what_a_file_gives(
    folder: Path, pieces: list[tuple[str, int]], cuts: list[int], beyond: int, topic: str
) -> None:
    """Keys, kinds, numbers, records, infrequent events and rejects, however it is cut; nothing behind its end."""
    told = [kind for kind, count in pieces for _ in range(count)]
    lines = [line(topic, number, kind) for number, kind in enumerate(told)]
    expected = of_file(folder / f"{topic}.ndjson", topic, lines)

    first = 17
    more = [order(number, MONDAY) for number in range(beyond)]
    # The end is behind a marker, which is no message.
    end = first + len(lines) + (1 if beyond == 0 else 0)
    buffer = bounded(topic, first, end)
    merge = merged(buffer)
    found = [empty_block()]
    for block in blocks([*lines, *more], first, cuts):
        buffer.add(block, 0.0)
        found += all_of(merge)
        consumed = first + sum(map(len, found))
        assert buffer.consumed == (consumed if consumed < first + len(lines) else buffer.position)
    buffer.end(end, 0.0)
    found += all_of(merge)
    assert merge.over
    assert (buffer.consumed, buffer.position, buffer.watermark) == (end, end, None)
    assert plain(gathered(found), first) == plain(expected, 0)


def test_messages_without_value_are_passed_over() -> None:
    """The end is reached by them as well, and one behind it moves nothing."""
    buffer = bounded("orders", 0, 3)
    merge = merged(buffer)
    buffer.add(next(blocks([order(0, MONDAY)], 0, [1])), 0.0)
    assert (len(merge.take(0, 0.0)), buffer.consumed, buffer.position) == (0, 0, 1)
    buffer.skip(1, 0.0)
    assert not buffer.at_end
    buffer.skip(2, 0.0)
    assert (len(merge.take(0, 0.0)), merge.over, buffer.position) == (1, True, 3)
    buffer.skip(7, 0.0)
    buffer.lose()
    assert (merge.over, buffer.position, buffer.consumed) == (True, 3, 3)


def test_an_empty_partition_is_over_at_once() -> None:
    """There is nothing to wait for."""
    assert merged(bounded("orders", 5, 5)).over


def test_raw_bytes_of_messages_are_there_until_they_are_released() -> None:
    """By offset, from blocks with gaps; a message that was released is asked for by mistake."""
    buffer = bounded("orders", 0, AFTER_ALL)
    values = [order(n, MONDAY) for n in range(6)]
    for at in (0, 3):
        buffer.add(Block.of(values[at : at + 3], np.array([1, 2, 4]) + 2 * at, np.zeros(3, np.int64)), 0.0)
    assert buffer.values(np.array([2, 4, 7, 10])) == [values[1], values[2], values[3], values[5]]
    assert buffer.message(8).value == values[4]
    with pytest.raises(AssertionError, match=r"offset 5 of .* is no longer held"):
        buffer.message(5)
