"""Features of days as arrays for kernels and as dictionaries for River."""

import numpy as np
import pytest

from sensing.demand.feature_values import features_by_name, features_of, features_of_rows
from sensing.demand.features import FEATURES, WEEKDAYS, KnownDay, holiday_flag, month_position

SUNDAY = 18_000
NAMES = [feature.name for feature in FEATURES]


def test_names_are_unique() -> None:
    """River tells features by name."""
    assert len(set(NAMES)) == len(NAMES)


def test_month_position_covers_a_month() -> None:
    """Positions are within half a month around zero and come round in a month."""
    found = [month_position(KnownDay(day, 0.0)) for day in range(18_000, 18_731)]
    assert min(found) >= -0.5
    assert max(found) < 0.5
    assert np.mean(found) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("holiday", [0.0, 1.0])
def test_features_of_a_day(holiday: float) -> None:
    """One weekday is 1, the flag is as given, and the month's position is that of the day."""
    out, rows = np.empty(len(FEATURES)), np.empty((1, len(FEATURES)))
    for weekday, name in enumerate(WEEKDAYS):
        known = KnownDay(SUNDAY + 1 + weekday, holiday)
        features_of(known, out)
        found = dict(zip(NAMES, out.tolist(), strict=True))
        assert [day for day in WEEKDAYS if found[day]] == [name]
        assert (found[name], found["holiday"]) == (1.0, holiday)
        assert holiday_flag(known) == holiday
        assert found["month"] == month_position(known)
        features_of_rows(known.day, np.array([holiday]), rows)
        assert rows[0].tolist() == out.tolist()


def test_features_by_name_leave_out_zeros() -> None:
    """Rows without flags share the day's features; those with one have all flags behind them."""
    plain, holiday, other = features_by_name(SUNDAY, np.array([0.0, 1.0, 0.0]))
    assert list(plain) == ["sunday", "month"]
    assert plain is other
    assert list(holiday.items()) == [*plain.items(), ("holiday", 1.0)]
