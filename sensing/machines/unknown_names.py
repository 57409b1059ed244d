"""Events with unknown names: the policy says whether a refused event is held in quarantine, and the roll-up is told.

The shard calls `admit_record` and `admit_infrequent` for refused events, and `accept_names` when a record takes effect.
Events that are free then are queued before the shard's input, in order of arrival, and are applied like any others.
"""

import contextlib
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from sensing.codec.event_record import DERIVED, EVENT, KIT, InfrequentEvent
from sensing.codec.kit_parts import CARRIED, is_derived
from sensing.codec.successions import Succession, Successions
from sensing.codec.supersede import renamed, supersede_record
from sensing.codec.text_table import EventTexts
from sensing.contracts.audit import AutomaticDecision, Rule
from sensing.contracts.exception_details import NameKind
from sensing.contracts.reference import ItemUpdated, LocationUpdated, PolicyUpdated, SupplierUpdated
from sensing.contracts.subjects import parameters_subject
from sensing.detection.master_data import SUM_MAX, UnknownName
from sensing.machines.held_events import Facts, as_batch, facts_of
from sensing.machines.kernel_tables import HELD_BACK, RELEASED, UNKNOWN_LINE
from sensing.machines.machine_messages import NameKnown, UnknownEvent
from sensing.machines.refusals import Refusal, answers_for, item_of, refusal_of, refusal_of_record
from sensing.machines.shard_outputs import put_decision
from sensing.machines.shard_state import ShardState
from sensing.state.quarantine import HandedEvent, HeldEvent, RecordKey, held, kept

KINDS: dict[str, NameKind] = {
    "unknown_item": "item", "unknown_location": "location", "unknown_supplier": "supplier", "unknown_unit": "unit",
}  # fmt: skip
"""Kind of the unknown name by reason of the refusal."""


def admit_record(s: ShardState, record: Any, texts: EventTexts, trace: str | None, refusal: Refusal) -> Refusal | None:
    """Hold a refused record if policy says so; returns the refusal of a dead letter, None if it is held."""
    if refusal.reason not in KINDS:
        return refusal
    copied = np.frombuffer(bytearray(record.tobytes()), EVENT)
    event = HeldEvent(copied, texts, None, trace, reported=False)
    return _admit(s, event._replace(reported=_reports(s, event, refusal)), refusal)


def admit_infrequent(s: ShardState, message: InfrequentEvent, refusal: Refusal) -> Refusal | None:
    """The same for an infrequent event."""
    if refusal.reason not in KINDS:
        return refusal
    event = HeldEvent(None, None, message, message.trace, reported=False)
    return _admit(s, event._replace(reported=_reports(s, event, refusal)), refusal)


def accept_names(s: ShardState, record: Any, time: int) -> None:
    """Release the events that wait for a record that takes effect, or for a policy that accepts their names."""
    keys: list[RecordKey] = []
    if isinstance(record, ItemUpdated):
        keys = [("item", record.sku)]
    elif isinstance(record, LocationUpdated):
        keys = [("location", record.location)]
    elif isinstance(record, SupplierUpdated):
        keys = [("supplier", record.supplier)]
    elif isinstance(record, PolicyUpdated):
        keys = s.quarantine.records()
    free: list[tuple[int, HeldEvent]] = []
    for key in keys:
        for unit, waiting in s.quarantine.names_of(key).items():
            if _accepts(s, key, unit):
                free += _free(s, key, unit, record.event_id, time, reported=waiting.reported)
    if free:
        s.queue.add_released(as_batch([event for _, event in sorted(free, key=_number)], s.clock))


def give_held(s: ShardState, old: str, succession: Succession) -> list[HandedEvent]:
    """Remove the events of an item that passes over; they are those of its successor from now on.

    Locations and suppliers that they wait for keep their problem. Its own names are not waited for any more.
    """
    found = s.quarantine.remove_events(lambda event: _facts(s, event).sku == old)
    moved = Counter(unit for key, unit, event in found if key[0] == "item" and event.reported)
    for unit, count in moved.items():
        name = UnknownName("unit", old, unit) if unit else UnknownName("item", old)
        known = NameKnown(name=name, released=0, moved=count, time=s.clock, event_id=succession.event_id)
        s.reports.put(s.clock, known)
    return [
        HandedEvent(key, unit, kept(0, _superseded(event, s.hand_overs.successions, succession.since)))
        for key, unit, event in found
    ]


