"""Demand by transfers: goods that a location sends to others are demand at that location, unless policy says otherwise.

`sensing.machines.infrequent_events` calls it. A transfer is booked like a lost sale: one line under the event's id, at
the event's time, never open. Whoever asked for it has been served, so its quantity is never held as a slip.
"""

import numpy as np

from sensing.codec.event_record import DERIVED, EVENT, NO_DAY, NOT_GIVEN, InfrequentEvent, Kind
from sensing.codec.keys import row_key
from sensing.codec.kit_parts import key_of
from sensing.codec.text_table import EventTexts
from sensing.contracts.common import VERSION_LAST
from sensing.machines.absorb import EVENT_WORDS, absorb
from sensing.machines.callbacks import run_callback
from sensing.machines.kernel_tables import CALLBACK, CALLBACKS_MAX, JUDGED_LARGE, TO_JUDGE, UNJUDGED
from sensing.machines.order_judgement import judgement
from sensing.machines.shard_state import ShardState


def is_demand(s: ShardState, sku: str, location: str, to_location: str) -> bool:
    """Whether a transfer is demand at the location that gives."""
    return location != to_location and s.supply.master.demand(sku, location) != "independent"


def book_transfer(s: ShardState, message: InfrequentEvent, row: int, quantity: int) -> None:
    """Book a transfer of ``quantity`` thousandths of the base unit as demand of the row that gives."""
    event = message.event
    records = np.zeros(1, EVENT)
    record = records[0]
    record["time"], record["watermark"], record["quantity"] = message.time, message.watermark, quantity
    record["quantity_open"], record["price"], record["requested_day"] = NOT_GIVEN, np.nan, NO_DAY
    record["row_hi"], record["row_lo"] = row_key(event.sku, event.location)
    record["id_hi"], record["id_lo"] = key_of(message)
    record["line_hi"], record["line_lo"] = record["id_hi"], record["id_lo"]
    record["version"], record["kind"], record["flags"] = VERSION_LAST, Kind.LOST, DERIVED
    record["topic"], record["partition"], record["offset"] = message.topic, message.partition, message.offset
    record["unit"] = s.base_units[row]
    s.ensure_partition(message.partition)
    s.lines.ensure(1)
    callbacks = np.zeros(CALLBACKS_MAX, CALLBACK)
    words, rows = records.view(np.uint64).reshape(1, EVENT_WORDS), np.array([row], np.int32)
    verdict = UNJUDGED
    _, added = absorb(s.tables(), records, words, rows, 0, 1, s.settings.line_horizon_days, callbacks, verdict)
    if added == TO_JUDGE:
        verdict, s.judgement = JUDGED_LARGE, judgement(s, row, record)
        _, added = absorb(s.tables(), records, words, rows, 0, 1, s.settings.line_horizon_days, callbacks, verdict)
    texts = EventTexts(event.sku, event.location, "", "", event.event_id)
    for entry in callbacks[:added]:
        run_callback(s, entry, record, texts)
