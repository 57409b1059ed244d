"""Lines of orders whose events name no line: kernels that find the line an event means.

The first placement of an order and SKU has the line key of the SKU. A further placement, under another event id, is a
line of its own, a sibling: its key is that of the first one mixed with its number. The first line counts its siblings.
"""

from typing import Any

import numpy as np

from sensing.codec.event_record import NO_LINE, Kind
from sensing.codec.keys import MULTIPLIER, OTHER_MULTIPLIER, absorb_word
from sensing.jit import kernel, lean_kernel
from sensing.machines.booking import new_line
from sensing.machines.kernel_tables import Tables
from sensing.state.line_table import find_line

PLACED = np.uint8(Kind.PLACED)
CHANGED = np.uint8(Kind.CHANGED)
NO_SUCH_LINE, NEW_SIBLING, AMBIGUOUS_LINE = -1, -2, -3
SIBLINGS_MAX = 2**16 - 1
"""Further placements of the same order and SKU are ambiguous."""


PLACEMENT_BIT = np.uint64(1)
"""Bit of an id's tag that says that the event is no change."""
CHANGE_BIT = np.uint64(2)


@lean_kernel
def tag_of(event: Any) -> np.uint32:
    """Bits of an event's id, never 0; those of a change differ from all others in PLACEMENT_BIT."""
    bits = event.id_lo >> np.uint64(32)
    if event.kind == CHANGED:
        return np.uint32((bits & ~PLACEMENT_BIT) | CHANGE_BIT)
    return np.uint32(bits | PLACEMENT_BIT)


@lean_kernel
def sibling(t: Tables, key_hi: np.uint64, key_lo: np.uint64, number: int) -> int:
    """Slot of a line's sibling, numbered from 1; -1 if it was evicted."""
    hi, lo = sibling_key(key_hi, key_lo, number)
    return find_line(t.lines, t.line_index, hi, lo)


@lean_kernel
def sibling_key(key_hi: np.uint64, key_lo: np.uint64, number: int) -> tuple[np.uint64, np.uint64]:
    """Key of a sibling of the line with a key."""
    word = np.uint64(number)
    return absorb_word(key_hi, word, MULTIPLIER), absorb_word(key_lo, word, OTHER_MULTIPLIER)


@lean_kernel
def find_order_line(t: Tables, event: Any, key_hi: np.uint64, key_lo: np.uint64) -> int:
    """Slot of the line that an order event means; NO_SUCH_LINE, NEW_SIBLING or AMBIGUOUS_LINE if there is none."""
    slot = find_line(t.lines, t.line_index, key_hi, key_lo)
    if slot < 0 or event.flags & NO_LINE == 0:
        return slot
    line = t.lines[slot]
    if event.kind == PLACED and line.placed_tag != 0:
        return find_placement(t, event, slot)
    if event.kind == CHANGED and line.siblings > 0:
        return find_change(t, event, slot)
    return slot


@lean_kernel
def find_placement(t: Tables, event: Any, first: int) -> int:
    """Slot of the line that a placement has placed; NEW_SIBLING if it is another one."""
    line, tag = t.lines[first], tag_of(event)
    if line.placed_tag == tag or np.uint64(line.placed_tag) & PLACEMENT_BIT == 0:
        return first  # a change at version 1 has placed the line, and this is its placement
    for number in range(1, line.siblings + 1):
        slot = sibling(t, line.key_hi, line.key_lo, number)
        if slot >= 0 and t.lines[slot].placed_tag == tag:
            return slot
    return NEW_SIBLING if line.siblings < SIBLINGS_MAX else AMBIGUOUS_LINE


@lean_kernel
def find_change(t: Tables, event: Any, first: int) -> int:
    """Slot of the line whose newest version is this change; AMBIGUOUS_LINE if it is a new one."""
    line, tag = t.lines[first], tag_of(event)
    if line.id_tag == tag:
        return first
    for number in range(1, line.siblings + 1):
        slot = sibling(t, line.key_hi, line.key_lo, number)
        if slot >= 0 and t.lines[slot].id_tag == tag:
            return slot
    return AMBIGUOUS_LINE


@kernel
def add_sibling(t: Tables, key_hi: np.uint64, key_lo: np.uint64, row: int, hour: int) -> int:
    """Slot of a new sibling of the line with a key."""
    first = t.lines[find_line(t.lines, t.line_index, key_hi, key_lo)]
    first.siblings += 1
    while sibling(t, key_hi, key_lo, first.siblings) >= 0:
        first.siblings += 1  # left from a first line that was evicted
    hi, lo = sibling_key(key_hi, key_lo, first.siblings)
    return new_line(t, hi, lo, row, hour)
