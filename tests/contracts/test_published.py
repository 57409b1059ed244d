"""What the engine publishes is what the published schemas and the AsyncAPI document say, and the other way round."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from sensing.contracts.topic_registry import INPUTS
from tests.contracts.published import (
    ASYNCAPI,
    FORMATS,
    HEADERS_OF,
    SCHEMAS,
    TOPIC_OF,
    Schema,
    Seen,
    are_quantiles,
    formats_of,
    forms,
)
from tests.contracts.streams import records

ABSENT_HEADERS = {
    "ce_traceparent": "the streams have no traces; tests of traces have",
    "tidegauge_value_dropped": "the Kafka sink adds it where a broker refuses a value; its tests show it",
    "ce_causationid": "a record that time has made has none, and types share a schema",
    "ce_correlationid": "control totals have none, and types of audit share a schema",
    "ce_region": "master data of few streams name a region",
    "ce_owner": "master data of few streams name a person",
}
"""Headers that some event type does not show, each with the reason. Every header is shown by another type, or above."""


@cache
def seen() -> Seen:
    """What all streams have shown."""
    return Seen(records())


@pytest.mark.compiled
def test_every_record_is_as_its_schema_says() -> None:
    """Data, formats and headers of the records of a business, of decisions, and of every scenario of the walk."""
    assert seen().faults == {}


@pytest.mark.compiled
def test_what_is_listed_is_published() -> None:
    """Every event type of the AsyncAPI document is among the records, and every other one would be a fault."""
    listed = {message["name"] for message in ASYNCAPI["components"]["messages"].values()}
    inputs = {message for topic in INPUTS for message in ASYNCAPI["channels"][topic]["messages"]}
    sent = {
        ASYNCAPI["components"]["messages"][name]["name"]
        for topic, channel in ASYNCAPI["channels"].items() if topic not in INPUTS for name in channel["messages"]
    }  # fmt: skip
    assert sent == set(TOPIC_OF) == seen().types
    assert sent | inputs == listed
    assert "actions" not in ASYNCAPI["channels"]


@pytest.mark.compiled
def test_no_field_is_dead() -> None:
    """Every field of every struct has a value in some record."""
    listed = {f"{struct}.{name}" for struct, defined in structs() for name in defined["properties"]}
    assert sorted(listed - seen().fields) == []


@pytest.mark.compiled
def test_no_header_is_dead() -> None:
    """Every header of every type is there in some record, or the reason is stated."""
    missing = {
        header for name, headers in HEADERS_OF.items() for header in headers if (name, header) not in seen().headers
    }
    assert missing - {"content-type"} == set(ABSENT_HEADERS)
    assert ("exception.forgotten", "content-type") not in seen().headers


def test_the_code_puts_out_listed_types_only(root: Path) -> None:
    """Every call of the outbox names a listed event type, or makes it of a prefix and a value of the contract."""
    kinds = [
        kind for path in sorted((root / "sensing").rglob("*.py")) for kind in put_kinds(ast.parse(path.read_text()))
    ]
    named = {kind for kind in kinds if not kind.endswith(".")}
    prefixes = {kind for kind in kinds if kind.endswith(".")}

    assert len(kinds) >= 7
    assert named <= set(TOPIC_OF)
    assert prefixes == {"exception.", "parameters.", "decision."}


def put_kinds(tree: ast.Module) -> Iterator[str]:
    """Event types in calls of ``outbox.put``; of a formatted one the constant beginning."""
    assigned = {
        target.id: node.value for node in ast.walk(tree) if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("outbox.put"):
            kind = node.args[2]
            kind = assigned[kind.id] if isinstance(kind, ast.Name) else kind
            kind = kind.values[0] if isinstance(kind, ast.JoinedStr) else kind
            assert isinstance(kind, ast.Constant), ast.unparse(node)
            yield str(kind.value)


def structs() -> Iterator[tuple[str, Schema]]:
    """All structs of the output schemas by name."""
    for schema in SCHEMAS.values():
        yield from schema["$defs"].items()


def fields() -> Iterator[tuple[str, Schema]]:
    """All fields of output records, and their schemas."""
    for struct, defined in structs():
        for name, schema in defined["properties"].items():
            yield f"{struct}.{name}", schema


def test_every_field_is_described() -> None:
    """A consumer needs no other document; so are the headers, and the structs themselves."""
    assert [path for path, schema in fields() if len(schema.get("description", "")) < 8] == []
    assert [name for name, defined in structs() if not defined.get("description")] == []
    headers = ASYNCAPI["components"]["schemas"].values()
    assert [name for each in headers for name, schema in each["properties"].items() if not schema["description"]] == []


def test_null_is_explained() -> None:
    """Of a field that may be null the description says what null means."""
    nullable = [(path, schema) for path, schema in fields() if {"type": "null"} in schema.get("anyOf", ())]
    assert len(nullable) > 80
    assert [path for path, schema in nullable if "null:" not in schema["description"]] == []


def test_every_value_of_an_enumeration_is_explained() -> None:
    """The description of a field says in words what each value means."""
    told = [
        (path, schema, value) for path, schema in fields() for form in forms(schema) for value in form.get("enum", ())
    ]
    assert len(told) > 100
    assert [f"{path}: {value}" for path, schema, value in told if f"`{value}`: " not in schema["description"]] == []


def test_numbers_state_their_unit() -> None:
    """A number that is no count says what one is, and a bounded one its range."""
    numbers = [
        (path, schema) for path, schema in fields() if any(form.get("type") == "number" for form in forms(schema))
    ]
    unit = re.compile("Base units|Money|Days|ratio|In the unit|A constant")
    assert [path for path, schema in numbers if not unit.search(str(schema))] == []
    assert "x-unit" not in str(SCHEMAS)


@pytest.mark.compiled
def test_every_value_of_an_enumeration_can_leave(root: Path) -> None:
    """A record shows it, the code has it as a text, or people may say so; others are not in the contract."""
    sources = [*(root / "sensing").rglob("*.py"), *(root / "flows").rglob("*.py")]
    saying = [path for path in sources if path.parent.name != "contracts" or path.stem == "decisions"]
    code = "".join(path.read_text() for path in saying)
    values = [
        (path, value) for path, schema in fields() for form in forms(schema) for value in form.get("enum", ())
        if isinstance(value, str) and f'"{value}"' not in code
    ]  # fmt: skip
    assert sorted(set(values) - seen().values) == []


def test_records_may_grow() -> None:
    """No struct of the output schemas forbids fields that a reader does not know."""
    assert [name for name, defined in structs() if defined.get("additionalProperties", True) is not True] == []


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("date-time", "2026-01-05T09:30:00.125Z", ("2026-01-05", "2026-13-05T09:30:00Z", "2026-01-05T09:30:00", "x")),
        ("date", "2024-02-29", ("2026-02-29", "2026-2-1", "2026-01-05T00:00:00Z", "")),
        ("uri-reference", "/plants/north", ("north plant",)),
    ],
)
def test_formats_are_checked(form: str, good: str, bad: tuple[str, ...]) -> None:
    """The checker refuses what is not of the form, and all forms of the schemas are known to it."""
    assert FORMATS.conforms(good, form)
    assert not any(FORMATS.conforms(each, form) for each in bad)
    assert set(formats_of([*SCHEMAS.values(), ASYNCAPI])) == {"date-time", "date", "uri-reference"}


def test_rows_of_quantiles_are_checked() -> None:
    """Apart from the schema: each as long as the levels, and of numbers."""
    row = [0.5] * 11
    assert are_quantiles([row, [1] * 11])
    for wrong in ([row, row[1:]], [[*row[1:], None]], [[*row[1:], "1"]], [[*row[1:], True]]):
        assert not are_quantiles(wrong)


def changed(record: dict[str, Any], **fields: Any) -> dict[str, str]:
    """Faults of a record with other values."""
    found = Seen()
    found.add_message("exception.opened", {}, orjson.dumps(record | fields))
    return {place: text for place, text in found.faults.items() if "headers" not in place}


@pytest.mark.compiled
def test_the_checker_finds_faults() -> None:
    """A time that is none, a value that no enumeration has, details of another type, and a time without a format."""
    record = next(orjson.loads(each.data) for each in records() if each.type == "exception.opened")
    assert changed(record) == {}
    for fields in (
        {"opened_at": "yesterday"}, {"status": "candidate"}, {"details": record["details"] | {"type": "demand"}},
        {"exception_type": "demand"}, {"reason": "2026-01-05"}, {"later": 1}, {"version": 0},
    ):  # fmt: skip
        assert changed(record, **fields) != {}, fields
