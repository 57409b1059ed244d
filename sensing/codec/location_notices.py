"""Location notices: a source group tells every shard of the first shipment, delivery or count of a location.

Whether a location reports shipments decides what a stock count means, in every shard alike, and a shard reads only the
events of its own SKUs. The router of a source group calls it before it splits a batch.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import (
    HEARD_COUNT,
    HEARD_DELIVERY,
    HEARD_SHIPMENT,
    Batch,
    InfrequentEvent,
    Kind,
    LocationHeard,
)
from sensing.codec.hash_set import HashSet, hash_position
from sensing.codec.identifiers import text_hashes
from sensing.codec.text_table import TextLookup
from sensing.contracts.shipments import Delivered
from sensing.jit import kernel

LOCATIONS_MAX = 1 << 20
"""Locations of a kind that are remembered; further ones are announced again with every event."""
SHIPPED = np.uint8(Kind.SHIPPED)
COUNTED = np.uint8(Kind.COUNTED)


class LocationNotices:
    """The locations that a source group has announced, by kind of event."""

    def __init__(self) -> None:
        self._shipped = HashSet(LOCATIONS_MAX)
        self._counted = HashSet(LOCATIONS_MAX)
        self._delivered = HashSet(LOCATIONS_MAX)

    def announce(self, batch: Batch) -> Batch:
        """The batch with the notices that its events need, each before the event that causes it."""
        records = batch.records
        notices: list[tuple[int, InfrequentEvent]] = []
        at = np.empty(len(records), np.int64)
        for k in at[: unheard(records, self._shipped.table, self._counted.table, at)].tolist():
            shipped = records["kind"][k] == SHIPPED
            hashes, kind = (self._shipped, HEARD_SHIPMENT) if shipped else (self._counted, HEARD_COUNT)
            if hashes.add(int(records["party"][k])):
                location = TextLookup(batch.texts).one(records[k]).location
                notices.append((k, _notice(LocationHeard(location, kind), records[k])))
        infrequent: list[tuple[int, InfrequentEvent]] = []
        for before, message in batch.infrequent:
            if isinstance(message.event, Delivered):
                location = message.event.location
                if self._delivered.add(int(text_hashes([location])[0])):
                    notice = message._replace(event=LocationHeard(location, HEARD_DELIVERY), trace=None)
                    infrequent.append((before, notice))
            infrequent.append((before, message))
        if len(infrequent) + len(notices) == len(batch.infrequent):
            return batch
        # The notice of a record comes behind the infrequent events before the record, which were read earlier.
        return batch._replace(infrequent=sorted([*infrequent, *notices], key=lambda placed: placed[0]))


def _notice(event: LocationHeard, record: Any) -> InfrequentEvent:
    place = (int(record["topic"]), int(record["partition"]), int(record["offset"]))
    return InfrequentEvent(event, int(record["time"]), int(record["watermark"]), *place)


@kernel
def unheard(
    records: NDArray[Any], shipped: NDArray[np.uint64], counted: NDArray[np.uint64], at: NDArray[np.int64]
) -> int:
    """Fill ``at`` with the shipments and counts of locations that the tables do not have; returns their number."""
    found = 0
    for k in range(records.shape[0]):
        kind = records[k].kind
        if kind != SHIPPED and kind != COUNTED:
            continue
        table = shipped if kind == SHIPPED else counted
        if table[hash_position(table, records[k].party)] == 0:
            at[found] = k
            found += 1
    return found
