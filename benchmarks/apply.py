"""Apply: throughput of order lines in 16 shards with two months of history, on one core, without closes."""

from dataclasses import replace
from statistics import median
from time import process_time

from benchmarks import workloads
from benchmarks.shards import Shards, between_closes
from benchmarks.workloads import DAY_MS, Lines, Workload
from sensing.machine_settings import Settings

SEED = 5
HISTORY_DAYS = 8
BATCHES = (2_048, 20_000, 200_000)
REPEATS = 3
LOADS = {
    "smoke": Workload(seed=SEED, skus=200, locations=10, days=1, lines_per_day=20_000),
    "full": Workload(seed=SEED, skus=5_000, locations=10, days=1, lines_per_day=1_000_000),
}


def run(size: str) -> dict[str, object]:
    """Apply days one after another: first a history, then days whose lines between closes are timed.

    Each timed day has one batch size. Each figure is the median over several days, in processor time of one thread,
    which calls the 16 machines in turn.
    """
    settings = Settings()
    clean = LOADS[size].clean()
    rough = replace(clean, late_share=0.02, repeated_share=0.05, overtaken_share=0.02, cancelled_share=0.03)
    shards = Shards(settings)
    for day in range(HISTORY_DAYS):
        shards.take(_arrived(clean, day))
    day, events, found = HISTORY_DAYS, 0, {}
    for name, load, batch in [*((f"batch_{size}", clean, size) for size in BATCHES), ("disturbed", rough, BATCHES[1])]:
        timed = []
        for _ in range(REPEATS):
            timed.append(_day(shards, load, day, batch))
            day, events = day + 1, events + timed[-1][0]
        found[name] = {
            "events_per_second": median(count / applied for count, _, applied in timed),
            "apply_ns_per_event": median(applied / count * 1e9 for count, _, applied in timed),
            "split_ns_per_event": median(cut / count * 1e9 for count, cut, _ in timed),
        }
    return {
        "seed": SEED,
        "sizes": {
            "sku_locations": sum(machine.state.rows.count for machine in shards.machines),
            "shards": settings.shards,
            "history_days": HISTORY_DAYS,
            "events": events,
        },
        **found,
        "outputs": shards.outputs,
        "answer": shards.finish(),
    }


def _arrived(load: Workload, day: int) -> Lines:
    """Lines of a day, in order of arrival."""
    lines = workloads.disturbed(load, workloads.placed(load, day), day)
    found: Lines = lines[lines["arrival_ms"].argsort(kind="stable")]
    return found


def _day(shards: Shards, load: Workload, day: int, batch: int) -> tuple[int, float, float]:
    """Apply a day; returns the number of timed events, and the seconds of splitting and of applying them."""
    lines = _arrived(load, day)
    timed = between_closes(lines, load.start_ms + day * DAY_MS)
    shards.take(lines[: timed.start])
    batches = list(shards.feed.batches(lines[timed], batch))
    cut, applied = 0.0, 0.0
    for whole in batches:
        started = process_time()
        parts = shards.split(whole)
        cut += process_time() - started
        applied += shards.give(parts)
    shards.take(lines[timed.stop :])
    return timed.stop - timed.start, cut, applied
