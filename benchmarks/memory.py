"""Memory: bytes per SKU-location with and without River models, and per order line, computed and measured."""

import ctypes
import gc
import resource
import sys
from hashlib import sha256
from pathlib import Path

from benchmarks.events import even_day
from benchmarks.shards import CLOSES_MS, Shards
from benchmarks.workloads import DAY_MS, Workload
from sensing.demand.demand_record import DEMAND, RIVER
from sensing.demand.models import RIVER_DAYS_MIN
from sensing.machine_settings import Settings
from sensing.state.line_table import LINE, index_size
from sensing.state.rows import HOT
from sensing.supply.supply_record import SUPPLY

SEED = 8
LOCATIONS = 16
SHARE = 0.85
PLAIN_DAYS = 3
RIVER_DAYS = 28
LINES_MAX = 1 << 10
# Tables grow by doubling. With a power of two they are full, so no spare room is measured.
ROWS = {"smoke": (1 << 11, 1 << 12), "full": (1 << 15, 1 << 16)}
RIVER_ROWS = {"smoke": 1 << 9, "full": 1 << 13}


def run(size: str) -> dict[str, object]:
    """Fill one shard with rows until its tables are full, and another shard with rows that get River models."""
    small, large = ROWS[size]
    _filled(small, PLAIN_DAYS)  # compiles the kernels and allocates working memory before the measurement
    plain, answer = _plain(small, large)
    return {
        "seed": SEED,
        "sizes": {"rows": large, "river_rows": RIVER_ROWS[size]},
        "record_bytes_per_row": HOT.itemsize + DEMAND.itemsize + SUPPLY.itemsize,
        "hot_record_bytes": HOT.itemsize,
        "demand_record_bytes": DEMAND.itemsize,
        "supply_record_bytes": SUPPLY.itemsize,
        **plain,
        "river_record_bytes": RIVER.itemsize,
        "river_resident_bytes_per_row": _river(RIVER_ROWS[size]),
        "line_record_bytes": LINE.itemsize,
        "line_index_bytes_per_line": 8 * index_size(Settings().lines_max) / Settings().lines_max,
        "answer": answer,
    }


def _filled(rows: int, days: int) -> Shards:
    """A shard whose rows have all closed ``days`` days. Its line table is small, since lines are not part of a row."""
    load = _load(rows)
    # No documents are made: memory freed by earlier documents would hide the growth of the tables.
    never = load.start_ms + load.days * DAY_MS
    shards = Shards(Settings(shards=1, lines_max=LINES_MAX, quiet_until=never))
    shards.take(even_day(load, 0, 1.0))
    _days(shards, load, range(1, days))
    return shards


def _days(shards: Shards, load: Workload, days: range) -> None:
    """Run some days with their closes."""
    for day in days:
        shards.take(even_day(load, day, SHARE))
        shards.tick(load.start_ms + (day + 1) * DAY_MS + CLOSES_MS)


def _load(rows: int) -> Workload:
    return Workload(seed=SEED, skus=rows // LOCATIONS, locations=LOCATIONS, days=1_000, lines_per_day=1)


def _plain(small: int, large: int) -> tuple[dict[str, float], str]:
    """Bytes per row without River models: the slope from few rows to many, which leaves out fixed memory."""
    before = resident_bytes()
    few = _filled(small, PLAIN_DAYS)
    between = resident_bytes()
    many = _filled(large, PLAIN_DAYS)
    slope = ((resident_bytes() - between) - (between - before)) / (large - small)
    index = many.machines[0].state.rows.index.nbytes / large
    answer = sha256(few.finish() + many.finish()).hexdigest()
    return {"index_bytes_per_row": index, "resident_bytes_per_row": slope}, answer


def _river(rows: int) -> float:
    """Resident bytes per row of River models, four weeks after they were made."""
    shards = _filled(rows, RIVER_DAYS_MIN - 1)
    before = resident_bytes()
    _days(shards, _load(rows), range(RIVER_DAYS_MIN - 1, RIVER_DAYS_MIN + RIVER_DAYS))
    return (resident_bytes() - before) / len(shards.machines[0].state.demand.models)


def resident_bytes() -> int:
    """Resident memory in bytes, after free memory was returned to the system. Outside Linux it is the peak."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # a function of glibc
        if trim is not None:
            trim(0)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    else:
        pages = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // resource.getpagesize()
    return pages * resource.getpagesize()
