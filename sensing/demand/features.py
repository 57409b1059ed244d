"""All features of a day that members may regress on. To add one, write a kernel and an entry of ``FEATURES``.

Record layouts, snapshots and `sensing.demand.feature_values` read ``FEATURES``.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from sensing.jit import inner_kernel, kernel

MONTH_DAYS = 30.4375
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class KnownDay(NamedTuple):
    """Facts about a local day of a row that are known in advance; flags are 0 or 1."""

    day: int
    holiday: float


class Feature(NamedTuple):
    """Name and value of one feature.

    ``value`` is a kernel ``(known: KnownDay) -> float``. ``of_row``: the value may differ between rows on
    the same day.
    """

    name: str
    value: Callable[[KnownDay], float]
    of_row: bool = False


def _weekday(name: str) -> Feature:
    number = WEEKDAYS.index(name)

    @inner_kernel
    def value(known: KnownDay) -> float:
        return 1.0 if (known.day + 3) % 7 == number else 0.0

    return Feature(name, value)


@kernel
def holiday_flag(known: KnownDay) -> float:
    """Whether the day is a holiday."""
    return known.holiday


@kernel
def month_position(known: KnownDay) -> float:
    """Position in an average month, from -0.5 to 0.5. It can capture pay days, with an error of a day or two."""
    months = known.day / MONTH_DAYS
    return months - math.floor(months) - 0.5


FEATURES: tuple[Feature, ...] = (
    *map(_weekday, WEEKDAYS),
    Feature("holiday", holiday_flag, of_row=True),
    Feature("month", month_position),
)
"""All features, in the order of the regression's weights."""
