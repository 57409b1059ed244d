"""Signals: errors of next-day forecasts with and without weather, tickets and noise; and with SNAP days on M5.

Each case runs twice through one shard, day by day: with its signal records and without them. The error is that of the
first day of the forecast made at each close, over the days from ``JUDGED_FROM`` on. ``rmse_ratio`` is the ratio with /
without of rows, ``total_rmse_ratio`` that of the daily sums of locations.

- ``weather``: dense rows; a regional temperature, forecast a day ahead, moves demand by a quarter per standard
  deviation.
- ``tickets``: each item has service tickets on some days, heard the evening before; they halve its demand.
- ``noise``: the temperature of ``weather`` moves nothing.
- ``sparse``: one unit every third day per row; only the pool of its category and region can learn the temperature.
- ``snap``: food items of three stores of M5 (TIDEGAUGE_DATA, as in ``m5``; left out where it is missing). On SNAP days
  food may be bought with benefits; they are known ahead, per state.
"""

import zlib
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.m5 import SALES, data_folder
from benchmarks.shards import CLOSES_MS, Shards
from sensing.codec.decode import Block, decode
from sensing.codec.event_record import Batch
from sensing.codec.instants import local_date
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines.forecast_and_plan import forecast_and_plan

SEED = 6
FIRST_DAY = 19_723
"""2024-01-01, a Monday."""
JUDGED_FROM = 70
LOCATIONS = 2
CALENDAR = "m5/calendar.parquet"
STORES = ("CA_1", "TX_1", "WI_1")
ROWS = {"smoke": 20, "full": 200}
ITEMS = {"smoke": 20, "full": 1_437}
DAYS = {"smoke": 84, "full": 364}
Floats = NDArray[np.float64]
Message = dict[str, Any]


class Case(NamedTuple):
    """Demand (rows, days) of SKUs at locations, and the records of their signals by the day on which they come."""

    names: list[tuple[str, str]]
    units: Floats
    records: list[Message]
    signals: list[list[Message]]
    first: int


def run(size: str) -> dict[str, object]:
    """Run all cases."""
    figures: dict[str, object] = {}
    answers = []
    for name, make in MAKERS.items():
        case = make(size)
        if case is not None:
            figures[name], answer = judge(case)
            answers.append(answer)
    return {"seed": SEED, "sizes": {"rows": ROWS[size], "days": DAYS[size]}, **figures, "answer": answers}


