"""Decode: throughput of decoding order lines from bytes to event records, in blocks like those of the file source.

It also times the parts of the decoder, in processor time: copying separate messages into a block (needed for Kafka, not
for files), the scanner for plain messages, and the careful decoder for the others; and msgspec's typed decode alone.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from time import perf_counter, process_time
from typing import TypeVar

import msgspec
import numpy as np

import sensing.codec.decode
from benchmarks.workloads import Workload, arrivals, order_lines
from sensing.codec.decode import Block, decode
from sensing.codec.event_record import EVENT
from sensing.codec.scan import scan
from sensing.codec.scan_table import table_of
from sensing.contracts.orders import OrderEvent

SEED = 3
MESSAGES = {"smoke": 20_000, "full": 300_000}
BLOCK = 16_384
REPEATS = 5

Item = TypeVar("Item")


def run(size: str) -> dict[str, object]:
    """Decode the same lines several times; the best time counts."""
    count = MESSAGES[size]
    load = Workload(seed=SEED, skus=5_000, locations=10, days=7, lines_per_day=count // 6)
    pages = (page for day in arrivals(load) for page in order_lines(day))
    values = list(islice((line for page in pages for line in page.splitlines()), count))
    starts = range(0, count, BLOCK)
    blocks = [Block.of(values[at : at + BLOCK], np.arange(at, min(at + BLOCK, count))) for at in starts]
    table = table_of("orders")
    assert table is not None
    take = msgspec.json.Decoder(OrderEvent).decode
    wall, cpu = _best(blocks, lambda block: decode("orders", 0, block))
    parts = {
        "join": _best([values[at : at + BLOCK] for at in starts], lambda part: Block.of(part, np.arange(len(part))))[1],
        "scan": _best(blocks, lambda block: scan(block, table, (0, 0), np.empty(len(block), EVENT)))[1],
        "careful": _careful(blocks),
        "msgspec": _best(values, take)[1],
    }
    plain = sum(int(scan(block, table, (0, 0), np.empty(len(block), EVENT)).plain.sum()) for block in blocks)
    return {
        "sizes": {"messages": count, "block": BLOCK, "bytes": sum(map(len, values))},
        "seed": SEED,
        "messages_per_second": count / wall,
        "ns_per_message": wall / count * 1e9,
        "cpu_ns_per_message": {"decode": cpu / count * 1e9}
        | {name: seconds / count * 1e9 for name, seconds in parts.items()},
        "plain_share": plain / count,
        "careful_to_decode_ratio": parts["careful"] / cpu,
        "msgspec_to_decode_ratio": parts["msgspec"] / cpu,
        "mib_per_second": sum(map(len, values)) / wall / 2**20,
        "bytes_per_message": sum(map(len, values)) / count,
        "answer": b"".join(decode("orders", 0, block).records.tobytes() for block in blocks),
    }


def _best(items: Sequence[Item], work: Callable[[Item], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds for all items, each the best of several rounds. Results are discarded."""
    seconds = []
    for _ in range(REPEATS):
        started, cpu_started = perf_counter(), process_time()
        for item in items:
            work(item)
        seconds.append((perf_counter() - started, process_time() - cpu_started))
    return min(wall for wall, _ in seconds), min(cpu for _, cpu in seconds)


def _careful(blocks: list[Block]) -> float:
    """Processor time of decoding without the scanner."""
    tables = sensing.codec.decode._table
    sensing.codec.decode._table = lambda topic: None  # type: ignore[assignment]  # a process of its own
    _, cpu = _best(blocks, lambda block: decode("orders", 0, block))
    sensing.codec.decode._table = tables
    return cpu
