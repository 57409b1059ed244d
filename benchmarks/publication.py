"""The end of the backfill, live: the planning parameters of all rows are published once, while the engine serves.

Every SKU-location sells on three days before the present, in topics that are filled beforehand. Two engines read them:
one stays in backfill, as a reference for memory; the backfill of the other ends when it has caught up. The figures
are its epochs, the answers of `/healthz`, the time of the publication, and its memory above the reference.
"""

import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from benchmarks.events import even_day
from benchmarks.live import benchmark_topics
from benchmarks.live.engine import Engine, Trail, await_read
from benchmarks.servers.process import ServerError, running
from benchmarks.servers.use import Place, serving
from benchmarks.workloads import DAY_MS, HOUR_MS, Lines, Workload
from sensing.codec.instants import rfc3339
from sensing.outputs import PARAMETERS

SEED = 11
DAYS = 3
ROWS = {
    "smoke": Workload(seed=SEED, skus=500, locations=2, days=DAYS, lines_per_day=1),
    "full": Workload(seed=SEED, skus=32_000, locations=10, days=DAYS, lines_per_day=1),
}
SECONDS_MAX = 900.0
POLL_SECONDS = 0.1
REST_SECONDS = 3.0


def run(size: str) -> dict[str, object]:
    """Fill the topics and measure both engines."""
    load = ROWS[size]
    rows = load.skus * load.locations
    with serving() as place:
        quiet = _engine(place.part("quiet"), load, rows, publishes=False)
        found = _engine(place.part("publishing"), load, rows, publishes=True)
    above = found.pop("peak_mib") - quiet["peak_mib"]
    return {
        "seed": SEED,
        "sizes": {"sku_locations": rows, "lines": DAYS * rows},
        **found,
        "quiet_engine_peak_mib": quiet["peak_mib"],
        "quiet_engine_longest_epoch_ms": quiet["longest_epoch_ms"],
        "peak_bytes_above_state_per_row": above * (1 << 20) / rows,
    }


def _engine(place: Place, load: Workload, rows: int, *, publishes: bool) -> dict[str, Any]:
    benchmark_topics.make(place, 4)
    lines = benchmark_topics.fill_orders(place, _days(load))
    now = time.time_ns() // 1_000_000
    quiet_until = rfc3339(now - 3 * HOUR_MS // 2 if publishes else now + 365 * DAY_MS)
    settings = {"engine.quiet_until": quiet_until, "engine.shards": 16}
    with running(Engine(place, settings)) as engine, Trail(engine.pid) as trail, _Health(engine) as health:
        await_read(engine, lines, SECONDS_MAX)
        if publishes:
            _await_published(engine, rows, SECONDS_MAX)
        # Rows whose day closes meanwhile are published twice, so the count does not say that all are.
        _await_rest(trail)
        epochs = engine.said("epoch")
    reading = max(line["epoch_ms"] for line in epochs if line["records"])
    if not publishes:
        return {"peak_mib": trail.peak_rss_mib, "longest_epoch_ms": reading}
    lengths = [line["epoch_ms"] for line in epochs if line["outputs"]]
    keys = {record.key or b"" for record in benchmark_topics.records(place, [PARAMETERS])}
    assert len(keys) == rows, f"required parameters of {rows} rows, got those of {len(keys)}"
    return {
        "peak_mib": trail.peak_rss_mib,
        "longest_epoch_ms": max(lengths),
        "longest_epoch_of_reading_ms": reading,
        "epochs": len(lengths),
        "rows_published_per_second": rows / sum(lengths) * 1000,
        "answer": sha256(b"\n".join(sorted(keys))).hexdigest(),
        "health_answers": len(health.answers),
        "health_answers_other_than_200": sum(answer != 200 for answer in health.answers),
    }


def _days(load: Workload) -> Iterator[Lines]:
    today = time.time_ns() // 1_000_000 // DAY_MS * DAY_MS
    for day in range(DAYS):
        lines = even_day(load, day, share=1.0)
        lines["time_ms"] += today - DAYS * DAY_MS - load.start_ms
        lines["arrival_ms"] = lines["time_ms"]
        yield lines


def _await_published(engine: Engine, rows: int, seconds_max: float) -> None:
    """Wait until the engine's log shows that the parameters of all rows are published."""
    end, found = time.monotonic() + seconds_max, 0
    while time.monotonic() < end and engine.running:
        found = sum(line["outputs"].get("parameters.proposed", 0) for line in engine.said("epoch"))
        if found >= rows:
            return
        time.sleep(POLL_SECONDS)
    msg = f"required the parameters of {rows} rows within {seconds_max:.0f} s, got {found}; its log ends with\n"
    raise ServerError(msg + engine.log_tail())


def _await_rest(trail: Trail) -> None:
    """Wait until a process is nearly idle."""
    while True:
        time.sleep(REST_SECONDS)
        now = time.time()
        if trail.cpu_seconds(now - REST_SECONDS, now) < REST_SECONDS / 2:
            return


class _Health:
    """Asks `/healthz` again and again, in a thread; a context manager."""

    def __init__(self, engine: Engine) -> None:
        self.answers: list[int | None] = []
        self._engine = engine
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "_Health":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            self.answers.append(self._engine.status("healthz"))