def judge(case: Case) -> tuple[dict[str, float], str]:
    """Errors with and without the signals, the share of rows that use one, and a hash of the forecasts."""
    plain, _ = forecasts(case._replace(signals=[[] for _ in case.signals]))
    found, uses = forecasts(case)
    judged = slice(min(JUDGED_FROM, case.units.shape[1] // 2), None)
    actual = case.units[:, judged]
    errors = [np.abs(mean[:, judged] - actual) for mean in (plain, found)]
    rows = [np.sqrt(np.mean(error**2, axis=1)) for error in errors]
    figures = {
        "rmse_ratio": float(np.sqrt(np.mean(errors[1] ** 2) / np.mean(errors[0] ** 2))),
        "total_rmse_ratio": total_ratio(case, [plain[:, judged], found[:, judged]], actual),
        "wape_without": float(errors[0].sum() / actual.sum()),
        "wape_with": float(errors[1].sum() / actual.sum()),
        "rows_worse_by_2_percent": float(np.mean(rows[1] > 1.02 * rows[0])),
        "row_days_used": float(uses[:, judged].mean()),
        "rows_used_at_end": float(uses[:, -1].mean()),
        "rows_ever_used": float(uses.any(axis=1).mean()),
    }
    return figures, f"{zlib.crc32(found.tobytes()):08x}"


def total_ratio(case: Case, means: list[Floats], actual: Floats) -> float:
    """Ratio with / without of the root mean squared errors of the daily totals of locations."""
    places = sorted({name[1] for name in case.names})
    of = np.array([[name[1] == place for name in case.names] for place in places], np.float64)
    errors = [np.mean((of @ (mean - actual)) ** 2) for mean in means]
    return float(np.sqrt(errors[1] / errors[0]))


def forecasts(case: Case) -> tuple[Floats, NDArray[np.bool_]]:
    """(rows, days) what was forecast of each day the day before (0 before its row), and whether with a signal."""
    shards = Shards(Settings(shards=1))
    state = shards.machines[0].state
    mean, uses = np.zeros(case.units.shape), np.zeros(case.units.shape, np.bool_)
    number = {name: at for at, name in enumerate(case.names)}
    shards.give(shards.split(batch("reference", case.records, 0)))
    for day, units in enumerate(case.units.T):
        start = (case.first + day) * DAY_MS
        sold = [event("demand.daily", f"{at}/{day}", start, **keys(case.names[at]), quantity=float(units[at]),
                      order_lines=max(int(units[at]), 1)) for at in np.flatnonzero(units > 0.0).tolist()]  # fmt: skip
        shards.give(shards.split(batch("orders", sold, start)))
        shards.give(shards.split(batch("reference", case.signals[day], start)))
        shards.tick(start + DAY_MS + CLOSES_MS)
        if day + 1 < case.units.shape[1]:
            rows = np.flatnonzero(state.rows.hot["closed_day"][: state.rows.count] == case.first + day)
            at = [number[state.names_of(row)] for row in rows.tolist()]
            mean[at, day + 1] = forecast_and_plan(state, rows, case.first + day, state.clock).forecast.mean[:, 0]
            uses[np.array(at, np.int64)[state.signal_table.in_force(rows)[0]], day + 1] = True
    return mean, uses


def batch(topic: str, events: list[Message], watermark: int) -> Batch:
    """Events of a topic as one batch."""
    found = decode(topic, 0, Block.of([orjson.dumps(each) for each in events], np.arange(len(events))))
    assert not found.rejects, found.rejects[:1]
    found.records["watermark"] = watermark
    before = np.searchsorted(found.positions, found.infrequent_positions).tolist()
    infrequent = [
        (at, each._replace(watermark=watermark)) for at, (_, each) in zip(before, found.infrequent, strict=True)
    ]
    return Batch(found.records, infrequent, watermark, texts=(found.texts,))


def event(event_type: str, event_id: str, time: int | None = None, /, **fields: Any) -> Message:
    """One event; without a time it has none."""
    found: Message = {"event_type": event_type, "event_id": event_id, **fields}
    return found if time is None else found | {"event_time": time}


def keys(name: tuple[str, str]) -> Message:
    """SKU and location as fields."""
    return {"sku": name[0], "location": name[1]}


def weather(size: str, effect: float = 0.25, units: float = 12.0, rows: int | None = None, seed: int = SEED) -> Case:
    """A temperature per region, forecast at noon for the next day."""
    random = np.random.default_rng(seed)
    count, days = rows or ROWS[size], DAYS[size]
    names = [(f"I{at // LOCATIONS}", f"L{at % LOCATIONS}") for at in range(count)]
    temperature = np.zeros((LOCATIONS, days))
    for day in range(1, days):
        temperature[:, day] = 0.8 * temperature[:, day - 1] + 0.6 * random.normal(size=LOCATIONS)
    region = np.arange(count) % LOCATIONS
    mean = units * random.gamma(4.0, 0.25, (count, 1)) * np.maximum(1.0 + effect * temperature[region], 0.05)
    signals = [
        [event("signal.observed", f"{name}/{day}", (FIRST_DAY + day) * DAY_MS + 12 * HOUR_MS, signal="temperature",
               kind="weather", region=f"R{name}", value=round(float(18.0 + 4.0 * temperature[name, day + 1]), 1),
               value_date=local_date(FIRST_DAY + day + 1))
         for name in range(LOCATIONS)]
        if day + 1 < days else [] for day in range(days)
    ]  # fmt: skip
    return Case(names, draw(random, mean), master(names), signals, FIRST_DAY)


def tickets(size: str) -> Case:
    """Service tickets per item, on runs of days; each halves the demand of the item on the next day."""
    random = np.random.default_rng(SEED)
    count, days = ROWS[size], DAYS[size]
    names = [(f"I{at}", "L0") for at in range(count)]
    troubled = np.zeros((count, days), np.bool_)
    for at in range(count):
        for start in range(int(random.integers(5, 15)), days, int(random.integers(10, 16))):
            troubled[at, start : start + int(random.integers(2, 5))] = True
    mean = 12.0 * random.gamma(4.0, 0.25, (count, 1)) * np.where(troubled, 0.5, 1.0)
    signals = [
        [event("signal.observed", f"{at}/{day}", (FIRST_DAY + day) * DAY_MS + 18 * HOUR_MS, signal="tickets",
               kind="service", sku=names[at][0], value=9.0 * bool(troubled[at, day + 1]))
         for at in range(count)]
        if day + 1 < days else [] for day in range(days)
    ]  # fmt: skip
    return Case(names, draw(random, mean), master(names), signals, FIRST_DAY)


def draw(random: np.random.Generator, mean: Floats) -> Floats:
    """Units of days with a mean: Poisson, with days that differ by a quarter beyond it."""
    return random.poisson(mean * random.gamma(16.0, 1.0 / 16.0, mean.shape)).astype(np.float64)


def master(names: list[tuple[str, str]]) -> list[Message]:
    """Records of items of one family and category, and of locations that are regions."""
    skus, places = sorted({name[0] for name in names}), sorted({name[1] for name in names})
    return [
        *(event("item.updated", sku, sku=sku, family="drinks", category="cold") for sku in skus),
        *(event("location.updated", place, location=place, region=f"R{place[1:]}") for place in places),
    ]


def snap(size: str) -> Case | None:
    """Food items of three stores of M5, with the SNAP days of their states."""
    folder = data_folder()
    if not (folder / SALES).exists():
        return None
    table = pq.read_table(folder / SALES, filters=[("store_id", "in", STORES)],
                          read_dictionary=["item_id", "store_id"])  # fmt: skip
    item, store = (table[name].combine_chunks() for name in ("item_id", "store_id"))
    items, stores = item.dictionary.to_pylist(), store.dictionary.to_pylist()
    day, units = table["date"].cast("int32").to_numpy(), table["qty"].to_numpy()
    first, last = int(day.min()), int(day.max())
    food = sorted(name for name in items if name.startswith("FOODS"))[: ITEMS[size]]
    names = [(item, store) for item in food for store in STORES]
    row = np.full((len(items), len(stores)), -1)
    for number, (sku, place) in enumerate(names):
        row[items.index(sku), stores.index(place)] = number
    at = row[item.indices.to_numpy(), store.indices.to_numpy()]
    sold = np.zeros((len(names), last - first + 1))
    sold[at[at >= 0], day[at >= 0] - first] = units[at >= 0]
    calendar = pq.read_table(folder / CALENDAR)
    dates = calendar["date"].cast("int32").to_numpy()
    known = [
        event("signal.observed", f"{store}/{date}", signal="SNAP", kind="market", region=store[:2], horizon_days=0,
              value=int(value), value_date=local_date(date))
        for store in STORES
        for date, value in zip(dates.tolist(), calendar[f"snap_{store[:2]}"].to_pylist(), strict=True)
        if first <= date <= last
    ]  # fmt: skip
    records = [
        *(event("item.updated", item, sku=item, family=item[:7], category="FOODS") for item in food),
        *(event("location.updated", store, location=store, region=store[:2]) for store in STORES),
    ]
    return Case(names, sold, records, [known, *([] for _ in range(last - first))], first)


MAKERS = {
    "weather": weather,
    "tickets": tickets,
    "noise": lambda size: weather(size, effect=0.0),
    "sparse": lambda size: weather(size, units=0.33),
    "snap": snap,
}
