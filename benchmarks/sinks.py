"""Sinks: cost per record from outputs to Kafka and from there to Redis, and the delay of a change.

*Deliver*: planning parameters, as published at a day's close, through the Kafka sink as Bytewax calls it, until the
last acknowledgement. *View*: the same records from their topic into an empty Redis. *Change*: exceptions one by one,
10 ms apart, from the call of the sink to a subscriber of the view. Processor time is that of the whole process;
``own_us_per_record`` is that of the calling thread, for which the flow waits.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
from redis import Redis

from benchmarks.live import benchmark_topics
from benchmarks.servers.use import Place, serving
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.parameters import (
    QUANTILE_LEVELS,
    Change,
    Forecast,
    InForce,
    PlanningParameters,
    Proposed,
    Stock,
)
from sensing.outputs import EXCEPTIONS, PARAMETERS, OutputRecord, Produced, encode
from sinks.kafka_sink import KafkaSink
from sinks.redis_view import RedisView

MACHINE = "000-shard"
SEED = 12
RECORDS = {"smoke": 2_000, "full": 50_000}
CHANGES = {"smoke": 50, "full": 500}
BATCH = 500
PARTITIONS = 4
CHANGE_SECONDS = 0.01
SECONDS_MAX = 300.0


def run(size: str) -> dict[str, object]:
    """Deliver, build a view, and watch single changes."""
    records = list(_parameters(RECORDS[size]))
    with serving() as place:
        benchmark_topics.make(place, PARTITIONS)
        delivered = _deliver(place, records)
        view = RedisView(
            {"bootstrap.servers": place.kafka}, place.prefix, {"url": place.redis}, place.prefix, _Silent()
        )  # fmt: skip
        try:
            built = _build(place, view, len(records))
            changed = _change(place, list(_exceptions(CHANGES[size])))
        finally:
            view.stop()
        answer = benchmark_topics.digest(place, (PARAMETERS, EXCEPTIONS))
    return {
        "seed": SEED,
        "sizes": {
            "records": len(records),
            "bytes_per_record": sum(len(record.data) for record in records) // len(records),
            "changes": CHANGES[size],
        },
        "deliver": delivered,
        "view": built,
        "change": changed,
        "answer": answer,
    }


class _Silent:
    """Status that ignores all reports."""

    def ok(self, part: str) -> None:
        """Ignore that a part works."""

    def failing(self, part: str, problem: str) -> None:
        """Ignore that a part fails."""

    def error(self, client: str, kind: str) -> None:
        """Ignore an error of a client."""

    def warn(self, subject: str, sentence: str, count: int = 1) -> None:
        """Take it."""

    def backoff(self, part: str, seconds: float) -> None:
        """Ignore a pause before a retry."""


def _sink(place: Place) -> KafkaSink:
    client = {"bootstrap.servers": place.kafka}
    return KafkaSink(
        client, machines=[MACHINE], partitions=1, prefix=place.prefix, run_id="0", status=_Silent(), stop=lambda: False
    )  # fmt: skip


def _deliver(place: Place, records: list[OutputRecord]) -> dict[str, float]:
    sink = _sink(place)
    part = sink.build_part("deliver", sink.list_parts()[0], None)
    started, cpu, own = time.perf_counter(), time.process_time(), time.thread_time()
    for first in range(0, len(records), BATCH):
        part.write_batch([Produced("", 1, [*records[first : first + BATCH]])])
    part.snapshot()
    seconds, cpu, own = time.perf_counter() - started, time.process_time() - cpu, time.thread_time() - own
    sink.close()
    return {
        "records_per_second": len(records) / seconds,
        "cpu_us_per_record": cpu / len(records) * 1e6,
        "own_us_per_record": own / len(records) * 1e6,
    }


def _build(place: Place, view: RedisView, count: int) -> dict[str, float]:
    with Redis.from_url(place.redis) as client:
        redis_cpu = _redis_cpu_seconds(client)
        started, cpu = time.perf_counter(), time.process_time()
        view.start()
        assert view.drain(SECONDS_MAX), "the view did not reach the end of its topics"
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        redis_cpu = _redis_cpu_seconds(client) - redis_cpu
    assert view.counts.applied == count, f"required {count} records in the view, got {view.counts.applied}"
    return {
        "records_per_second": count / seconds,
        "cpu_us_per_record": cpu / count * 1e6,
        "redis_cpu_us_per_record": redis_cpu / count * 1e6,
    }


def _redis_cpu_seconds(client: Any) -> float:
    used = client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def _change(place: Place, records: list[OutputRecord]) -> dict[str, float]:
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    sink = _sink(place)
    part = sink.build_part("deliver", sink.list_parts()[0], None)
    with Redis.from_url(place.redis) as client:
        subscribed: Any = client.pubsub(ignore_subscribe_messages=True)
        subscribed.subscribe(f"{place.prefix}changes:exceptions")
        watching = threading.Thread(target=_watch, args=(subscribed, seen, len(records)))
        watching.start()
        for record in records:
            sent[record.subject] = time.time()
            part.write_batch([Produced("", 1, [record])])
            time.sleep(CHANGE_SECONDS)
        part.snapshot()
        watching.join()
        subscribed.close()
    sink.close()
    delays = np.array([seen[name] - sent[name] for name in seen]) * 1e3
    return {"ms_median": float(np.median(delays)), "ms_p99": float(np.quantile(delays, 0.99)), "ms_max": delays.max()}


def _watch(subscribed: Any, seen: dict[str, float], count: int) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while len(seen) < count and time.monotonic() < deadline:
        if message := subscribed.get_message(timeout=1):
            seen[orjson.loads(message["data"])["id"]] = time.time()


def _parameters(count: int) -> Iterator[OutputRecord]:
    """Planning parameters of realistic size, with 28 days of forecasts and quantiles."""
    draw = np.random.default_rng(SEED)
    factors = np.linspace(0.0, 4.0, len(QUANTILE_LEVELS))
    for number in range(count):
        weekday = draw.gamma(2.0, 3.0, 7).round(4)
        mean = np.tile(weekday, 4)
        point = float(draw.integers(10, 200))
        document = PlanningParameters(
            sku=f"SKU{number:06d}", location="DC1", version=1, status="proposed", as_of="2026-01-05",
            demand_class="smooth", in_force=InForce(reorder_point=point - 5.0),
            proposed=Proposed(
                lead_time_days_mean=7.25, lead_time_days_sd=2.1, lead_time_demand_mean=round(point / 2, 4),
                lead_time_demand_sd=round(point / 7, 4), lead_time_demand_quantile=point, service_target=0.95,
                safety_stock=round(point / 3, 4), reorder_point=point, order_up_to=point + 40.0, order_quantity=40.0,
            ),
            forecast=Forecast(
                start="2026-01-06", method="smoothing", mean=mean.tolist(), levels=list(QUANTILE_LEVELS),
                quantiles=np.floor(mean[:, None] * factors).tolist(),
            ),
            stock=Stock(
                on_hand=33.0, on_order=20.0, open_demand=2.0, open_demand_by_day={"2026-01-07": 2.0},
                stockout_date=None, cover_days=9.25,
            ),
            change=Change(
                total=5.0, demand_mean=3.0, demand_spread=2.0, lead_time_mean=0.0, lead_time_spread=0.0,
                service_target=0.0, sentence=f"Reorder point {point - 5:.0f} -> {point:.0f} (+5): demand level +3.",
            ),
            freshness={"orders": "2026-01-05T10:00:00Z", "inventory": None},
        )  # fmt: skip
        subject = f"{document.sku}/{document.location}"
        attributes = {"demandclass": "smooth", "status": "proposed", "correlationid": subject, "region": "north"}
        yield OutputRecord(
            0, 0, number, PARAMETERS, "parameters.proposed", f"{subject}#1", subject, 1_767_571_200_000 + number,
            attributes, encode(document),
        )  # fmt: skip


def _exceptions(count: int) -> Iterator[OutputRecord]:
    for number in range(count):
        name = f"order_surge:SKU{number:06d}|DC1:20260105"
        state = ExceptionState(
            exception_id=name, exception_type="order_surge", version=1, status="opened", severity="high",
            sku=f"SKU{number:06d}", location="DC1", opened_at="2026-01-05T10:00:00.000Z",
            updated_at="2026-01-05T10:00:00.000Z", money=100.0 * number, currency="EUR",
            reason="21 order lines in the last 24 hours where 6.17 are usual for these hours.",
            deadline="2026-01-05T18:00:00.000Z",
        )  # fmt: skip
        yield OutputRecord(
            0, 0, number, EXCEPTIONS, "exception.opened", f"{name}#1", name, 1_767_607_200_000,
            {"severity": "high", "route": "planner"}, encode(state),
        )  # fmt: skip
