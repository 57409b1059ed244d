"""The table of signals against a slow one, and over seeds: noise is not used, effects are found, and end."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.demand import signal_table
from sensing.demand.promotion_uplift import day_weight
from sensing.demand.signal_effects import (
    DISCOUNT,
    FACTOR_MAX,
    FACTOR_MIN,
    GAIN_DISCOUNT,
    POOL_DAY_MAX,
    POOL_DAYS,
    PRIOR_DAYS,
    RECENT_DISCOUNT,
    effect,
    factors,
    lesson,
    scores,
)
from sensing.demand.signal_table import SIGNALS_PER_ROW, SignalTable, Turned
from tests.searches import examples
from tests.snapshots import resumed

Floats = NDArray[np.float64]
POOL = ("C", "R")


def table_of(series: list[int], rows: int = 1) -> SignalTable:
    """Rows that share some series and their pools."""
    table = SignalTable()
    table.unmatched(np.arange(rows), 1)
    for row in range(rows):
        table.place(row, series, [(each, *POOL) for each in series], 1)
    return table


def teach(table: SignalTable, rows: int, units: Floats, usual: Floats, z: Floats, dispersion: float = 1.5) -> Floats:
    """One day of the rows: the factors in force, then score and learn."""
    at, records = table.known(np.arange(rows))
    padded = np.full((rows, SIGNALS_PER_ROW), np.nan)
    padded[:, : z.shape[1]] = z
    day = table.day(at, records, padded)
    turned = table.learn(day, units, usual, np.full(rows, dispersion))
    for number, k in turned:
        if not table.records["used"][number, k]:
            table.restart_scores(number, k)
    return day.factor


class SlowSignal:
    """A signal of one row, day by day in plain Python; its pool is that row."""

    def __init__(self) -> None:
        self.lessons: list[tuple[float, float]] = []
        self.gains: list[float] = []
        self.pool: list[tuple[float, float]] = []

    def effect(self) -> float:
        """Ridge regression of all days, discounted, with the pool's as a prior."""
        moment, square = discounted(self.lessons, DISCOUNT)
        pool_moment, pool_square = discounted(self.pool, DISCOUNT)
        days = min(pool_square, POOL_DAYS)
        mean = pool_moment / pool_square if pool_square else 0.0
        return (moment + days * mean) / (square + days + PRIOR_DAYS)


def discounted(days: list[tuple[float, float]], kept: float) -> tuple[float, float]:
    """Discounted sums of pairs."""
    weights = [kept**age for age in range(len(days))][::-1]
    first, second = (sum(w * day[k] for w, day in zip(weights, days, strict=True)) for k in (0, 1))
    return first, second


