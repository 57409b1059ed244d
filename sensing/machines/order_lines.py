"""Order lines: kernels that apply one version of a line to the line table, buckets and open demand of its row.

`sensing.machines.absorb` calls :func:`apply_order`. What a line comes to depends on its versions and shipments, and not
on their order of arrival:

- The newest version says quantity, row and requested day. A version at or above it with other content is a conflict.
- The earliest placement says when the demand arose. A line without a placement teaches no demand, and begins at its
  earliest version.
- A cancelled or closed line keeps what was shipped as its demand.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import (
    DERIVED,
    EVENT,
    KIT,
    NO_DAY,
    NO_LINE,
    NOT_GIVEN,
    PROMOTED,
    THOUSANDTHS,
    Kind,
    Topic,
)
from sensing.codec.swar import WORD
from sensing.detection.order_size import taught_quantity
from sensing.jit import kernel, lean_kernel
from sensing.machine_settings import DAY_MINUTES
from sensing.machines.booking import book_line, learn_sizes, mark_seen, move_line, new_line, request, unbook
from sensing.machines.kernel_tables import (
    ABSORBED,
    ABSORBED_LATE,
    AMBIGUOUS,
    CONFLICT,
    DUPLICATE,
    HELD_BACK,
    IMPOSSIBLE,
    JUDGED_IMPOSSIBLE,
    JUDGED_LARGE,
    LARGE_LINE,
    LOW_STOCK,
    REJECTED,
    RELEASE,
    RELEASED,
    SUPERSEDED,
    TO_JUDGE,
    UNJUDGED,
    UNKNOWN_LINE,
    Tables,
)
from sensing.machines.settlement import settle_line
from sensing.machines.surge_thresholds import add_callback, check_surge
from sensing.machines.unnamed_lines import (
    AMBIGUOUS_LINE,
    NEW_SIBLING,
    add_sibling,
    find_order_line,
    sibling,
    tag_of,
)
from sensing.machines.unplaced_lines import awaited_day_of, hear_of_earlier, is_outside_sizes, requested_day_of
from sensing.state.line_table import (
    BOOKED_DAY,
    CLOSED,
    COUNTED,
    HELD,
    LARGE,
    LOST_SALE,
    MOVED_DAY,
    OF_KIT,
    TRACKED_OPEN,
    TRANSFER,
    booked_day,
    booked_hour,
)
from sensing.state.rows import RECENT_DAYS
from sensing.state.text_codes import code_of
from sensing.supply.backlog import change_day
from sensing.supply.supply_record import ORDERS

PLACED = np.uint8(Kind.PLACED)
CHANGED = np.uint8(Kind.CHANGED)
CANCELLED = np.uint8(Kind.CANCELLED)
CLOSED_SHORT = np.uint8(Kind.CLOSED)
LOST = np.uint8(Kind.LOST)
SHIPMENTS = np.uint8(Topic.SHIPMENTS)
UNIT_AT = EVENT.fields["unit"][1] // WORD  # type: ignore[index]  # EVENT is a record dtype, so it has fields
CURRENCY_AT = EVENT.fields["currency"][1] // WORD  # type: ignore[index]  # as above
CURRENCY_SHIFT = np.uint64(EVENT.fields["currency"][1] % WORD * 8)  # type: ignore[index]  # as above

Words = NDArray[np.uint64]


@lean_kernel
def is_order(kind: np.uint8) -> bool:
    """Whether a record is a version of an order line or a lost sale."""
    return bool(kind <= CLOSED_SHORT or kind == LOST)


@lean_kernel
def places(event: Any) -> bool:
    """Whether an event places a line: at any version if it says so, and a change at version 1."""
    return bool(event.kind == PLACED or event.kind == LOST or (event.kind == CHANGED and event.version == 1))


@lean_kernel
def needs_judgement(t: Tables, event: Any, slot: int, row: int) -> bool:
    """Whether the quantity of a new version lies far outside the row's sizes, so that Python must judge it."""
    if event.kind == CANCELLED or event.kind == CLOSED_SHORT:
        return False
    if slot >= 0:
        line = t.lines[slot]
        if event.version <= line.version or (event.quantity <= line.quantity and line.flags & HELD == 0):
            return False
    return bool(is_outside_sizes(t, row, event.quantity))


