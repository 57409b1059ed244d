"""Succession: an item hands over history, order lines, stock and purchase orders to its successor, once, at an instant.

Timers call it. The shard of the old item takes its rows apart and sends them; the clock of the successor's shard stands
still until they have arrived, so the successor's next event finds them. Both may be one shard; the way is the same.
What stays with the old item: held versions of its lines with their exceptions, plans and opportunities published for
it. Goods in transit to it pass as on hand.
"""

import datetime as dt

import msgspec
import numpy as np

from sensing.codec.event_record import THOUSANDTHS, SuccessionHeard
from sensing.codec.instants import EPOCH
from sensing.codec.keys import keys_of
from sensing.codec.successions import Succession
from sensing.contracts.audit import AutomaticDecision, Rule
from sensing.contracts.reference import ItemUpdated
from sensing.detection.quality import DATA_QUALITY
from sensing.machine_settings import DAY_MS
from sensing.machines.callbacks import recheck_stock
from sensing.machines.exception_outputs import put_exception
from sensing.machines.handed_rows import give_row, take_row
from sensing.machines.machine_messages import HandOver
from sensing.machines.row_lookup import row_of
from sensing.machines.shard_outputs import put_decision
from sensing.machines.shard_state import ShardState
from sensing.machines.unknown_names import give_held, take_held
from sensing.state.rows import FULL

RULE: Rule = "supersede_item"


def hear_succession(s: ShardState, notice: SuccessionHeard) -> None:
    """Put in force what a source group has learned of an item's successor."""
    if notice.refused:
        if s.owns(notice.old):
            reason = f"{notice.successor} does not take over from {notice.old}: {notice.refused}."
            decision = AutomaticDecision(
                rule=RULE, subject=notice.old, sku=notice.old, inputs={"successor": notice.successor}, reason=reason,
                cause_event_ids=[notice.event_id],
            )  # fmt: skip
            put_decision(s, s.clock, s.clock, f"{RULE}/{notice.event_id}", decision)
    elif notice.since is None:
        s.hand_overs.successions.put(notice.old, None)
    else:
        found = Succession(notice.successor, notice.since, 0, notice.event_id)
        s.hand_overs.successions.put(notice.old, found)
        s.hand_overs.schedule(notice.old)


def pass_over(s: ShardState, until: int) -> None:
    """Send and take in what is due by ``until``; the shard waits where something has not arrived."""
    h = s.hand_overs
    while (old := h.next_due(until)) is not None:
        since = h.successions.of[old].since
        successor = h.successions.successor(old, since)
        if s.owns(old) and h.first_time(old):
            h.sent.append(_give(s, old, successor))
        if s.owns(successor):
            arrived = h.take_arrived(old)
            if arrived is None:
                h.waiting = True
                return
            _take(s, arrived)
        h.done()


def with_end(s: ShardState, event: ItemUpdated) -> ItemUpdated:
    """A record of an item; if the item has passed over, its life has ended on the day before."""
    if not s.hand_overs.has_passed(event.sku):
        return event
    instant = s.hand_overs.successions.of[event.sku].since + s.settings.lateness_ms
    last = (EPOCH + dt.timedelta(days=instant // DAY_MS - 1)).date()
    end = last if event.end_of_life is None else min(event.end_of_life, last)
    return msgspec.structs.replace(event, end_of_life=end)


def _give(s: ShardState, old: str, successor: str) -> HandOver:
    """Take the rows of an item apart. Its life ends, and its problems."""
    succession = s.hand_overs.successions.of[old]
    rows = np.sort(s.row_index.of_sku(s.rows.hot, keys_of(old)["row_hi"]))
    active = rows[s.rows.hot["active"][rows] == 1]
    item = s.supply.master.item(old)
    old_names = s.hand_overs.take_predecessors(old)
    old_units = {name: s.hand_overs.units.pop(name) for name in old_names if name in s.hand_overs.units}
    found = HandOver(
        old, successor, succession.since, succession.event_id, "" if item is None else item.base_unit,
        {} if item is None else item.units, old_names, old_units, [give_row(s, row) for row in active.tolist()],
        give_held(s, old, succession),
    )  # fmt: skip
    if item is not None:
        s.supply.master.replace_item(with_end(s, item))
        s.supply.forget_policies(rows)
    s.schedule_plans(rows)
    for row in rows.tolist():
        reason = f"{successor} has taken over from {old}."
        for ended in s.problems.end_row(row, reason, s.clock, DATA_QUALITY.name):
            put_exception(s, s.clock, s.clock, ended, succession.event_id)
    return found


def _take(s: ShardState, given: HandOver) -> None:
    """Add the rows of an item to those of its successor, and put out the record of it."""
    s.hand_overs.name_predecessors(given.successor, [*given.old_names, given.old])
    factor, words = _factor(s, given)
    for name, units in given.old_units.items():
        s.hand_overs.units[name] = {unit: each * factor for unit, each in units.items()}
    if given.base_unit:
        s.hand_overs.units[given.old] = {unit: each * factor for unit, each in given.units.items()}
        s.hand_overs.units[given.old][given.base_unit] = factor
    total = np.zeros(3)
    refused = 0
    rows = []
    for handed in given.rows:
        row = row_of(s, given.successor, handed.location)
        if row == FULL:
            refused += 1
            continue
        total += take_row(s, row, given.old, handed, factor)
        rows.append(row)
    s.schedule_plans(np.array(rows, np.int64))
    for row in rows:
        recheck_stock(s, row, s.clock, given.event_id)
    on_hand, open_demand, on_order = (total / THOUSANDTHS).tolist()
    words += f" {refused} locations found no room in the table." if refused else ""
    decision = AutomaticDecision(
        rule=RULE, subject=given.successor, sku=given.successor, prior=given.old, value=given.successor,
        inputs={"locations": len(rows), "on_hand": on_hand, "open_demand": open_demand, "on_order": on_order,
                "factor": factor},
        reason=f"{given.successor} has taken over from {given.old} at {len(rows)} locations: history,"
        f" {open_demand:.12g} units of open demand, {on_hand:.12g} on hand and {on_order:.12g} on order.{words}",
        cause_event_ids=[given.event_id],
    )  # fmt: skip
    put_decision(s, s.clock, given.since + s.settings.lateness_ms, f"{RULE}/{given.event_id}", decision)
    take_held(s, given.held)


def _factor(s: ShardState, given: HandOver) -> tuple[float, str]:
    """Base units of the successor in one of the old item, and what to say of it."""
    item = s.supply.master.item(given.successor)
    if item is None or not given.base_unit or item.base_unit == given.base_unit:
        return 1.0, ""
    change = f" Its {given.base_unit} became {item.base_unit}"
    if given.base_unit in item.units:
        factor = item.units[given.base_unit]
    elif item.base_unit in given.units:
        factor = 1.0 / given.units[item.base_unit]
    else:
        return 1.0, f"{change} one for one, since no record says how they convert."
    return factor, f"{change}, {factor:.12g} of them each."
