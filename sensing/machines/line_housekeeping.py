"""Housekeeping of order lines: the shard calls it once a day of event time.

A finished line is forgotten when it is older than the horizon. An open line is kept whatever its age, unless nothing
tells whether it was shipped: where neither shipments, deliveries nor counts were ever heard of for a location, a line
is settled when the horizon has passed since its requested day.
"""

import numpy as np

from sensing.jit import kernel
from sensing.machine_settings import HOUR_MS
from sensing.machines.booking import change_open, local_hour
from sensing.machines.kernel_tables import Tables
from sensing.machines.unnamed_lines import sibling
from sensing.state.line_table import EVICTED, FREE, HIGH, NOT_LINKED, SETTLED, free_line, is_finished, open_quantity
from sensing.supply.backlog import unlink


@kernel
def end_old_lines(t: Tables, instant: int, horizon_days: int) -> None:
    """Settle lines of locations that report nothing, and free the slots of old finished lines.

    Parameters
    ----------
    instant
        UTC ms.
    horizon_days
        Age of lines that are forgotten, by their newest event, and days after the requested day of those settled.
    """
    oldest_hour = instant // HOUR_MS - 24 * horizon_days
    for slot in range(t.line_state[HIGH]):
        line = t.lines[slot]
        if line.row == FREE:
            continue
        open_now = open_quantity(line)
        silent = open_now > 0 and not t.location_reports[t.hot[line.row].location]
        if silent and line.requested_day + horizon_days < local_hour(t, line.row, instant) // 24:
            change_open(t, slot, -open_now)
            line.flags |= np.uint32(SETTLED)
        if line.touched < oldest_hour and is_finished(line) and not has_siblings(t, slot):
            if line.next_open != NOT_LINKED:
                unlink(t.supply, t.lines, slot)
            free_line(t.lines, t.line_index, t.line_state, slot)
            t.line_state[EVICTED] += 1


@kernel
def has_siblings(t: Tables, slot: int) -> bool:
    """Whether a sibling of a line is still in the table; only the line itself leads to it."""
    line = t.lines[slot]
    left = 0
    for number in range(1, line.siblings + 1):
        left += sibling(t, line.key_hi, line.key_lo, number) >= 0
    return left > 0