def take_held(s: ShardState, given: list[HandedEvent]) -> None:
    """Hold events of an item that has passed over; those whose names the successor's record has are released.

    What finds no room is released too: it is refused then, since the quarantine is full.
    """
    free: list[HeldEvent] = []
    for handed in given:
        event = held(handed.kept)
        refusal = _refusal(s, event)
        kind = None if refusal is None else KINDS.get(refusal.reason)
        if refusal is None or kind is None or s.quarantine.full:
            free.append(event)
            _put_audit(s, event, "release_quarantined_event", "Released: its item has passed over to its successor.")
        elif _record_key(s, event, refusal) == (handed.key, handed.unit):
            s.quarantine.hold(handed.key, handed.unit, event)  # its name is known to wait
        else:
            _hold(s, event._replace(reported=_reports(s, event, refusal)), refusal, None)
    if free:
        s.queue.add_released(as_batch(free, s.clock))


@contextlib.contextmanager
def counted_as_released(s: ShardState) -> Iterator[None]:
    """Count what is applied inside this context as released, whatever its outcomes: it was counted when it was held.

    A line that is held again, since its quantity is impossible, is not released yet.
    """
    before = s.counts
    s.counts = np.zeros_like(before)
    yield
    found, s.counts = s.counts, before
    if found.shape[1] > before.shape[1]:
        s.ensure_partition(found.shape[1] - 1)
    released = found.sum(axis=2) - found[:, :, HELD_BACK] - found[:, :, UNKNOWN_LINE]
    s.counts[:, : found.shape[1], RELEASED] += released
    s.counts[:, : found.shape[1], UNKNOWN_LINE] += found[:, :, UNKNOWN_LINE]


def _admit(s: ShardState, event: HeldEvent, refusal: Refusal) -> Refusal | None:
    kind = KINDS[refusal.reason]
    if s.supply.master.unknown.action(kind) == "quarantine" and not _is_kit_in_unknown_unit(s, event, kind):
        if not s.quarantine.full:
            _hold(s, event, refusal, None)
            _put_audit(s, event, "quarantine_event", f"Held: it names {_name(s, event, refusal)}, which has no record.")
            return None
        bound = f"{refusal.required}, or fewer than {s.quarantine.events_max} events in quarantine in a shard"
        refused = refusal._replace(reason="quarantine_full", required=bound)
    else:
        refused = refusal
    if event.reported and s.quarantine.note_refused(*_record_key(s, event, refusal)):
        _report(s, event, refusal, held=False)
    return refused


def _hold(s: ShardState, event: HeldEvent, refusal: Refusal, number: int | None) -> None:
    s.quarantine.hold(*_record_key(s, event, refusal), event, number)
    if event.reported:
        _report(s, event, refusal, held=True)


def _free(
    s: ShardState, key: RecordKey, unit: str, record_id: str, time: int, *, reported: bool
) -> list[tuple[int, HeldEvent]]:
    """Events of a name that is accepted now, without those that wait for another name; tells roll-up and audit."""
    free: list[tuple[int, HeldEvent]] = []
    moved: list[tuple[int, HeldEvent, Refusal]] = []
    for number, event in s.quarantine.remove_name(key, unit):
        refusal = _refusal(s, event)
        kind = None if refusal is None else KINDS.get(refusal.reason)
        if refusal is not None and kind is not None and s.supply.master.unknown.action(kind) == "quarantine":
            moved.append((number, event, refusal))
        else:  # what is refused for another reason, such as its range in the base unit, becomes a dead letter later
            free.append((number, event))
    name = UnknownName("unit", key[1], unit) if unit else UnknownName(_kind(key), key[1])
    if reported:
        known = NameKnown(
            name=name, released=sum(event.reported for _, event in free),
            moved=sum(event.reported for _, event, _ in moved), time=max(time, s.clock), event_id=record_id,
        )  # fmt: skip
        s.reports.put(s.clock, known)
    for number, event, refusal in moved:
        _hold(s, event._replace(reported=_reports(s, event, refusal)), refusal, number)
    for _, event in free:
        _put_audit(s, event, "release_quarantined_event", f"Released: {name} is accepted now.")
    return free


def _reports(s: ShardState, event: HeldEvent, refusal: Refusal) -> bool:
    """Whether this shard tells the roll-up of an event that may go to several shards.

    The one shard that knows the item does, or, for other names, the shard that counts the event. The event of a kit
    names the location of its parts, so these tell only of their own items.
    """
    if KINDS[refusal.reason] in ("item", "unit"):
        return True
    return not _is_of_part(event) and (event.infrequent is None or answers_for(s, event.infrequent.event))


def _is_of_part(event: HeldEvent) -> bool:
    """Whether an event was made from that of a kit."""
    if event.infrequent is not None:
        return is_derived(event.infrequent)
    return event.record is not None and bool(event.record["flags"][0] & DERIVED)


