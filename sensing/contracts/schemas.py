"""JSON Schemas of all topics, generated from the types. ``tidegauge schemas`` writes them to files.

Limits that a schema cannot express are in its descriptions: identifiers are limited in bytes, event times are from 1970
to 9999.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec

from sensing.contracts import asyncapi
from sensing.contracts.common import SUBJECT_BYTES_MAX
from sensing.contracts.topic_registry import SPECS
from sensing.contracts.topic_spec import TopicSpec

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NO_CONTROL_CHARACTERS = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"


def documents(exception_types: Iterable[str]) -> dict[str, bytes]:
    """All documents by file name: a JSON Schema per topic, and the AsyncAPI document."""
    types = sorted(exception_types)
    schemas = {name: topic_schema(spec, types) for name, spec in sorted(SPECS.items()) if spec.structs}
    about = {topic: schema["description"] for topic, schema in schemas.items()}
    contents = {f"{topic}.json": schema for topic, schema in schemas.items()}
    contents["asyncapi.json"] = in_markdown(asyncapi.document(about))
    return {name: json.dumps(content, indent=2).encode() + b"\n" for name, content in contents.items()}


def topic_schema(spec: TopicSpec, exception_types: Sequence[str]) -> Schema:
    """JSON Schema (draft 2020-12) of the messages of a topic: one of its types. Unknown fields are allowed.

    ``exception_types`` are the names of all detectors, which are not part of the types.
    """
    references, definitions = msgspec.json.schema_components(spec.structs, ref_template="#/$defs/{name}")
    about = {"title": spec.name, "description": (spec.about or "").strip()}
    schema = {"$schema": DIALECT, **about, "anyOf": list(references), "$defs": definitions}
    return cast(Schema, in_markdown(_sharpened(schema, exception_types)))


def _sharpened(schema: Any, exception_types: Sequence[str], inside: str = "") -> Any:
    """Add what msgspec leaves out: the constant event type, exception types of the detectors, and no control characters
    in identifiers.
    """
    if isinstance(schema, list):
        return [_sharpened(each, exception_types) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if inside == "event_type":
        return {"const": schema["enum"][0]}
    if inside == "exception_type":
        return {"enum": list(exception_types)}
    sharpened = {key: _sharpened(value, exception_types, inside=key) for key, value in schema.items()}
    if schema.get("type") == "string" and schema.get("maxLength", SUBJECT_BYTES_MAX + 1) <= SUBJECT_BYTES_MAX:
        sharpened["pattern"] = NO_CONTROL_CHARACTERS
    return sharpened


def in_markdown(schema: Any, inside: str = "") -> Any:
    """Convert descriptions to Markdown: code in single backticks, a paragraph on one line."""
    match schema:
        case list():
            return [in_markdown(each) for each in schema]
        case dict():
            return {key: in_markdown(value, inside=key) for key, value in schema.items()}
        case str() if inside == "description":
            paragraphs = schema.replace("``", "`").split("\n\n")
            return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        case _:
            return schema
