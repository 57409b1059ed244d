"""Values of signals by day: what was known when, for how long, scopes, standardisation and bounds."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.reference import SignalObserved
from sensing.machine_settings import DAY_MS, HOUR_MS
from sensing.state.signal_values import (
    CARRY_DAYS,
    CARRY_DAYS_MAX,
    CENTRE_DAYS,
    ERROR_MAX,
    FORGET_DAYS,
    KEPT_DAYS,
    SCALE_DAYS,
    SILENT_DAYS,
    WARM_DAYS,
    Z_MAX,
    Scope,
    Series,
    Signals,
)
from tests.snapshots import resumed

DAY = 20_000
ANY: Scope = (None, None, None, None)


def signal(
    value: float | None, horizon: float | None = None, name: str = "t", scope: Scope = ANY, kind: str = "weather"
) -> SignalObserved:
    """A record of a signal."""
    sku, location, family, region = scope
    return SignalObserved(
        event_id="e", signal=name, kind=kind, value=value, horizon_days=horizon, sku=sku, location=location,
        family=family, region=region,
    )  # fmt: skip


def only(signals: Signals) -> Series:
    """The only series."""
    (series,) = signals.series.values()
    return series


class Heard(NamedTuple):
    """A record as the slow series keeps it."""

    date: int
    heard: int
    value: float
    carried: int


def slow_value(records: list[Heard], day: int, known_by: int) -> float:
    """Of the records that were heard by then: those of the newest day, of these the last one, if it still holds."""
    known = [each for each in records if each.date <= day and each.heard <= known_by]
    if not known:
        return math.nan
    newest = max(known, key=lambda each: (each.date, each.heard))
    return newest.value if day - newest.date <= newest.carried else math.nan


@given(
    heard=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 3), st.floats(-9, 9), st.none() | st.integers(0, 15)), max_size=12
    ),
    day=st.integers(-3, 30),
    known=st.integers(-2, 40),
    snapshot=st.booleans(),
)
def test_the_value_of_a_day_is_the_slow_one(
    heard: list[tuple[int, int, float, int | None]], day: int, known: int, snapshot: bool
) -> None:
    """Whatever was heard of whatever day, in whatever order, up to a value a day for four days."""
    signals = Signals()
    records: list[Heard] = []
    for hour, (date, days_before, value, horizon) in enumerate(heard):
        time = (DAY + date - days_before) * DAY_MS + hour * HOUR_MS
        signals.apply(signal(value, horizon), DAY + date, time)
        carried = CARRY_DAYS if horizon is None else horizon
        records = [each for each in records if (each.date, each.heard // DAY_MS) != (DAY + date, time // DAY_MS)]
        records.append(Heard(DAY + date, time, value, carried))
    if snapshot:
        signals = resumed(Signals(), signals.dump())
    known_by = (DAY + known) * DAY_MS
    found = only(signals).value(DAY + day, known_by) if heard else math.nan
    assert found == pytest.approx(slow_value(records, DAY + day, known_by), nan_ok=True)


def test_a_forecast_that_is_restated_every_day() -> None:
    """A day that was forecast twenty times: before it the last forecast is known, after it what it was."""
    signals = Signals()
    for before in range(20, -2, -1):
        signals.apply(signal(float(before)), DAY, (DAY - before) * DAY_MS + HOUR_MS)
    series = only(signals)
    assert [series.value(DAY, (DAY - before) * DAY_MS) for before in (0, -1, -2)] == [1.0, 0.0, -1.0]


def test_a_record_without_value_ends_a_signal() -> None:
    """Until the next value none is known."""
    signals = Signals()
    for day, value in ((0, 5.0), (3, None), (6, 7.0)):
        signals.apply(signal(value), DAY + day, (DAY + day) * DAY_MS)
    known = [only(signals).value(DAY + day, 2**62) for day in range(8)]
    assert known[:3] + known[6:] == [5.0] * 3 + [7.0] * 2
    assert all(math.isnan(each) for each in known[3:6])


def test_a_value_is_carried_for_at_most_a_quarter() -> None:
    """Whatever its record states."""
    signals = Signals()
    signals.apply(signal(5.0, 3660), DAY, 0)
    assert only(signals).value(DAY + CARRY_DAYS_MAX, 0) == 5.0
    assert math.isnan(only(signals).value(DAY + CARRY_DAYS_MAX + 1, 0))


def test_an_older_record_of_the_same_day_changes_nothing() -> None:
    """It arrives late."""
    signals = Signals()
    signals.apply(signal(5.0), DAY, DAY * DAY_MS + 9)
    signals.apply(signal(4.0), DAY, DAY * DAY_MS + 8)
    assert only(signals).value(DAY, 2**62) == 5.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(-1e7, 1e7))
def test_values_are_standardised(values: list[float], asked: float) -> None:
    """Centre and variance are exponentially weighted means over 28 and 180 days, of all days while they are fewer.

    A value far outside moves them by five standard deviations.
    """
    signals = Signals()
    centre, variance = values[0], 0.0
    for at, value in enumerate(values):
        signals.apply(signal(value), DAY + at, (DAY + at) * DAY_MS)
        signals.observe(DAY + at, 2**62)
        signals.observe(DAY + at, 2**62)  # a day is learned once
        if at:
            weight, reach = 1.0 / min(at, SCALE_DAYS), ERROR_MAX * math.sqrt(variance)
            error = (
                float(np.clip(value - centre, -reach, reach)) if at >= WARM_DAYS and variance > 0 else value - centre
            )
            variance = (1.0 - weight) * variance + weight * error**2
            centre += error / min(at + 1, CENTRE_DAYS)
    series = only(signals)
    assert series.count == len(values)
    assert series.centre == pytest.approx(centre, abs=1e-6)
    assert series.variance == pytest.approx(variance, rel=1e-6, abs=1e-9)
    found = series.standardised(asked)
    if len(values) < WARM_DAYS or series.variance == 0.0:
        assert math.isnan(found)
    else:
        assert abs(found) <= Z_MAX
        z = (asked - series.centre) / math.sqrt(series.variance)
        assert found == pytest.approx(float(np.clip(z, -Z_MAX, Z_MAX)))
    assert math.isnan(series.standardised(math.nan))


PARTS = (st.none() | st.sampled_from(("a", "b")),) * 4


@given(st.lists(st.tuples(*PARTS), max_size=8), st.tuples(*PARTS), st.booleans())
def test_scopes(scopes: list[Scope], row: Scope, snapshot: bool) -> None:
    """A series concerns a row that has all that its scope gives; first the most specific, then the oldest."""
    signals = Signals()
    for scope in scopes:
        signals.apply(signal(1.0, scope=scope), DAY, 0)
    if snapshot:
        signals = resumed(Signals(), signals.dump())
    fits = [
        each
        for each in signals.series.values()
        if all(part in (None, own) for part, own in zip(each.scope, row, strict=True))
    ]
    expected = sorted(fits, key=lambda each: ([part is None for part in each.scope], each.number))
    assert signals.in_scope(row) == [each.number for each in expected]
    assert len(signals.series) == len(set(scopes))


def test_kinds_and_names_are_different_series() -> None:
    """And the version of the table changes with each."""
    signals = Signals()
    versions = [0]
    for name, kind in (("t", "weather"), ("t", "market"), ("u", "weather"), ("t", "weather")):
        signals.apply(signal(1.0, name=name, kind=kind), DAY, 0)
        versions.append(signals.version)
    assert versions == [0, 1, 2, 3, 3]
    signals.rescope()
    assert signals.version == 4
    empty = Signals()
    empty.rescope()
    assert empty.version == 0


def test_tables_are_bounded() -> None:
    """Series and days beyond the tables are refused and counted; forgotten days make room."""
    signals = Signals(series_max=2, dates_max=3)
    assert [signals.apply(signal(1.0, name=name), DAY, 0) for name in "abc"] == [True, True, False]
    assert [signals.apply(signal(1.0, name="a"), DAY + day, 0) for day in (1, 1, 2)] == [True, True, False]
    assert (signals.series_refused, signals.dates_refused) == (1, 1)
    signals = resumed(Signals(series_max=2, dates_max=3), signals.dump())
    assert (signals.series_refused, signals.dates_refused) == (1, 1)
    assert not signals.apply(signal(1.0, name="a"), DAY + 2, 0)
    signals.observe(DAY + 1 + KEPT_DAYS + CARRY_DAYS_MAX, 2**62)
    assert signals.apply(signal(1.0, name="a"), DAY + 2, 0)


def test_a_silent_series_is_forgotten() -> None:
    """First it concerns no row any more, then it is gone; news in between revive it."""
    signals = Signals()
    signals.apply(signal(1.0), DAY, 0)
    signals.observe(DAY + SILENT_DAYS, 2**62)
    assert (signals.in_scope(ANY), signals.version) == ([1], 1)
    signals.observe(DAY + SILENT_DAYS + 1, 2**62)
    assert (signals.in_scope(ANY), signals.version) == ([], 2)
    signals.apply(signal(1.0), DAY + SILENT_DAYS + 1, 2**62)
    assert (signals.in_scope(ANY), signals.version) == ([1], 3)
    signals.observe(DAY + 2 * SILENT_DAYS + 2, 2**62)
    signals = resumed(Signals(), signals.dump())
    assert (signals.in_scope(ANY), list(signals.series), signals.version) == ([], [1], 4)
    signals.observe(DAY + SILENT_DAYS + FORGET_DAYS + 2, 2**62)
    assert (signals.series, signals.in_scope(ANY)) == ({}, [])
    signals.apply(signal(1.0), DAY, 0)
    assert signals.in_scope(ANY) == [2]
