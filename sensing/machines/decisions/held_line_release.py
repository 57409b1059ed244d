"""Release of a held order line by a person: the line is booked at its original order time. `exception_decisions` calls
it.
"""

import numpy as np

from sensing.codec.event_record import NO_DAY, THOUSANDTHS, InfrequentEvent, Topic
from sensing.codec.instants import day_number
from sensing.codec.keys import keys_of
from sensing.contracts.exception_details import HeldLineDetails
from sensing.detection.finding import Finding
from sensing.detection.quality import DATA_QUALITY, ReleasedLine
from sensing.machines.booking import learn_sizes, local_minute, mark_seen
from sensing.machines.callbacks import detect_surge
from sensing.machines.kernel_tables import CALLBACK, CALLBACKS_MAX, RELEASED
from sensing.machines.order_lines import release_line
from sensing.machines.shard_outputs import context_of
from sensing.machines.shard_state import ShardState
from sensing.machines.surge_thresholds import check_surge
from sensing.machines.unnamed_lines import sibling, tag_of
from sensing.state.decision_record import DecisionRecord
from sensing.state.line_table import COUNTED, HELD, find_line
from sensing.supply.supply_record import ORDERS


def release(
    s: ShardState, message: InfrequentEvent, finding: Finding, decision_record: DecisionRecord
) -> Finding | None:
    """Book the held line of a finding as the kernel would have booked it; returns the finding that ends the problem.

    Returns None if the line is not held any more.
    """
    held = finding.details
    assert isinstance(held, HeldLineDetails), "only a held line is released"
    slot = _held_slot(s, finding, held)
    if slot < 0:
        return None
    units = held.quantity
    row, t = finding.row, s.tables()
    line = s.lines.lines[slot]
    was_counted = bool(line["flags"] & COUNTED)
    assert held.partition is not None, "a held line always says its partition"
    s.counts[Topic.ORDERS, held.partition, RELEASED] += 1
    mark_seen(t, row, ORDERS, finding.event_time)
    minute = local_minute(t, row, finding.event_time)
    release_line(t, slot, row, minute, round(units * THOUSANDTHS), _requested_day(held))
    if line["flags"] & COUNTED and not was_counted:
        learn_sizes(t, row, round(units * THOUSANDTHS))
        _keep_price(s, finding, held.unit_price)
        if check_surge(t, row, minute // 60, False, np.zeros(CALLBACKS_MAX, CALLBACK), 0):
            detect_surge(s, row, message.time, message.event.event_id)
    context = context_of(s, row, s.clock, message.time, (message.event.event_id,))
    evidence = ReleasedLine(
        order_id=held.order_id, line=held.line, quantity=units, decision_record=decision_record
    )  # fmt: skip
    return DATA_QUALITY.finding(context, evidence)


def _held_slot(s: ShardState, finding: Finding, held: HeldLineDetails) -> int:
    """Slot of the held line, by its order and line, or by its event id if it has no order; -1 if it is evicted.

    Of several lines of an order and SKU that have no names it is the one that the event of the finding has placed.
    """
    for sku in (finding.sku, *s.hand_overs.old_names.get(finding.sku, ())):
        record = keys_of(sku, event_id=finding.cause_event_ids[-1], order_id=held.order_id, line=held.line)
        for key in ("line", "id"):
            hi, lo = record[f"{key}_hi"], record[f"{key}_lo"]
            slot = int(find_line(s.lines.lines, s.lines.index, hi, lo))
            siblings = 0 if slot < 0 else int(s.lines.lines["siblings"][slot])
            slots = [slot, *(int(sibling(s.tables(), hi, lo, number)) for number in range(1, siblings + 1))]
            found = [at for at in slots if at >= 0 and s.lines.lines["flags"][at] & HELD]
            meant = [at for at in found if s.lines.lines["id_tag"][at] == tag_of(record)] if siblings else found
            if meant:
                return meant[0]
    return -1


def _requested_day(held: HeldLineDetails) -> int:
    return NO_DAY if held.requested_date is None else day_number(held.requested_date)


def _keep_price(s: ShardState, finding: Finding, price: float | None) -> None:
    """Set the row's price to that of the released line, unless a newer order has set one."""
    hot = s.rows.hot[finding.row]
    if price is not None and (finding.event_time >= hot["last_order"] or np.isnan(hot["price"])):
        hot["price"] = price
        hot["currency"] = (finding.currency or "").encode()
    hot["last_order"] = max(int(hot["last_order"]), finding.event_time)
