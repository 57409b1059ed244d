"""Inputs are merged by event time, each in its own order, whatever the chunks."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.input.file_source import FileReader, file_buffers
from flows.input.input_folder import find_inputs
from flows.input.ordered_merge import OrderedMerge
from flows.input.sorted_block import RECORD, REJECT, SortedBlock, empty_block, interleave
from sensing.codec.event_record import AFTER_ALL, TOPICS
from sensing.codec.text_table import TextLookup
from sensing.machine_settings import HOUR_MS, Settings
from tests.flows.events import MAKERS, MONDAY, write
from tests.flows.input.blocks import gathered
from tests.flows.input.oracles import Merged, merge, too_far_ahead

SETTINGS = Settings(horizon_ms=24 * HOUR_MS)
HOURS = st.lists(st.integers(0, 90).map(lambda hour: MONDAY + hour * HOUR_MS), max_size=130)


def merged_blocks(folder: Path, chunk_bytes: int) -> list[SortedBlock]:
    """All merged blocks of a folder."""
    files = find_inputs(folder)
    buffers = file_buffers(files, SETTINGS)
    reader = FileReader(files, buffers, chunk_bytes)
    merge = OrderedMerge(buffers, SETTINGS, reader.is_away, event_time=True)
    reader.start(buffers)
    blocks = []
    while not merge.over:
        reader.poll()
        block = merge.take(AFTER_ALL, 0.0)
        assert len(block) or merge.catching_up or merge.over
        blocks += [block] if len(block) else []
        merge.release()
    reader.close()
    return blocks


def messages_of(block: SortedBlock, topics: list[str]) -> list[Merged]:
    """Messages of a block one by one, in the words of the oracle."""
    records, infrequent, rejects = iter(block.records), iter(block.infrequent), iter(block.rejects)
    found = []
    for key, kind, source, line in zip(block.keys, block.kinds, block.sources, block.numbers, strict=True):
        watermark = max(int(key) - SETTINGS.lateness_ms, 0)
        if kind == REJECT:
            reject = next(rejects)
            assert reject.offset == line
            found.append(Merged(reject.topic, int(line), reject.time, watermark, reject.reason))
            continue
        event: Any = next(records) if kind == RECORD else next(infrequent)._asdict()
        assert (event["offset"], event["watermark"]) == (line, watermark)
        found.append(Merged(topics[source], int(line), int(event["time"]), watermark, "taken"))
    return found


@given(files=st.dictionaries(st.sampled_from(list(MAKERS)), HOURS, min_size=1), chunk_bytes=st.integers(100, 6000))
def test_the_merge_is_that_of_a_heap(files: dict[str, list[int]], chunk_bytes: int) -> None:
    """Order, watermark and outcome of every message are those of a merge one by one, whatever the chunks."""
    with TemporaryDirectory() as name:
        for topic, times in files.items():
            write(Path(name), topic, [MAKERS[topic](i, time) for i, time in enumerate(times)])
        blocks = merged_blocks(Path(name), chunk_bytes)

    found = [message for block in blocks for message in messages_of(block, sorted(files))]
    future = [message for message in found if message.outcome == "far_future"]

    assert [message for message in found if message.outcome != "far_future"] == merge(files, SETTINGS)
    assert sorted((message.topic, message.line) for message in future) == [
        (topic, line)
        for topic in sorted(files)
        for line, far in enumerate(too_far_ahead(files[topic], SETTINGS.skew_ms))
        if far
    ]


@pytest.mark.parametrize("chunk_bytes", [300, 1 << 16])
def test_texts_go_with_their_records(tmp_path: Path, chunk_bytes: int) -> None:
    """Of every record, however blocks are merged and cut, the texts are those of its line."""
    for topic in ("inventory", "orders"):
        write(tmp_path, topic, [MAKERS[topic](line, MONDAY + line * HOUR_MS) for line in range(40)])
    found: list[tuple[int, str]] = []
    for block in merged_blocks(tmp_path, chunk_bytes):
        for part in block.cut(len(block) // 2):
            texts = TextLookup(part.texts).all(part.records)
            found += zip(part.records["topic"].tolist(), (each.event_id for each in texts), strict=True)
    for topic in ("inventory", "orders"):
        lines = (tmp_path / f"{topic}.ndjson").read_bytes().splitlines()
        expected = [orjson.loads(line)["event_id"] for line in lines]
        assert [event_id for number, event_id in found if TOPICS[number] == topic] == expected


def test_rejects_keep_their_place_and_bytes(tmp_path: Path) -> None:
    """A line that is no event stands where it stood, with its bytes; what is refused for its time as well."""
    lines = [b"nonsense", *(MAKERS["orders"](i, MONDAY) for i in range(9)), b"[]"]
    lines[5] = far = MAKERS["orders"](5, MONDAY + 400 * 24 * HOUR_MS)
    write(tmp_path, "orders", lines)

    block = gathered(merged_blocks(tmp_path, 10_000))

    assert [(reject.offset, reject.value, reject.reason) for reject in block.rejects] == [
        (0, b"nonsense", "not_json"),
        (5, far, "far_future"),
        (10, b"[]", "not_an_object"),
    ]
    assert (
        block.rejects[1].required
        == f"at most {SETTINGS.skew_ms} ms ahead of the median of the next 100 event times of its input; "
        "at its end, at most a week, or a usual pause, later than all but two of the last 100 of it or of all files, "
        "or a year where there are few; "
        "never after the year 2099"
    )
    assert block.rejects[1].got == "2011-02-08T00:00:00.000Z"


@pytest.mark.parametrize("chunk_bytes", [200, 10_000, 1_000_000])
def test_a_bad_date_in_the_last_line_does_not_move_the_clock(tmp_path: Path, chunk_bytes: int) -> None:
    """It is refused although nothing follows it, whatever the chunks."""
    times = [*(MONDAY + i * HOUR_MS // 4 for i in range(120)), 2_900_000_000_000]
    write(tmp_path, "orders", [MAKERS["orders"](i, time) for i, time in enumerate(times)])

    blocks = merged_blocks(tmp_path, chunk_bytes)

    assert [number for block in blocks for number in block.numbers.tolist()] == list(range(121))
    assert [(reject.offset, reject.reason) for block in blocks for reject in block.rejects] == [(120, "far_future")]
    assert int(blocks[-1].keys[-1]) == times[119]


def test_too_late_says_how_late(tmp_path: Path) -> None:
    """An event beyond the horizon is refused, naming horizon and watermark; one within it is taken."""
    times = [MONDAY + 48 * HOUR_MS, MONDAY + 23 * HOUR_MS, MONDAY + 23 * HOUR_MS - 1]
    write(tmp_path, "orders", [MAKERS["orders"](i, time) for i, time in enumerate(times + times[:1] * 9)])

    block = gathered(merged_blocks(tmp_path, 10_000))

    assert [(reject.offset, reject.reason) for reject in block.rejects] == [(2, "too_late")]
    assert block.rejects[0].required == "at most 86400000 ms behind the watermark 2010-01-05T23:00:00.000Z"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=40), st.integers(0, 40))
def test_a_cut_block_is_the_block(entries: list[tuple[int, int]], at: int) -> None:
    """Cutting a block loses nothing and keeps infrequent events before their records."""
    keys = np.sort(np.array([key for key, _ in entries], np.int64))
    kinds = np.array([kind for _, kind in entries], np.uint8)
    numbers = np.arange(len(keys), dtype=np.int64)
    records = np.zeros(int((kinds == RECORD).sum()), empty_block().records.dtype)
    records["offset"] = numbers[kinds == RECORD]
    infrequent: Any = numbers[kinds == 1].tolist()
    block = SortedBlock(keys, kinds, kinds, numbers, records, infrequent, numbers[kinds == REJECT].tolist(), ())

    head, tail = block.cut(min(at, len(block)))
    both = interleave([head, tail])

    assert len(head) == min(at, len(block))
    assert both.numbers.tolist() == numbers.tolist()
    assert both.records["offset"].tolist() == records["offset"].tolist()
    assert (both.infrequent, both.rejects) == (block.infrequent, block.rejects)
    for before, line in block.placed():
        assert (records["offset"][:before] < line).all()
        assert (records["offset"][before:] > line).all()
