"""Shifts: days until published parameters follow demand that doubles, halves or stops for good, or forget a surge.

Each base row is a stream of order lines with an average of 10, 3 or 1 a day. It comes as it is (the twin), and four
more times: doubled, halved and stopped from a day on, and with a surge of five times the lines for three days. As many
rows again stay as they are, so that shifts are rare in their pool, and shifts begin on different days. Reported are

- days from the shift to the first of three days on which the published level, the mean of the 28 days of the forecast
  in the newest `parameters` record, is within 20 % of what is true; for a stop, below a tenth of what was before,
- for stops, the days to the opening of a demand drop, and the share of rows with one,
- four days after a surge the distance of the published level from that of the twin,
- exceptions and `parameters` records of the unshifted rows per 1,000 row-days.

All machines run. Lines per day are negative binomial with 1.6 times the variance of a Poisson number.
"""

from collections import Counter
from datetime import date
from statistics import median
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.shards import Shards
from benchmarks.surge_streams import MONDAY, ordered
from benchmarks.workloads import CUSTOMERS, DAY_MS, HOUR_MS, HOUR_SHAPE, Lines
from sensing.codec.instants import day_number
from sensing.machine_settings import Settings
from sensing.outputs import PARAMETERS, OutputRecord

SEED = 17
WARM_DAYS, SHIFT_DAYS, AFTER_DAYS = 112, 28, 42
"""Days before any shift, days on one of which a row shifts, and days that are judged after the shift."""
RATES = (10.0, 3.0, 1.0)
DISPERSION = 1.6
WEEKDAYS = np.array([1.2, 1.1, 1.0, 1.05, 1.15, 0.8, 0.7])
SCENARIOS = ("twin", "doubled", "halved", "stopped", "surge")
COPIES = 2 * len(SCENARIOS)
"""Rows per base row; those beyond the scenarios are rows of their own that stay as they are."""
BASES = {"smoke": 3, "full": 40}
BAND = 0.2
NEAR_ZERO = 0.1
DAYS_IN_BAND = 3
NEVER = 999.0
"""Days of rows that do not get there."""
SURGE_TIMES, SURGE_DAYS, JUDGED_AFTER_DAYS = 5.0, 3, 4
UNITS_A_LINE = 4.0
ALARMS = ("order_surge", "demand_drop", "large_order")
JUDGED_FROM_DAY = 42


class Rows(NamedTuple):
    """Rows of the stream: daily lines (n, days), average number of lines, day of the shift, and scenario."""

    lines: NDArray[np.int64]
    rate: NDArray[np.float64]
    day: NDArray[np.int64]
    scenario: NDArray[np.int64]
    """Index into SCENARIOS; a row that stays as it is has that of the twin."""


class Seen(NamedTuple):
    """What was published: level and number of records by row and day (n, days), and openings (row, day, type)."""

    level: NDArray[np.float64]
    records: NDArray[np.int64]
    opened: list[tuple[int, int, str]]
    answer: bytes


def draw(random: np.random.Generator, mean: NDArray[np.float64]) -> NDArray[np.int64]:
    """Negative binomial numbers with variance DISPERSION x mean."""
    return random.negative_binomial(mean / (DISPERSION - 1.0), 1.0 / DISPERSION)


def shifted(
    base: NDArray[np.int64], scenario: str, day: int, rate: float, random: np.random.Generator
) -> NDArray[np.int64]:
    """Lines a day of a base row in a scenario."""
    found, later = base.copy(), np.arange(base.size) >= day
    if scenario == "doubled":
        found[later] += draw(random, rate * WEEKDAYS[np.arange(base.size) % 7])[later]
    if scenario == "halved":
        found[later] = random.binomial(base[later], 0.5)
    if scenario == "stopped":
        found[later] = 0
    if scenario == "surge":
        days = slice(day, day + SURGE_DAYS)
        more = (SURGE_TIMES - 1.0) * rate * WEEKDAYS[np.arange(base.size) % 7]
        found[days] += draw(random, more)[days]
    return found


def make_rows(size: str) -> Rows:
    """Rows of all rates and scenarios."""
    random = np.random.default_rng(SEED)
    days = WARM_DAYS + SHIFT_DAYS + AFTER_DAYS
    lines, about = [], []
    for rate in RATES:
        usual = rate * WEEKDAYS[np.arange(days) % 7]
        for base in range(BASES[size]):
            own, day = draw(random, usual), WARM_DAYS + base * 11 % SHIFT_DAYS
            for copy in range(COPIES):
                scenario = copy if copy < len(SCENARIOS) else 0
                of = own if copy < len(SCENARIOS) else draw(random, usual)
                lines.append(shifted(of, SCENARIOS[scenario], day, rate, random))
                about.append((rate, day, scenario))
    rates, shifts, scenarios = (np.array(column) for column in zip(*about, strict=True))
    return Rows(np.stack(lines), rates, shifts, scenarios)


def lines_of_day(rows: Rows, day: int, random: np.random.Generator, first: int) -> Lines:
    """Order lines of a day in order of time; ``first`` is the number of the first."""
    row = np.repeat(np.arange(rows.rate.size), rows.lines[:, day])
    hour = random.choice(24, row.size, p=HOUR_SHAPE / HOUR_SHAPE.sum())
    time = (MONDAY + day) * DAY_MS + hour * HOUR_MS + random.integers(0, HOUR_MS, row.size)
    location = np.searchsorted(-np.array(RATES), -rows.rate[row])
    customer = random.integers(0, CUSTOMERS, row.size)
    out = ordered(time, row, location, random.geometric(1.0 / UNITS_A_LINE, row.size), customer)
    out["number"] += first
    return out


