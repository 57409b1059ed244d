"""Steps that may fail: Bytewax answers an exception in a step with a panic and a stack dump, so none is let through.

The first failure of a run is kept and the source ends the flow; who runs the flow raises it when all threads are done.
"""

from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from flows.control import Control


class GuardedSource(FixedPartitionedSource[Any, Any]):
    """A source whose failures end the flow."""

    def __init__(self, source: FixedPartitionedSource[Any, Any], control: Control) -> None:
        self._source = source
        self._control = control

    def list_parts(self) -> list[str]:
        """Partitions of the source."""
        return self._source.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> "_GuardedInput":
        """Build a partition; one that cannot be built is at its end."""
        with self._control.failing(f"input {for_part}"):
            return _GuardedInput(self._source.build_part(step_id, for_part, resume_state), for_part, self._control)
        return _GuardedInput(None, for_part, self._control)


class _GuardedInput(StatefulSourcePartition[Any, Any]):
    def __init__(self, part: StatefulSourcePartition[Any, Any] | None, name: str, control: Control) -> None:
        self._part = part
        self._name = name
        self._control = control

    def next_batch(self) -> Any:
        if self._part is not None and self._control.failure is None:
            with self._control.failing(f"input {self._name}"):
                return self._part.next_batch()
        raise StopIteration

    def next_awake(self) -> Any:
        return self._part.next_awake() if self._part is not None else None

    def snapshot(self) -> Any:
        return self._part.snapshot() if self._part is not None else None

    def close(self) -> None:
        if self._part is not None:
            self._part.close()


class GuardedSink(FixedPartitionedSink[Any, Any]):
    """A sink whose failures end the flow."""

    def __init__(self, sink: FixedPartitionedSink[Any, Any], control: Control) -> None:
        self._sink = sink
        self._control = control

    def list_parts(self) -> list[str]:
        """Partitions of the sink."""
        return self._sink.list_parts()

    def part_fn(self, item_key: str) -> int:
        """Partition of a key."""
        return self._sink.part_fn(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> "_GuardedOutput":
        """Build a partition; one that cannot be built takes nothing."""
        with self._control.failing(f"output {for_part}"):
            return _GuardedOutput(self._sink.build_part(step_id, for_part, resume_state), for_part, self._control)
        return _GuardedOutput(None, for_part, self._control)


class _GuardedOutput(StatefulSinkPartition[Any, Any]):
    def __init__(self, part: StatefulSinkPartition[Any, Any] | None, name: str, control: Control) -> None:
        self._part = part
        self._name = name
        self._control = control

    def write_batch(self, values: list[Any]) -> None:
        if self._part is not None and self._control.failure is None:
            with self._control.failing(f"output {self._name}"):
                self._part.write_batch(values)

    def snapshot(self) -> Any:
        if self._part is not None:
            with self._control.failing(f"output {self._name}"):
                return self._part.snapshot()
        return None

    def close(self) -> None:
        if self._part is not None:
            with self._control.failing(f"output {self._name}"):
                self._part.close()
