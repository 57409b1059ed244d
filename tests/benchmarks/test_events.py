"""Records made without JSON equal those that decoder and file source make from the same lines."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import workloads
from benchmarks.events import Feed, even_day
from benchmarks.workloads import DAY_MS, Workload
from flows.input.file_source import FileReader, file_buffers
from flows.input.input_folder import InputFile
from flows.input.ordered_merge import OrderedMerge
from sensing.codec.event_record import AFTER_ALL
from sensing.machine_settings import Settings

LOAD = Workload(seed=7, skus=40, locations=5, days=2, lines_per_day=2_000, late_share=0.1, cancelled_share=0.05)


def test_records_equal_decoded_lines(tmp_path: Path) -> None:
    """Text by text and watermark by watermark, however the lines are cut into batches."""
    path = tmp_path / "orders.ndjson"
    days = list(workloads.arrivals(LOAD))
    path.write_bytes(b"".join(page for day in days for page in workloads.order_lines(day)))
    files = [InputFile("orders", path)]
    buffers = file_buffers(files, Settings())
    reader = FileReader(files, buffers, 1 << 16)
    merge = OrderedMerge(buffers, Settings(), reader.is_away, event_time=True)
    reader.start(buffers)
    read = []
    while not merge.over:
        reader.poll()
        # A copy of records leaves out the bytes between their fields.
        read.append(merge.take(AFTER_ALL, 0.0).records.view(np.uint64))
    feed = Feed(Settings())
    made = [batch for day in days for batch in feed.batches(day, 700)]
    assert np.array_equal(np.concatenate(read), np.concatenate([batch.records.view(np.uint64) for batch in made]))
    assert made[-1].watermark == made[-1].records["watermark"][-1] == feed.watermark


def test_even_day_reaches_all_rows_alike() -> None:
    """Each SKU-location sells at most once a day, with the share asked for, in order of time and within the day."""
    load = replace(LOAD, skus=2_000)
    lines = even_day(load, 3, 0.8)
    rows = lines["sku"].astype(np.int64) * load.locations + lines["location"]
    assert len(np.unique(rows)) == len(rows)
    assert abs(len(rows) / (load.skus * load.locations) - 0.8) < 0.02
    assert (np.diff(lines["time_ms"]) >= 0).all()
    assert lines["time_ms"][0] >= load.start_ms + 3 * DAY_MS
    assert lines["time_ms"][-1] < load.start_ms + 4 * DAY_MS
    assert len(np.unique(lines["number"])) == len(lines)
