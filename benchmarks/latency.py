"""Latency: time from an order to its exception, as seen by a Kafka consumer and by a subscriber of Redis.

The engine runs live, as `tidegauge run`, in a separate process. It has read a history with `engine.quiet_until` and
published the state at its end; its view in Redis is up to date. Then a producer process sends lines at a fixed rate.
The event time of a line is its scheduled instant, and latencies start there, also if the line is sent late (no
coordinated omission). Some lines trigger exceptions at once: giants, and lines that make a count a surge
(`benchmarks.live.traffic`). Two more processes record when an exception opens: a consumer of topic `exceptions`, and a
subscriber of Redis, which reads the exception when it is notified. `causationid` names the line that caused it.

Everything runs on one machine with one clock, so the engine shares the processors with broker, Redis, producer and
watchers. The reference rate is 10,000 lines a second; the other rates show the range around it.
"""

import contextlib
import time
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from redis import Redis

from benchmarks.live import benchmark_topics, traffic
from benchmarks.live.child_process import call_in_child
from benchmarks.live.engine import Engine, Trail, await_read
from benchmarks.live.seen import Sight, Watcher, watch_kafka, watch_redis
from benchmarks.live.sender import send
from benchmarks.live.traffic import Phase, Rows
from benchmarks.servers.process import ServerError, running
from benchmarks.servers.use import Place, serving
from benchmarks.workloads import Lines
from sensing.codec.instants import rfc3339
from sensing.outputs import EXCEPTIONS, PARAMETERS
from sinks.topic_tail import Tail
from sinks.view_entries import Layout
from sinks.view_position import Position

SEED = 11
PARTITIONS = 4
ROWS = {"smoke": Rows(established=300, young=700), "full": Rows(established=1_000, young=49_000)}
# The first phase warms up the servers. It is not measured.
WARM = Phase(number=0, lines_per_second=500, seconds=4, first_row=0, surges=0)
PHASES = {
    "smoke": (WARM, Phase(number=1, lines_per_second=500, seconds=5, first_row=0, surges=20)),
    "full": (
        WARM,
        Phase(number=1, lines_per_second=1_000, seconds=30, first_row=0, surges=100),
        Phase(number=2, lines_per_second=10_000, seconds=60, first_row=100, surges=600),
        Phase(number=3, lines_per_second=25_000, seconds=20, first_row=700, surges=100),
        Phase(number=4, lines_per_second=50_000, seconds=20, first_row=800, surges=100),
    ),
}
QUANTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p99_9_ms": 0.999, "max_ms": 1.0}
READY_SECONDS_MAX = 900.0
DRAIN_SECONDS_MAX = 120.0
HEAD_START_MS = 4_000
"""Time for the producer to start."""


class Found(NamedTuple):
    """Result of a phase: figures, and the planted triggers whose exceptions were seen."""

    figures: dict[str, object]
    triggers: list[tuple[str, int]]


def run(size: str) -> dict[str, object]:
    """Give an engine a history, then send the phases and measure latencies."""
    rows, phases = ROWS[size], PHASES[size]
    with serving() as place:
        benchmark_topics.make(place, PARTITIONS)
        end_ms = time.time_ns() // 1_000_000
        past = benchmark_topics.fill_orders(place, [traffic.history(rows, end_ms, SEED)])
        backfill = {"engine.quiet_until": rfc3339(traffic.quiet_until(end_ms))}
        with running(Engine(place, backfill)) as engine, Trail(engine.pid) as trail:
            await_read(engine, past, READY_SECONDS_MAX)
            settle(place, READY_SECONDS_MAX)
            read, found = past, {}
            for phase in phases:
                made = _phase(place, engine, trail, phase, rows, read)
                read += phase.size
                if phase is not WARM:
                    found[f"at_{phase.lines_per_second}"] = made
            figures = engine.metrics()
    return {
        "seed": SEED,
        "sizes": {
            "sku_locations": rows.count,
            "history_lines": past,
            "lines": read - past,
            "triggers": sum(2 * phase.surges for phase in phases),
        },
        **{name: phase.figures for name, phase in found.items()},
        "dead_letters": figures.get("tidegauge_dead_letters_total", 0.0),
        "peak_engine_mib": trail.peak_rss_mib,
        "answer": {name: sorted(phase.triggers) for name, phase in found.items()},
    }