@settings(max_examples=examples(20))
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.floats(0.5, 30.0), *(st.none() | st.floats(-3, 3),) * 2), min_size=1,
        max_size=50,
    ),
    st.integers(0, 60),
)  # fmt: skip
def test_the_table_is_the_slow_one(days: list[tuple[int, float, float | None, float | None]], stop: int) -> None:
    """Two signals of a row, one of them in force by decree; sums after every day, through a snapshot."""
    table, slow = table_of([1, 2]), [SlowSignal(), SlowSignal()]
    table.records["used"][0, 1] = 1
    for number, (units, usual, *values) in enumerate(days):
        if number == stop:
            table = resumed(SignalTable(), table.dump())
        used = table.records["used"][0].tolist()
        each = [1.0 if z is None else min(max(1.0 + s.effect() * z, FACTOR_MIN), FACTOR_MAX)
                for z, s in zip(values, slow, strict=True)]  # fmt: skip
        for k, (z, signal) in enumerate(zip(values, slow, strict=True)):
            others = each[1 - k] if used[1 - k] else 1.0
            if z is None:
                continue
            means = usual * others, usual * min(max(others * each[k], FACTOR_MIN), FACTOR_MAX)
            variance = 1.5 * max(means[0], 0.25)
            errors = [min((units - mean) ** 2 / variance, 16.0) for mean in means]
            signal.gains.append(errors[0] - errors[1])
            weight = day_weight(usual * others, 1.5)
            y = min(units / (usual * others), 5.0) - 1.0
            signal.lessons.append((weight * z * y, weight * z * z))
        factor = teach(table, 1, np.array([float(units)]), np.array([usual]),
                       np.array([[math.nan if z is None else z for z in values]]))  # fmt: skip
        expected = math.prod(f for f, u in zip(each, used, strict=False) if u)
        assert factor[0] == pytest.approx(min(max(expected, FACTOR_MIN), FACTOR_MAX), rel=1e-3)
        table.take_in()
        for z, signal in zip(values, slow, strict=True):
            if z is not None:
                moment, square = signal.lessons[-1]
                part = min(1.0, POOL_DAY_MAX / square) if square else 0.0
                signal.pool.append((part * moment, part * square))
        for k, signal in enumerate(slow):
            moment, square = discounted(signal.lessons, DISCOUNT)
            record = table.records[0]
            assert (float(record["moment"][k]), float(record["square"][k])) == pytest.approx((moment, square), abs=1e-3)
            assert float(table.effects(np.array([0]))[0, k]) == pytest.approx(signal.effect(), abs=1e-3)
            if record["days"][k] < len(signal.gains):  # a signal turned: its scores began anew
                del signal.gains[: len(signal.gains) - int(record["days"][k])]
            gains = [(gain, gain**2) for gain in signal.gains]
            sums = *discounted(gains, GAIN_DISCOUNT), discounted(gains, RECENT_DISCOUNT)[0]
            found = [float(record[name][k]) for name in ("gain", "gain_square", "recent")]
            assert found == pytest.approx(sums, rel=1e-3, abs=1e-2)


def test_a_pool_is_the_mean_of_its_rows_a_day() -> None:
    """Three rows: sums of what they learned, at most POOL_DAY_MAX days a day, and the mean of their gains."""
    units, usual, z = np.array([9.0, 12.0, 4.0]), np.full(3, 8.0), np.array([[3.0], [3.0], [-3.0]])
    table = table_of([7], 3)
    teach(table, 3, units, usual, z)
    table.take_in()
    teach(table, 3, units, usual, z)
    table.take_in()
    ones = np.ones((3, 1))
    weight = day_weight(8.0, 1.5)
    moment, square = lesson(units, usual, ones, z, weight * ones)
    part = POOL_DAY_MAX / square.sum()
    assert part < 1.0
    (pool,) = table.pools.values()
    assert pool.moment == pytest.approx((1.0 + DISCOUNT) * part * moment.sum(), rel=1e-5)
    assert pool.square == pytest.approx((1.0 + DISCOUNT) * POOL_DAY_MAX, rel=1e-5)
    b = effect(moment, square, np.full((3, 1), part * moment.sum()), np.full((3, 1), POOL_DAY_MAX))
    errors = scores(units, usual, ones, factors(b, z), np.full(3, 1.5))
    assert pool.gain == pytest.approx((errors[0] - errors[1]).mean(), rel=1e-4)
    assert pool.gain_square == pytest.approx(pool.gain**2, rel=1e-4)
    assert pool.recent == pytest.approx(pool.gain, rel=1e-4)
    assert pool.t_value == pytest.approx(1.0 if pool.gain > 0.0 else 0.0, rel=1e-3)
    assert pool.days == 2
    assert table.records["new_days"].sum() == 0.0


def test_pools_do_not_depend_on_the_order_of_rows() -> None:
    """Rows that were created and closed in another order give the same bytes in the pool."""
    random = np.random.default_rng(3)
    units, z = random.poisson(8.0, 30).astype(np.float64), random.normal(size=(30, 1))
    found = []
    for order in (np.arange(30), np.arange(29, -1, -1)):
        table = SignalTable()
        table.unmatched(order, 1)
        for row in order.tolist():
            table.place(row, [1], [(1, *POOL)], 1)
        at, records = table.known(order)
        padded = np.full((30, SIGNALS_PER_ROW), np.nan)
        padded[:, :1] = z[order]
        table.learn(table.day(at, records, padded), units[order], np.full(30, 8.0), np.full(30, 1.5))
        table.take_in()
        found.append(next(iter(table.pools.values())))
    assert found[0] == found[1]