@lean_kernel
def tally(t: Tables, event: Any, outcome: int) -> None:
    """Count an outcome of an event; a derived record is not counted."""
    if event.flags & DERIVED == 0:
        t.counts[event.topic, event.partition, outcome] += 1


@lean_kernel
def same_content(t: Tables, slot: int, event: Any, words: Words, row: int, minute: int) -> bool:
    """Whether an event says of a line what its newest version said."""
    line = t.lines[slot]
    if event.kind == CANCELLED or event.kind == CLOSED_SHORT:
        return bool(line.flags & (CLOSED | HELD) == CLOSED)
    if line.flags & (CLOSED | HELD) == CLOSED:
        return False
    requested = NO_DAY if line.flags & BOOKED_DAY else line.requested_day
    same_day = requested == requested_day_of(event, minute) or line.flags & MOVED_DAY
    price = np.float32(event.price)
    # Quantity, location and day of a held version are known only if no earlier version counts.
    earlier = line.flags & HELD and line.flags & (COUNTED | TRACKED_OPEN)
    return bool(
        (earlier or (line.quantity == event.quantity and line.row == row and same_day))
        and (line.price == price or (math.isnan(line.price) and math.isnan(price)))
        and line.unit == code_of(t.units, words[UNIT_AT])
        and line.currency == code_of(t.currencies, words[CURRENCY_AT] >> CURRENCY_SHIFT)
    )


@lean_kernel
def keep_content(t: Tables, slot: int, event: Any, words: Words) -> None:
    """Keep what identifies the newest version of a line."""
    line = t.lines[slot]
    line.price = np.float32(event.price)
    line.unit = code_of(t.units, words[UNIT_AT])
    line.currency = code_of(t.currencies, words[CURRENCY_AT] >> CURRENCY_SHIFT)
    if event.party:
        line.customer = np.uint32(event.party >> np.uint64(32))


@lean_kernel
def place(t: Tables, slot: int, event: Any, minute: int) -> None:
    """Note a placement of an unbooked line: the earliest one says when its demand arose."""
    line = t.lines[slot]
    line.minute = minute if line.placed_tag == 0 else min(line.minute, minute)
    line.placed_tag = tag_of(event)
    if event.flags & KIT:
        line.flags = (line.flags & ~np.uint32(TRACKED_OPEN)) | np.uint32(OF_KIT)
    elif event.kind != LOST:
        line.flags |= np.uint32(TRACKED_OPEN)
    elif event.topic == SHIPMENTS:
        line.flags |= np.uint32(TRANSFER)
    if line.flags & BOOKED_DAY:
        change_day(t.supply, t.lines, slot, booked_day(line))


@lean_kernel
def learn_line(t: Tables, slot: int, event: Any, callbacks: NDArray[Any], added: int) -> int:
    """Learn size, price and promotion of a line that has just begun to count, and check for a surge."""
    line = t.lines[slot]
    row = line.row
    record = t.hot[row]
    quantity = line.quantity
    if line.flags & LARGE:
        quantity = min(quantity, int(THOUSANDTHS * taught_quantity(record.size_max)))
    learn_sizes(t, row, quantity)
    day = booked_day(line)
    age_days = record.day - day
    if event.party and age_days < RECENT_DAYS:
        record.customers[day % RECENT_DAYS] |= np.uint64(1) << (event.party >> np.uint64(58))
    if event.flags & PROMOTED and 0 <= age_days < 8:
        record.promoted_days |= np.uint8(1 << age_days)
    if event.time >= record.last_order:
        record.last_order = event.time
        if not np.isnan(event.price):
            record.price = event.price
            record.currency = event.currency
    return check_surge(t, row, booked_hour(line), callbacks, added)


