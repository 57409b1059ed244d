"""Calendars and promotions in force: closed days and holidays by calendar, promoted days by SKU and location.

Reference records change them; the day inputs of the demand models read them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import day_number
from sensing.contracts.reference import CalendarUpdated, PromotionApproved


class Promotion(NamedTuple):
    """One approved promotion: local days ``start`` to ``end`` inclusive, everywhere or at one location."""

    location: str | None
    start: int
    end: int


class Calendars:
    """Calendars by name, and promotions by SKU and promotion id."""

    def __init__(self) -> None:
        self.records: dict[str, CalendarUpdated] = {}
        self.promotions: dict[str, dict[str, Promotion]] = {}

    def apply(self, event: CalendarUpdated | PromotionApproved) -> None:
        """Put a calendar or a promotion in force. A new record replaces the earlier record of the same name."""
        if isinstance(event, CalendarUpdated):
            self.records[event.calendar] = event
        else:
            promotion = Promotion(event.location, day_number(event.start), day_number(event.end))
            self.promotions.setdefault(event.sku, {})[event.promotion] = promotion

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

    def promoted(self, sku: str, location: str, first: int, count: int) -> NDArray[np.float64] | None:
        """Promoted days (1.0) of ``count`` local days from ``first``; None when there are none."""
        found = None
        for promotion in self.promotions.get(sku, {}).values():
            if promotion.location not in (None, location) or promotion.end < first or promotion.start >= first + count:
                continue
            found = np.zeros(count) if found is None else found
            found[max(promotion.start - first, 0) : promotion.end - first + 1] = 1.0
        return found
