"""What a detector says about one possible problem at one instant, and how the problem is named.

A detector is a pure function from evidence to a `Finding`; `Problems` turns findings into exceptions.
"""

import math

import msgspec

from sensing.contracts.exceptions import ExceptionType, Route
from sensing.settings import HOUR_MS

CAUSES_MAX = 8
Detail = float | int | str | None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence of one detector about one problem.

    ``active`` says that the opening threshold holds, ``cleared`` that the evidence is below the lower one; between the
    two a problem stays as it is. ``final`` ends the problem at once (its cause is gone). Quantities are base units or
    lines, times UTC ms, money in ``currency``. ``marker`` is a fact whose change is always worth an update, such as a
    promised date. ``strength`` are points of severity.
    """

    exception_type: ExceptionType
    key: str
    sku: str
    location: str
    row: int
    active: bool
    cleared: bool
    final: bool = False
    instant: int
    event_time: int
    strength: float
    expected: float | None = None
    observed: float | None = None
    probability: float | None = None
    window_start: int | None = None
    window_end: int | None = None
    money: float | None = None
    currency: str | None = None
    reason: str
    route: Route
    inform: tuple[Route, ...] = ()
    marker: str = ""
    cause_event_ids: tuple[str, ...] = ()
    details: dict[str, Detail] = {}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Who is looked at and when: what every detector needs besides its evidence.

    ``instant`` is the machine's time, never falling; ``event_time`` that of the cause (the same at a close). ``price``
    per base unit, NaN unknown.
    """

    sku: str
    location: str
    row: int
    instant: int
    event_time: int
    price: float = math.nan
    currency: str | None = None
    cause_event_ids: tuple[str, ...] = ()

    def money(self, units: float) -> float | None:
        """Worth of ``units``; None where the price or the units are unknown."""
        worth = units * self.price
        return None if math.isnan(worth) else round(worth, 2)

    def finding(
        self,
        exception_type: ExceptionType,
        *,
        key: str,
        active: bool,
        cleared: bool,
        strength: float,
        reason: str,
        route: Route,
        expected: float = math.nan,
        observed: float = math.nan,
        probability: float = math.nan,
        window_hours: int | None = None,
        money_units: float = math.nan,
        final: bool = False,
        inform: tuple[Route, ...] = (),
        marker: str = "",
        details: dict[str, Detail] | None = None,
    ) -> Finding:
        """A finding about this item; NaN becomes absent, ``window_hours`` the window that ends with the event."""
        money = self.money(money_units)
        return Finding(
            exception_type=exception_type,
            key=key,
            sku=self.sku,
            location=self.location,
            row=self.row,
            active=active,
            cleared=cleared,
            final=final,
            instant=self.instant,
            event_time=self.event_time,
            strength=strength,
            expected=_known(expected),
            observed=_known(observed),
            probability=_known(probability),
            window_start=None if window_hours is None else self.event_time - window_hours * HOUR_MS,
            window_end=None if window_hours is None else self.event_time,
            money=money,
            currency=None if money is None else self.currency,
            reason=reason,
            route=route,
            inform=inform,
            marker=marker,
            cause_event_ids=self.cause_event_ids[-CAUSES_MAX:],
            details=details or {},
        )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