@kernel
def apply_older(
    t: Tables, slot: int, event: Any, row: int, minute: int, horizon_days: int, callbacks: NDArray[Any], added: int
) -> int:
    """Apply an older version: a placement books the line at its own time; returns the number of callback entries."""
    line = t.lines[slot]
    counts = line.placed_tag != 0 and line.flags & (HELD | COUNTED) != HELD
    if not places(event):
        if line.placed_tag == 0:
            awaited = awaited_day_of(t, event, row, minute, horizon_days)
            hear_of_earlier(t, slot, row, minute, event.quantity, awaited)
        return added
    if counts and minute >= line.minute:
        return added
    was_counted = line.flags & COUNTED
    unbook(t, slot)
    place(t, slot, event, minute)
    if line.flags & CLOSED and line.quantity == 0:
        move_line(t, slot, row)  # so far only its cancellation was heard of
    elif line.flags & HELD and not was_counted:
        line.quantity = event.quantity  # the newest version waits, this one counts
        if is_outside_sizes(t, line.row, event.quantity):
            line.flags |= np.uint32(LARGE)
    settle_line(t, slot)
    book_line(t, slot)
    if line.flags & COUNTED and not was_counted and not line.flags & CLOSED:
        added = learn_line(t, slot, event, callbacks, added)
    return added


@kernel
def hold(t: Tables, slot: int, event: Any, words: Words, row: int, minute: int) -> None:
    """Hold the newest version of a line; an earlier version that counts stays."""
    line = t.lines[slot]
    if line.flags & (COUNTED | TRACKED_OPEN) == 0:
        move_line(t, slot, row)
        if line.placed_tag == 0 or places(event):
            line.minute = minute if line.placed_tag == 0 else min(line.minute, minute)
        line.quantity = event.quantity
        request(t, slot, requested_day_of(event, minute))
        if places(event):
            line.placed_tag = tag_of(event)
        if event.kind == LOST:
            line.flags |= np.uint32(LOST_SALE)
    keep_content(t, slot, event, words)
    line.flags |= np.uint32(HELD)


@lean_kernel
def was_only_line(t: Tables, line: Any) -> bool:
    """Whether a row's sizes come from one line, which is ended unshipped: then they say nothing of the row."""
    return bool(t.hot[line.row].size_count == 1.0 and line.placed_tag and line.shipped == 0)


@lean_kernel
def accept(
    t: Tables, slot: int, event: Any, words: Words, row: int, minute: int, horizon_days: int, verdict: int
) -> None:
    """Rebook a line by its newest version, which is not held."""
    line = t.lines[slot]
    unknown = line.version == 0
    unbook(t, slot)
    if event.kind == CANCELLED or event.kind == CLOSED_SHORT:
        line.flags |= np.uint32(CLOSED)
        if was_only_line(t, line):
            t.hot[line.row].size_count = 0.0
    else:
        move_line(t, slot, row)
        # A version that asks for no more than the one before is not judged again.
        large = verdict == JUDGED_LARGE or (line.flags & LARGE and is_outside_sizes(t, row, event.quantity))
        line.flags &= ~np.uint32(CLOSED | LARGE)
        if large:
            line.flags |= np.uint32(LARGE)
        line.quantity = event.quantity
        asked = requested_day_of(event, minute)
        if places(event):
            place(t, slot, event, minute)
        elif line.placed_tag == 0:
            line.minute = min(line.minute, minute)
        elif line.flags & (LOST_SALE | OF_KIT) == 0:
            line.flags |= np.uint32(TRACKED_OPEN)  # its placement may have been held
        request(t, slot, asked)
        keep_content(t, slot, event, words)
        if line.placed_tag == 0 and asked != NO_DAY and asked >= minute // DAY_MINUTES - horizon_days:
            line.flags |= np.uint32(TRACKED_OPEN)
        if unknown and event.quantity_open != NOT_GIVEN:
            line.flags |= np.uint32(TRACKED_OPEN)
            line.shipped = max(line.shipped, line.quantity - event.quantity_open)
        if event.flags & KIT:
            line.flags = (line.flags & ~np.uint32(TRACKED_OPEN)) | np.uint32(OF_KIT)
        settle_line(t, slot)
    book_line(t, slot)


@kernel
def release_line(t: Tables, slot: int, row: int, minute: int, quantity: int, requested_day: int) -> None:
    """Book the held version of a line: ``quantity`` thousandths, of an event of local ``minute``."""
    line = t.lines[slot]
    unbook(t, slot)
    line.flags &= ~np.uint32(HELD)
    move_line(t, slot, row)
    line.quantity = quantity
    if line.placed_tag != 0 and line.flags & (LOST_SALE | OF_KIT) == 0:
        line.flags |= np.uint32(TRACKED_OPEN)
    request(t, slot, requested_day)
    settle_line(t, slot)
    book_line(t, slot)


