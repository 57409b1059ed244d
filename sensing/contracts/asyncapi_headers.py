"""Schemas of message headers in the AsyncAPI document: what inputs may have, and what outputs have by topic."""

from typing import Any, get_args

from sensing.contracts import audit, dead_letters, exceptions, parameters
from sensing.contracts.dead_letters import Reason
from sensing.contracts.exceptions import SEVERITY_WORDS, Route

Document = dict[str, Any]


def schemas() -> dict[str, Document]:
    """All header schemas by name."""
    return {
        "cloudevent": _inputs(),
        "output": _outputs(),
        exceptions.SPEC.name: _exceptions(),
        parameters.SPEC.name: _parameters(),
        audit.SPEC.name: _links(),
        "deadletter": _dead_letters(),
    }


def of_output(topic: str, name: str, *, tombstone: bool = False) -> Document:
    """Schema of the headers of an output message: those of all outputs, those of its topic, and its type."""
    own: Document = {"properties": {"ce_type": {"const": name}}}
    if tombstone:
        return {"allOf": [_reference("output"), _reference(audit.SPEC.name), own]}
    own |= {"required": ["content-type"]}
    more = [_reference(topic)] if topic in schemas() else []
    return {"allOf": [_reference("output"), *more, own]}


def _reference(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _inputs() -> Document:
    """All are optional; others are ignored. Names may be in any letter case."""
    return _object(
        {
            "ce_id": _text("Stands in for `event_id`."),
            "ce_type": _text("Stands in for `event_type`."),
            "ce_time": _text("Stands in for `event_time`.", format="date-time"),
            "ce_traceparent": _text("W3C trace context, carried through to the outputs that the event causes."),
            "traceparent": _text("The same, where there is no `ce_traceparent`."),
            "content-type": _text(
                "`application/cloudevents+json` where the message is a CloudEvent in structured mode; such a message "
                "is also known by its `specversion`. Other values are ignored."
            ),
        }
    )


def _outputs() -> Document:
    properties = {
        "ce_specversion": {"const": "1.0", "description": "Version of CloudEvents."},
        "ce_id": _text("Entity and version: the same output has the same id, whenever it is produced."),
        "ce_source": _text(
            "Who produced the output: setting `engine.ce_source`, by default `tidegauge`.", format="uri-reference"
        ),
        "ce_type": _text("What kind of output this is."),
        "ce_subject": _text("Entity that the output is about, and key of the message."),
        "ce_time": _text("Event time of the cause.", format="date-time"),
        "ce_recordedtime": _text(
            "Wall clock when the output was sealed; only this and `ce_lineage` may differ in a repetition.",
            format="date-time",
        ),
        "ce_traceparent": _text("W3C trace context of the cause; absent if it had none."),
        "ce_lineage": _text("Id of the run that produced the output; ids of later runs sort behind it."),
        "content-type": {"const": "application/json", "description": "Absent if there is no value."},
    }
    absent = {"ce_traceparent", "content-type"}
    return _object(properties, required=[name for name in properties if name not in absent])


def _links() -> Document:
    return _object(
        {
            "ce_correlationid": _text("Id shared by all that belongs to one problem or SKU-location."),
            "ce_causationid": _text("Id of the event that caused the output; absent if it was time."),
        }
    )


def _exceptions() -> Document:
    links = _links()["properties"]
    return _object(
        {
            "ce_exceptiontype": _text("`exception_type` of the record."),
            "ce_severity": _text("`severity` of the record.", enum=list(SEVERITY_WORDS)),
            "ce_route": _text("Who decides: `route` of the record.", enum=list(get_args(Route))),
            "ce_region": _text("Region of the location; absent if master data name none."),
            "ce_owner": _text("`owner` of the record; absent if none is known."),
            **links,
        },
        required=["ce_exceptiontype", "ce_severity", "ce_route", "ce_correlationid"],
    )


def _parameters() -> Document:
    links = _links()["properties"]
    return _object(
        {
            "ce_demandclass": _text("`demand_class` of the record.", enum=list(parameters.DEMAND_CLASSES)),
            "ce_status": _text("`status` of the record.", enum=list(parameters.STATUSES)),
            "ce_region": _text("Region of the location; absent if master data name none."),
            **links,
        },
        required=["ce_demandclass", "ce_status", "ce_correlationid"],
    )


def _dead_letters() -> Document:
    """Headers added behind those of the original message. Of two with the same name the last one is the engine's."""
    connect = {
        "topic": _text("Topic of the original message."),
        "partition": _text("Partition of the original message."),
        "offset": _text("Offset of the original message."),
        "connector.name": {"const": "tidegauge", "description": "Always tidegauge."},
        "task.id": _text("Number of the machine that refused the message."),
        "stage": _text(
            "`VALUE_CONVERTER` where it could not be read, `TRANSFORMATION` where what it says was refused.",
            enum=["VALUE_CONVERTER", "TRANSFORMATION"],
        ),
        "class.name": _text("What refused it."),
        "exception.class.name": _text("The reason, behind tidegauge and a dot."),
        "exception.message": _text("Field, required and got, in a sentence."),
    }
    own = {
        "id": _text("Topic, partition and offset of the original message."),
        "type": {"const": next(iter(dead_letters.SPEC.sent)), "description": "Always dead.letter."},
        "time": _text("Event time, as far as it is known.", format="date-time"),
        "recordedtime": _text(
            "Wall clock when the dead letter was sealed; only this and `tidegauge_lineage` may differ in a repetition.",
            format="date-time",
        ),
        "source": _text("Who produced the dead letter: setting `engine.ce_source`.", format="uri-reference"),
        "lineage": _text("Id of the run that produced the dead letter; ids of later runs sort behind it."),
        "reason": _text("Why the message was refused, see dead-letters.json.", enum=list(get_args(Reason))),
        "field": _text("Field that was refused; absent where it is the whole message."),
        "required": _text("What was required."),
        "got": _text("What came, cut short."),
        "original": _text(
            "`false` where the value is not the original but the event, encoded anew.", enum=["true", "false"]
        ),
        "value_dropped": _text("There where the value was left out, since it was larger than the topic takes."),
    }
    properties = {f"__connect.errors.{name}": each for name, each in connect.items()}
    properties |= {f"tidegauge_{name}": each for name, each in own.items()}
    absent = {"tidegauge_field", "tidegauge_value_dropped"}
    return _object(properties, required=[name for name in properties if name not in absent])


def _object(properties: dict[str, Document], required: list[str] | None = None) -> Document:
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def _text(description: str, **more: Any) -> Document:
    return {"type": "string", "description": description, **more}
