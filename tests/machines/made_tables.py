"""Helpers that make event records and a shard's tables for tests of its kernels."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, NO_DAY, NOT_GIVEN, Kind, Topic
from sensing.codec.keys import fill_keys, joined
from sensing.codec.text_table import NO_TEXTS, EventTexts, TextLookup, TextTable
from sensing.contracts.common import VERSION_LAST
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines.absorb import EVENT_WORDS, absorb
from sensing.machines.kernel_tables import CALLBACK, CALLBACKS_MAX, JUDGED_IMPOSSIBLE, TO_JUDGE, UNJUDGED
from sensing.machines.row_lookup import resolve_records
from sensing.machines.shard_state import ShardState

DAY = 20_003
"""Local day, a Monday, on which the tests begin."""
NOON = DAY * DAY_MS + 12 * HOUR_MS
TOPIC_OF = {Kind.SHIPPED: Topic.SHIPMENTS, Kind.COUNTED: Topic.INVENTORY, Kind.ADJUSTED: Topic.INVENTORY}
OWN_LINE = (Kind.RETURNED, Kind.LOST, Kind.COUNTED, Kind.ADJUSTED)
USUAL_MAX = 10.0
"""Largest usual line of a row whose sizes are known, units."""


class Noted(NamedTuple):
    """One pending callback, and the index of the record that caused it."""

    record: int
    kind: int
    row: int
    quantity: float


def events(*given: dict[str, Any]) -> NDArray[Any]:
    """Event records with keys. Missing fields get defaults: a first version of an order line, placed at noon."""
    records = np.zeros(len(given), EVENT)
    texts: list[EventTexts] = []
    for number, (record, fields) in enumerate(zip(records, given, strict=True)):
        kind = Kind(fields.get("kind", Kind.PLACED))
        usual = {
            "kind": kind, "time": NOON, "quantity": 1000, "price": np.nan, "sku": "A", "location": "L", "unit": "EA",
            "event_id": f"e{number}", "order_id": "", "line": "A", "customer": "", "requested_day": NO_DAY,
            "currency": "", "version": VERSION_LAST if kind in (Kind.CANCELLED, Kind.CLOSED) else 1,
            "quantity_open": NOT_GIVEN, "topic": TOPIC_OF.get(kind, Topic.ORDERS), "offset": number,
        }  # fmt: skip
        values = {**usual, **fields}
        texts.append(EventTexts(*(values.pop(name) for name in EventTexts._fields)))
        for name, value in values.items():
            record[name] = value.encode() if isinstance(value, str) else value
        if "watermark" not in fields:
            record["watermark"] = record["time"]
    fill_keys(records, *joined([text for each in texts for text in each]))
    _MADE.update(zip(map(_key_of, records), texts, strict=True))
    return records


_MADE: dict[bytes, EventTexts] = {}


def _key_of(record: Any) -> bytes:
    """All keys of a record."""
    return b"".join(record[name].tobytes() for name in ("row_hi", "row_lo", "line_hi", "line_lo", "id_hi", "id_lo"))


class MadeTexts(TextLookup):
    """Texts of all records that :func:`events` made, by their keys, so that tests may combine records freely."""

    def __init__(self) -> None:
        super().__init__(NO_TEXTS)

    def one(self, record: Any) -> EventTexts:
        """Texts of a record."""
        return _MADE[_key_of(record)]

    def all(self, records: NDArray[Any]) -> list[EventTexts]:
        """Texts of every record."""
        return [self.one(record) for record in records]


def tables_of(records: NDArray[Any]) -> tuple[TextTable, ...]:
    """Text tables for a batch of records that :func:`events` made, one per record."""
    found = []
    for record in records:
        place = (int(record["topic"]), int(record["partition"]), np.array([record["offset"]]))
        data, starts = fill_keys(np.zeros(1, EVENT), *joined(_MADE[_key_of(record)]))
        found.append(TextTable(*place, starts, data))
    return tuple(found)


def shard(**settings: Any) -> ShardState:
    """A shard whose clock is at DAY."""
    state = ShardState(0, Settings(shards=1, **settings))
    state.start_clock(DAY * DAY_MS)
    return state


def know_sizes(state: ShardState, records: NDArray[Any]) -> None:
    """Make the rows of records and let them have learned order sizes around one unit, at most USUAL_MAX."""
    resolve_records(state, records, MadeTexts())
    hot = state.rows.hot
    fresh = hot["size_count"] == 0
    hot["size_count"][fresh], hot["size_variance"][fresh] = 64, 0.1
    hot["size_max"][fresh] = np.log(USUAL_MAX)


def take(state: ShardState, records: NDArray[Any], verdict: int = JUDGED_IMPOSSIBLE) -> list[Noted]:
    """Absorb all records in as many calls as the kernel needs; returns its pending callbacks.

    Lines far outside their row's sizes get the ``verdict``.
    """
    found = resolve_records(state, records, MadeTexts())
    assert not found.refusals
    state.lines.ensure(2 * len(records))
    tables = state.tables()
    words = found.events.view(np.uint64).reshape(len(records), EVENT_WORDS)
    callbacks = np.zeros(CALLBACKS_MAX, CALLBACK)
    added: list[Noted] = []
    at, judged = 0, UNJUDGED
    horizon_days = state.settings.line_horizon_days
    while at < len(records):
        at, count = absorb(tables, found.events, words, found.rows, at, len(records), horizon_days, callbacks, judged)
        if count == TO_JUDGE:
            judged = verdict
            continue
        judged = UNJUDGED
        added += [Noted(at - 1, *entry) for entry in callbacks[:count].tolist()]
    return added


def one_row(**settings: Any) -> ShardState:
    """A shard with one row, A at L, that has no events."""
    state = shard(**settings)
    resolve_records(state, events({}), MadeTexts())
    state.lines.ensure(16)
    return state
