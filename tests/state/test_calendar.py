"""Calendars, day by day."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.instants import day_number
from sensing.contracts.reference import CalendarUpdated, Holiday
from sensing.state.calendar import Calendars

FIRST = day_number(dt.date(2024, 1, 1))


def date(day: int) -> dt.date:
    """Date of a day number."""
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


def calendar(name: str, weekdays: list[int], *holidays: tuple[int, bool]) -> CalendarUpdated:
    """Calendar record; holidays as day number and whether closed."""
    special = [Holiday(date=date(day), closed=closed) for day, closed in holidays]
    return CalendarUpdated(event_id="e", calendar=name, closed_weekdays=weekdays, holidays=special)


@given(
    weekdays=st.lists(st.integers(0, 6), max_size=4),
    holidays=st.lists(st.tuples(st.integers(-5, 40).map(lambda day: FIRST + day), st.booleans()), max_size=5),
    first=st.integers(FIRST - 20, FIRST + 20),
    count=st.integers(0, 30),
)
def test_days_are_those_of_the_calendar(
    weekdays: list[int], holidays: list[tuple[int, bool]], first: int, count: int
) -> None:
    """A day is closed on its weekday or by its holiday, and a holiday where the calendar says so, in any range."""
    calendars = Calendars()
    calendars.apply(calendar("C", weekdays, *holidays))
    closed, holiday = calendars.days("C", first, count)
    days = range(first, first + count)
    shut = {day for day, is_closed in holidays if is_closed}
    assert closed.tolist() == [date(day).weekday() in weekdays or day in shut for day in days]
    assert holiday.tolist() == [float(day in {day for day, _ in holidays}) for day in days]


@pytest.mark.parametrize("name", [None, "unheard of"])
def test_without_a_calendar_every_day_is_open(name: str | None) -> None:
    """Locations without a calendar, or with one that never came, are open on all days."""
    calendars = Calendars()
    calendars.apply(calendar("C", [0, 1, 2, 3, 4, 5, 6]))
    closed, holiday = calendars.days(name, FIRST, 9)
    assert not closed.any()
    assert not holiday.any()


def test_the_newest_record_replaces_the_one_before() -> None:
    """A calendar is in force whole, as its newest record reads."""
    calendars = Calendars()
    calendars.apply(calendar("C", [6], (FIRST, True)))
    calendars.apply(calendar("C", [0]))
    assert calendars.days("C", FIRST, 7)[0].tolist() == [True] + 6 * [False]


def test_day_numbers() -> None:
    """Days since 1970, on both sides."""
    assert [day_number(dt.date(1970, 1, 1)), day_number(dt.date(1969, 12, 31)), FIRST] == [0, -1, 19_723]
