"""Markdown of all fields of output records, made from the published schemas. `tables` lists it, `readme` writes it."""

import json
from collections.abc import Iterator
from typing import Any

from sensing.contracts.schemas import documents
from sensing.contracts.topic_registry import published
from sensing.detection.detector_registry import DETECTORS

Schema = dict[str, Any]
WORDS = {"string": "text", "integer": "whole number"}


def fields() -> str:
    """A section per topic, and in it a table per struct: field, form, meaning."""
    schemas = documents(DETECTORS)
    parts = []
    for spec in published():
        definitions: dict[str, Schema] = json.loads(schemas[f"{spec.name}.json"])["$defs"]
        parts.append(f"## {spec.name}")
        # The records first, then what is in them.
        names = [struct.__name__ for struct in spec.structs]
        for name in [*names, *sorted(definitions.keys() - set(names))]:
            parts += [f"### {name}", definitions[name]["description"], _table(definitions[name])]
    return "\n\n".join(parts)


def _table(defined: Schema) -> str:
    lines = ["| field | form | meaning |", "| --- | --- | --- |"]
    for name, schema in defined["properties"].items():
        meaning = schema["description"].replace("|", "\\|")
        lines.append(f"| `{name}` | {' or '.join(dict.fromkeys(forms(schema)))} | {meaning} |")
    return "\n".join(lines)


def forms(schema: Schema) -> Iterator[str]:
    """Forms of a value in words, null last."""
    if "anyOf" in schema:
        nulls = [each for each in schema["anyOf"] if each.get("type") == "null"]
        for each in [*(each for each in schema["anyOf"] if each not in nulls), *nulls]:
            yield from forms(each)
    elif "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield f"[{name}](#{name.lower()})"
    elif "const" in schema:
        yield f"`{schema['const']}`"
    elif "enum" in schema:
        yield "word"
    elif schema["type"] == "array":
        yield f"list of {' or '.join(forms(schema['items']))}"
    elif schema["type"] == "object":
        yield f"map to {' or '.join(forms(schema['additionalProperties']))}"
    else:
        kind = str(schema["type"])
        yield str(schema.get("format", WORDS.get(kind, kind)))
