"""Kit parts: an order of a kit is demand for its parts, whatever is shipped later.

The router of a source group calls it before the split. Behind every order record, daily sum, return and shipment of a
kit, and behind every event about its fulfilment, it puts a derived one for each part, at the same location: the
quantity in the part's base unit, without a price. Derived ones have a negative offset. The key of a part's line is that
of a line of the part under the kit's order and line, so later versions, cancellations and repeats of the kit's line
carry over, and a shipment of the part serves it. A later version has the parts that the kit has at its event time; a
part that the kit had earlier is cancelled with it, so nothing stays open for ever. The kit's own record is marked as
that of a kit: its line is demand and never open.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import (
    BASE_UNIT,
    DERIVED,
    EVENT,
    KIT,
    NOT_GIVEN,
    PROMOTED,
    THOUSANDTHS,
    Batch,
    InfrequentEvent,
    Kind,
)
from sensing.codec.hash_set import hash_position
from sensing.codec.item_links import PARTS_OF_KIT_MAX, ItemLinks
from sensing.codec.keys import id_key, row_key
from sensing.codec.rekey import rekey
from sensing.codec.successions import Successions
from sensing.codec.supersede import renamed, supersede_record
from sensing.codec.text_table import EventTexts, TextLookup
from sensing.contracts.common import QUANTITY_MAX
from sensing.contracts.orders import OrderAllocated
from sensing.contracts.shipments import Backordered, Delivered, ShipmentDelayed, Substituted, Transferred
from sensing.jit import kernel

LATER = (Kind.CHANGED, Kind.CANCELLED, Kind.CLOSED)
CARRIED = (OrderAllocated, Backordered, Delivered, ShipmentDelayed, Substituted, Transferred)
"""Infrequent events of a kit that concern its parts as well."""
SHIPPED, DAILY = np.uint8(Kind.SHIPPED), np.uint8(Kind.DAILY)
QUANTITY_MIN = 1 / THOUSANDTHS
PART_BITS = 10
assert PARTS_OF_KIT_MAX <= 1 << PART_BITS, "offsets of derived records must differ"


def add_kit_parts(batch: Batch, links: ItemLinks, successions: Successions) -> Batch:
    """The batch with derived records of parts, or of their successors, behind the records of kits."""
    if links.kit_hashes.count == 0:
        return batch
    batch = _with_infrequent_parts(batch, links, successions)
    records = batch.records
    at = np.empty(len(records), np.int64)
    maybe = at[: find_kits(records, links.kit_hashes.table, at)].tolist()
    lookup, times = TextLookup(batch.texts), records["time"]
    found = [k for k in maybe if links.is_kit(lookup.one(records[k]).sku, int(times[k]))]
    if not found:
        return batch
    records = records.copy()
    records["flags"][found] |= np.uint8(KIT)
    derived: list[Any] = []
    texts: list[EventTexts] = []
    behind: list[int] = []
    for k in found:
        made = _parts_of(records[k], lookup.one(records[k]), links)
        derived += [record for record, _ in made]
        texts += [text for _, text in made]
        behind += [k] * len(made)
    if not derived:
        return batch._replace(records=records)
    parts = np.concatenate(derived)
    tables = rekey(parts, texts)
    # Events of a kit and of its parts have one id, and in a shard every id means one line.
    parts["id_hi"] ^= parts["row_hi"]
    own = np.array([not entry.order_id for entry in texts])
    parts["line_hi"][own] = parts["id_hi"][own]
    for k, entry in enumerate(texts):
        supersede_record(parts[k : k + 1], entry.sku, entry.location, successions)
    order = np.argsort(np.concatenate([np.arange(len(records)), np.array(behind)]), kind="stable")
    merged = np.take(np.concatenate([records, parts]), order)
    more = np.searchsorted(np.array(behind), [before for before, _ in batch.infrequent], "left").tolist()
    infrequent = [(before + added, item) for added, (before, item) in zip(more, batch.infrequent, strict=True)]
    return batch._replace(
        records=merged, infrequent=infrequent, texts=(*tables, *batch.texts), traces=_traces(batch.traces, parts)
    )


def is_derived(message: InfrequentEvent) -> bool:
    """Whether an infrequent event was made from that of a kit; only the latter is counted."""
    return message.offset < 0


def key_of(message: InfrequentEvent) -> tuple[np.uint64, np.uint64]:
    """Both halves of the key of an event's id. In a shard an id means one line, so a part's differs from its kit's."""
    hi, lo = id_key(message.event.event_id)
    return (hi ^ row_key(message.event.sku, "")[0], lo) if is_derived(message) else (hi, lo)


