"""The error boundary: an exception in any step ends the run of this process with a sentence instead of a stack dump.

Every call from Bytewax into a source, machine or sink goes through `ErrorBoundary.capture`. It keeps the first
exception and raises it again at every later call. So Bytewax stops at once: no machine applies more, no epoch ends and
no source reports its end. In a cluster Bytewax then ends the other processes as well; they do not need this object.
`flows.runtime.execute` raises the kept failure after Bytewax has returned.
"""

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from sensing.machines.failure import MachineFailure
from sinks.errors import EventError, TidegaugeError, of_system

STDERR = 2


class ErrorBoundary:
    """Keeps the first failure of a run in this process."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self._nowhere: TextIO | None = None

    def fail(self, error: BaseException) -> None:
        """End the run at the next call of any step; the first failure counts."""
        self.failure = self.failure or error

    def capture(self, step: str) -> "_Capture":
        """Context around a call of the step ``step``; raises the run's failure, even if an earlier call caused it."""
        return _Capture(self, step)

    def end(self) -> NoReturn:
        """Raise the failure of the run.

        Raises
        ------
        BaseException
            The first failure.
        """
        assert self.failure is not None, "called after a failure"
        if self._nowhere is not None:
            os.dup2(self._nowhere.fileno(), STDERR)
            sys.stderr = self._nowhere
        raise self.failure

    @contextlib.contextmanager
    def hidden_panic(self) -> Iterator[None]:
        """Discard standard error from a failure to the end of this context.

        Bytewax turns an exception into a Rust panic and prints lines that do not help a user.
        """
        before, stderr = os.dup(STDERR), sys.stderr
        with Path(os.devnull).open("w") as self._nowhere:
            try:
                yield
            finally:
                self._nowhere = None
                os.dup2(before, STDERR)
                os.close(before)
                sys.stderr = stderr


class _Capture:
    """Records an exception as the failure of the run. StopIteration, the end of an input, is no failure."""

    def __init__(self, errors: ErrorBoundary, step: str) -> None:
        self._errors = errors
        self._step = step

    def __enter__(self) -> None:
        if self._errors.failure is not None:
            self._errors.end()

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None and not isinstance(error, StopIteration):
            self._errors.fail(_readable(error, self._step))
            self._errors.end()


def _readable(error: BaseException, step: str) -> BaseException:
    """The failure to raise: our own errors and interrupts unchanged, other exceptions with the name of their step."""
    if isinstance(error, TidegaugeError) or not isinstance(error, Exception):
        return error
    if isinstance(error, OSError | MemoryError):
        return of_system(error, step)
    failure = TidegaugeError(f"the run failed in {step}: {type(error).__name__}: {error}")
    if isinstance(error, MachineFailure):
        failure = EventError(f"{step}: {error}{_way_out(error)}")
        failure.positions = tuple(event.position for event in error.events)
    failure.trace = "".join(traceback.format_exception(error))
    failure.__cause__ = error
    return failure


def _way_out(error: MachineFailure) -> str:
    if len(error.events) != 1:
        return ". A restart fails at the same place"
    position = error.events[0].position
    return (
        f'. A restart fails at the same event. To pass it over as a dead letter: engine.skip = ["{position}"] in the '
        f"settings of tidegauge run, --skip {position} for tidegauge replay"
    )


class BoundedSource(FixedPartitionedSource[Any, Any]):
    """A source inside the error boundary."""

    def __init__(self, source: FixedPartitionedSource[Any, Any], errors: ErrorBoundary) -> None:
        self._source = source
        self._errors = errors

    def list_parts(self) -> list[str]:
        """Partitions of the source."""
        return self._source.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> "_BoundedInput":
        """Build a partition."""
        with self._errors.capture(f"input {for_part}"):
            return _BoundedInput(self._source.build_part(step_id, for_part, resume_state), for_part, self._errors)


class _BoundedInput(StatefulSourcePartition[Any, Any]):
    def __init__(self, part: StatefulSourcePartition[Any, Any], name: str, errors: ErrorBoundary) -> None:
        self._part = part
        self._name = f"input {name}"
        self._errors = errors

    def next_batch(self) -> Any:
        with self._errors.capture(self._name):
            return self._part.next_batch()

    def next_awake(self) -> Any:
        return self._part.next_awake()

    def snapshot(self) -> Any:
        with self._errors.capture(self._name):
            return self._part.snapshot()

    def close(self) -> None:
        self._part.close()


class BoundedSink(FixedPartitionedSink[Any, Any]):
    """A sink inside the error boundary."""

    def __init__(self, sink: FixedPartitionedSink[Any, Any], errors: ErrorBoundary) -> None:
        self._sink = sink
        self._errors = errors

    def list_parts(self) -> list[str]:
        """Partitions of the sink."""
        return self._sink.list_parts()

    def part_fn(self, item_key: str) -> int:
        """Partition of a key."""
        return self._sink.part_fn(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> "_BoundedOutput":
        """Build a partition."""
        with self._errors.capture(f"output {for_part}"):
            return _BoundedOutput(self._sink.build_part(step_id, for_part, resume_state), for_part, self._errors)


class _BoundedOutput(StatefulSinkPartition[Any, Any]):
    def __init__(self, part: StatefulSinkPartition[Any, Any], name: str, errors: ErrorBoundary) -> None:
        self._part = part
        self._name = f"output {name}"
        self._errors = errors

    def write_batch(self, values: list[Any]) -> None:
        with self._errors.capture(self._name):
            self._part.write_batch(values)

    def snapshot(self) -> Any:
        with self._errors.capture(self._name):
            return self._part.snapshot()

    def close(self) -> None:
        """Finish the partition at the end of the flow; Bytewax also calls this when it aborts a failed flow."""
        if self._errors.failure is None:
            with self._errors.capture(self._name):
                self._part.close()