def test_places_of_a_row() -> None:
    """Four at most; what stays keeps what it has learned, what goes is forgotten, what was in force is told."""
    table = table_of([1, 2, 3, 4, 5, 6])
    assert table.records["series"][0].tolist() == [1, 2, 3, 4]
    assert table.beyond == 2
    table.records["moment"][0] = [1.0, 2.0, 3.0, 4.0]
    table.records["used"][0] = [0, 1, 1, 0]
    assert table.unmatched(np.arange(1), 1).tolist() == []
    assert table.unmatched(np.arange(1), 2).tolist() == [0]
    chosen = [9, 4, 3]
    assert table.place(0, chosen, [(each, "other", "R") for each in chosen], 2) == [2]
    record = table.records[0]
    assert sorted(record["series"].tolist()) == [0, 3, 4, 9]
    kept = dict(zip(record["series"].tolist(), record["moment"].tolist(), strict=True))
    assert kept == {0: 0.0, 3: 3.0, 4: 4.0, 9: 0.0}
    assert table.pools.keys() >= {(9, "other", "R")}
    assert (table.beyond, int(record["beyond"])) == (2, 0)
    assert table.place(0, [], [], 3) == [3]
    assert table.known(np.arange(1))[0].tolist() == []


def test_rows_out_of_scope_have_no_record() -> None:
    """Whatever number they have."""
    table = table_of([1], 2)
    assert table.place(900, [], [], 1) == []
    assert (table.count, table.known(np.array([0, 900, 1]))[0].tolist()) == (2, [0, 2])


