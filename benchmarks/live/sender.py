"""Scheduled producer in a separate process: every line has an instant at which it is sent.

A line that is sent late, because producer or broker were busy, keeps its scheduled instant as event time. Latencies
start there, so a pause shows in all lines that it delayed.
"""

import time
from typing import NamedTuple

import numpy as np
from confluent_kafka import KafkaError, Message, Producer

from benchmarks import workloads
from benchmarks.live.benchmark_topics import order_keys
from benchmarks.workloads import Lines
from sinks.kafka_client import PARTITIONER

AT_ONCE = 1_000
NAP_SECONDS = 0.0005
FLUSH_SECONDS = 60


class Sent(NamedTuple):
    """Summary: number of lines, and seconds from the first instant to the last line.

    ``late`` is how late lines were sent, ``taken`` how long the broker then took to acknowledge them; ms.
    """

    lines: int
    refused: int
    seconds: float
    late_ms_p99: float
    late_ms_max: float
    taken_ms_p99: float


def send(bootstrap: str, topic: str, lines: Lines, start_ms: int) -> Sent:
    """Send all lines, each at its instant or as soon as possible after it. Times count from ``start_ms`` (UTC)."""
    lines["time_ms"] += start_ms
    values = b"".join(workloads.order_lines(lines)).splitlines()
    keys = order_keys(lines)
    due = lines["time_ms"] / 1000
    refused: list[str] = []
    taken: list[float] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            refused.append(error.str())
        taken.append(message.latency() or 0.0)

    producer = Producer({"bootstrap.servers": bootstrap, **PARTITIONER, "on_delivery": delivered})
    producer.list_topics(topic, timeout=30)
    late = np.zeros(len(lines))
    at = 0
    while at < len(lines):
        now = time.time()
        end = min(int(np.searchsorted(due, now, "right")), at + AT_ONCE)
        if end == at:
            producer.poll(0)
            time.sleep(NAP_SECONDS)
            continue
        for value, key in zip(values[at:end], keys[at:end], strict=True):
            producer.produce(topic, value, key)
        late[at:end] = time.time() - due[at:end]
        at = end
        producer.poll(0)
    seconds = time.time() - start_ms / 1000
    left = producer.flush(FLUSH_SECONDS)
    late *= 1000
    return Sent(
        len(lines), len(refused) + left, seconds, float(np.quantile(late, 0.99)), float(late.max()),
        float(np.quantile(taken, 0.99)) * 1000,
    )  # fmt: skip