class Watched:
    """Collects what machines publish about rows."""

    def __init__(self, rows: Rows) -> None:
        self.level: NDArray[np.float64] = np.full(rows.lines.shape, np.nan)
        self.opened: list[tuple[int, int, str]] = []
        self.records: NDArray[np.int64] = np.zeros(rows.lines.shape, np.int64)

    def note(self, output: OutputRecord) -> None:
        """Note the level of a parameters record, or an exception that opened."""
        if output.topic == PARAMETERS and output.data:
            document = orjson.loads(output.data)
            day = min(_day(document["as_of"]), self.level.shape[1] - 1)
            row = int(document["sku"][3:])
            self.level[row, day] = np.mean(document["forecast"]["mean"])
            self.records[row, day] += 1
        elif output.type == "exception.opened":
            document = orjson.loads(output.data)
            self.opened.append((int(document["sku"][3:]), _day(document["opened_at"][:10]), document["exception_type"]))

    def seen(self, answer: bytes) -> Seen:
        """What has been published, each level until the next one; ``answer`` is the hash of all outputs."""
        level = self.level.copy()
        for day in range(1, level.shape[1]):
            level[:, day] = np.where(np.isnan(level[:, day]), level[:, day - 1], level[:, day])
        return Seen(level, self.records, self.opened, answer)


def _day(text: str) -> int:
    return day_number(date.fromisoformat(text)) - MONDAY


def run_machines(rows: Rows) -> Seen:
    """Run the stream through all shards and collect what they publish."""
    random = np.random.default_rng([SEED, 1])
    watched = Watched(rows)
    shards, number = Shards(Settings(), watched.note), 0
    for day in range(rows.lines.shape[1]):
        lines = lines_of_day(rows, day, random, number)
        number += lines.size
        shards.take(lines)
    return watched.seen(shards.answer())


def days_to_band(good: NDArray[np.bool_]) -> float:
    """Days to the first of DAYS_IN_BAND days in a row that are all ``good`` (days,); NEVER if there are none."""
    for day in range(good.size - DAYS_IN_BAND + 1):
        if good[day : day + DAYS_IN_BAND].all():
            return day + 1.0
    return NEVER


def figures(rows: Rows, seen: Seen) -> dict[str, object]:
    """Figures of all rates."""
    out: dict[str, object] = {}
    for rate in RATES:
        of_rate: dict[str, float] = {}
        for code, scenario in enumerate(SCENARIOS[1:-1], 1):
            of = np.flatnonzero((rows.rate == rate) & (rows.scenario == code))
            days = [_days(rows, seen, int(row), rate * UNITS_A_LINE, scenario) for row in of]
            of_rate[f"{scenario}_days"] = median(days)
            of_rate[f"{scenario}_share_within_{AFTER_DAYS}_days"] = float(np.mean(np.array(days) < NEVER))
            if scenario == "stopped":
                of_rate |= _drops(rows, seen, of)
        of = np.flatnonzero((rows.rate == rate) & (rows.scenario == len(SCENARIOS) - 1))
        at = rows.day[of] + SURGE_DAYS - 1 + JUDGED_AFTER_DAYS
        twin = seen.level[of - len(SCENARIOS) + 1, at]
        of_rate["after_surge_median_off"] = float(np.median(np.abs(seen.level[of, at] / twin - 1.0)))
        of_rate["after_surge_total_off"] = float(seen.level[of, at].sum() / twin.sum() - 1.0)
        of_rate["unshifted_total_off"] = _bias(rows, seen, rate)
        of_rate |= _noise(rows, seen, rate)
        out[f"{rate:g}_lines"] = of_rate
    return out


def _days(rows: Rows, seen: Seen, row: int, before: float, scenario: str) -> float:
    """Days from the shift of a row to its published level; ``before`` are the units a day before the shift."""
    level = seen.level[row, rows.day[row] : rows.day[row] + AFTER_DAYS]
    if scenario == "stopped":
        return days_to_band(level < NEAR_ZERO * before)
    truth = before * {"doubled": 2.0, "halved": 0.5}[scenario]
    return days_to_band(np.abs(level / truth - 1.0) <= BAND)


def _drops(rows: Rows, seen: Seen, of: NDArray[np.int64]) -> dict[str, float]:
    first: dict[int, int] = {}
    for row, day, name in seen.opened:
        if name == "demand_drop" and day >= rows.day[row]:
            first.setdefault(row, day)
    days = [float(first[int(row)] - rows.day[row]) if int(row) in first else NEVER for row in of]
    return {"drop_named_days": median(days), "drop_named_share": float(np.mean(np.array(days) < NEVER))}


def _bias(rows: Rows, seen: Seen, rate: float) -> float:
    of = (rows.rate == rate) & (rows.scenario == 0)
    return float(seen.level[of][:, WARM_DAYS:].mean() / (rate * UNITS_A_LINE) - 1.0)


def _noise(rows: Rows, seen: Seen, rate: float) -> dict[str, float]:
    of = (rows.rate == rate) & (rows.scenario == 0)
    days = of.sum() * (rows.lines.shape[1] - JUDGED_FROM_DAY) / 1000.0
    count = Counter(name for row, day, name in seen.opened if of[row] and day >= JUDGED_FROM_DAY)
    alarms = {f"{name}_per_1000_unshifted_days": count[name] / days for name in ALARMS}
    return {**alarms, "records_per_1000_unshifted_days": seen.records[of][:, JUDGED_FROM_DAY:].sum() / days}


def run(size: str) -> dict[str, object]:
    """Run the stream and judge what was published."""
    rows = make_rows(size)
    seen = run_machines(rows)
    return {
        "seed": SEED,
        "sizes": {"sku_locations": rows.rate.size, "lines": int(rows.lines.sum()), "days": rows.lines.shape[1]},
        "answer": seen.answer,
        **figures(rows, seen),
    }