def test_pools_are_bounded_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the table rows learn alone, which is counted; pools of gone series make room, others keep their rows."""
    monkeypatch.setattr(signal_table, "POOLS_MAX", 2)
    table = table_of([1, 2, 3], 2)
    assert (table.pools_refused, table.records["pool"][0].tolist()) == (2, [1, 2, 0, 0])
    teach(table, 2, np.full(2, 9.0), np.full(2, 8.0), np.ones((2, 3)))
    table.take_in()
    second = table.pools[2, *POOL]
    table.forget(lambda series: series == 2)
    assert list(table.pools.values()) == [second]
    assert table.records["pool"][0].tolist() == [0, 1, 0, 0]
    again = resumed(SignalTable(), table.dump())
    assert (again.pools_refused, again.effects(np.array([0])).tolist()) == (2, table.effects(np.array([0])).tolist())


def test_at_most_one_signal_starts_a_day() -> None:
    """Two feeds of the same temperature: one of them is used, never both, and the effect is not doubled."""
    random = np.random.default_rng(5)
    table, both = table_of([1, 2]), 0
    for _ in range(300):
        z = float(random.normal())
        units = random.poisson(20.0 * max(1.0 + 0.3 * z, 0.05))
        teach(table, 1, np.array([float(units)]), np.array([20.0]), np.array([[z, z]]))
        table.take_in()
        both += int(table.records["used"][0].sum() == 2)
    assert table.records["used"][0].sum() == 1
    assert both == 0


def test_what_turned_is_kept_over_a_restart() -> None:
    """Changes that were not put out yet are part of the state."""
    table = table_of([1])
    table.turned[0] = [Turned(1, "t", "weather", used=True, day=5, effect=0.2, error_ratio=0.8, days=30)]
    assert resumed(SignalTable(), table.dump()).turned == table.turned


def simulate(
    effects: Any,
    days: int = 364,
    rows: int = 200,
    units: float = 12.0,
    persistence: float = 0.8,
    pooled: bool = False,
    seed: int = 11,
) -> tuple[Floats, Floats]:
    """Rows with their own signal (each its own pool, unless ``pooled``: one signal), a level that is smoothed.

    Returns
    -------
    tuple
        (days, rows) whether the signal was used, and (2, days, rows) errors without and with it.
    """
    random = np.random.default_rng(seed)
    table = SignalTable()
    table.unmatched(np.arange(rows), 1)
    for row in range(rows):
        table.place(row, [1 if pooled else row + 1], [(1 if pooled else row + 1, *POOL)], 1)
    z, level = np.zeros(rows), np.full(rows, units)
    used, errors = np.zeros((days, rows)), np.zeros((2, days, rows))
    for day in range(days):
        shock = random.normal(size=1 if pooled else rows)
        z = persistence * z + math.sqrt(1.0 - persistence**2) * shock
        mean = units * np.maximum(1.0 + effects(day) * z, 0.05) * random.gamma(16.0, 1.0 / 16.0, rows)
        sold = random.poisson(mean).astype(np.float64)
        used[day] = table.records["used"][:rows, 0]
        factor = teach(table, rows, sold, level, np.clip(z, -3, 3)[:, None])
        table.take_in()
        errors[:, day] = (sold - level) ** 2, (sold - level * factor) ** 2
        level = level + 0.08 * (sold / factor - level)
    return used, errors


@pytest.mark.parametrize("units", [0.5, 12.0, 60.0])
@pytest.mark.parametrize("persistence", [0.0, 0.9])
def test_noise_is_not_used(units: float, persistence: float) -> None:
    """Over 200 seeds and a year, less than 5 % of signals that say nothing are ever used, on less than 1 % of days."""
    used, errors = simulate(lambda _: 0.0, units=units, persistence=persistence)
    assert used.any(axis=0).mean() <= 0.05
    assert used.mean() < 0.01
    assert math.sqrt(errors[1].sum() / errors[0].sum()) < 1.001


def test_an_effect_is_found() -> None:
    """Demand moves by 35 % per deviation: half the rows use it after 8 weeks, 65 % after 12, 90 % after half a year."""
    used, errors = simulate(lambda _: 0.35)
    assert (used[[56, 84, 182]].mean(axis=1) >= [0.5, 0.65, 0.9]).all()
    assert math.sqrt(errors[1, 182:].sum() / errors[0, 182:].sum()) < 0.8


def test_an_effect_that_ends_is_dropped() -> None:
    """Half a year after demand ceased to follow the signal, at most 10 % of the rows still use it."""
    used, _ = simulate(lambda day: 0.35 if day < 182 else 0.0)
    assert used[182].mean() >= 0.9
    assert used[240].mean() <= 0.75
    assert used[363].mean() <= 0.1


def test_slow_rows_learn_from_their_pool() -> None:
    """Half a unit a day per row: alone nearly none finds the effect in half a year, in a pool most rows use it."""
    alone, _ = simulate(lambda _: 0.35, units=0.5, days=182)
    together, errors = simulate(lambda _: 0.35, units=0.5, days=182, pooled=True)
    assert alone[181].mean() < 0.25
    assert together[181].mean() > 0.6
    assert errors[1, 91:].sum() < errors[0, 91:].sum()


def test_noise_is_not_used_by_pools() -> None:
    """A signal of a whole pool that says nothing: over 20 pools less than 5 % of the rows ever use it."""
    found = [simulate(lambda _: 0.0, units=2.0, rows=30, pooled=True, seed=seed)[0] for seed in range(20)]
    assert np.mean([used.any(axis=0).mean() for used in found]) <= 0.05
    assert np.mean(found) < 0.01


def test_an_effect_on_a_pool_ends() -> None:
    """Half a year after the end of an effect on slow rows, at most a quarter of them still use it."""
    used, _ = simulate(lambda day: 0.35 if day < 182 else 0.0, units=1.0, pooled=True)
    assert used[182].mean() >= 0.9
    assert used[363].mean() <= 0.25
