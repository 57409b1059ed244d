"""AsyncAPI 3.0 document: all topics, messages read and sent, keys, and headers. ``tidegauge schemas`` writes it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from sensing.contracts import asyncapi_headers, dead_letters
from sensing.contracts.common import (
    ID_BYTES_MAX,
    LOCATION_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    NESTING_MAX,
    SKU_BYTES_MAX,
    SUBJECT_BYTES_MAX,
    UNIT_BYTES_MAX,
)
from sensing.contracts.input_types import INPUT_TYPES
from sensing.contracts.topic_registry import SPECS
from sensing.contracts.topic_spec import TopicSpec

Document = dict[str, Any]

VERSION = "1.0.0"
"""Version of the contracts. Fields are only added; a breaking change is a new event type."""

KAFKA_BINDING = "0.5.0"
SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"

ABOUT = f"""Tidegauge reads what happens in a distribution business and publishes exceptions and planning parameters.

Input events are JSON, plain or as CloudEvents 1.0 (binary mode with `ce_` headers, or structured mode): `ce_id`,
`ce_type` and `ce_time` stand in for `event_id`, `event_type` and `event_time` where the event itself does not name
them. Unknown fields are ignored, numeric strings are no numbers, an object that has a name twice is refused. A null is
an absent field. Input topics may carry change events of Debezium as well, if a mapping of tables to events is given
(setting `engine.tables`): these have other schemas, and become the events listed here.

Limits: sku and line {SKU_BYTES_MAX} bytes of UTF-8, location {LOCATION_BYTES_MAX}, unit of measure {UNIT_BYTES_MAX},
subjects of decisions {SUBJECT_BYTES_MAX}, other ids {ID_BYTES_MAX}, without control characters; a message
{MESSAGE_BYTES_MAX} bytes and {NESTING_MAX} levels of nesting. Quantities are kept in thousandths, rounded half to even.
Event times are RFC 3339 with an offset or whole milliseconds since 1970, from 1990 to 9999, and are kept in
milliseconds. What breaks a limit becomes a dead letter that names field, required and got.

Defaults: `line` is the sku; `line_version` is 1 for a placed line and "after all others" for a cancelled one; without
`order_id` an event is its own line, version 1, whatever `line_version` says; `unit_of_measure` is EA; reference without
`event_time` holds from the beginning.

Outputs are CloudEvents 1.0 in binary mode; type, severity, route and region are headers, so that subscribers filter
without parsing. They have the topic prefix that inputs have (setting `kafka.topic_prefix`). Readers ignore fields, and
values of enumerations, that they do not know: both may be added."""


TOMBSTONE = "The tombstone, eight days after the end: no value. The key leaves the topic."
DEAD_LETTER = """The original message, byte for byte, with its own key and headers. In files, which have no headers, a
dead letter is a CloudEvent with the data of dead-letters.json."""


class Example(msgspec.Struct, frozen=True):
    """A message as it was published: headers, value (None: none), and the data of its CloudEvent."""

    headers: dict[str, str]
    payload: Any
    data: Any


Examples = Mapping[str, list[Example]]
"""Examples by event type."""
NO_EXAMPLES: Examples = MappingProxyType({})


def document(descriptions: dict[str, str], examples: Examples = NO_EXAMPLES) -> Document:
    """The whole document; ``descriptions`` by topic."""
    specs = [spec for _, spec in sorted(SPECS.items()) if spec.structs]
    inputs = {spec.name: list(spec.events) for spec in specs if spec.is_input}
    outputs = {spec.name: [output_message(spec.name, name) for name in spec.published] for spec in specs if spec.sent}
    messages = {
        name: _input(spec, name, struct.__name__)
        for spec in specs
        if spec.is_input
        for name, struct in spec.events.items()
    }
    messages |= {
        output_message(spec.name, name): _output(spec, name) | _examples(examples.get(name, []))
        for spec in specs
        for name in spec.published
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Tidegauge", "version": VERSION, "description": ABOUT},
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, names, descriptions[topic]) for topic, names in (inputs | outputs).items()},
        "operations": _operations("receive", inputs) | _operations("send", outputs),
        "components": {"messages": messages, "schemas": asyncapi_headers.schemas()},
    }


def output_message(topic: str, name: str) -> str:
    """Name of an output message in this document: its type, unless an input has the same type."""
    return f"{topic}.{name.partition('.')[2]}" if topic == "planning-parameters" else name


def _channel(topic: str, names: list[str], description: str) -> Document:
    kafka: Document = {"topic": topic, "bindingVersion": KAFKA_BINDING}
    if SPECS[topic].compacted:
        kafka["topicConfiguration"] = {"cleanup.policy": ["compact"]}
    return {
        "address": topic,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": kafka},
    }


def _operations(action: str, topics: dict[str, list[str]]) -> Document:
    return {
        f"{action}-{topic}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{topic}"},
            "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in names],
        }
        for topic, names in topics.items()
    }


def _input(spec: TopicSpec, name: str, struct: str) -> Document:
    row = INPUT_TYPES[name]
    summary = f"Goes to {'the ' if row.routed_to != 'every shard' else ''}{row.routed_to}: {row.effect}."
    if row.unused:
        summary += f" Accepted and not used yet: {', '.join(row.unused)}."
    return _message(spec, name, struct, {"$ref": "#/components/schemas/cloudevent"}) | {"summary": summary}


def _output(spec: TopicSpec, name: str) -> Document:
    if name == spec.tombstone:
        message = _message(spec, name, "Forgotten", asyncapi_headers.of_output(spec.name, name, tombstone=True))
        del message["contentType"]
        return message | {"payload": {"type": "null", "description": TOMBSTONE}}
    struct = spec.sent[name].__name__
    if spec.name == dead_letters.SPEC.name:
        message = _message(spec, name, struct, {"$ref": "#/components/schemas/deadletter"})
        return message | {"contentType": "application/octet-stream", "payload": {"description": DEAD_LETTER}}
    message = _message(spec, name, struct, asyncapi_headers.of_output(spec.name, name))
    return message | ({"summary": spec.summaries[name]} if name in spec.summaries else {})


def _examples(examples: list[Example]) -> Document:
    found = [{"headers": example.headers, "payload": example.payload} for example in examples]
    return {"examples": found} if found else {}


def _message(spec: TopicSpec, name: str, struct: str, headers: Document) -> Document:
    return {
        "name": name,
        "title": struct,
        "contentType": "application/json",
        "headers": headers,
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"{spec.name}.json#/$defs/{struct}"}},
        "bindings": {"kafka": {"key": {"type": "string", "description": spec.key}, "bindingVersion": KAFKA_BINDING}},
    }
