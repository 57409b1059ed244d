"""Messages of Debezium become events by a mapping, whichever shape they have."""

import json
from typing import Any

import numpy as np
import orjson
import pytest

from sensing.codec.careful_decoder import examine
from sensing.codec.contract_fields import fields_of
from sensing.codec.debezium import event_of_row, snapshot_time
from sensing.codec.debezium_values import value_of
from sensing.codec.decode import Block, Decoded, decode
from sensing.codec.decode_options import DecodeOptions
from sensing.codec.fault import Fault
from sensing.codec.table_mapping import STRUCTS, read_mappings
from sensing.contracts.orders import OrderPlaced
from tests.codec.blocks import texts_of
from tests.codec.debezium_messages import (
    COUNTS,
    ORDER_COLUMNS,
    ORDERS,
    PURCHASES,
    SNAPSHOT_MS,
    decimal,
    flat,
    order_row,
    with_schema,
)
from tests.contracts.examples import example

TABLES = read_mappings(ORDERS | PURCHASES | COUNTS)
PURCHASE = {
    "id": 7, "po": "4500017", "pos": 10, "item": "A-1", "site": "DC1", "vendor": "ACME",
    "qty": {"scale": 1, "value": decimal("120.5")}, "placed": 1_767_225_600_123, "due": "2026-02-01T00:00:00",
}  # fmt: skip


def decoded(topic: str, *messages: Any) -> Decoded:
    """Decode messages with the mappings."""
    values = [orjson.dumps(message) for message in messages]
    return decode(topic, 0, Block.of(values, np.arange(len(values))), DecodeOptions(tables=TABLES))


