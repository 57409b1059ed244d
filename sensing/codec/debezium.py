"""Messages of Debezium: changes of table rows, as envelopes or unwrapped rows. The careful decoder calls it.

An envelope has ``op`` (c created, u updated, d deleted, r read by a snapshot), ``before``, ``after`` and ``source``.
With schemas it is the ``payload`` beside a ``schema``. The transformation ExtractNewRecordState leaves the row alone,
with ``__op``, ``__table``, ``__source_ts_ms`` and ``__deleted`` where it is told to add them. A mapping says which
event a row of a table is.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sensing.codec.contract_fields import fields_of
from sensing.codec.debezium_values import milliseconds, seconds_since_2020, value_of
from sensing.codec.fault import Fault
from sensing.codec.table_mapping import CANCELLATIONS, CHANGES, SOURCE_TIME, STRUCTS, TableMapping, Tables

OPERATIONS = "one of c, u, d, r"
OF_THE_ROW = ("quantity", "quantity_open", "line_version")
"""Fields that a cancellation does not repeat: it ends what is open, whatever the version."""


class Change(NamedTuple):
    """A change of one row.

    Attributes
    ----------
    operation
        c, u, d or r.
    row
        Columns: of the row after the change, of a deleted row before it.
    columns
        Schemas of the columns, empty if the message has none.
    tables
        Names of the table, the most exact one first.
    time
        Time of the change in the database, UTC ms; None if the message does not say it.
    """

    operation: str
    row: Mapping[str, Any]
    columns: Mapping[str, Mapping[str, Any]]
    tables: list[str]
    time: int | None


def event_of_row(plain: Mapping[str, Any], topic: str, tables: Tables) -> dict[str, Any] | Fault | None:
    """The event that a message of Debezium stands for, or its fault; None if it is none."""
    change = change_of(plain, topic)
    if change is None or isinstance(change, Fault):
        return change
    table = next((name for name in change.tables if name in tables), None)
    if table is None:
        got = ", ".join(change.tables)
        return Fault("unknown_event_type", "source.table", f"a table with a mapping: {', '.join(tables)}", got)
    mapping = tables[table]
    kind = mapping.event
    if change.operation == "u":
        kind = CHANGES.get(kind, kind)
    elif change.operation == "d":
        if kind not in CANCELLATIONS:
            return Fault("unknown_event_type", "op", f"c, u or r: {kind} has no cancellation", '"d"')
        kind = CANCELLATIONS[kind]
    return _event(kind, change, table, mapping)


def change_of(plain: Mapping[str, Any], topic: str) -> Change | Fault | None:
    """The change that a message says; None if it is no message of Debezium."""
    schema, payload = plain.get("schema"), plain.get("payload")
    if not isinstance(payload, dict):
        schema, payload = None, plain
    if "op" in payload and ("after" in payload or "before" in payload):
        return _of_envelope(payload, schema, topic)
    if "__op" in payload or "__deleted" in payload:
        return _of_row(payload, schema, topic)
    return None


def snapshot_time(plain: Any, topic: str) -> int | None:
    """Time of a snapshot (UTC ms) that a message is of; None if it is of none."""
    change = change_of(plain, topic) if isinstance(plain, dict) else None
    return change.time if isinstance(change, Change) and change.operation == "r" else None


def _of_envelope(payload: Mapping[str, Any], schema: Any, topic: str) -> Change | Fault:
    operation = payload["op"]
    if operation not in ("c", "u", "d", "r"):
        return Fault("unknown_event_type", "op", OPERATIONS, f'"{operation}"')
    image = "before" if operation == "d" else "after"
    row, source = payload.get(image), payload.get("source")
    if not isinstance(row, dict):
        return Fault("missing_field", image, "the row; for deletions the database must log whole rows", "nothing")
    source = source if isinstance(source, dict) else {}
    time = source.get("ts_ms")
    time = payload.get("ts_ms") if time in (None, 0) else time
    parts = [str(source[name]) for name in ("db", "schema", "table") if source.get(name)]
    names = [".".join(parts[at:]) for at in range(len(parts))] if source.get("table") else []
    columns = next((field for field in _fields(schema) if field.get("field") == image), None)
    return Change(operation, row, _by_name(columns), [*names, topic], time if isinstance(time, int) else None)


def _of_row(payload: Mapping[str, Any], schema: Any, topic: str) -> Change | Fault:
    deleted = payload.get("__deleted") in (True, "true")
    operation = "d" if deleted else payload.get("__op", "u")
    if operation not in ("c", "u", "d", "r"):
        return Fault("unknown_event_type", "__op", OPERATIONS, f'"{operation}"')
    table, time = payload.get("__table"), payload.get("__source_ts_ms", payload.get("__ts_ms"))
    names = [f"{payload['__schema']}.{table}"] if table and payload.get("__schema") else []
    names += [str(table)] if table else []
    return Change(operation, payload, _by_name(schema), [*names, topic], time if isinstance(time, int) else None)


def _fields(schema: Any) -> list[dict[str, Any]]:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    return [field for field in fields if isinstance(field, dict)] if isinstance(fields, list) else []


def _by_name(schema: Any) -> dict[str, Mapping[str, Any]]:
    return {str(field.get("field")): field for field in _fields(schema)}


def _event(kind: str, change: Change, table: str, mapping: TableMapping) -> dict[str, Any]:
    """The event of a row. Fields that its type does not have are left out, as are columns without a value."""
    version = _version(change, mapping)
    event: dict[str, Any] = {"event_type": kind, "event_id": _event_id(change, table, mapping, version)}
    ended = change.operation == "d"
    for field in fields_of(STRUCTS[kind]):
        name = field.name
        if ended and name in OF_THE_ROW:
            continue
        if field.is_time and name == "event_time":
            value = _time(change, mapping, field)
        elif name == "line_version" and version is not None:
            value = version
        elif name in mapping.constants:
            value = mapping.constants[name]
        elif name in mapping.fields:
            column = mapping.fields[name]
            value = value_of(change.row.get(column), change.columns.get(column, {}), mapping.scales.get(column), field)
        else:
            continue
        if value is not None:
            event[name] = value
    return event


def _time(change: Change, mapping: TableMapping, field: Any) -> Any:
    column = {"c": mapping.time, "r": mapping.time, "u": mapping.change_time}.get(change.operation)
    if column is None or column == SOURCE_TIME or change.row.get(column) is None:
        return change.time
    return milliseconds(value_of(change.row[column], change.columns.get(column, {}), None, field))


def _version(change: Change, mapping: TableMapping) -> Any:
    if mapping.version is None:
        return None
    if mapping.version == SOURCE_TIME:
        return None if change.time is None else seconds_since_2020(change.time)
    return change.row.get(mapping.version)


def _event_id(change: Change, table: str, mapping: TableMapping, version: Any) -> str:
    """The same for the same state of a row, so that a second snapshot repeats events and makes no new ones."""
    key = ":".join(str(change.row.get(column)) for column in mapping.key)
    state = f"{change.time}" if version is None else f"{version}"
    return f"{table}:{key}:{state}{':deleted' if change.operation == 'd' else ''}"
