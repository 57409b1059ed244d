"""Calendars in force: closed days and holidays by calendar.

Reference records change them; the day inputs of the demand models read them.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import day_number
from sensing.contracts.reference import CalendarUpdated


class Calendars:
    """Calendars by name."""

    def __init__(self) -> None:
        self.records: dict[str, CalendarUpdated] = {}

    def apply(self, event: CalendarUpdated) -> None:
        """Put a calendar in force. A new record replaces the earlier record of the same name."""
        self.records[event.calendar] = event

    def days(self, calendar: str | None, first: int, count: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Closed days and holidays (1.0) of ``count`` local days from ``first``.

        Without a calendar every day is open.
        """
        closed = np.zeros(count, np.bool_)
        holiday = np.zeros(count)
        record = self.records.get(calendar) if calendar is not None else None
        if record is None:
            return closed, holiday
        for weekday in record.closed_weekdays:
            closed[(weekday - first - 3) % 7 :: 7] = True
        for special in record.holidays:
            at = day_number(special.date) - first
            if 0 <= at < count:
                closed[at] |= special.closed
                holiday[at] = 1.0
        return closed, holiday