def _is_kit_in_unknown_unit(s: ShardState, event: HeldEvent, kind: NameKind) -> bool:
    """Whether an event is that of a kit in a unit that its record does not have.

    It cannot wait: the events of its parts are made before it arrives here, and its unit says how many there are.
    """
    if kind != "unit":
        return False
    if event.record is not None:
        return bool(event.record["flags"][0] & KIT)
    given = None if event.infrequent is None else event.infrequent.event
    return isinstance(given, CARRIED) and s.supply.master.is_kit(given.sku)


def _accepts(s: ShardState, key: RecordKey, unit: str) -> bool:
    kind, name = key
    if unit:
        return s.supply.master.unit_factor(name, unit) is not None
    if kind == "item":
        return s.supply.master.accepts_item(name)
    return s.locations.is_accepted(name) if kind == "location" else s.supply.master.accepts_supplier(name)


def _refusal(s: ShardState, event: HeldEvent) -> Refusal | None:
    if event.infrequent is not None:
        return refusal_of(s, event.infrequent)
    assert event.record is not None, "an event is a record or infrequent"
    assert event.texts is not None, "a record has texts"
    return refusal_of_record(s, event.record[0], event.texts)


def _record_key(s: ShardState, event: HeldEvent, refusal: Refusal) -> tuple[RecordKey, str]:
    """The record that an event waits for, and the unit if that is what the record must name."""
    kind = KINDS[refusal.reason]
    return (("item", _facts(s, event).sku or ""), refusal.got) if kind == "unit" else ((kind, refusal.got), "")


def _kind(key: RecordKey) -> NameKind:
    return KINDS[f"unknown_{key[0]}"]


def _name(s: ShardState, event: HeldEvent, refusal: Refusal) -> UnknownName:
    (kind, name), unit = _record_key(s, event, refusal)
    return UnknownName("unit", name, unit) if unit else UnknownName(KINDS[f"unknown_{kind}"], name)


def _report(s: ShardState, event: HeldEvent, refusal: Refusal, *, held: bool) -> None:
    facts, rates = _facts(s, event), s.supply.master.rates
    item = None if facts.sku is None else s.supply.master.item(facts.sku)
    currency = facts.currency or (item.currency if item is not None else None) or rates.base
    rate = rates.rate(currency)
    message = UnknownEvent(
        name=_name(s, event, refusal), held=held, time=facts.time, event_id=facts.event_id, sku=facts.sku,
        quantity=facts.quantity, quantity_unit=facts.unit, money=facts.money, currency=currency or "",
        trace=event.trace,
        money_base=None if facts.money is None or math.isnan(rate) else min(round(facts.money * rate), SUM_MAX),
        base_currency=rates.base,
    )  # fmt: skip
    s.reports.put(s.clock, message)


def _put_audit(s: ShardState, event: HeldEvent, rule: Rule, reason: str) -> None:
    """Put out the decision to hold or release an event; only the shard that counts the event does.

    The event of a kit's part is part of the decision about that of the kit, unless only the part is unknown.
    """
    if _is_of_part(event) and not event.reported:
        return
    if event.infrequent is not None and not answers_for(s, event.infrequent.event):
        return
    facts = _facts(s, event)
    subject = facts.sku or facts.supplier or ""
    if facts.sku is not None and facts.location is not None:
        subject = parameters_subject(facts.sku, facts.location)
    decision = AutomaticDecision(
        rule=rule, subject=subject, sku=facts.sku, location=facts.location, reason=reason,
        cause_event_ids=[facts.event_id],
    )  # fmt: skip
    of_part = f"/{facts.sku}" if _is_of_part(event) else ""
    put_decision(s, s.clock, facts.time, f"{rule}/{facts.event_id}{of_part}", decision)


def _superseded(event: HeldEvent, successions: Successions, since: int) -> HeldEvent:
    if event.infrequent is not None:
        return event._replace(infrequent=renamed(event.infrequent._replace(watermark=since), successions))
    assert event.record is not None, "an event is a record or infrequent"
    assert event.texts is not None, "a record has texts"
    record = event.record.copy()
    record["watermark"] = since
    supersede_record(record, event.texts.sku, event.texts.location, successions)
    return event._replace(record=record)


def _facts(s: ShardState, event: HeldEvent) -> Facts:
    """Facts of an event; one that names a superseded item is about its successor."""
    facts = facts_of(event)
    if event.record is None or event.texts is None:
        return facts
    return facts._replace(sku=item_of(s, event.record[0], event.texts)[0])


def _number(numbered: tuple[int, HeldEvent]) -> int:
    return numbered[0]
