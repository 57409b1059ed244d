"""Values of columns in messages of Debezium: by the schema in the message, else by what the field of the event holds.

`sensing.codec.debezium` calls it. What cannot be converted stays as it is: the careful decoder then names the field,
what it requires and what it got. Source of the types: Debezium 2.x and 3.x, "Data type mappings" of the connectors.
"""

import base64
import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import inspect

from sensing.codec.contract_fields import Field
from sensing.codec.instants import date
from sensing.codec.time_words import looks_like
from sensing.machine_settings import DAY_MS

UNAVAILABLE = "__debezium_unavailable_value"
"""In place of a large value that did not change and that the database does not repeat."""
DECIMAL = "org.apache.kafka.connect.data.Decimal"
DAYS = ("io.debezium.time.Date", "org.apache.kafka.connect.data.Date")
PER_MS = {
    "io.debezium.time.Timestamp": 1,
    "org.apache.kafka.connect.data.Timestamp": 1,
    "io.debezium.time.MicroTimestamp": 1000,
    "io.debezium.time.NanoTimestamp": 10**6,
}
"""Time types: units in a millisecond. Other names, such as ZonedTimestamp, hold texts that need no conversion."""
UNITS_PER_MS = {"microseconds": 1000, "nanoseconds": 10**6}
DAYS_MAX = 200_000
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?")

Column = Mapping[str, Any]
"""Schema of a column; empty if the message has none."""


def value_of(raw: Any, column: Column, scale: int | None, field: Field) -> Any:
    """The value of a column as a value of a field; None if it is not there."""
    if raw is None or raw == UNAVAILABLE:
        return None
    value = _by_schema(raw, column, scale)
    if field.is_time:
        return milliseconds(value)
    match field.type:
        case inspect.StrType():
            return _text(value)
        case inspect.FloatType() | inspect.IntType():
            return _number(value, whole=isinstance(field.type, inspect.IntType))
        case inspect.DateType():
            return _date(value)
        case inspect.BoolType() if value in (0, 1):
            return bool(value)
    return value


def milliseconds(value: Any) -> Any:
    """A number of microseconds or nanoseconds as milliseconds; other values as they are."""
    per = UNITS_PER_MS.get(looks_like(value) or "", 1)
    return value if per == 1 or not isinstance(value, int) else value // per


def _by_schema(raw: Any, column: Column, scale: int | None) -> Any:
    name = column.get("name")
    if name == DECIMAL:
        scale = int(column.get("parameters", {}).get("scale", 0))
    if isinstance(raw, dict) and raw.keys() == {"scale", "value"}:  # VariableScaleDecimal
        raw, scale = raw["value"], raw["scale"]
    if scale is not None and isinstance(raw, str):
        return _decimal(raw, scale)
    if isinstance(raw, int) and not isinstance(raw, bool):
        if name in DAYS:
            return date(raw).isoformat()
        if name in PER_MS:
            return raw // PER_MS[name]
    return raw


def _decimal(text: str, scale: int) -> Any:
    """A big-endian two's complement number in base64, as a decimal."""
    try:
        unscaled = int.from_bytes(base64.b64decode(text, validate=True), "big", signed=True)
    except ValueError:
        return text
    return Decimal(unscaled).scaleb(-scale)


def _text(value: Any) -> Any:
    """A number as a text: keys of tables are often numbers."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _number(value: Any, *, whole: bool) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if whole and isinstance(value, float | Decimal) and value == value.__trunc__():
        return int(value)
    return float(value) if isinstance(value, Decimal) else value


def _date(value: Any) -> Any:
    """A date: of days since 1970, of a time in any unit, or the date of a text."""
    if isinstance(value, str):
        return value[:10]
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    if abs(value) <= DAYS_MAX:
        return date(value).isoformat()
    ms = milliseconds(value)
    return date(ms // DAY_MS).isoformat()


def seconds_since_2020(ms: int) -> int:
    """A time of change as a version: whole seconds, so that it fits for 68 years."""
    return ms // 1000 - int(dt.datetime(2020, 1, 1, tzinfo=dt.UTC).timestamp())
