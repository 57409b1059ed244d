"""The supply record of a SKU-location: stock, open demand by requested day, on order, and what was last published.

Quantities are int64 thousandths of the base unit, published values float32 (six significant digits survive in it).
Bytes per row: 280, none of them padding: equal states have equal bytes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.record import NO_DAY

MOVES = 8
"""Movements kept apart per row; a count that is older than the eighth newest movement is not exact any more."""
OPEN_DAYS = 14
"""Requested days kept apart per row, from the row's local today on."""
INPUTS = ("orders", "inventory", "suppliers")
ORDERS, INVENTORY, SUPPLIERS = 0, 1, 2

NEVER = -(2**62)
"""Time of a count that never was."""
AGE_MAX = 2**32 - 1
"""Milliseconds (49.7 days) behind the newest movement beyond which movements are told apart no more."""
CELL_MAX = 2**31 - 1
SPILLED = -(2**31)
"""A day of open demand that outgrew its cell (2.1 million units): it counts as due at once."""

SUPPLY = np.dtype(
    [
        # What every order touches stands together.
        ("open_total", "i8"),  # thousandths ordered and not shipped
        ("open_day", "i4"),  # first day of the ring; NO_DAY: not in use yet
        ("heard", "u4", (len(INPUTS),)),  # newest event time of each input, s since 1970; 0: never
        ("open_ring", "i4", (OPEN_DAYS,)),  # thousandths by requested day, at day % OPEN_DAYS
        ("open_later", "i8"),  # thousandths of lines that were requested beyond the ring when they came
        ("open_later_moment", "i8"),  # sum of thousandths x requested day of those lines
        ("move_newest", "i8"),  # time of the newest movement, UTC ms
        ("count_time", "i8"),  # time of the count in force, UTC ms; NEVER: stock is unknown
        ("count_quantity", "i8"),  # thousandths counted
        ("on_order", "i8"),  # thousandths on open purchase-order lines
        ("move_quantity", "i8", (MOVES,)),  # thousandths, oldest first
        ("move_age", "u4", (MOVES,)),  # ms before move_newest, falling
        ("lane", "i4"),  # lane of the newest purchase order, -1 none
        ("terms", "i4"),  # planning terms, -1: to be looked up
        ("reorder_point", "f4"),  # last published ...
        ("order_quantity", "f4"),
        ("demand_mean", "f4"),  # units a day over the protection time
        ("demand_variance", "f4"),  # units squared a day over the protection time
        ("lead_time_days_mean", "f4"),
        ("lead_time_days_sd", "f4"),
        ("review_days", "f4"),
        ("service_target", "f4"),
        ("published_day", "i4"),
        ("version", "u4"),  # 0: never published
        ("counts_beyond", "u4"),  # counts that were older than the movements kept can tell
        ("move_count", "u1"),
        ("move_merged", "u1"),  # 1: the oldest entry stands for several movements
        ("demand_class", "u1"),
        ("agreed", "u1"),  # 1: published as in force
    ],
    align=True,
)


def fresh(rows: int) -> NDArray[Any]:
    """Records of rows of which nothing is known."""
    supply = np.zeros(rows, SUPPLY)
    supply["count_time"] = NEVER
    supply["open_day"] = NO_DAY
    supply["lane"] = -1
    supply["terms"] = -1
    return supply
