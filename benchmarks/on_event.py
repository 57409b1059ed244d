"""On the event: time from a count to the planning parameters that it changes, in Kafka and in Redis, and what it costs.

The engine runs live, as for `latency`, with the history of that benchmark, and ordinary lines come all the time. Each
of many rows is counted twice: a count that leaves one unit plans the row at once. A count four seconds later fills it
up; the row is planned again ten seconds after its last plan. Latencies start at the event times. ``first`` are those of
the first counts, ``later`` those of the second ones. The cost is processor time of one shard without servers, per
count: of counts that change so little that nothing is published, and of those that empty their rows.
"""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import orjson

from benchmarks.events import even_day
from benchmarks.latency import PARTITIONS, QUANTILES, READY_SECONDS_MAX, SEED, settle
from benchmarks.live import benchmark_topics, changes, traffic
from benchmarks.live.child_process import call_in_child
from benchmarks.live.engine import Engine, await_read
from benchmarks.live.seen import Sight, Watcher
from benchmarks.live.sender import send
from benchmarks.live.traffic import Phase, Rows
from benchmarks.servers.process import running
from benchmarks.servers.use import Place, serving
from benchmarks.shards import CLOSES_MS, Shards
from benchmarks.workloads import DAY_MS, HOUR_MS, Workload
from sensing.codec.decode import Block, decode
from sensing.codec.event_record import Batch
from sensing.codec.instants import rfc3339
from sensing.machine_settings import Settings
from sensing.outputs import PARAMETERS
from sinks.topic_tail import Tail

ROWS = {"smoke": Rows(established=300, young=700), "full": Rows(established=1_000, young=9_000)}
SECONDS = {"smoke": 6, "full": 60}
LINES_PER_SECOND = 500
AFTER_SECONDS = 16
"""Time for the last changes to be planned at the end of their ten seconds."""
HEAD_START_MS = 8_000
QUIET_SECONDS = 3.0
DAYS = 21
SHARD = {"smoke": Workload(seed=6, skus=40, locations=10, days=1, lines_per_day=1),
         "full": Workload(seed=6, skus=300, locations=10, days=1, lines_per_day=1)}  # fmt: skip


def run(size: str) -> dict[str, object]:
    """Measure the latencies live, then the cost of one event."""
    rows = ROWS[size]
    with serving() as place:
        live = _live(place, rows, SECONDS[size])
    cost, answer = _cost(SHARD[size])
    return {
        "seed": SEED,
        "sizes": {"sku_locations": rows.count, "counts": 2 * rows.established, "lines_per_second": LINES_PER_SECOND},
        **live,
        "cost": cost,
        "answer": answer,
    }


def _live(place: Place, rows: Rows, seconds: int) -> dict[str, object]:
    benchmark_topics.make(place, PARTITIONS)
    end_ms = time.time_ns() // 1_000_000
    quiet_ms = traffic.quiet_until(end_ms)
    benchmark_topics.fill(place, "reference", changes.locations())
    full = [changes.Count(quiet_ms - HOUR_MS, row, 0, changes.PLENTY) for row in range(rows.established)]
    benchmark_topics.fill(place, "inventory", [changes.message(rows, count) for count in full])
    past = benchmark_topics.fill_orders(place, [traffic.history(rows, end_ms, SEED)]) + len(full)
    with running(Engine(place, {"engine.quiet_until": rfc3339(quiet_ms)})) as engine:
        await_read(engine, past, READY_SECONDS_MAX)
        _await_silence(place)
        settle(place, READY_SECONDS_MAX)
        phase = Phase(
            number=1, lines_per_second=LINES_PER_SECOND, seconds=seconds + AFTER_SECONDS, first_row=0, surges=0
        )
        lines = traffic.live(rows, phase, SEED)
        with Watcher(changes.watch_kafka, place) as consumer, Watcher(changes.watch_redis, place) as subscriber:
            start_ms = time.time_ns() // 1_000_000 + HEAD_START_MS
            counts = changes.planned(range(rows.established), start_ms, seconds)
            with ThreadPoolExecutor(1) as pool:
                orders = pool.submit(call_in_child, send, place.kafka, f"{place.prefix}orders", lines, start_ms)
                call_in_child(changes.send_counts, place.kafka, f"{place.prefix}inventory", rows, counts)
                orders.result()
            settle(place, READY_SECONDS_MAX)
            time.sleep(0.5)
            seen = {"kafka": consumer.seen(), "redis": subscriber.seen()}
        published = engine.metrics()
    figures: dict[str, object] = {}
    for nth, name in ((1, "first"), (2, "later")):
        due = {changes.event_id(count): count.time_ms for count in counts if count.nth == nth}
        figures[name] = {store: _quantiles(sights, due) for store, sights in seen.items()}
    return {**figures, "dead_letters": published.get("tidegauge_dead_letters_total", 0.0)}


