"""AsyncAPI 3.0 document: all topics, messages read and sent, keys, and headers. ``tidegauge schemas`` writes it."""

from typing import Any, get_args

from sensing.contracts import dead_letters
from sensing.contracts.common import (
    ID_BYTES_MAX,
    LOCATION_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    NESTING_MAX,
    SKU_BYTES_MAX,
    SUBJECT_BYTES_MAX,
    UNIT_BYTES_MAX,
)
from sensing.contracts.exceptions import Route, Severity
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
them. Unknown fields are ignored, numeric strings are no numbers, of a key given twice the last value counts.

Limits: sku and line {SKU_BYTES_MAX} bytes of UTF-8, location {LOCATION_BYTES_MAX}, unit of measure {UNIT_BYTES_MAX},
subjects of decisions {SUBJECT_BYTES_MAX}, other ids {ID_BYTES_MAX}, without control characters; a message
{MESSAGE_BYTES_MAX} bytes and {NESTING_MAX} levels of nesting. Quantities are kept in thousandths, rounded half to even.
Event times are RFC 3339 with an offset or whole milliseconds since 1970, from 1970 to 9999, and are kept in
milliseconds. What breaks a limit becomes a dead letter that names field, required and got.

Defaults: `line` is the sku; `line_version` is 1 for a placed line and "after all others" for a cancelled one; without
`order_id` an event is its own line, version 1, whatever `line_version` says; `unit_of_measure` is EA; reference without
`event_time` holds from the beginning.

Outputs are CloudEvents 1.0 in binary mode; type, severity, route and region are headers, so that subscribers filter
without
parsing."""


DEAD_LETTER = """The original message, byte for byte, with its own key and headers. In files, which have no headers, a
dead letter is a CloudEvent with the data of dead-letters.json."""


def document(descriptions: dict[str, str]) -> Document:
    """The whole document; ``descriptions`` by topic."""
    specs = [spec for _, spec in sorted(SPECS.items()) if spec.structs]
    inputs = {spec.name: list(spec.events) for spec in specs if spec.is_input}
    outputs = {spec.name: [output_message(spec.name, name) for name in spec.sent] for spec in specs if spec.sent}
    messages = {
        name: _input(spec, name, struct.__name__)
        for spec in specs
        if spec.is_input
        for name, struct in spec.events.items()
    }
    messages |= {
        output_message(spec.name, name): _output(spec, name, struct.__name__)
        for spec in specs
        for name, struct in spec.sent.items()
    }
    schemas = {"cloudevent": _attributes(), "output": _output_attributes(), "deadletter": _dead_letter_headers()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Tidegauge", "version": VERSION, "description": ABOUT},
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, names, descriptions[topic]) for topic, names in (inputs | outputs).items()},
        "operations": _operations("receive", inputs) | _operations("send", outputs),
        "components": {"messages": messages, "schemas": schemas},
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


def _output(spec: TopicSpec, name: str, struct: str) -> Document:
    if spec.name == dead_letters.SPEC.name:
        message = _message(spec, name, struct, {"$ref": "#/components/schemas/deadletter"})
        return message | {"contentType": "application/octet-stream", "payload": {"description": DEAD_LETTER}}
    headers = {"allOf": [{"$ref": "#/components/schemas/output"}, {"properties": {"ce_type": {"const": name}}}]}
    return _message(spec, name, struct, headers)


def _message(spec: TopicSpec, name: str, struct: str, headers: Document) -> Document:
    return {
        "name": name,
        "title": struct,
        "contentType": "application/json",
        "headers": headers,
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"{spec.name}.json#/$defs/{struct}"}},
        "bindings": {"kafka": {"key": {"type": "string", "description": spec.key}, "bindingVersion": KAFKA_BINDING}},
    }


def _attributes() -> Document:
    """Headers of inputs, all optional."""
    texts = {
        "ce_id": "Stands in for event_id.",
        "ce_type": "Stands in for event_type.",
        "ce_time": "Stands in for event_time.",
        "ce_traceparent": "W3C trace context, carried through.",
        "content-type": "application/cloudevents+json where the message is a CloudEvent in structured mode.",
    }
    return {"type": "object", "properties": {name: _text(description) for name, description in texts.items()}}


def _output_attributes() -> Document:
    """Headers of outputs."""
    texts = {
        "ce_id": "Entity and version: the same output has the same id, whenever it is produced.",
        "ce_source": "Who produced the output, a URI-reference: setting engine.ce_source, by default tidegauge.",
        "ce_type": "What kind of output this is.",
        "ce_subject": "Entity the output is about.",
        "ce_recordedtime": "Wall clock when the output was sealed; the only thing that a repetition may change.",
        "ce_region": "Region of the location, where it is known.",
        "ce_owner": "Person that master data name for the route of an exception, where one is known.",
        "ce_correlationid": "Id shared by all that belongs to one problem.",
        "ce_causationid": "Id of the event that caused the output.",
        "ce_traceparent": "W3C trace context, carried through.",
        "ce_lineage": "Run that produced the output; ids of later runs sort behind it.",
    }
    properties = {name: _text(description) for name, description in texts.items()} | {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_time": {"type": "string", "format": "date-time", "description": "Event time of the cause."},
        "ce_severity": {"type": "string", "enum": list(get_args(Severity))},
        "ce_route": {"type": "string", "enum": list(get_args(Route)), "description": "Who decides."},
        "content-type": {"type": "string", "const": "application/json"},
    }
    required = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_recordedtime", "ce_lineage"]
    return {"type": "object", "properties": properties, "required": required}


def _dead_letter_headers() -> Document:
    """Headers added behind those of the original message. Of two with the same name the last one is the engine's."""
    connect = {
        "topic": "Topic of the original message.",
        "partition": "Partition of the original message.",
        "offset": "Offset of the original message.",
        "connector.name": "Always tidegauge.",
        "task.id": "Number of the machine that refused the message.",
        "stage": "VALUE_CONVERTER where it could not be read, TRANSFORMATION where what it says was refused.",
        "class.name": "What refused it.",
        "exception.class.name": "The reason, behind tidegauge and a dot.",
        "exception.message": "Field, required and got, in a sentence.",
    }
    own = {
        "id": "Topic, partition and offset of the original message.",
        "type": "Always dead.letter.",
        "time": "Event time, as far as it is known.",
        "recordedtime": "Wall clock when the dead letter was sealed; the only thing that a repetition may change.",
        "source": "Who produced the dead letter: setting engine.ce_source.",
        "lineage": "Run that produced the dead letter; ids of later runs sort behind it.",
        "reason": "One of the published reasons, see dead-letters.json.",
        "field": "Field that was refused; absent where it is the whole message.",
        "required": "What was required.",
        "got": "What came, cut short.",
        "original": "false where the value is not the original but the event, encoded anew.",
        "value_dropped": "There where the value was left out, since it was larger than the topic takes.",
    }
    properties = {f"__connect.errors.{name}": _text(text) for name, text in connect.items()}
    properties |= {f"tidegauge_{name}": _text(text) for name, text in own.items()}
    return {"type": "object", "properties": properties}


def _text(description: str) -> Document:
    return {"type": "string", "description": description}
