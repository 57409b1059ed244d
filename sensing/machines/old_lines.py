"""Lines under old names: an event that names a successor may be about a line that was ordered as an old item.

An order desk renames what is open, or ships the successor for it. A line keeps the key of the item that it was ordered
as, so where the successor has no such line, those of its old items are looked up. A placement is always a new line.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import SUPERSEDED, Kind
from sensing.codec.keys import keys_of
from sensing.codec.text_table import TextLookup
from sensing.machines.shard_state import ShardState
from sensing.state.line_table import find_line

LATER = (Kind.CHANGED, Kind.CANCELLED, Kind.CLOSED, Kind.SHIPPED)
"""Kinds of records about lines that were placed before."""


def follow_old_lines(s: ShardState, events: NDArray[Any], texts: TextLookup) -> NDArray[Any]:
    """The records, with the keys of the lines of old items that they are about; a copy if any is changed."""
    h = s.hand_overs
    if not h.old_names:
        return events
    own = events["flags"] & SUPERSEDED == 0
    maybe = own & np.isin(events["kind"], LATER) & np.isin(events["row_hi"], h.successor_hashes)
    copied = False
    for k in np.flatnonzero(maybe).tolist():
        event, entry = events[k], texts.one(events[k])
        if not entry.order_id:
            continue
        key = old_line_key(s, event, entry.sku, entry.order_id, entry.line)
        if key is not None:
            events = events if copied else events.copy()
            copied = True
            events["line_hi"][k], events["line_lo"][k] = key
    return events


def old_line_key(s: ShardState, record: Any, sku: str, order_id: str, line: str) -> tuple[np.uint64, np.uint64] | None:
    """Key of the line of an old item that a record about an order of ``sku`` means; None if it means its own line."""
    if find_line(s.lines.lines, s.lines.index, record["line_hi"], record["line_lo"]) >= 0:
        return None
    for old in s.hand_overs.old_names.get(sku, ()):
        keys = keys_of(old, order_id=order_id, line=line)
        if find_line(s.lines.lines, s.lines.index, keys["line_hi"], keys["line_lo"]) >= 0:
            return keys["line_hi"], keys["line_lo"]
    return None
