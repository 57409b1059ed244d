"""Day close: microseconds per row of closing a local day in one shard, by component, with and without River models."""

from benchmarks.events import even_day
from benchmarks.shards import CLOSES_MS, Shards
from benchmarks.timed import Watch
from benchmarks.workloads import DAY_MS, Workload
from sensing.machine_settings import Settings

SEED = 6
SHARE = 0.85
PLAIN_DAYS = (21, 28)
RIVER_DAYS = (63, 70)
ROWS = {"smoke": (400,), "full": (3_125, 62_500)}
LOCATIONS = 25


def run(size: str) -> dict[str, object]:
    """Time two weeks of closes per number of rows: a week without River models, and a week with them in all rows."""
    figures: dict[str, object] = {}
    answers = []
    for rows in ROWS[size]:
        found, answer = _closes(
            Workload(seed=SEED, skus=rows // LOCATIONS, locations=LOCATIONS, days=1, lines_per_day=1)
        )
        figures[f"rows_{rows}"] = found
        answers.append(answer.hex())
    sizes = {"days_timed": PLAIN_DAYS[1] - PLAIN_DAYS[0], "locations": LOCATIONS}
    return {"seed": SEED, "sizes": sizes, **figures, "answer": answers}


def _closes(load: Workload) -> tuple[dict[str, object], bytes]:
    """Run the days of one shard; returns figures per row of the timed closes, and the hash of the outputs."""
    shards = Shards(Settings(shards=1))
    watch = _watch(shards)
    rows = load.skus * load.locations
    total = dict.fromkeys((PLAIN_DAYS, RIVER_DAYS), 0.0)
    parts: dict[tuple[int, int], dict[str, float]] = {PLAIN_DAYS: {}, RIVER_DAYS: {}}
    documents = dict.fromkeys(total, 0)
    for day in range(RIVER_DAYS[1]):
        shards.take(even_day(load, day, SHARE))
        before = shards.outputs
        watch.take()
        spent = shards.tick(load.start_ms + (day + 1) * DAY_MS + CLOSES_MS)
        of_day = watch.take()
        for days in total:
            if days[0] <= day < days[1]:
                total[days] += spent
                documents[days] += shards.outputs - before
                parts[days] = {name: parts[days].get(name, 0.0) + taken for name, taken in of_day.items()}
    per_row = {days: 1e6 / (rows * (days[1] - days[0])) for days in total}
    figures: dict[str, object] = {}
    for name, days in (("plain", PLAIN_DAYS), ("river", RIVER_DAYS)):
        known = {f"{part}_us_per_row": taken * per_row[days] for part, taken in sorted(parts[days].items())}
        rest = (total[days] - sum(parts[days].values())) * per_row[days]
        figures[name] = {
            "us_per_row": total[days] * per_row[days],
            **known,
            "other_us_per_row": rest,
            "outputs_per_row": documents[days] * per_row[days] / 1e6,
        }
    figures["river_rows"] = len(shards.machines[0].state.demand.models)
    return figures, shards.finish()


def _watch(shards: Shards) -> Watch:
    """Time the components. They are called a few times per close, so the overhead is negligible."""
    watch = Watch()
    for machine in shards.machines:
        state = machine.state
        watch.over(state.demand, "close_day", "demand_learn")
        watch.over(state.demand, "forecast", "demand_forecast")
        watch.over(state.demand, "quantiles", "demand_quantiles")
        watch.over(state.supply, "plan", "supply_plan")
        watch.over(state.supply, "due", "supply_due")
        watch.over(state.supply, "publish", "supply_documents")
        watch.over(state.outbox, "put", "encode")
    return watch