def unwrapped(operation: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row as the transformation ExtractNewRecordState leaves it."""
    return row | {"__op": operation, "__table": "order_lines", "__schema": "public", "__source_ts_ms": SNAPSHOT_MS,
                  "__deleted": str(operation == "d").lower()}  # fmt: skip


@pytest.mark.parametrize("operation", ["c", "r"])
@pytest.mark.parametrize("shape", ["flat", "schema", "unwrapped"])
def test_a_row_becomes_an_order(operation: str, shape: str) -> None:
    """Decimals, microseconds, days, numbers as keys and constants are read; all shapes mean the same."""
    row = order_row(0, 2, "12.500")
    message = flat(operation, row, SNAPSHOT_MS) if shape != "unwrapped" else unwrapped(operation, row)
    found = decoded("orders", with_schema(message, ORDER_COLUMNS) if shape == "schema" else message)
    assert not found.rejects
    record = found.records[0]
    assert (record["kind"], record["quantity"], record["version"], record["price"]) == (1, 12500, 1, 9.9)
    assert (record["time"], record["requested_day"], record["currency"]) == (1_767_402_000_000, 20456, b"EUR")
    assert texts_of(found)[0][:5] == ("A-1", "DC1", "1000", "1", "public.order_lines:1000:1:1")


def test_changes_and_deletions() -> None:
    """A changed row is a change at the time of the change, a deleted one a cancellation."""
    row = order_row(0, 2)
    changed = flat("u", row | {"row_version": 2, "qty": decimal("5.000")}, SNAPSHOT_MS, old=row)
    found = decoded("orders", changed, flat("d", row | {"row_version": 2}, SNAPSHOT_MS + 1))
    assert not found.rejects
    assert found.records["kind"].tolist() == [2, 3]
    assert found.records["version"].tolist() == [2, 2**31 - 1]
    assert found.records["time"].tolist() == [SNAPSHOT_MS, SNAPSHOT_MS + 1]
    assert found.records["quantity"].tolist() == [5000, 0]


def test_a_purchase_order() -> None:
    """Decimals of any scale, times in milliseconds, dates out of times; the version is the time of the change."""
    messages = [
        flat(operation, PURCHASE, SNAPSHOT_MS, table="purchase_orders", schema="purchasing") for operation in "crud"
    ]
    found = decoded("suppliers", *messages)
    assert not found.rejects
    created, read, updated, deleted = (message.event for _, message in found.infrequent)
    assert (created.po_id, created.line, created.quantity, str(created.promised_date)) == (
        "4500017", "10", 120.5, "2026-02-01",
    )  # fmt: skip
    assert created.event_time == 1_767_225_600_123
    assert created.line_version == SNAPSHOT_MS // 1000 - 1_577_836_800
    assert read == created
    assert (type(updated), updated.event_time) == (type(created), SNAPSHOT_MS)
    assert (deleted.__struct_config__.tag, deleted.po_id, deleted.line_version) == ("po.cancelled", "4500017", None)


def test_the_topic_may_name_the_mapping() -> None:
    """Rows without their table's name go by the topic; the schema of the message may name the types."""
    mapping = read_mappings({"inventory": COUNTS["stock_counts"]})
    row = {"id": 1, "item": "A-1", "site": "DC1", "qty": "12.5", "counted_at": 1_767_225_600_000_000_000}
    message = row | {"__deleted": "false"}
    event: Any = examine({"inventory.counted": STRUCTS["inventory.counted"]}, orjson.dumps(message), {},
                    DecodeOptions(tables=mapping, topic="inventory"))  # fmt: skip
    assert (event.quantity, event.event_time) == (12.5, 1_767_225_600_000)


REFUSED: list[tuple[str, dict[str, Any], tuple[str, str, str, str]]] = [
    ("inventory", flat("d", {"id": 1}, 5, table="stock_counts"),
     ("unknown_event_type", "op", "c, u or r: inventory.counted has no cancellation", '"d"')),
    ("orders", flat("t", {}, 5), ("unknown_event_type", "op", "one of c, u, d, r", '"t"')),
    ("orders", unwrapped("m", {}), ("unknown_event_type", "__op", "one of c, u, d, r", '"m"')),
    ("orders", flat("c", order_row(0, 0), 5, table="customers"),
     ("unknown_event_type", "source.table",
      "a table with a mapping: public.order_lines, purchasing.purchase_orders, stock_counts",
      "erp.public.customers, public.customers, customers, orders")),
    ("orders", flat("d", None, 5),  # type: ignore[arg-type]  # what a database with default logging says
     ("missing_field", "before", "the row; for deletions the database must log whole rows", "nothing")),
    ("orders", flat("c", {"order_no": 1, "line_no": 1, "row_version": 1}, SNAPSHOT_MS),
     ("missing_field", "sku", "text of 1 to 64 bytes, no control characters", "nothing")),
    ("orders", flat("c", order_row(0, 0, qty="?"), SNAPSHOT_MS),
     ("wrong_type", "quantity", "number > 0.0005 and <= 1000000000", '"?"')),
    ("suppliers", flat("c", order_row(0, 0), SNAPSHOT_MS),
     ("unknown_event_type", "event_type",
      "one of po.placed, po.confirmed, po.delayed, po.shipped, po.received, po.cancelled, supplier.disrupted",
      '"order.placed"')),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "message", "expected"), REFUSED)
def test_what_is_refused(topic: str, message: dict[str, Any], expected: tuple[str, str, str, str]) -> None:
    """Each with what is wrong: no mapping, no cancellation, no row, a column that is missing or of another type."""
    [reject] = decoded(topic, message).rejects
    assert (reject.reason, reject.field, reject.required, reject.got) == expected


def test_other_messages_are_not_changed() -> None:
    """Events pass as ever, even with a column named op; without a mapping an envelope is no event."""
    event = example("order.placed") | {"op": "c", "after": {}}
    assert len(decoded("orders", event).records) == 1
    value = orjson.dumps(flat("c", order_row(0, 0), SNAPSHOT_MS))
    [reject] = decode("orders", 0, Block.of([value], np.zeros(1, np.int64))).rejects
    assert (reject.reason, reject.field) == ("missing_field", "event_type")
    assert event_of_row({"sku": "A"}, "orders", TABLES) is None


