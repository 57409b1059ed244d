"""Settlement: kernels that take order lines as shipped where a location reports no shipments.

Such a location only says what is left: by a stock count. A count settles the lines placed before it that were due by
its local day. A settled line is not open; what it ordered stays demand. A shipment that is heard of later lowers stock
only. Whether a line is settled follows from the line and the newest count, not from the order of arrival.
"""

from typing import Any

import numpy as np

from sensing.jit import kernel, lean_kernel
from sensing.machine_settings import DAY_MINUTES
from sensing.machines.booking import change_open, local_minute
from sensing.machines.kernel_tables import Tables
from sensing.state.line_table import LIST_END, SETTLED, open_quantity
from sensing.supply.supply_record import NEVER


@lean_kernel
def is_settled_by(line: Any, count_minute: int) -> bool:
    """Whether a count at a local minute settles a line."""
    return bool(line.minute <= count_minute and line.requested_day <= count_minute // DAY_MINUTES)


@lean_kernel
def settle_line(t: Tables, slot: int) -> None:
    """Settle an unbooked line, or open it again, by the newest count of its row.

    Once a location reports shipments, counts settle no further lines.
    """
    line = t.lines[slot]
    settled = line.flags & SETTLED
    count_time = t.supply[line.row].count_time
    if count_time == NEVER:
        line.flags &= ~np.uint32(SETTLED)  # it had ended with the horizon, and is heard of again
        return
    if t.location_ships[t.hot[line.row].location] and not settled:
        return
    if is_settled_by(line, local_minute(t, line.row, count_time)):
        line.flags |= np.uint32(SETTLED)
    else:
        line.flags &= ~np.uint32(SETTLED)


@kernel
def settle_due_lines(t: Tables, row: int, time: int) -> None:
    """Settle the open lines of a row that a count of event ``time`` settles."""
    minute = local_minute(t, row, time)
    slot = t.supply[row].open_head
    while slot != LIST_END:
        line = t.lines[slot]
        if is_settled_by(line, minute):
            change_open(t, slot, -open_quantity(line))
            line.flags |= np.uint32(SETTLED)
        slot = line.next_open