@lean_kernel
def apply_version(
    t: Tables, slot: int, event: Any, words: Words, row: int, minute: int, horizon_days: int, verdict: int,
    callbacks: NDArray[Any], added: int,
) -> tuple[int, int]:  # fmt: skip
    """Apply one version to a known line, or to a new slot (version 0). Returns outcome and number of callbacks."""
    line = t.lines[slot]
    if event.version <= line.version:
        if event.version < line.version:
            return SUPERSEDED, apply_older(t, slot, event, row, minute, horizon_days, callbacks, added)
        if line.id_tag == tag_of(event) or event.flags & DERIVED or same_content(t, slot, event, words, row, minute):
            return DUPLICATE, added
        return REJECTED, add_callback(callbacks, added, CONFLICT, row, slot)
    gone = event.kind == CANCELLED or event.kind == CLOSED_SHORT
    line.touched = max(line.touched, minute // 60)
    if verdict == JUDGED_IMPOSSIBLE:
        hold(t, slot, event, words, row, minute)
        line.version = event.version
        line.id_tag = tag_of(event)
        return HELD_BACK, add_callback(callbacks, added, IMPOSSIBLE, row, event.quantity / THOUSANDTHS)
    if line.flags & HELD:
        line.flags &= ~np.uint32(HELD)
        added = add_callback(callbacks, added, RELEASE, row, 0.0 if gone else event.quantity / THOUSANDTHS)
        tally(t, event, RELEASED)
    mark_seen(t, row, ORDERS, event.time)
    was_counted = line.flags & COUNTED
    was_large = line.flags & LARGE
    if line.version == 0:
        line.minute = minute  # so far only a shipment may have named the line, and its time is not the order's
        if not gone and not places(event):
            tally(t, event, UNKNOWN_LINE)
    accept(t, slot, event, words, row, minute, horizon_days, verdict)
    line.version = event.version
    line.id_tag = tag_of(event)
    if line.flags & COUNTED and not was_counted and not gone:
        added = learn_line(t, slot, event, callbacks, added)
    if verdict == JUDGED_LARGE or was_large:
        added = add_callback(callbacks, added, LARGE_LINE, row, slot)
    elif t.hot[row].stock < t.hot[row].stock_threshold and not gone:
        t.hot[row].stock_threshold = np.nan
        added = add_callback(callbacks, added, LOW_STOCK, row, t.hot[row].stock)
    return (ABSORBED_LATE if event.time < event.watermark else ABSORBED), added


@lean_kernel
def apply_order(
    t: Tables, event: Any, words: Words, row: int, minute: int, horizon_days: int, verdict: int, callbacks: NDArray[Any]
) -> tuple[int, int]:
    """Apply one version of an order line, or a lost sale. Returns the outcome and the number of callback entries.

    Nothing is applied if the outcome is TO_JUDGE.
    """
    key_hi = event.id_hi if event.kind == LOST else event.line_hi
    key_lo = event.id_lo if event.kind == LOST else event.line_lo
    slot = find_order_line(t, event, key_hi, key_lo)
    if slot == AMBIGUOUS_LINE:
        return REJECTED, add_callback(callbacks, 0, AMBIGUOUS, row, 0.0)
    if verdict == UNJUDGED and needs_judgement(t, event, slot, row):
        return TO_JUDGE, 0
    others = 0
    if slot == NEW_SIBLING:
        slot = add_sibling(t, key_hi, key_lo, row, minute // 60)
    elif slot < 0:
        slot = new_line(t, key_hi, key_lo, row, minute // 60)
    elif event.flags & NO_LINE and (event.kind == CANCELLED or event.kind == CLOSED_SHORT):
        others = t.lines[slot].siblings  # it ends all lines of the order and SKU
    outcome = DUPLICATE
    added: Any = np.int64(0)  # of the type that it gets, so that what it calls is compiled once
    for number in range(others, -1, -1):
        at = slot if number == 0 else sibling(t, key_hi, key_lo, number)
        # Of several lines that one event ends, those that are ended already do not decide its outcome.
        if at >= 0 and (others == 0 or t.lines[at].version < event.version):
            outcome, added = apply_version(t, at, event, words, row, minute, horizon_days, verdict, callbacks, added)
    return outcome, added
