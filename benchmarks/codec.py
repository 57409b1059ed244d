"""Decode: order lines from bytes to record arrays, in blocks as the file source hands them over."""

from itertools import islice
from time import perf_counter, process_time

import msgspec
import numpy as np

from benchmarks.workloads import Workload, arrivals, order_lines
from sensing.codec.decode import Block, decode
from sensing.contracts.orders import OrderEvent

SEED = 3
MESSAGES = {"smoke": 20_000, "full": 300_000}
BLOCK = 100_000
REPEATS = 3


def run(size: str) -> dict[str, object]:
    """Time of decoding the same lines several times, the best of them; beside it msgspec's decode alone."""
    count = MESSAGES[size]
    load = Workload(seed=SEED, skus=5_000, locations=10, days=7, lines_per_day=count // 6)
    pages = (page for day in arrivals(load) for page in order_lines(day))
    values = list(islice((line for page in pages for line in page.splitlines()), count))
    blocks = [
        Block.of(values[start : start + BLOCK], np.arange(start, min(start + BLOCK, count)))
        for start in range(0, count, BLOCK)
    ]
    seconds, cpu_seconds = [], []
    for _ in range(REPEATS):
        records = []  # The memory of the last round is free again, as it is in a flow.
        started, cpu_started = perf_counter(), process_time()
        records = [decode("orders", 0, block).records for block in blocks]
        seconds.append(perf_counter() - started)
        cpu_seconds.append(process_time() - cpu_started)
    return {
        "sizes": {"messages": count, "block": BLOCK, "bytes": sum(map(len, values))},
        "seed": SEED,
        "messages_per_second": count / min(seconds),
        "ns_per_message": min(seconds) / count * 1e9,
        "cpu_ns_per_message": min(cpu_seconds) / count * 1e9,
        "msgspec_cpu_ns_per_message": _msgspec_cpu_seconds(values) / count * 1e9,
        "mib_per_second": sum(map(len, values)) / min(seconds) / 2**20,
        "bytes_per_message": sum(map(len, values)) / count,
        "answer": b"".join(part.tobytes() for part in records),
    }


def _msgspec_cpu_seconds(values: list[bytes]) -> float:
    """The floor of this way to decode: the typed decode of one message after the other, nothing kept."""
    take = msgspec.json.Decoder(OrderEvent).decode
    started = process_time()
    for value in values:
        take(value)
    return process_time() - started
