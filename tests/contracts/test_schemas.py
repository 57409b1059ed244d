"""The generated schemas agree with the types, and the committed files equal the generated ones."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it comes without types

from flows.cli.schemas import PACKAGED, examples, schemas
from sensing.contracts.asyncapi import output_message
from sensing.contracts.audit import AutomaticDecision, ControlTotals
from sensing.contracts.dead_letters import DeadLetter
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.schemas import documents, topic_schema
from sensing.contracts.topic_registry import INPUTS, SPECS, published
from sensing.detection.detector_registry import DETECTORS
from sensing.outputs import encode
from tests.codec.blocks import decode_events
from tests.contracts.examples import EXAMPLES, REQUIRED, Event, example, minimal

every_type = pytest.mark.parametrize(("topic", "event"), EXAMPLES, ids=[event["event_type"] for _, event in EXAMPLES])
VALIDATORS = {
    topic: Draft202012Validator(topic_schema(spec, sorted(DETECTORS))) for topic, spec in SPECS.items() if spec.structs
}
PUBLISHED = documents(DETECTORS, examples())
DOCUMENTS: dict[str, Any] = {name: json.loads(content) for name, content in PUBLISHED.items()}
ASYNCAPI = DOCUMENTS["asyncapi.json"]


def test_committed_schemas_are_those_of_the_types() -> None:
    """Whoever changes a type runs ``tidegauge schemas``."""
    result = CliRunner().invoke(schemas, ["--check"])
    assert result.exit_code == 0, result.output


def test_examples_are_of_all_types() -> None:
    """There is one example of every event type of every topic, and a line on what it requires."""
    types = [(topic, struct.__struct_config__.tag) for topic, structs in INPUTS.items() for struct in structs]
    assert sorted(types) == sorted((topic, event["event_type"]) for topic, event in EXAMPLES)
    assert REQUIRED.keys() == {event_type for _, event_type in types}


@every_type
def test_examples_are_valid(topic: str, event: Event) -> None:
    """Whole and minimal events of every type pass the schema of their topic, with unknown fields as well."""
    for valid in (event, minimal(topic, event), event | {"later": [1]}):
        VALIDATORS[topic].validate(valid)


@every_type
def test_what_is_missing_is_invalid(topic: str, event: Event) -> None:
    """Without one of its required fields no event passes."""
    least = minimal(topic, event)
    for name in least:
        assert not VALIDATORS[topic].is_valid({key: value for key, value in least.items() if key != name})


@pytest.mark.parametrize(
    ("event_type", "patch"),
    [
        ("order.placed", {"event_type": "po.placed"}),
        ("order.placed", {"quantity": 0}),
        ("order.placed", {"quantity": 0.0005}),
        ("order.placed", {"quantity": "1"}),
        ("order.placed", {"quantity": 1e10}),
        ("order.placed", {"sku": "x" * 65}),
        ("order.placed", {"sku": "a\x00b"}),
        ("order.placed", {"sku": "a\x85"}),
        ("order.placed", {"event_time": -1}),
        ("order.changed", {"line_version": 0}),
        ("order.changed", {"line_version": None}),
        ("order.changed", {"quantity": None}),
    ],
)
def test_what_the_codec_refuses_is_invalid(event_type: str, patch: Event) -> None:
    """Schema and codec draw the same line."""
    event = example(event_type) | patch
    assert not VALIDATORS["orders"].is_valid(event)
    assert decode_events("orders", event).rejects


OUTPUT_EXAMPLES: list[tuple[str, msgspec.Struct]] = [
    (
        "audit",
        ControlTotals(
            topic="orders", partition=0, read=1, absorbed=1, absorbed_late=0, duplicate=0, superseded=0, held=0,
            dead_letter=0,
        ),
    ),
    ("audit", AutomaticDecision(rule="publish_parameters", subject="SKU-1", inputs={"version": 4.5, "why": None})),
    (
        "dead-letters",
        DeadLetter(
            topic="orders", partition=0, offset=7, reason="not_json", field=None, required="JSON", got="x",
            value_base64="eA==", headers={"ce_id": "1"},
        ),
    ),
    (
        "exceptions",
        ExceptionState(
            exception_id="X", exception_type="order_surge", version=1, status="opened", severity="high", sku="S",
            location="L", opened_at="2026-01-05T09:30:00Z", updated_at="2026-01-05T09:30:00Z", money=2.5,
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "struct"), OUTPUT_EXAMPLES, ids=lambda value: type(value).__name__)
def test_encoded_outputs_are_valid(topic: str, struct: msgspec.Struct) -> None:
    """What sinks are handed passes the schema of its topic, and with a field missing it does not."""
    data = json.loads(encode(struct))
    VALIDATORS[topic].validate(data)
    assert not VALIDATORS[topic].is_valid(dict(list(data.items())[1:]))


def test_schemas_are_schemas() -> None:
    """All documents of topics are valid draft 2020-12, and describe themselves in Markdown without stray line ends."""
    for name, content in PUBLISHED.items():
        schema = json.loads(content)
        assert content.endswith(b"}\n")
        assert b"``" not in content
        if name != "asyncapi.json":
            Draft202012Validator.check_schema(schema)
            assert schema["description"].startswith(f"Topic `{name.removesuffix('.json')}`")
            assert "\n" not in schema["description"].replace("\n\n", "")


def references(node: Any) -> list[str]:
    """All references in a document."""
    if isinstance(node, list):
        return [each for item in node for each in references(item)]
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [each for item in node.values() for each in references(item)]
    return []


def resolve(reference: str) -> Any:
    """What a reference of the AsyncAPI document points to, in it or in a schema beside it."""
    name, _, path = reference.partition("#/")
    node = DOCUMENTS[name or "asyncapi.json"]
    for part in path.split("/"):
        node = node[part]
    return node


def test_asyncapi_points_to_what_there_is() -> None:
    """Every reference resolves, and every message's payload is a type of its topic."""
    found = references(ASYNCAPI)
    assert len(found) > 100
    for reference in sorted(set(found)):
        assert resolve(reference), reference