def message_offset(offset: int) -> int:
    """Offset of the message that a record or infrequent event comes from."""
    return offset if offset >= 0 else (-1 - offset) >> PART_BITS


def _derived_offset(offset: int, number: int) -> int:
    # Texts and traces are found by offset, and no message has a negative one.
    return -1 - ((offset << PART_BITS) | number)


def _with_infrequent_parts(batch: Batch, links: ItemLinks, successions: Successions) -> Batch:
    """The batch with derived events of parts behind the infrequent events of kits."""
    infrequent: list[tuple[int, InfrequentEvent]] = []
    for before, message in batch.infrequent:
        infrequent.append((before, message))
        if isinstance(message.event, CARRIED) and links.is_kit(message.event.sku, message.time):
            infrequent += [(before, renamed(part, successions)) for part in _infrequent_parts(message, links)]
    return batch if len(infrequent) == len(batch.infrequent) else batch._replace(infrequent=infrequent)


def _infrequent_parts(message: InfrequentEvent, links: ItemLinks) -> list[InfrequentEvent]:
    """Derived events of one event of a kit; none if its unit is unknown."""
    event = message.event
    factor = links.unit_factor(event.sku, event.unit_of_measure, message.time)
    if factor is None:
        return []  # The shard refuses the kit's event.
    made = []
    for number, part in enumerate(links.parts(event.sku, message.time)):
        quantity = min(max(event.quantity * factor * part.quantity, QUANTITY_MIN), QUANTITY_MAX)
        of_part = msgspec.structs.replace(event, sku=part.sku, quantity=quantity, unit_of_measure=BASE_UNIT)
        made.append(message._replace(event=of_part, offset=_derived_offset(message.offset, number)))
    return made


def _parts_of(kit: Any, texts: EventTexts, links: ItemLinks) -> list[tuple[NDArray[Any], EventTexts]]:
    """Derived records of one record of a kit, still with its keys, and their texts; none if its unit is unknown."""
    time = int(kit["time"])
    factor = links.unit_factor(texts.sku, bytes(kit["unit"]).decode(), time)
    if factor is None:
        return []  # The shard refuses the kit's record.
    made = []
    parts = links.parts(texts.sku, time)
    if kit["kind"] in LATER:
        parts = (*parts, *links.former_parts(texts.sku, time))[: 1 << PART_BITS]
    for number, part in enumerate(parts):
        record = np.empty(1, EVENT)
        record[0] = kit
        if part.quantity == 0:
            record["kind"] = Kind.CANCELLED
        record["quantity"] = _times(int(kit["quantity"]), factor * part.quantity)
        if kit["quantity_open"] != NOT_GIVEN:
            record["quantity_open"] = _times(int(kit["quantity_open"]), factor * part.quantity)
        record["flags"] = (int(kit["flags"]) & ~(PROMOTED | KIT)) | DERIVED | (KIT if part.is_kit else 0)
        record["unit"], record["price"], record["currency"] = b"", np.nan, b""
        record["offset"] = _derived_offset(int(kit["offset"]), number)
        made.append((record, texts._replace(sku=part.sku)))
    return made


def _times(quantity: int, factor: float) -> int:
    """A quantity times a factor, in thousandths, within the limit of quantities; rounding never makes it zero."""
    found = round(min(quantity * factor, QUANTITY_MAX * THOUSANDTHS))
    return found if found or not quantity else 1


def _traces(traces: Mapping[tuple[int, int, int], str], parts: NDArray[Any]) -> Mapping[tuple[int, int, int], str]:
    """Traces of a batch, with those of the kits' messages for their derived records."""
    if not traces:
        return traces
    places = zip(parts["topic"].tolist(), parts["partition"].tolist(), parts["offset"].tolist(), strict=True)
    kits = {place: (*place[:2], message_offset(place[2])) for place in places}
    return {**traces, **{place: traces[kit] for place, kit in kits.items() if kit in traces}}


@kernel
def find_kits(records: NDArray[Any], hashes: NDArray[np.uint64], at: NDArray[np.int64]) -> int:
    """Fill ``at`` with records of SKUs among the hashes, other than those of stock; returns their number."""
    found = 0
    for k in range(records.shape[0]):
        kind = records[k].kind
        if kind > SHIPPED and kind != DAILY:
            continue
        if hashes[hash_position(hashes, records[k].row_hi)] != 0:
            at[found] = k
            found += 1
    return found
