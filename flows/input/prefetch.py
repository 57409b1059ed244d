"""Prefetch: reads the next batch of a file source in a thread while machine processes apply the present batch.

`flows.replay_job` uses it if it has several processes.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from flows.input.source_group import GroupState, SourceGroup
from flows.runtime.roles import Item


class PrefetchingSource(FixedPartitionedSource[Item, GroupState]):
    """A source that reads one batch ahead; every batch must be an epoch of its own."""

    def __init__(self, source: FixedPartitionedSource[Item, GroupState]) -> None:
        self._source = source
        self._thread = ThreadPoolExecutor(1, "prefetch")

    def list_parts(self) -> list[str]:
        """Partitions of the source."""
        return self._source.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: GroupState | None) -> "_Prefetching":
        """Build a partition and start to read its first batch."""
        part: Any = self._source.build_part(step_id, for_part, resume_state)
        return _Prefetching(part, self._thread)

    def close(self) -> None:
        """Wait until the thread ends; it finishes the batch that it reads."""
        self._thread.shutdown(cancel_futures=True)


class _Prefetching(StatefulSourcePartition[Item, GroupState]):
    def __init__(self, group: SourceGroup, thread: ThreadPoolExecutor) -> None:
        self._group = group
        self._thread = thread
        self._state = group.snapshot()
        self._next: Future[tuple[list[Item], GroupState]] = thread.submit(self._read)

    def next_batch(self) -> list[Item]:
        """The batch that was read ahead."""
        items, self._state = self._next.result()
        self._next = self._thread.submit(self._read)
        return items

    def next_awake(self) -> None:
        """At once."""
        return None

    def snapshot(self) -> GroupState:
        """The state after the batch that was sent last."""
        return self._state

    def _read(self) -> tuple[list[Item], GroupState]:
        return self._group.next_batch(), self._group.snapshot()