def test_asyncapi_names_all_topics_and_types() -> None:
    """Inputs are received, outputs are sent; every event type is a message; compacted topics say so."""
    operations = {(each["action"], each["channel"]["$ref"]) for each in ASYNCAPI["operations"].values()}
    expected = {("receive", f"#/channels/{topic}") for topic in INPUTS} | {
        ("send", f"#/channels/{spec.name}") for spec in published()
    }
    assert operations == expected

    messages = [name for topic in ASYNCAPI["channels"].values() for name in topic["messages"]]
    outputs = [output_message(spec.name, name) for spec in published() for name in spec.published]
    assert sorted(messages) == sorted([*REQUIRED, *outputs])
    assert sorted(messages) == sorted(ASYNCAPI["components"]["messages"])
    told = [message["name"] for message in ASYNCAPI["components"]["messages"].values()]
    assert sorted(told) == sorted([*REQUIRED, *(name for spec in published() for name in spec.published)])
    bindings = {topic: channel["bindings"]["kafka"] for topic, channel in ASYNCAPI["channels"].items()}
    assert {topic for topic, binding in bindings.items() if "topicConfiguration" in binding} == {
        spec.name for spec in published() if spec.compacted
    }


def test_outputs_say_by_which_headers_to_filter() -> None:
    """Type, severity, route and region are headers of exceptions; a tombstone has no value, and no severity."""
    components = ASYNCAPI["components"]
    assert {"ce_type", "ce_traceparent"} < components["schemas"]["output"]["properties"].keys()
    assert {"ce_severity", "ce_route", "ce_region"} < components["schemas"]["exceptions"]["properties"].keys()
    common, own, opened = components["messages"]["exception.opened"]["headers"]["allOf"]
    assert common == {"$ref": "#/components/schemas/output"}
    assert own == {"$ref": "#/components/schemas/exceptions"}
    assert opened == {"properties": {"ce_type": {"const": "exception.opened"}}, "required": ["content-type"]}
    forgotten = components["messages"]["exception.forgotten"]
    assert forgotten["payload"]["type"] == "null"
    assert "contentType" not in forgotten
    assert {"$ref": "#/components/schemas/exceptions"} not in forgotten["headers"]["allOf"]


def test_schemas_are_written(tmp_path: Path) -> None:
    """The command writes all documents, as often as it is called, and nothing it would refuse itself."""
    for _ in range(2):
        result = CliRunner().invoke(schemas, ["--output", str(tmp_path / "new")])
        assert result.exit_code == 0
        assert result.output == f"11 documents written in {tmp_path / 'new'}\n"
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == PUBLISHED
    result = CliRunner().invoke(schemas, ["--check", "--output", str(tmp_path / "new")])
    assert (result.exit_code, result.output) == (0, f"11 documents are up to date in {tmp_path / 'new'}\n")


def test_stale_schemas_are_named(tmp_path: Path) -> None:
    """A changed, a missing and a foreign file are named with the fix, and nothing is written."""
    CliRunner().invoke(schemas, ["--output", str(tmp_path)])
    (tmp_path / "orders.json").write_text("{}")
    (tmp_path / "audit.json").unlink()
    (tmp_path / "sales.json").write_text("{}")

    result = CliRunner().invoke(schemas, ["--check", "--output", str(tmp_path)])
    assert result.exit_code == 1
    assert "got other or no audit.json, orders.json, sales.json; run tidegauge schemas" in result.output
    assert (tmp_path / "orders.json").read_text() == "{}"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The message names the folder and what was wrong with it."""
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(schemas, ["--output", str(tmp_path / "file")])
    assert result.exit_code == 1
    assert f"--output {tmp_path / 'file'}: required a folder to write to, got File exists" in result.output


def test_schemas_are_kept_beside_the_types() -> None:
    """The default folder is the one that ships with the package."""
    assert Path(__file__).parents[2] / "sensing" / "contracts" / "schemas" == PACKAGED


def test_every_field_of_an_event_is_described() -> None:
    """In the field itself, or in the form that it has where it is not null."""
    undescribed = [
        f"{name}.{field}"
        for topic in INPUTS
        for name, defined in DOCUMENTS[f"{topic}.json"]["$defs"].items()
        for field, schema in defined["properties"].items()
        if not any(form.get("description") for form in (schema, *schema.get("anyOf", ())))
    ]
    assert undescribed == []
