"""Examples of the published schemas are messages as the engine publishes them today."""

from typing import Any

import orjson
import pytest

from flows.cli.schemas import examples
from sensing.detection.detector_registry import DETECTORS
from tests.contracts.message_examples import fullness, of_streams
from tests.contracts.published import ASYNCAPI, SCHEMAS, TOPIC_OF, Seen


@pytest.mark.compiled
def test_they_are_those_of_a_replay() -> None:
    """If not: python -m tests.contracts.message_examples, then tidegauge schemas."""
    assert examples() == of_streams()


def test_there_is_one_of_every_type() -> None:
    """Every event type that is published, and every exception type."""
    found = examples()
    assert found.keys() == set(TOPIC_OF)
    assert sorted(each.data["exception_type"] for each in found["exception.opened"]) == sorted(DETECTORS)
    assert {len(each) for name, each in found.items() if name != "exception.opened"} == {1}


def test_they_are_valid() -> None:
    """Headers and data, against the schemas that publish them."""
    seen = Seen()
    for name, found in examples().items():
        for each in found:
            data = b"" if each.data is None else orjson.dumps(each.data)
            seen.add_message(name, dict(each.headers), data)
    assert seen.faults == {}
    assert seen.types == set(TOPIC_OF)


def test_they_are_published() -> None:
    """Each in the AsyncAPI document, and one of every struct in the schema of its topic."""
    found = examples()
    messages = {message["name"]: message for message in ASYNCAPI["components"]["messages"].values()}
    for name, each in found.items():
        assert messages[name]["examples"] == [{"headers": one.headers, "payload": one.payload} for one in each]
    shown = {
        struct for schema in SCHEMAS.values() for struct, defined in schema["$defs"].items() if "examples" in defined
    }
    assert shown == {
        "ExceptionState", "PlanningParameters", "AutomaticDecision", "DecisionAnswer", "ControlTotals", "DeadLetter",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("document", "expected"),
    [({"a": 1, "b": None, "c": [], "d": False}, 2), ({"a": 0, "details": {"x": 1, "y": None}}, 3), ({}, 0)],
)
def test_fullness_counts_what_has_a_value(document: dict[str, Any], expected: int) -> None:
    """Fields of the document and of its details."""
    assert fullness(document) == expected