def _await_silence(place: Place) -> None:
    """Wait until the first publication of the opening is over: no new record for a while."""
    with contextlib.closing(Tail({"bootstrap.servers": place.kafka}, place.prefix, (PARAMETERS,))) as tail:
        high, since = -1, time.monotonic()
        while high <= 0 or time.monotonic() - since < QUIET_SECONDS:
            now = sum(tail.look()[PARAMETERS].high)
            if now != high:
                high, since = now, time.monotonic()
            time.sleep(0.2)


def _quantiles(sights: list[Sight], due: dict[str, int]) -> dict[str, float]:
    """Number of events whose record was not seen, and quantiles of the latencies of the others, ms."""
    first: dict[str, int] = {}
    for sight in sights:
        first.setdefault(sight.cause, sight.at_ns)
    waits = [first[name] / 1e6 - time_ms for name, time_ms in due.items() if name in first]
    found = {name: float(np.quantile(waits, share)) for name, share in QUANTILES.items()} if waits else {}
    return {"unseen": float(len(due) - len(waits)), **found}


def _cost(load: Workload) -> tuple[dict[str, float], bytes]:
    """Processor time per count in one shard, and the hash of its outputs."""
    shards = Shards(Settings(shards=1))
    for day in range(DAYS):
        shards.take(even_day(load, day, 1.0))
        shards.tick(load.start_ms + (day + 1) * DAY_MS + CLOSES_MS)
    start = load.start_ms + DAYS * DAY_MS + 12 * HOUR_MS
    rows = [(f"SKU{sku:06d}", f"DC{location:02d}") for sku in range(load.skus) for location in range(load.locations)]
    master, places = _decoded("reference", changes.locations()[: load.locations], start)
    assert not len(master.records), places
    shards.give(shards.split(master))
    figures: dict[str, float] = {}
    for number, (name, units) in enumerate((("full", 5_000), ("unchanged", 5_001), ("published", 1))):
        messages = [
            orjson.dumps({
                "event_id": f"{name}{at}", "event_type": "inventory.counted", "sku": sku, "location": location,
                "event_time": start + number * HOUR_MS, "quantity": units,
            })
            for at, (sku, location) in enumerate(rows)
        ]  # fmt: skip
        batch, _ = _decoded("inventory", messages, start + number * HOUR_MS)
        before = shards.outputs
        spent = shards.give(shards.split(batch))
        if name != "full":
            figures[f"{name}_us_per_event"] = spent * 1e6 / len(rows)
            figures[f"{name}_outputs_per_event"] = (shards.outputs - before) / len(rows)
    return figures, shards.finish()


def _decoded(topic: str, messages: list[bytes], time_ms: int) -> tuple[Batch, int]:
    """One batch of messages, with the watermark of their time; and the number of those that were refused."""
    found = decode(topic, 0, Block.of(messages, np.arange(len(messages))))
    watermark = time_ms - Settings().lateness_ms
    found.records["watermark"] = watermark
    infrequent = [(before, item._replace(watermark=watermark)) for before, item in found.infrequent]
    return Batch(found.records, infrequent, watermark, texts=(found.texts,)), len(found.rejects)
