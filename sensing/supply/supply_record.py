"""Supply record of a row: stock, open demand by requested day, quantity on order, last published parameters.

Quantities are int64 thousandths of the base unit. Published values are float32, which keeps their six significant
digits. A record has 232 bytes without padding, so equal states have equal bytes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.state.line_table import LIST_END

MOVEMENTS_KEPT = 8
"""Movements kept per row. A count older than the eighth newest movement is not exact."""
INPUTS = ("orders", "inventory", "suppliers")
ORDERS, INVENTORY, SUPPLIERS = 0, 1, 2

NEVER = -(2**62)
"""Count time of rows without a count."""
NO_STOCKOUT = 2**31 - 1
COUNTS_BEYOND_MAX = 2**16 - 1
AGE_MAX = 2**32 - 1
"""Largest age of a movement behind the newest one in ms (49.7 days); older ones are merged at this age."""

SUPPLY = np.dtype(
    [
        # Fields that every order changes stand together, so that they share cache lines.
        ("open_total", "i8"),  # thousandths ordered and not shipped
        ("count_time", "i8"),  # time of the count in force, UTC ms; NEVER: stock is unknown
        ("open_head", "i4"),  # first of the open lines, see `sensing.supply.backlog`; LIST_END: none
        ("last_seen", "u4", (len(INPUTS),)),  # newest event time of each input, s since 1970; 0: never
        ("late_head", "i4"),  # first of the open lines that were overdue at the last plan, LIST_END: none
        ("late_open", "u4"),  # low bits of the thousandths overdue then
        ("movement_newest", "i8"),  # time of the newest movement, UTC ms
        ("count_quantity", "i8"),  # thousandths counted
        ("on_order", "i8"),  # thousandths on open purchase-order lines and in transit
        ("movement_quantity", "i8", (MOVEMENTS_KEPT,)),  # thousandths, oldest first
        ("movement_age", "u4", (MOVEMENTS_KEPT,)),  # ms before movement_newest, falling
        ("lane", "i4"),  # lane of the newest purchase order, -1 none
        ("policy", "i4"),  # number of the resolved policy, -1: to be resolved
        ("reorder_point", "f4"),  # last published, as all fields up to service_target
        ("order_quantity", "f4"),
        ("demand_mean", "f4"),  # units a day over the protection time
        ("demand_variance", "f4"),  # units squared a day over the protection time
        ("lead_time_days_mean", "f4"),
        ("lead_time_days_sd", "f4"),
        ("lead_time_days_p50", "f4"),
        ("lead_time_days_p90", "f4"),
        ("review_days", "f4"),
        ("service_target", "f4"),
        ("published_day", "i4"),
        ("stockout_day", "i4"),  # local day of the projected stock-out as published last; NO_STOCKOUT: none
        ("cover_days", "f4"),  # days that stock lasts, as published last; NaN: without end, or not known
        ("version", "u4"),  # 0: never published
        ("counts_beyond", "u2"),  # counts older than the movements kept, which are not exact; at most 65,535
        ("fractional", "u1"),  # 1: a quantity of the row was no whole number of base units
        ("stale", "u1"),  # 1: published as stale
        ("movement_count", "u1"),
        ("movements_merged", "u1"),  # 1: the oldest entry stands for several movements
        ("demand_class", "u1"),
        ("agreed", "u1"),  # 1: published as in force
    ],
    align=True,
)


def fresh(rows: int) -> NDArray[Any]:
    """Records of new rows."""
    supply = np.zeros(rows, SUPPLY)
    supply["count_time"] = NEVER
    supply["open_head"] = LIST_END
    supply["late_head"] = LIST_END
    supply["lane"] = -1
    supply["policy"] = -1
    supply["stockout_day"] = NO_STOCKOUT
    supply["cover_days"] = np.nan
    return supply
