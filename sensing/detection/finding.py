"""Finding: the result of a detector about one possible problem at one instant.

`Detector.finding` makes findings; `Problems` turns them into exceptions.
"""

import math

import msgspec

from sensing.contracts.exceptions import ExceptionType, Informed, Route

CAUSES_MAX = 8
Detail = float | int | str | None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence of one detector about one problem.

    ``active``: the opening threshold holds. ``cleared``: the evidence is below the resolving threshold. Between the two
    a problem keeps its state. ``final`` ends the problem at once, since its cause is gone. Quantities are base units or
    lines, times UTC ms, money in ``currency``. A change of ``marker``, such as a promised date, is always published.
    ``severity_points`` is the number of severity points.
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
    severity_points: float
    expected: float | None = None
    observed: float | None = None
    probability: float | None = None
    window_start: int | None = None
    window_end: int | None = None
    money: float | None = None
    currency: str | None = None
    reason: str
    route: Route
    inform: tuple[Informed, ...] = ()
    marker: str = ""
    cause_event_ids: tuple[str, ...] = ()
    details: dict[str, Detail] = {}


class DetectionContext(msgspec.Struct, frozen=True, kw_only=True):
    """What every detector needs besides its evidence: SKU-location, time, price and causes.

    ``instant`` is the machine's clock, which never goes back. ``event_time`` is the time of the cause; at a close it
    equals ``instant``. ``price`` is per base unit, NaN if unknown.
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
        """Value of ``units``; None if price or units are unknown."""
        value = units * self.price
        return None if math.isnan(value) else round(value, 2)
