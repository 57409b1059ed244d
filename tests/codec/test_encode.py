"""Records back to JSON."""

import datetime as dt
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sensing.codec.encode import reencode
from sensing.codec.event_record import NO_LINE, NOT_RESTOCKED
from tests.codec.blocks import decode_events, decode_lines, texts_of
from tests.codec.oracle import KINDS
from tests.contracts.examples import EXAMPLES, Event, example, minimal

FREQUENT = [(topic, event) for topic, event in EXAMPLES if event["event_type"] in KINDS]

identifiers = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=4)
patches = st.fixed_dictionaries(
    {},
    optional={
        "event_id": identifiers,
        "sku": identifiers,
        "location": identifiers,
        "order_id": st.none() | identifiers,
        "line": st.none() | identifiers,
        "event_time": st.integers(631152000000, 253402300799999),
        "quantity": st.floats(0.001, 1e9) | st.integers(1, 10**9),
        "quantity_open": st.none() | st.floats(0, 1e9) | st.integers(0, 10**9),
        "unit_price": st.none() | st.floats(0, 1e12),
        "requested_date": st.none() | st.dates().map(dt.date.isoformat),
        "line_version": st.integers(1, 2**31 - 2),
        "order_lines": st.integers(1, 100_000),
        "largest_line": st.none() | st.floats(0.001, 1e9) | st.integers(1, 10**9),
        "restocked": st.booleans(),
    },
)


@given(st.sampled_from(FREQUENT), patches, st.booleans())
def test_decoding_again_gives_the_same_record(case: tuple[str, Event], patch: dict[str, Any], whole: bool) -> None:
    """What a record keeps survives; only the promotion of an order is gone."""
    topic, event = case
    decoded = decode_events(topic, (event if whole else minimal(topic, event)) | patch)
    assume(not decoded.rejects)  # an id of blanks is none
    [record], [texts] = decoded.records, texts_of(decoded)
    again = decode_lines(topic, [reencode(record, texts)])
    record["flags"] &= NO_LINE | NOT_RESTOCKED
    assert not again.rejects
    assert str(again.records[0]) == str(record)
    assert texts_of(again) == [texts]


def test_what_is_written() -> None:
    """The event as JSON with what the record keeps, and nothing that was not said."""
    decoded = decode_events("orders", example("order.cancelled") | {"line_version": None, "quantity": 0.5})
    assert orjson.loads(reencode(decoded.records[0], *texts_of(decoded))) == {
        "event_id": "E-order.cancelled",
        "event_type": "order.cancelled",
        "event_time": "2026-01-05T09:30:00.125Z",
        "sku": "SKU-1",
        "location": "DC-1",
        "quantity": 0.5,
        "unit_of_measure": "CASE",
        "order_id": "SO-1",
        "line": "10",
        "currency": "EUR",
        "customer": "C-1",
        "requested_date": "2026-01-12",
        "unit_price": 2.5,
    }


@pytest.mark.parametrize(("topic", "event"), FREQUENT, ids=[event["event_type"] for _, event in FREQUENT])
def test_every_kind_is_written_as_its_type(topic: str, event: Event) -> None:
    """Each kind of record becomes the event type it came from."""
    decoded = decode_events(topic, event)
    assert orjson.loads(reencode(decoded.records[0], *texts_of(decoded)))["event_type"] == event["event_type"]
