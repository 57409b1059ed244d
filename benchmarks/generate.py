"""Generate: throughput of the workload generator, as a reference for other benchmarks."""

import hashlib
import time

from benchmarks.workloads import Workload, arrivals, order_lines


def run(size: str) -> dict[str, object]:
    """Draw a stream and write it as NDJSON into memory."""
    load = Workload(seed=1, skus=5_000, locations=10, days=2, lines_per_day=1_000_000 if size == "full" else 20_000)
    started = time.perf_counter()
    days = list(arrivals(load))
    drawn = time.perf_counter()
    pages = [page for day in days for page in order_lines(day)]
    written = time.perf_counter()
    events, sha256 = sum(map(len, days)), hashlib.sha256()
    for page in pages:
        sha256.update(page)
    return {
        "seed": load.seed,
        "sizes": {"sku_locations": load.skus * load.locations, "events": events},
        "lines_per_second": events / (written - started),
        "draw_ns_per_line": (drawn - started) / events * 1e9,
        "write_ns_per_line": (written - drawn) / events * 1e9,
        "bytes_per_line": sum(map(len, pages)) / events,
        "answer": sha256.digest(),
    }
