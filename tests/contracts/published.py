"""Checker of output records: whether messages are as the published schemas say, formats and headers included.

The formats are checked by the standard library, since the checker of `jsonschema` passes every ``date-time`` unless a
further package is installed.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

import orjson
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # it comes without types

from flows.cli.schemas import PACKAGED
from sensing.contracts.parameters import QUANTILE_LEVELS
from sensing.contracts.topic_registry import published
from sensing.outputs import DEAD_LETTERS, OutputRecord
from sinks.kafka_messages import to_message

Schema = dict[str, Any]
SCHEMAS: dict[str, Schema] = {
    spec.name: orjson.loads((PACKAGED / f"{spec.name}.json").read_bytes()) for spec in published()
}
ASYNCAPI: Schema = orjson.loads((PACKAGED / "asyncapi.json").read_bytes())
MESSAGES: dict[str, Schema] = {message["name"]: message for message in ASYNCAPI["components"]["messages"].values()}
TOPIC_OF = {name: spec.name for spec in published() for name in spec.published}
"""Topic by event type."""

FORMATS = FormatChecker(formats=())
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_NO_BLANKS = re.compile(r"\S+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _is(form: re.Pattern[str], read: Callable[[str], object], text: str) -> bool:
    try:
        return form.fullmatch(text) is not None and read(text) is not None
    except ValueError:
        return False


def is_date_time(value: object) -> bool:
    """RFC 3339 in UTC, which is how all times leave."""
    return not isinstance(value, str) or _is(_DATE_TIME, dt.datetime.fromisoformat, value)


def is_date(value: object) -> bool:
    """A day of the calendar, YYYY-MM-DD."""
    return not isinstance(value, str) or _is(_DATE, dt.date.fromisoformat, value)


def is_uri_reference(value: object) -> bool:
    """Something that splits into the parts of a URI, without blanks."""
    return not isinstance(value, str) or _is(_NO_BLANKS, urlsplit, value)


for _form, _check in (("date-time", is_date_time), ("date", is_date), ("uri-reference", is_uri_reference)):
    FORMATS.checks(_form)(_check)


def validator(schema: Schema) -> Any:
    """Validator of a schema that checks formats, and that knows no other formats than those checked."""
    unknown = {form for form in formats_of(schema) if form not in FORMATS.checkers}
    assert not unknown, f"formats that nothing checks: {unknown}"
    return Draft202012Validator(schema, format_checker=FORMATS)


def formats_of(schema: Any) -> Iterator[str]:
    """All formats in a schema."""
    for key, value in schema.items() if isinstance(schema, dict) else ():
        if key == "format" and isinstance(value, str):
            yield value
        yield from formats_of(value)
    for each in schema if isinstance(schema, list) else ():
        yield from formats_of(each)


def data_schema(name: str) -> Schema:
    """Schema of the data of an event type: the definition that its message names, or of dead letters the only one."""
    topic = TOPIC_OF[name]
    struct = MESSAGES[name]["title"]
    return {"$ref": f"#/$defs/{struct}", "$defs": _without_quantiles(SCHEMAS[topic]["$defs"])}


def _without_quantiles(definitions: Schema) -> Schema:
    """The same without the items of ``quantiles``: those 308 numbers are checked here, at a tenth of the time."""
    if "Forecast" not in definitions:
        return definitions
    found: Schema = deepcopy(definitions)
    quantiles = found["Forecast"]["properties"]["quantiles"]
    assert quantiles.pop("items")["items"]["type"] == "number"
    return found


def are_quantiles(value: Any) -> bool:
    """Whether a value is rows of numbers, each as long as there are levels."""
    return all(len(row) == len(QUANTILE_LEVELS) and all(type(each) in (int, float) for each in row) for row in value)


def headers_schema(name: str) -> Schema:
    """Schema of the headers of an event type."""
    return {**MESSAGES[name]["headers"], "components": ASYNCAPI["components"]}


_HEADERS = {name: validator(headers_schema(name)) for name in TOPIC_OF}
_DATA = {name: validator(data_schema(name)) for name in TOPIC_OF if MESSAGES[name]["payload"].get("type") != "null"}


def headers_of(schema: Schema) -> set[str]:
    """Headers that a schema of headers lists."""
    if "$ref" in schema:
        return headers_of(ASYNCAPI["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    parts = [header for part in schema.get("allOf", ()) for header in headers_of(part)]
    return {*schema.get("properties", {}), *parts}


HEADERS_OF = {name: headers_of(MESSAGES[name]["headers"]) for name in TOPIC_OF}
"""Headers that the document lists by event type."""


class Seen:
    """What records have shown: event types, headers by type, paths of fields that had a value, values of enumerations.

    ``faults`` are records that are not as their schemas say, one of every kind.
    """

    def __init__(self, records: Iterable[OutputRecord] = ()) -> None:
        self.types: set[str] = set()
        self.headers: set[tuple[str, str]] = set()
        self.fields: set[str] = set()
        self.values: set[tuple[str, str]] = set()
        self.faults: dict[str, str] = {}
        for record in records:
            self.add(record)

    def add(self, record: OutputRecord) -> None:
        """Check one record as the message that it becomes, and note what it shows."""
        message = to_message(record, "", "0123", "2026-01-05T00:00:00Z")
        headers = {
            name: value if isinstance(value, str) else (value or b"").decode() for name, value in message.headers
        }
        self.add_message(record.type, headers, record.data)

    def add_line(self, line: bytes) -> None:
        """Check a line of an output file: a CloudEvent in structured mode, whose attributes are headers in Kafka."""
        event = orjson.loads(line)
        data = event.pop("data")
        headers = {f"ce_{name}": value for name, value in event.items() if name != "datacontenttype"}
        headers |= {"ce_lineage": "0123"} | ({} if data is None else {"content-type": event["datacontenttype"]})
        self.add_message(event["type"], headers, b"" if data is None else orjson.dumps(data))

    def add_message(self, name: str, headers: dict[str, str], data: bytes) -> None:
        """Check headers and data of a message of an event type."""
        if name not in TOPIC_OF:
            self.faults[name] = "the AsyncAPI document does not list this type"
            return
        self.types.add(name)
        self._check(f"{name} headers", _HEADERS[name], headers)
        # Those of the original message are headers of a dead letter, too.
        for header in headers.keys() - HEADERS_OF[name] if TOPIC_OF[name] != DEAD_LETTERS else ():
            self.faults[f"{name} {header}"] = "the AsyncAPI document does not list this header"
        self.headers |= {(name, header) for header in headers}
        if not data:
            if name in _DATA:
                self.faults[name] = "a value is missing"
            return
        if name not in _DATA:
            self.faults[name] = "there is a value"
            return
        document = orjson.loads(data)
        self._check(name, _DATA[name], document)
        if "forecast" in document and not are_quantiles(document["forecast"]["quantiles"]):
            self.faults[f"{name} quantiles"] = "rows of numbers are required"
        details = document.get("details")
        if details is not None and details["type"] != document["exception_type"]:
            self.faults[f"{name} details"] = "the type of the details is another one"
        self._note(document, MESSAGES[name]["title"], TOPIC_OF[name])

    def _check(self, name: str, checker: Any, value: Any) -> None:
        for error in checker.iter_errors(value):
            self.faults[f"{name} {error.json_path} {error.validator}"] = error.message[:300]

    def _note(self, document: dict[str, Any], struct: str, topic: str) -> None:
        """Note fields with a value, by struct and name, and the values of enumerations."""
        properties = SCHEMAS[topic]["$defs"][struct]["properties"]
        for field, value in document.items():
            path = f"{struct}.{field}"
            if field not in properties:
                self.faults[path] = "the schema does not list this field"
            if field not in properties or value is None or value in ([], {}):
                continue
            self.fields.add(path)
            schema = properties[field]
            is_plain = not any("$ref" in form for form in forms(schema))
            for text in _texts(value) if is_plain else ():
                if (is_date_time(text) or is_date(text)) and not set(formats_of(schema)):
                    self.faults[f"{path} {text}"] = "a time without a format"
            if isinstance(value, str) and any("enum" in form for form in forms(schema)):
                self.values.add((path, value))
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, str) and any("enum" in form for form in forms(schema.get("items", {}))):
                    self.values.add((path, each))
                inner = self._struct_of(schema, each, topic) if isinstance(each, dict) else None
                if inner is not None:
                    self._note(each, inner, topic)

    def _struct_of(self, schema: Schema, value: dict[str, Any], topic: str) -> str | None:
        """The struct of an object: the one whose constant ``type`` is that of the value, else the only one."""
        names = [form["$ref"].rpartition("/")[2] for form in forms(schema) if "$ref" in form]
        for name in names:
            constant = SCHEMAS[topic]["$defs"][name]["properties"].get("type", {}).get("const")
            if constant is None or constant == value.get("type"):
                return str(name)
        return None


def _texts(value: Any) -> list[str]:
    """Texts in a value that is no object of a struct: itself, and keys and texts of a map."""
    if isinstance(value, dict) and not any(isinstance(each, dict | list) for each in value.values()):
        return [*value, *(each for each in value.values() if isinstance(each, str))]
    return [value] if isinstance(value, str) else []


def forms(schema: Schema) -> list[Schema]:
    """Alternatives of a value; of a list those of its items as well."""
    inner = [*schema.get("anyOf", ()), *([schema["items"]] if isinstance(schema.get("items"), dict) else [])]
    return [schema, *(form for each in inner for form in forms(each))]
