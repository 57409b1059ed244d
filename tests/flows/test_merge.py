"""Inputs are merged by event time, each in its own order, whatever the chunks."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sources.folder import find_inputs
from flows.sources.merge import Merge
from flows.sources.run import RECORD, REJECT, Run, empty_run, interleave
from flows.sources.stream import Position, Stream
from sensing.codec.record import TOPICS
from sensing.codec.text_table import TextLookup
from sensing.settings import HOUR_MS, Settings
from sinks.errors import UsageError
from tests.flows.events import MAKERS, MONDAY, write
from tests.flows.oracles import Merged, merge, too_far_ahead

SETTINGS = Settings(horizon_ms=24 * HOUR_MS)
HOURS = st.lists(st.integers(0, 90).map(lambda hour: MONDAY + hour * HOUR_MS), max_size=130)


def merged_runs(folder: Path, chunk_bytes: int, until: int | None = None) -> list[Run]:
    """All merged runs of a folder."""
    inputs = find_inputs(folder)
    merge = Merge([Stream(i, file, SETTINGS, chunk_bytes, Position(), until) for i, file in enumerate(inputs)])
    runs = []
    while (run := merge.next_run()) is not None:
        assert len(run)
        runs.append(run)
    merge.close()
    return runs


def messages_of(run: Run, topics: list[str]) -> list[Merged]:
    """Messages of a run one by one, in the words of the oracle."""
    records, rare, rejects = iter(run.records), iter(run.rare), iter(run.rejects)
    found = []
    for key, kind, source, line in zip(run.keys, run.kinds, run.sources, run.numbers, strict=True):
        watermark = max(int(key) - SETTINGS.lateness_ms, 0)
        if kind == REJECT:
            reject = next(rejects)
            assert reject.offset == line
            found.append(Merged(reject.topic, int(line), reject.time, watermark, reject.reason))
            continue
        event: Any = next(records) if kind == RECORD else next(rare)._asdict()
        assert (event["offset"], event["watermark"]) == (line, watermark)
        found.append(Merged(topics[source], int(line), int(event["time"]), watermark, "taken"))
    return found


@given(files=st.dictionaries(st.sampled_from(list(MAKERS)), HOURS, min_size=1), chunk_bytes=st.integers(100, 6000))
def test_the_merge_is_that_of_a_heap(files: dict[str, list[int]], chunk_bytes: int) -> None:
    """Order, watermark and outcome of every message are those of a merge one by one, whatever the chunks."""
    with TemporaryDirectory() as name:
        for topic, times in files.items():
            write(Path(name), topic, [MAKERS[topic](i, time) for i, time in enumerate(times)])
        runs = merged_runs(Path(name), chunk_bytes)

    found = [message for run in runs for message in messages_of(run, sorted(files))]
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
    """Of every record, however runs are merged and cut, the texts are those of its line."""
    for topic in ("inventory", "orders"):
        write(tmp_path, topic, [MAKERS[topic](line, MONDAY + line * HOUR_MS) for line in range(40)])
    found: list[tuple[int, str]] = []
    for run in merged_runs(tmp_path, chunk_bytes):
        for part in run.cut(len(run) // 2):
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

    (run,) = merged_runs(tmp_path, 10_000)

    assert [(reject.offset, reject.value, reject.reason) for reject in run.rejects] == [
        (0, b"nonsense", "not_json"),
        (5, far, "far_future"),
        (10, b"[]", "not_an_object"),
    ]
    assert (
        run.rejects[1].required
        == f"at most {SETTINGS.skew_ms} ms ahead of the median of the next 100 event times of its input; "
        "at its end, at most a week, or a usual pause, later than all but two of the last 100"
    )
    assert run.rejects[1].got == "2011-02-08T00:00:00.000Z"


@pytest.mark.parametrize("chunk_bytes", [200, 10_000, 1_000_000])
@pytest.mark.parametrize("start", [0, 1, 119, 120])
def test_a_bad_date_in_the_last_line_does_not_move_the_clock(tmp_path: Path, chunk_bytes: int, start: int) -> None:
    """It is refused although nothing follows it, whatever the chunks, and wherever the file is taken up."""
    times = [*(MONDAY + i * HOUR_MS // 4 for i in range(120)), 2_900_000_000_000]
    write(tmp_path, "orders", [MAKERS["orders"](i, time) for i, time in enumerate(times)])
    (file,) = find_inputs(tmp_path)
    stream = Stream(0, file, SETTINGS, chunk_bytes, Position(start, times[start - 1] if start else 0), None)

    runs = []
    while (run := stream.next_run()) is not None:
        runs.append(run)

    assert [number for run in runs for number in run.numbers.tolist()] == list(range(start, 121))
    assert [(reject.offset, reject.reason) for run in runs for reject in run.rejects] == [(120, "far_future")]
    assert int(runs[-1].keys[-1]) == times[119]


def test_too_late_says_how_late(tmp_path: Path) -> None:
    """An event beyond the horizon is refused, naming horizon and watermark; one within it is taken."""
    times = [MONDAY + 48 * HOUR_MS, MONDAY + 23 * HOUR_MS, MONDAY + 23 * HOUR_MS - 1]
    write(tmp_path, "orders", [MAKERS["orders"](i, time) for i, time in enumerate(times + times[:1] * 9)])

    (run,) = merged_runs(tmp_path, 10_000)

    assert [(reject.offset, reject.reason) for reject in run.rejects] == [(2, "too_late")]
    assert run.rejects[0].required == "at most 86400000 ms behind the watermark 2010-01-05T23:00:00.000Z"


def test_an_event_at_or_after_the_end_is_an_error(tmp_path: Path) -> None:
    """The clock cannot end before the last event: the message names both and the line."""
    write(tmp_path, "orders", [MAKERS["orders"](i, MONDAY + i * HOUR_MS) for i in range(3)])

    merged_runs(tmp_path, 10_000, MONDAY + 2 * HOUR_MS + 1)
    with pytest.raises(
        UsageError, match=r"until 2010-01-04T02:00:00.000Z: .*T02:00:00.000Z in line 2 of orders.ndjson"
    ):
        merged_runs(tmp_path, 10_000, MONDAY + 2 * HOUR_MS)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=40), st.integers(0, 40))
def test_a_cut_run_is_the_run(entries: list[tuple[int, int]], at: int) -> None:
    """Cutting a run loses nothing and keeps rare events before their records."""
    keys = np.sort(np.array([key for key, _ in entries], np.int64))
    kinds = np.array([kind for _, kind in entries], np.uint8)
    numbers = np.arange(len(keys), dtype=np.int64)
    records = np.zeros(int((kinds == RECORD).sum()), empty_run().records.dtype)
    records["offset"] = numbers[kinds == RECORD]
    rare: Any = numbers[kinds == 1].tolist()
    run = Run(keys, kinds, kinds, numbers, records, rare, numbers[kinds == REJECT].tolist(), ())

    head, tail = run.cut(min(at, len(run)))
    both = interleave([head, tail])

    assert len(head) == min(at, len(run))
    assert both.numbers.tolist() == numbers.tolist()
    assert both.records["offset"].tolist() == records["offset"].tolist()
    assert (both.rare, both.rejects) == (run.rare, run.rejects)
    for before, line in run.placed():
        assert (records["offset"][:before] < line).all()
        assert (records["offset"][before:] > line).all()
