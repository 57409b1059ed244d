"""Settlement: kernels that take order lines as shipped where a location reports no shipments.

Such a location only says what is left: by a stock count. A count settles the lines that were due by its local day. A
settled line is not open; what it ordered stays demand. A shipment that is heard of later lowers stock only.
"""

import numpy as np

from sensing.jit import kernel, lean_kernel
from sensing.machines.booking import change_open, local_hour
from sensing.machines.kernel_tables import Tables
from sensing.state.line_table import LIST_END, SETTLED, open_quantity


@lean_kernel
def settle_late_line(t: Tables, slot: int, time: int) -> None:
    """Settle an unbooked line whose newest version, of event ``time``, is older than the count that settles it.

    A settled line that is now requested for a day after the count is open again.
    """
    line = t.lines[slot]
    if t.location_ships[t.hot[line.row].location]:
        return
    count_time = t.supply[line.row].count_time
    if time > count_time and line.flags & SETTLED == 0:
        return
    if line.requested_day <= local_hour(t, line.row, count_time) // 24:
        line.flags |= np.uint32(SETTLED)
    else:
        line.flags &= ~np.uint32(SETTLED)


@kernel
def settle_due_lines(t: Tables, row: int, time: int) -> None:
    """Settle the open lines of a row that were due by the local day of a count of event ``time``."""
    hour = local_hour(t, row, time)
    slot = t.supply[row].open_head
    while slot != LIST_END:
        line = t.lines[slot]
        if line.requested_day <= hour // 24 and line.hour <= hour:
            change_open(t, slot, -open_quantity(line))
            line.flags |= np.uint32(SETTLED)
        slot = line.next_open