def test_ids_say_the_state_of_a_row() -> None:
    """A second snapshot repeats an event, a new version is a new one, and a deletion is neither."""
    row = order_row(0, 0)
    messages = [flat("c", row, 5), flat("r", row, 9), flat("u", row | {"row_version": 2}, 9), flat("d", row, 9)]
    ids = []
    for message in messages:
        event = event_of_row(message, "orders", TABLES)
        assert isinstance(event, dict)
        ids.append(event["event_id"])
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_snapshots_are_recognised() -> None:
    """By the operation, in every shape."""
    row = order_row(0, 0)
    assert snapshot_time(flat("r", row, SNAPSHOT_MS), "orders") == SNAPSHOT_MS
    assert snapshot_time(with_schema(flat("r", row, SNAPSHOT_MS), ORDER_COLUMNS), "orders") == SNAPSHOT_MS
    assert snapshot_time(unwrapped("r", row), "orders") == SNAPSHOT_MS
    others: list[Any] = [
        flat("c", row, SNAPSHOT_MS),
        example("order.placed"),
        [],
        None,
        Fault("not_json", None, "", ""),
    ]
    for other in others:
        assert snapshot_time(other, "orders") is None


FIELDS = {field.name: field for field in fields_of(OrderPlaced)}
TIME = "org.apache.kafka.connect.data.Timestamp"


@pytest.mark.parametrize(
    ("raw", "name", "scale", "field", "expected"),
    [
        (decimal("-0.500"), None, 3, "quantity", -0.5),
        (decimal("128"), None, 0, "quantity", 128.0),
        ("12.50", None, None, "quantity", 12.5),
        ("1e3", None, None, "quantity", "1e3"),
        ("no base64!", None, 2, "quantity", "no base64!"),
        (7.0, None, None, "line_version", 7),
        (7.5, None, None, "line_version", 7.5),
        (20454, "io.debezium.time.Date", None, "requested_date", "2026-01-01"),
        (20454, None, None, "requested_date", "2026-01-01"),
        (1_767_225_600_000, TIME, None, "requested_date", "2026-01-01"),
        (1_767_225_600_000_000, None, None, "requested_date", "2026-01-01"),
        (1_767_225_600_000_000, "io.debezium.time.MicroTimestamp", None, "event_time", 1_767_225_600_000),
        (1_767_225_600_000_000_000, "io.debezium.time.NanoTimestamp", None, "event_time", 1_767_225_600_000),
        ("2026-01-01T00:00:00Z", "io.debezium.time.ZonedTimestamp", None, "event_time", "2026-01-01T00:00:00Z"),
        (1_767_225_600, None, None, "event_time", 1_767_225_600),  # seconds are refused, as ever
        (1000, None, None, "order_id", "1000"),
        (decimal("1000"), None, 0, "order_id", "1000"),
        (True, None, None, "order_id", True),
        (None, None, None, "customer", None),
        ("__debezium_unavailable_value", None, None, "customer", None),
    ],
)
def test_values_of_columns(raw: Any, name: str | None, scale: int | None, field: str, expected: Any) -> None:
    """By the schema where there is one, else by what the field holds; what is not understood stays."""
    found = value_of(raw, {} if name is None else {"name": name}, scale, FIELDS[field])
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"event": "order.made"}, "event: required one of "),
        ({"fields": {"sku": "item"}}, "required a column or a constant for quantity of order.placed, got none"),
        ({"constants": {"location": "DC1", "colour": "red"}}, "got colour"),
        ({"constants": {"location": "DC1", "event_id": "1"}}, "got event_id"),
        ({"key": []}, "key: required the columns of its primary key, got none"),
        ({"version": None}, "version: required a column that grows with every change, or source.ts_ms, got none"),
        ({"scales": {"qty": "three"}}, "required a mapping with event, fields and key, got one with an error: "),
        ({"columns": {}}, "required a mapping with event, fields and key, got one with an error: "),
    ],
)
def test_mappings_are_checked(patch: dict[str, Any], message: str) -> None:
    """The sentence names the table and what is required."""
    plain = json.loads(json.dumps(ORDERS["public.order_lines"] | patch))
    with pytest.raises(ValueError, match=r"^table 'public\.order_lines'") as caught:
        read_mappings({"public.order_lines": plain})
    assert message in str(caught.value)
