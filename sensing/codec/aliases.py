"""Aliases: events under another system's id of an item or a location become events of its own id.

The router of a source group calls it before the split. Keys and texts name the item's own id, so versions of a line
under several ids are one line, and outputs name one id. Batches without aliases cost one test of all records in a
kernel. A record of the reference topic under an alias must come after the record that names the alias.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import AFTER_ALL, Batch, InfrequentEvent, Topic
from sensing.codec.hash_set import hash_position
from sensing.codec.identifiers import hash_span, text_hashes
from sensing.codec.item_links import ItemLinks
from sensing.codec.keys import LOCATION
from sensing.codec.rekey import rekey
from sensing.codec.swar import WORD, Bytes
from sensing.codec.text_table import HEAD, EventTexts, TextLookup, TextTable
from sensing.contracts.decisions import DecisionMade, ExecutionConfirmed
from sensing.contracts.reference import ItemUpdated, LocationUpdated
from sensing.contracts.subjects import exception_of, parameters_names, parameters_subject
from sensing.jit import kernel

LOCATION_AT = LOCATION // 2
"""Position of the location among the texts of an entry."""


def resolve_aliases(batch: Batch, links: ItemLinks) -> Batch:
    """The batch with the own ids of items and locations in place of aliases."""
    if links.item_hashes.count == links.location_hashes.count == 0:
        return batch
    infrequent = [(before, _resolved(message, links)) for before, message in batch.infrequent]
    batch = batch._replace(infrequent=infrequent)
    found = _named_by_alias(batch, links)
    if not len(found):
        return batch
    records = np.take(batch.records, found)
    texts = [
        _own(entry, time, links)
        for entry, time in zip(TextLookup(batch.texts).all(records), records["time"].tolist(), strict=True)
    ]
    tables = rekey(records, texts)
    moved = records["topic"] != Topic.ORDERS  # there the party is the customer
    records["party"][moved] = text_hashes([entry.location for entry in texts])[moved]
    all_records = batch.records.copy()
    all_records[found] = records
    # The first table that has an entry counts.
    return batch._replace(records=all_records, texts=(*tables, *batch.texts))


def _own(texts: EventTexts, time: int, links: ItemLinks) -> EventTexts:
    return texts._replace(sku=links.item(texts.sku, time), location=links.location(texts.location, time))


def _named_by_alias(batch: Batch, links: ItemLinks) -> NDArray[np.int64]:
    """Positions of records whose SKU or location ever was an alias."""
    records = batch.records
    flags = np.zeros(len(records), np.bool_)
    mark_items(records, links.item_hashes.table, flags)
    if links.location_hashes.count:
        for table in batch.texts:
            _mark_locations(records, table, links.location_hashes.table, flags)
    return np.flatnonzero(flags)


def _mark_locations(
    records: NDArray[Any], table: TextTable, hashes: NDArray[np.uint64], flags: NDArray[np.bool_]
) -> None:
    """Mark the records of a table's partition whose location is one of the hashes."""
    mine = np.flatnonzero((records["topic"] == table.topic) & (records["partition"] == table.partition))
    if not len(mine) or not len(table.offsets):
        return
    offsets = records["offset"][mine]
    at = np.minimum(np.searchsorted(table.offsets, offsets), len(table.offsets) - 1)
    there = table.offsets[at] == offsets
    mine, at = mine[there], at[there]
    found = np.zeros(len(mine), np.bool_)
    data = np.concatenate((table.data, np.zeros(WORD, np.uint8)))
    mark_entries_at(data, table.starts[at].astype(np.int64), hashes, found)
    flags[mine] |= found


def _resolved(message: InfrequentEvent, links: ItemLinks) -> InfrequentEvent:
    """An infrequent event with own ids. Records of items and locations themselves keep theirs."""
    event = message.event
    if isinstance(event, (ItemUpdated, LocationUpdated)):
        return message
    no_time = message.topic == Topic.REFERENCE and getattr(event, "event_time", None) is None
    time = AFTER_ALL if no_time else message.time
    changes: dict[str, str] = {}
    for field, own in (("sku", links.item), ("substitute_sku", links.item), ("location", links.location),
                       ("to_location", links.location)):  # fmt: skip
        given = getattr(event, field, None)
        if given is not None and (name := own(given, time)) != given:
            changes[field] = name
    if isinstance(event, (DecisionMade, ExecutionConfirmed)) and exception_of(event) is None:
        names = parameters_names(event)
        own_names = links.item(names[0], time), links.location(names[1], time)
        if names[1] and own_names != names:
            changes["subject"] = parameters_subject(*own_names)
    return message._replace(event=msgspec.structs.replace(event, **changes)) if changes else message


@kernel
def mark_items(records: NDArray[Any], hashes: NDArray[np.uint64], flags: NDArray[np.bool_]) -> None:
    """Mark records whose SKU is one of the hashes."""
    for k in range(records.shape[0]):
        if hashes[hash_position(hashes, records[k].row_hi)] != 0:
            flags[k] = True


@kernel
def mark_entries_at(
    data: Bytes, starts: NDArray[np.int64], hashes: NDArray[np.uint64], found: NDArray[np.bool_]
) -> None:
    """Mark text entries whose location is one of the hashes. ``data`` ends with eight more bytes."""
    for k in range(starts.shape[0]):
        start = starts[k]
        at = start + HEAD
        for each in range(LOCATION_AT):
            at += int(data[start + each])
        size = int(data[start + LOCATION_AT])
        hashed = hash_span(data, at, size, data.shape[0])
        if hashes[hash_position(hashes, hashed)] != 0:
            found[k] = True
