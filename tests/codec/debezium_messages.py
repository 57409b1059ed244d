"""Messages as Debezium 2.x and 3.x writes them, for tests: a table of order lines and one of purchase orders."""

import base64
from typing import Any

DAY_US = 86_400_000_000
SNAPSHOT_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z

ORDERS = {
    "public.order_lines": {
        "event": "order.placed",
        "key": ["order_no", "line_no"],
        "version": "row_version",
        "time": "ordered_at",
        "fields": {
            "order_id": "order_no", "line": "line_no", "sku": "item", "quantity": "qty", "unit_price": "price",
            "requested_date": "wanted_on", "customer": "customer",
        },
        "constants": {"location": "DC1", "currency": "EUR"},
        "scales": {"qty": 3, "price": 2},
    }
}  # fmt: skip
PURCHASES = {
    "purchasing.purchase_orders": {
        "event": "po.placed",
        "key": ["id"],
        "version": "source.ts_ms",
        "time": "placed",
        "fields": {
            "po_id": "po", "line": "pos", "sku": "item", "location": "site", "supplier": "vendor", "quantity": "qty",
            "promised_date": "due",
        },
    }
}  # fmt: skip
COUNTS = {
    "stock_counts": {
        "event": "inventory.counted",
        "key": ["id"],
        "time": "counted_at",
        "change_time": "counted_at",
        "fields": {"sku": "item", "location": "site", "quantity": "qty"},
    }
}


def decimal(value: str) -> str:
    """Base64 of the unscaled number of a decimal text, as Kafka Connect encodes it."""
    unscaled = int(value.replace(".", ""))
    return base64.b64encode(unscaled.to_bytes((unscaled.bit_length() + 8) // 8, "big", signed=True)).decode()


def order_row(number: int, days: int, quantity: str = "2.000", **more: Any) -> dict[str, Any]:
    """A row of order lines, ordered some days after 2026-01-01."""
    return {
        "order_no": 1000 + number, "line_no": 1, "row_version": 1, "item": "A-1", "qty": decimal(quantity),
        "price": decimal("9.90"), "wanted_on": 20454 + days, "customer": None,
        "ordered_at": 1_767_225_600_000_000 + days * DAY_US + 3_600_000_000, "note": "__debezium_unavailable_value",
    } | more  # fmt: skip


def source(table: str, ts_ms: int, snapshot: str = "false", schema: str = "public") -> dict[str, Any]:
    """The source block of the PostgreSQL connector."""
    return {
        "version": "3.0.7.Final", "connector": "postgresql", "name": "erp", "ts_ms": ts_ms, "snapshot": snapshot,
        "db": "erp", "sequence": '["24023119","24023128"]', "ts_us": ts_ms * 1000, "ts_ns": ts_ms * 10**6,
        "schema": schema, "table": table, "txId": 555, "lsn": 24023128, "xmin": None,
    }  # fmt: skip


def flat(operation: str, row: dict[str, Any], ts_ms: int, *, old: dict[str, Any] | None = None,
         table: str = "order_lines", schema: str = "public") -> dict[str, Any]:  # fmt: skip
    """An envelope without schemas."""
    deleted = operation == "d"
    return {
        "before": row if deleted else old, "after": None if deleted else row,
        "source": source(table, ts_ms, "true" if operation == "r" else "false", schema), "transaction": None,
        "op": operation, "ts_ms": ts_ms + 250, "ts_us": 0, "ts_ns": 0,
    }  # fmt: skip


ORDER_COLUMNS = [
    {"type": "int32", "optional": False, "field": "order_no"},
    {"type": "int16", "optional": False, "field": "line_no"},
    {"type": "int32", "optional": False, "field": "row_version"},
    {"type": "string", "optional": False, "field": "item"},
    {"type": "bytes", "optional": False, "name": "org.apache.kafka.connect.data.Decimal", "version": 1,
     "parameters": {"scale": "3", "connect.decimal.precision": "12"}, "field": "qty"},
    {"type": "bytes", "optional": True, "name": "org.apache.kafka.connect.data.Decimal", "version": 1,
     "parameters": {"scale": "2"}, "field": "price"},
    {"type": "int32", "optional": True, "name": "io.debezium.time.Date", "version": 1, "field": "wanted_on"},
    {"type": "string", "optional": True, "field": "customer"},
    {"type": "int64", "optional": False, "name": "io.debezium.time.MicroTimestamp", "version": 1,
     "field": "ordered_at"},
    {"type": "string", "optional": True, "field": "note"},
]  # fmt: skip


def with_schema(message: dict[str, Any], columns: list[dict[str, Any]]) -> dict[str, Any]:
    """The same envelope with schemas, as the JSON converter writes it by default."""
    row = {"type": "struct", "fields": columns, "optional": True, "name": "erp.public.order_lines.Value"}
    fields = [row | {"field": "before"}, row | {"field": "after"},
              {"type": "string", "optional": False, "field": "op"}]  # fmt: skip
    schema = {"type": "struct", "fields": fields, "optional": False, "name": "erp.public.order_lines.Envelope"}
    return {"schema": schema, "payload": message}
