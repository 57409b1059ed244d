"""Detectors are specs: one that this file defines runs from a shard's close to its published exceptions."""

import dataclasses
import math
from typing import get_args

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from sensing.contracts.exception_details import Details, DriftDetails, DropDetails
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.schemas import topic_schema
from sensing.contracts.topic_registry import SPECS
from sensing.detection.detector import Closing, Detector, Evaluation, Hysteresis, ShardParts
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.finding import DetectionContext
from sensing.detection.lifecycle import Problems
from sensing.machine_settings import DAY_MS
from tests.claims import orders, states, world
from tests.snapshots import resumed


class Toy(msgspec.Struct, frozen=True):
    """Order lines of the last seven days."""

    lines: float


def triggers(_: ShardParts, closing: Closing) -> NDArray[np.bool_]:
    """Rows with at least 20 order lines in a week."""
    return np.asarray(closing.windows["observed"][:, 0] >= 20)


def at_close(_: ShardParts, closing: Closing, at: int) -> list[Toy]:
    """The week that ends with the closed day."""
    return [Toy(float(closing.windows["observed"][at, 0]))]


def evaluate(evidence: Toy) -> Evaluation:
    """Opens at 20 lines, ends below 10."""
    return Evaluation(
        active=evidence.lines >= 20, cleared=evidence.lines < 10, severity_points=2.0, observed=evidence.lines,
        expected=math.nan, window_hours=168,
    )  # fmt: skip


def sentence(context: DetectionContext, evidence: Toy, _: Evaluation) -> str:
    """Who was busy, and how."""
    return f"{context.sku} had {evidence.lines:g} lines in a week."


TOY = Detector(
    name="busy_week",
    prefix="busy",
    opens="at least 20 order lines in a week",
    ends="fewer than 10",
    route="data_steward",
    inform=("planner",),
    details=DropDetails,
    hysteresis=Hysteresis(1, 2, 0, DAY_MS, 14 * DAY_MS),
    deadline_minutes=(40, 30, 20, 10),
    evaluate=evaluate,
    sentence=sentence,
    triggers=triggers,
    at_close=at_close,
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy is one more detector."""
    monkeypatch.setitem(DETECTORS, TOY.name, TOY)


def test_a_registered_detector_runs_from_the_close_to_its_exceptions() -> None:
    """It opens at the close of the 20th line, with its own prefix, sentence and route, and ends."""
    quiet, busy = orders("q", range(28), 1.0), orders("b", range(7, 12), 6.0)

    found = states(world([*quiet, *busy], 28), "busy_week")

    assert found[0]["status"] == "opened"
    assert found[-1]["status"] == "resolved"
    first = found[0]
    assert first["exception_id"].startswith("busy:A|L:2026")
    assert first["reason"] == f"A had {first['observed']:g} lines in a week."
    assert (first["route"], first["inform"], first["severity"]) == ("data_steward", ["planner"], "medium")
    opened = msgspec.convert(first, ExceptionState)
    assert opened.deadline is not None
    assert opened.deadline > opened.opened_at


def test_the_schema_lists_a_registered_detector() -> None:
    """Subscribers find its type in the published schema."""
    schema = topic_schema(SPECS["exceptions"], sorted(DETECTORS))

    assert schema["$defs"]["ExceptionState"]["properties"]["exception_type"]["enum"] == sorted(DETECTORS)
    assert "busy_week" in DETECTORS


def test_its_problems_survive_a_dump() -> None:
    """The life cycle needs nothing but the spec."""
    problems = Problems(10)
    context = DetectionContext(sku="A", location="L", row=0, instant=10, event_time=10, day=0)
    assert problems.observe(TOY.finding(context, Toy(25.0))) is not None

    assert resumed(Problems(problems.problems_max), problems.dump()).open_types(0) == {"busy_week"}


def test_details_are_those_of_the_type() -> None:
    """The spec of a detector names the struct with its type's tag, and the contract lists all of them."""
    specs = {name: detector.details for name, detector in DETECTORS.items() if name != TOY.name}
    assert {name: details.__struct_config__.tag for name, details in specs.items()} == {name: name for name in specs}
    assert set(get_args(Details)) == set(specs.values())


def test_details_of_another_type_do_not_leave() -> None:
    """A detector that makes details of another type is a bug."""
    other = msgspec.structs.replace(evaluate(Toy(25.0)), details=DriftDetails(drift=1.0, tolerance=0.1))
    wrong = dataclasses.replace(TOY, evaluate=lambda _: other)
    context = DetectionContext(sku="A", location="L", row=0, instant=10, event_time=10, day=0)
    with pytest.raises(AssertionError, match="busy_week has details of type DropDetails"):
        wrong.finding(context, Toy(25.0))


def test_names_and_prefixes_are_unique() -> None:
    """No two detectors share a type or the prefix of their ids, and each stands under its own name."""
    assert [detector.name for detector in DETECTORS.values()] == list(DETECTORS)
    assert len({detector.prefix for detector in DETECTORS.values()}) == len(DETECTORS)
