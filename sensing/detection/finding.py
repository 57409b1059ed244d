"""What a detector says about one possible problem at one instant.

`Detector.finding` makes findings; `Problems` turns them into exceptions.
"""

import math

import msgspec

from sensing.contracts.exceptions import ExceptionType, Route

CAUSES_MAX = 8
Detail = float | int | str | None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence of one detector about one problem.

    ``active`` says that the opening threshold holds, ``cleared`` that the evidence is below the lower one; between the
    two a problem stays as it is. ``final`` ends the problem at once (its cause is gone). Quantities are base units or
    lines, times UTC ms, money in ``currency``. ``marker`` is a fact whose change is always worth an update, such as a
    promised date. ``strength`` are severity points.
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


class DetectionContext(msgspec.Struct, frozen=True, kw_only=True):
    """Which SKU-location is judged and when: what every detector needs besides its evidence.

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
        """Value of ``units``; None where the price or the units are unknown."""
        value = units * self.price
        return None if math.isnan(value) else round(value, 2)
