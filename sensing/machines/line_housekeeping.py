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
from sensing.supply.backlog import prune


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
    end_silent_lines(t, instant, horizon_days)
    forget_lines(t, instant // HOUR_MS - 24 * horizon_days)


@kernel
def end_silent_lines(t: Tables, instant: int, horizon_days: int) -> None:
    """Settle open lines of locations that report nothing, once the horizon has passed since their requested day."""
    for slot in range(t.line_state[HIGH]):
        line = t.lines[slot]
        if line.row == FREE or open_quantity(line) == 0 or t.location_reports[t.hot[line.row].location]:
            continue
        if line.requested_day + horizon_days < local_hour(t, line.row, instant) // 24:
            change_open(t, slot, -open_quantity(line))
            line.flags |= np.uint32(SETTLED)


@kernel
def forget_lines(t: Tables, oldest_hour: int) -> None:
    """Free the slots of finished lines whose newest event is older than a local hour.

    If such a line is still linked, all finished lines of its row are unlinked, so that each list is read once.
    """
    for slot in range(t.line_state[HIGH]):
        line = t.lines[slot]
        if line.row == FREE or line.touched >= oldest_hour or not is_finished(line) or has_siblings(t, slot):
            continue
        if line.next_open != NOT_LINKED:
            prune(t.supply, t.lines, line.row)
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
