"""JSON Schemas of all topics, generated from the types. ``tidegauge schemas`` writes them to files.

Limits that a schema cannot express are in its descriptions: identifiers are limited in bytes, event times are from 1990
to 9999.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args

import msgspec

from sensing.contracts import asyncapi
from sensing.contracts.asyncapi import NO_EXAMPLES, Examples
from sensing.contracts.common import SUBJECT_BYTES_MAX
from sensing.contracts.exception_details import Details
from sensing.contracts.number_kinds import UNIT
from sensing.contracts.topic_registry import SPECS
from sensing.contracts.topic_spec import TopicSpec

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NO_CONTROL_CHARACTERS = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
_NUMBERS = re.compile(r"\[\n([-+.,\s0-9eE]+)\]")
EVENT_TYPE = "Type of the event."
DETAILS_TYPE = "Type of the exception."


def documents(exception_types: Iterable[str], examples: Examples = NO_EXAMPLES) -> dict[str, bytes]:
    """All documents by file name: a JSON Schema per topic, and the AsyncAPI document.

    ``examples`` are messages by topic and event type, as they were published.
    """
    types = sorted(exception_types)
    schemas = {name: topic_schema(spec, types, examples) for name, spec in sorted(SPECS.items()) if spec.structs}
    about = {topic: schema["description"] for topic, schema in schemas.items()}
    contents = {f"{topic}.json": schema for topic, schema in schemas.items()}
    contents["asyncapi.json"] = in_markdown(asyncapi.document(about, examples))
    return {name: _readable(content) for name, content in contents.items()}


def _readable(document: Schema) -> bytes:
    """A document as indented JSON; numbers of a list are on one line."""
    text = json.dumps(document, indent=2)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text).encode() + b"\n"


def topic_schema(spec: TopicSpec, exception_types: Sequence[str], examples: Examples = NO_EXAMPLES) -> Schema:
    """JSON Schema (draft 2020-12) of the messages of a topic: one of its types. Unknown fields are allowed.

    ``exception_types`` are the names of all detectors, which are not part of the types.
    """
    references, definitions = msgspec.json.schema_components(spec.structs, ref_template="#/$defs/{name}")
    about = {"title": spec.name, "description": (spec.about or "").strip()}
    schema = {"$schema": DIALECT, **about, "anyOf": list(references), "$defs": definitions}
    finished = cast(Schema, in_markdown(_sharpened(schema, exception_types)))
    for name, struct in spec.sent.items():
        for example in examples.get(name, [])[:1]:
            # Types that share a struct have their examples in the AsyncAPI document, each its own.
            finished["$defs"][struct.__name__].setdefault("examples", [example.data])
    return finished


def _sharpened(schema: Any, exception_types: Sequence[str], inside: str = "") -> Any:
    """Add what msgspec leaves out: constants, exception types of the detectors, units, form of dates that are keys, and
    no control characters in identifiers.
    """
    if isinstance(schema, list):
        return [_sharpened(each, exception_types) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if inside in ("event_type", "type"):
        description = EVENT_TYPE if inside == "event_type" else DETAILS_TYPE
        return {"description": description, "const": schema["enum"][0]}
    if inside == "exception_type":
        words = "".join(f" `{name}`: {meaning}." for name, meaning in _meanings(exception_types).items())
        return {"description": schema["description"] + words, "enum": list(exception_types)}
    schema = _with_unit(schema)
    sharpened = {key: _sharpened(value, exception_types, inside=key) for key, value in schema.items()}
    if schema.get("type") == "string" and schema.get("maxLength", SUBJECT_BYTES_MAX + 1) <= SUBJECT_BYTES_MAX:
        sharpened["pattern"] = NO_CONTROL_CHARACTERS
    return sharpened


def _with_unit(schema: Schema) -> Schema:
    """Put the unit of a number behind the description of its field, also if it may be null or a text."""
    forms = schema.get("anyOf", [])
    units = [each[UNIT] for each in (schema, *forms) if UNIT in each]
    if not units:
        return schema
    description = " ".join([*filter(None, [schema.get("description")]), *units])
    plain = schema | {"description": description}
    if forms:
        plain["anyOf"] = [{key: value for key, value in form.items() if key != UNIT} for form in forms]
    return {key: value for key, value in plain.items() if key != UNIT}


def _meanings(exception_types: Sequence[str]) -> Mapping[str, str]:
    """What the exception types are, as far as the contracts know them: first lines of the structs of their details."""
    lines = {each.__struct_config__.tag: (each.__doc__ or "").partition("\n")[0] for each in get_args(Details)}
    lines = {name: line[0].lower() + line[1:].partition(".")[0] for name, line in lines.items()}
    return {name: lines[name] for name in exception_types if name in lines}


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
