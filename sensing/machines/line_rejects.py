"""Rejects of order lines: versions in conflict with what is known of a line, and changes that name no line of several.

Callbacks of the kernel call it. The record becomes a dead letter that names the line and every differing field.
"""

from typing import Any

import numpy as np

from sensing.codec.event_record import NO_DAY, Kind
from sensing.codec.instants import local_date
from sensing.codec.text_table import EventTexts
from sensing.machines.booking import local_minute
from sensing.machines.kernel_tables import DEAD_LETTER
from sensing.machines.refusals import Refusal, exact_units, reject_record, version_conflict
from sensing.machines.shard_state import ShardState
from sensing.machines.unplaced_lines import requested_day_of
from sensing.state.line_table import BOOKED_DAY, CLOSED, COUNTED, HELD, TRACKED_OPEN

OF_EARLIER = ("quantity", "location", "requested_date")
"""Fields that a line does not keep of a held version, if an earlier version counts."""


def reject_conflict(s: ShardState, slot: int, row: int, event: Any, texts: EventTexts) -> None:
    """Put out a record whose version of a line is known with other content."""
    differing = _differences(s, slot, row, event)
    line = (
        f"line {texts.line_or_sku} of order {texts.document}, version {int(event['version'])} (event {texts.event_id})"
    )
    _refuse(s, event, texts, version_conflict(line, differing))


def reject_ambiguous(s: ShardState, event: Any, texts: EventTexts) -> None:
    """Put out a record that names no line of an order with several lines of its SKU."""
    required = f"the line that is meant: order {texts.document} has several lines of {texts.sku}"
    _refuse(s, event, texts, Refusal("ambiguous_line", "line", required, "nothing"))


def _refuse(s: ShardState, event: Any, texts: EventTexts, refusal: Refusal) -> None:
    s.count(int(event["topic"]), int(event["partition"]), DEAD_LETTER)
    reject_record(s, event, texts, refusal)


def _differences(s: ShardState, slot: int, row: int, event: Any) -> list[tuple[str, str, str]]:
    """Fields in which a record differs from the line at a slot: name, stored value, received value."""
    line = s.lines.lines[slot]
    flags, gone = int(line["flags"]), event["kind"] in (Kind.CANCELLED, Kind.CLOSED)
    if gone or flags & CLOSED:
        states = ("open", "ended")
        return [("event_type", states[bool(flags & CLOSED)], states[bool(gone)])]
    minute = local_minute(s.tables(), row, int(event["time"]))
    stored_day = NO_DAY if flags & BOOKED_DAY else int(line["requested_day"])
    pairs = [
        ("quantity", exact_units(int(line["quantity"])), exact_units(int(event["quantity"]))),
        ("unit_of_measure", s.units.text(int(line["unit"])), bytes(event["unit"]).decode()),
        ("location", s.location_of(int(line["row"])), s.location_of(row)),
        ("requested_date", _day(stored_day), _day(requested_day_of(event, minute))),
        ("unit_price", _price(np.float32(line["price"])), _price(np.float32(event["price"]))),
        ("currency", s.currencies.text(int(line["currency"])) or "none", bytes(event["currency"]).decode() or "none"),
    ]
    if flags & HELD and flags & (COUNTED | TRACKED_OPEN):
        pairs = [pair for pair in pairs if pair[0] not in OF_EARLIER]
    return [pair for pair in pairs if pair[1] != pair[2]]


def _day(day: int) -> str:
    return "none" if day == NO_DAY else local_date(day)


def _price(price: np.float32) -> str:
    return "none" if np.isnan(price) else f"{float(price):.7g}"