def settle(place: Place, seconds_max: float) -> None:
    """Wait until the view in Redis has all records of the topics.

    Raises
    ------
    ServerError
        The view is not complete in time.
    """
    tail = Tail({"bootstrap.servers": place.kafka}, place.prefix, (EXCEPTIONS, PARAMETERS))
    with contextlib.closing(tail), Redis.from_url(place.redis) as store:
        end = time.monotonic() + seconds_max
        while time.monotonic() < end:
            kept: bytes | None = store.hget(Layout(place.prefix).position, "position")
            goal = {topic: state.high for topic, state in tail.look().items()}
            if kept is not None and msgspec.json.decode(kept, type=Position).offsets == goal:
                return
            time.sleep(0.2)
    msg = (
        f"redis: required a view of all records within {seconds_max:.0f} s, got {kept!r} where the topics end at {goal}"
    )
    raise ServerError(msg)


def _phase(place: Place, engine: Engine, trail: Trail, phase: Phase, rows: Rows, before: int) -> Found:
    """Send the lines of a phase and collect the exceptions; ``before`` is the number of lines read so far."""
    lines = traffic.live(rows, phase, SEED)
    with Watcher(watch_kafka, place) as consumer, Watcher(watch_redis, place) as subscriber:
        start_ms = time.time_ns() // 1_000_000 + HEAD_START_MS + phase.size // 500
        sent = call_in_child(send, place.kafka, f"{place.prefix}orders", lines, start_ms)
        assert not sent.refused, f"{sent.refused} of {sent.lines} lines were not taken"
        behind = before + phase.size - engine.metrics()["tidegauge_records_fetched_total"]
        cpu = trail.cpu_seconds(start_ms / 1000, start_ms / 1000 + sent.seconds) / sent.seconds
        await_read(engine, before + phase.size, DRAIN_SECONDS_MAX)
        settle(place, DRAIN_SECONDS_MAX)
        time.sleep(0.5)
        in_kafka, in_redis = consumer.seen(), subscriber.seen()
    due_ns = (start_ms + lines["time_ms"]) * 1_000_000
    caused, triggers, missed = _triggers(in_kafka, phase, lines, rows)
    unseen = caused.keys() - {sight.exception_id for sight in in_redis}
    figures = {
        "lines_per_second": sent.lines / sent.seconds,
        "triggers": len(triggers),
        "missed": len(missed),
        "missed_triggers": ", ".join(f"{kind} {number}" for kind, number in missed),
        "unseen_in_redis": len(unseen),
        "other_exceptions": len(in_kafka) - len(triggers),
        "kafka": _quantiles(in_kafka, caused, due_ns),
        "redis": _quantiles(in_redis, caused, due_ns),
        "sent_late_ms_p99": sent.late_ms_p99,
        "sent_late_ms_max": sent.late_ms_max,
        "taken_by_the_broker_ms_p99": sent.taken_ms_p99,
        "lines_behind_at_the_end": behind,
        "engine_processors_used": cpu,
    }
    return Found(figures, triggers)


def _triggers(
    sights: list[Sight], phase: Phase, lines: Lines, rows: Rows
) -> tuple[dict[str, int], list[tuple[str, int]], list[tuple[str, int]]]:
    """Causing line (by index) of each exception; planted triggers that were seen; planted triggers that were not."""
    giants, surging = traffic.planted(lines, rows)
    wanted = {("giant", index) for index in giants} | {("surge", row) for row in surging}
    row_of = rows.of(lines).tolist()
    caused: dict[str, int] = {}
    found: list[tuple[str, int]] = []
    for sight in sights:
        index = traffic.index_of(sight.cause, phase)
        if index is None:
            continue
        trigger = ("surge", row_of[index]) if row_of[index] < rows.established else ("giant", index)
        if trigger in wanted and trigger not in found:  # a later version of an open exception
            caused[sight.exception_id] = index
            found.append(trigger)
    return caused, found, sorted(wanted - set(found))


def _quantiles(sights: list[Sight], caused: dict[str, int], due_ns: NDArray[np.int64]) -> dict[str, float]:
    """Quantiles of the latencies of the seen planted triggers, ms."""
    first: dict[str, int] = {}
    for sight in sights:
        first.setdefault(sight.exception_id, sight.at_ns)
    waits = [(first[opened] - int(due_ns[line])) / 1e6 for opened, line in caused.items() if opened in first]
    return {name: float(np.quantile(waits, share)) for name, share in QUANTILES.items()} if waits else {}
