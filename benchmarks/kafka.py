"""Kafka: order lines per second through `tidegauge run` (Kafka in, Kafka and Redis out), against a plain consumer.

Topics are filled before the measurement, in order of arrival, with the usual disorder, keyed by SKU, compressed with
lz4. The engine is a separate process, started like a user does. Two cases:

*A day without closes*, on one and on four partitions: the engine runs live and processes the backlog. The topic starts
with a line of every SKU-location, which creates its row; so the first tenth of all lines is not measured. The lines are
from yesterday, since a live clock advances to the present at the end of the topic.

*With closes*: days of a million lines, read with ``--until-end --event-time``, so that the clock is that of the lines.

The engine logs at the end of every epoch how many messages it has read, and an epoch ends when Kafka has acknowledged
all outputs. The measurement is between the first such line (of the last nine tenths, in the first case) and the last
but one. So it excludes start and end of the topic, when days close. Processor time is that of all threads of the
process, including those of librdkafka and the Redis view. The plain consumer is a separate process with the engine's
fetch settings. It reads the same topic just before: `consume(10000)`, and `value()` of each message.
"""

import time
from collections.abc import Iterator

from benchmarks import workloads
from benchmarks.events import even_day
from benchmarks.live import bare, benchmark_topics
from benchmarks.live.engine import Engine, Trail, await_read, epochs
from benchmarks.servers.process import running
from benchmarks.servers.use import Place, serving
from benchmarks.workloads import DAY_MS, HOUR_MS, Lines, Workload
from sensing.outputs import DEAD_LETTERS, EXCEPTIONS, PARAMETERS

SEED = 9
PARTITIONS = {"one_partition": 1, "four_partitions": 4}
DAYS = {
    "smoke": Workload(seed=SEED, skus=200, locations=5, days=1, lines_per_day=200_000),
    "full": Workload(seed=SEED, skus=5_000, locations=10, days=1, lines_per_day=3_000_000),
}
CLOSES = {
    "smoke": Workload(seed=SEED, skus=200, locations=5, days=3, lines_per_day=20_000),
    "full": Workload(seed=SEED, skus=5_000, locations=10, days=3, lines_per_day=1_000_000),
}
# A smoke run needs about ten epochs, so they must be short.
SETTINGS = {"smoke": {"engine.epoch_seconds": 0.05}, "full": {}}
SECONDS_MAX = 600.0
SIZES = ("lines", "bytes_per_line")
"""Figures that are equal for all cases, reported once with the sizes."""
FIRST_NUMBER = 3_000_000_000
"""Days of lines that are not from the workload."""


def run(size: str) -> dict[str, object]:
    """Fill topics; then the plain consumer and after it the engine read them."""
    with serving() as place:
        found = {name: _day(place.part(name), size, count) for name, count in PARTITIONS.items()}
        closes = place.part("closes")
        found["closes"] = _closes(closes, size)
        answer = benchmark_topics.digest(closes, (EXCEPTIONS, PARAMETERS, DEAD_LETTERS))
    load = DAYS[size]
    return {
        "seed": SEED,
        "sizes": {
            "sku_locations": load.skus * load.locations,
            "lines_without_close": int(found["one_partition"]["lines"]),
            "lines_with_closes": int(found["closes"]["lines"]),
            "closed_days": CLOSES[size].days,
            "bytes_per_line": round(found["one_partition"]["bytes_per_line"]),
        },
        **{name: {key: value for key, value in case.items() if key not in SIZES} for name, case in found.items()},
        "answer": answer,
    }


def _day(place: Place, size: str, partitions: int) -> dict[str, float]:
    """Measure the plain consumer and a live engine on a day of lines dated yesterday."""
    benchmark_topics.make(place, partitions)
    lines = benchmark_topics.fill_orders(place, _yesterday(DAYS[size]))
    alone = bare.measure(place, "orders", lines)
    with running(Engine(place, SETTINGS[size])) as engine, Trail(engine.pid) as trail:
        await_read(engine, lines, SECONDS_MAX)
        figures = _figures(engine, trail, after=lines // 10)
    return {
        **figures,
        "bare_lines_per_second": alone.messages / alone.seconds,
        "bare_cpu_ns_per_line": alone.cpu_seconds / alone.messages * 1e9,
        "share_of_bare": figures["lines_per_second"] * alone.seconds / alone.messages,
        "lines": lines,
        "bytes_per_line": alone.bytes / alone.messages,
    }


def _closes(place: Place, size: str) -> dict[str, float]:
    """Measure an engine that reads some days to their end."""
    benchmark_topics.make(place, 1)
    lines = benchmark_topics.fill_orders(place, workloads.arrivals(CLOSES[size]))
    with running(Engine(place, SETTINGS[size], until_end=True)) as engine:
        with Trail(engine.pid) as trail:
            engine.ended(SECONDS_MAX)
        (stopped,) = engine.said("stopped")
        figures = _figures(engine, trail)
    assert stopped["messages"] == lines, f"required {lines} lines read, got {stopped['messages']}"
    return {**figures, "outputs": sum(stopped["outputs"].values()), "lines": lines}


def _yesterday(load: Workload) -> Iterator[Lines]:
    shift_ms = (time.time_ns() // 1_000_000 // DAY_MS - 1) * DAY_MS - load.start_ms
    rows = even_day(load, 0, share=1.0)
    rows["time_ms"] = load.start_ms + HOUR_MS
    rows["number"] += FIRST_NUMBER
    for lines in (rows, *workloads.arrivals(load)):
        # The clock starts an hour before the first line, at the start of its day. So the day before does not close.
        kept = lines[lines["time_ms"] >= load.start_ms + HOUR_MS]
        kept["time_ms"] += shift_ms
        yield kept


def _figures(engine: Engine, trail: Trail, after: int = 0) -> dict[str, float]:
    found = [epoch for epoch in epochs(engine) if epoch.read >= after]
    assert len(found) >= 3, f"required three epochs to measure between, got {found}"
    first, last = found[0], found[-2]
    lines, seconds = last.read - first.read, last.at - first.at
    return {
        "lines_per_second": lines / seconds,
        "cpu_ns_per_line": trail.cpu_seconds(first.at, last.at) / lines * 1e9,
        "seconds_measured": seconds,
        "longest_epoch_ms": max(epoch.ms for epoch in found[1:-1]),
        "peak_engine_mib": trail.peak_rss_mib,
    }
