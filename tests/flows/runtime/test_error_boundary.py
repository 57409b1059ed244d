"""The error boundary: the first failure of any step ends a run, and no later step runs."""

import datetime as dt
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from flows.runtime.context import RunContext
from flows.runtime.error_boundary import BoundedSink, BoundedSource, ErrorBoundary
from flows.runtime.execute import execute
from sinks.errors import TidegaugeError, UsageError

NOW = dt.timedelta(0)


class Steps(FixedPartitionedSource[Any, Any], FixedPartitionedSink[Any, Any]):
    """A source of three items and a sink of them; the step named ``broken`` raises ``error`` when item 2 comes."""

    def __init__(self, broken: str = "", error: BaseException | None = None) -> None:
        self.broken = broken
        self.error = error or ValueError("no more")
        self.calls: list[str] = []

    def call(self, step: str, item: int = 2) -> None:
        """Note a call and fail where that is wanted."""
        self.calls.append(step)
        if step == self.broken and item == 2:
            raise self.error

    def list_parts(self) -> list[str]:
        """One partition."""
        return ["one"]

    def part_fn(self, _key: str) -> int:
        """The only partition."""
        return 0

    def build_part(self, step_id: str, *_more: Any) -> Any:
        """A part of the source or of the sink."""
        self.call(f"build {step_id.rpartition('.')[2]}")
        return Input(self) if step_id.endswith("input") else Output(self)


class Input(StatefulSourcePartition[Any, Any]):
    """Three items, one a batch."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.at = 0

    def next_batch(self) -> list[Any]:
        """The next item."""
        self.at += 1
        if self.at > 3:
            raise StopIteration
        self.steps.call("next_batch", self.at)
        return [("key", self.at)]

    def snapshot(self) -> None:
        """Nothing."""
        self.steps.call("source snapshot", self.at)

    def close(self) -> None:
        """Note it."""


class Output(StatefulSinkPartition[Any, Any]):
    """Takes items."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    def write_batch(self, values: list[Any]) -> None:
        """Take some."""
        self.steps.call("write_batch", values[0])

    def snapshot(self) -> None:
        """Nothing."""
        self.steps.call("sink snapshot")

    def close(self) -> None:
        """Note it."""
        self.steps.call("sink close")


def run(steps: Steps, context: RunContext) -> None:
    """Run a flow of the steps."""
    flow = Dataflow("flow")
    read = op.input("input", flow, BoundedSource(steps, context.errors))
    op.output("output", read, BoundedSink(steps, context.errors))
    execute(flow, context, epoch=NOW)


BROKEN = {
    "build input": "input one",
    "next_batch": "input one",
    "source snapshot": "input one",
    "build output": "output one",
    "write_batch": "output one",
    "sink snapshot": "output one",
    "sink close": "output one",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_step_that_fails_ends_the_run(broken: str, capfd: pytest.CaptureFixture[str]) -> None:
    """With a sentence that names the step; nothing is called behind it, and no stack dump is shown."""
    steps = Steps(broken)
    with pytest.raises(TidegaugeError, match=f"^the run failed in {BROKEN[broken]}: ValueError: no more$"):
        run(steps, RunContext())
    assert steps.calls[-1] == broken
    assert capfd.readouterr() == ("", "")


def test_a_run_without_a_failure_closes_its_sink() -> None:
    """Every item is read and written once."""
    steps = Steps()
    run(steps, RunContext())
    assert (steps.calls.count("write_batch"), steps.calls[-1]) == (3, "sink close")


@pytest.mark.parametrize("error", [UsageError("give another one"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_errors_with_a_sentence_keep_it(error: BaseException) -> None:
    """They arrive as they were raised."""
    with pytest.raises(type(error)) as raised:
        run(Steps("next_batch", error), RunContext())
    assert raised.value is error


def test_an_order_from_outside_ends_the_run_at_the_next_step() -> None:
    """Before anything else is read; the first failure is the one that is raised."""
    context, steps = RunContext(), Steps()
    context.interrupt()
    context.errors.fail(ValueError("later"))
    with pytest.raises(KeyboardInterrupt):
        run(steps, context)
    assert steps.calls == []
    assert context.interrupted


def test_a_service_drains_at_the_first_signal() -> None:
    """And ends at once at the second."""
    context = RunContext(service=True)
    context.interrupt()
    assert (context.stopping, context.interrupted) == (True, False)
    context.interrupt()
    assert context.interrupted


def test_the_end_of_an_input_is_no_failure() -> None:
    """StopIteration passes."""
    errors = ErrorBoundary()
    with pytest.raises(StopIteration), errors.capture("input"):
        raise StopIteration
    assert errors.failure is None
