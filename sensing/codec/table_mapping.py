"""Table mappings: which event a row of a database table is, for messages of Debezium. The operator writes them.

`sensing.codec.debezium` applies them. `flows.input.table_mappings` reads them from a file.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sensing.codec.contract_fields import fields_of
from sensing.contracts.topic_registry import INPUTS
from sensing.contracts.topic_spec import event_type

STRUCTS = {event_type(struct): struct for structs in INPUTS.values() for struct in structs}
CHANGES = {"order.placed": "order.changed"}
"""Event of a changed row, where it is another one than that of a new row."""
CANCELLATIONS = {"order.placed": "order.cancelled", "po.placed": "po.cancelled"}
"""Event of a deleted row."""
GIVEN = ("event_id", "event_time")
"""Fields that the message gives."""
SOURCE_TIME = "source.ts_ms"
"""In place of a column: the time of the change in the database."""


class TableMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event that a row of one table is.

    Attributes
    ----------
    event
        Event type of a new row; `CHANGES` and `CANCELLATIONS` give those of changed and deleted rows.
    fields
        Field of the event: column.
    constants
        Field of the event: value, for all rows.
    key
        Columns that make up the event id, usually the primary key.
    version
        Column with the version of a row, a whole number that grows; ``source.ts_ms`` for the seconds of the change.
    time
        Column with the event time of new rows and of rows of a snapshot; without it, the time of the change.
    change_time
        The same of changed rows.
    scales
        Column: decimals of a number in base64, for messages without a schema.
    """

    event: str
    fields: dict[str, str]
    key: list[str]
    constants: dict[str, str | int | float | bool] = {}
    version: str | None = None
    time: str | None = None
    change_time: str | None = None
    scales: dict[str, int] = {}


Tables = Mapping[str, TableMapping]
"""Mappings by table, as ``schema.table``, ``database.schema.table`` or ``table``, or by the topic of the messages."""


def read_mappings(given: Mapping[str, Any]) -> Tables:
    """The mappings in a plain object.

    Raises
    ------
    ValueError
        A mapping is not one, with a sentence that names the table, what is required and what was got.
    """
    found = {}
    for table, plain in given.items():
        try:
            found[table] = msgspec.convert(plain, TableMapping)
        except msgspec.ValidationError as error:
            msg = f"table {table!r}: required a mapping with event, fields and key, got one with an error: {error}"
            raise ValueError(msg) from error
        _check(table, found[table])
    return found


def _check(table: str, mapping: TableMapping) -> None:
    struct = STRUCTS.get(mapping.event)
    if struct is None:
        msg = f"table {table!r}, event: required one of {', '.join(STRUCTS)}, got {mapping.event!r}"
        raise ValueError(msg)
    legal = {field.name for field in fields_of(struct)}
    named = {*mapping.fields, *mapping.constants}
    if strange := sorted(named - legal | named & {*GIVEN}):
        msg = f"table {table!r}: required fields of {mapping.event} other than {' and '.join(GIVEN)}, got {strange[0]}"
        raise ValueError(msg)
    needed = {field.name for field in fields_of(struct) if field.required} - {*GIVEN}
    if missing := sorted(needed - named):
        msg = f"table {table!r}: required a column or a constant for {', '.join(missing)} of {mapping.event}, got none"
        raise ValueError(msg)
    if not mapping.key:
        msg = f"table {table!r}, key: required the columns of its primary key, got none"
        raise ValueError(msg)
    if mapping.event in CHANGES and mapping.version is None:
        msg = f"table {table!r}, version: required a column that grows with every change, or {SOURCE_TIME}, got none"
        raise ValueError(msg)
