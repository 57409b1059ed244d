"""Order lines without a placement: kernels that apply older versions to them. `sensing.machines.order_lines` calls it.

Such a line teaches no demand. It begins at its earliest version, and is open once any version names a day.
"""

from typing import Any

import numpy as np

from sensing.codec.event_record import KIT, NO_DAY, THOUSANDTHS, Kind
from sensing.detection.order_size import is_far_outside
from sensing.jit import kernel, lean_kernel
from sensing.machine_settings import DAY_MINUTES
from sensing.machines.booking import book_line, move_line, request, unbook
from sensing.machines.kernel_tables import Tables
from sensing.machines.settlement import settle_line
from sensing.state.line_table import BOOKED_DAY, HELD, OF_KIT, TRACKED_OPEN, booked_day
from sensing.supply.backlog import change_day

CHANGED = np.uint8(Kind.CHANGED)
DAYS_AWAY_MAX = 3653
"""A requested date more than ten years from the event is no date."""


@lean_kernel
def requested_day_of(event: Any, minute: int) -> int:
    """Requested local day of an event of local ``minute``; NO_DAY if it names none within ten years."""
    near = abs(event.requested_day - minute // DAY_MINUTES) <= DAYS_AWAY_MAX
    return int(event.requested_day) if near else NO_DAY


@lean_kernel
def is_outside_sizes(t: Tables, row: int, quantity: int) -> bool:
    """Whether a quantity lies far outside the sizes of a row's lines."""
    r = t.hot[row]
    return bool(is_far_outside(quantity / THOUSANDTHS, r.size_count, r.size_mean, r.size_variance, r.size_max))


@lean_kernel
def awaited_day_of(t: Tables, event: Any, row: int, minute: int, horizon_days: int) -> int:
    """Requested local day by which an older version opens its line; NO_DAY if it does not."""
    day = requested_day_of(event, minute)
    if (
        event.kind != CHANGED
        or event.flags & KIT
        or day < minute // DAY_MINUTES - horizon_days
        or is_outside_sizes(t, row, event.quantity)
    ):
        return NO_DAY
    return day


@kernel
def hear_of_earlier(t: Tables, slot: int, row: int, minute: int, quantity: int, awaited_day: int) -> None:
    """Apply an older version to a line without a placement: the line begins at the earliest ``minute`` of a version.

    It is open once any version names an ``awaited_day`` (NO_DAY: this one does not), in whatever order they come.
    """
    line = t.lines[slot]
    opens = awaited_day != NO_DAY and line.flags & (TRACKED_OPEN | OF_KIT) == 0
    if minute >= line.minute and not opens:
        return
    unbook(t, slot)
    line.minute = min(line.minute, minute)
    if opens:
        line.flags |= np.uint32(TRACKED_OPEN)
        if line.flags & HELD:  # the newest version waits, this one counts
            move_line(t, slot, row)
            line.quantity = quantity
            request(t, slot, awaited_day)
    if line.flags & BOOKED_DAY:
        change_day(t.supply, t.lines, slot, booked_day(line))
    settle_line(t, slot)
    book_line(t, slot)
