"""Output records: what machines return and sinks deliver as CloudEvents."""

from typing import Any, NamedTuple

import msgspec
import orjson

from sensing.contracts import actions, audit, dead_letters, exceptions, parameters

EXCEPTIONS = exceptions.SPEC.name
PARAMETERS = parameters.SPEC.name
ACTIONS = actions.SPEC.name
AUDIT = audit.SPEC.name
DEAD_LETTERS = dead_letters.SPEC.name


class OutputRecord(NamedTuple):
    """One output of one machine.

    ``instant`` (UTC ms, never falling within a machine), ``machine`` and ``number`` (a counter per machine) order
    outputs of all machines. ``time`` is the event time of the cause, UTC ms. ``id`` consists of entity and version.
    ``attributes`` are CloudEvents extension attributes (severity, route, region, correlationid, causationid,
    traceparent ...), so that subscribers can filter without parsing. Empty ``data`` is a tombstone of a compacted
    topic.
    """

    instant: int
    machine: int
    number: int
    topic: str
    type: str
    id: str
    subject: str
    time: int
    attributes: dict[str, str]
    data: bytes


class Produced(NamedTuple):
    """What one call of a machine has produced.

    ``machine`` is its key. ``position`` is the number of its calls so far; the same position has the same outputs
    whenever it is made again. ``outputs`` are `OutputRecord` and, at the end of an input, tables of rows.
    """

    machine: str
    position: int
    outputs: list[Any]


def encode(data: msgspec.Struct) -> bytes:
    """JSON of an output struct. Numpy scalars become numbers, NaN becomes null, a struct of a union has its tag."""
    return orjson.dumps(data, default=_fields, option=orjson.OPT_SERIALIZE_NUMPY)


def _fields(data: msgspec.Struct) -> dict[str, object]:
    config, fields = data.__struct_config__, msgspec.structs.asdict(data)
    return fields if config.tag_field is None else {config.tag_field: config.tag, **fields}
