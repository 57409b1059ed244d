"""A prefetching source gives the same batches as the source itself, each with the state after it."""

from contextlib import closing
from pathlib import Path

import pytest

from flows.input.file_source import FileSource
from flows.input.prefetch import PrefetchingSource
from flows.runtime.context import RunContext
from sensing.machine_settings import HOUR_MS, Settings
from sinks.errors import UsageError
from tests.flows.events import MONDAY, order, write

SETTINGS = Settings()


def offsets_and_sizes(source: FileSource | PrefetchingSource) -> list[tuple[list[int], int]]:
    """By batch: consumed offsets behind it, and how many items it has."""
    part = source.build_part("input", source.list_parts()[0], None)
    found: list[tuple[list[int], int]] = []
    while True:
        try:
            items = part.next_batch()
        except StopIteration:
            return found
        found.append(([offset for offset, _ in part.snapshot().offsets.values()], len(items)))


def test_batches_and_states_are_those_of_the_source(tmp_path: Path) -> None:
    """One after another, to the end."""
    write(tmp_path, "orders", [order(n, MONDAY + n * HOUR_MS) for n in range(50)])
    with (
        closing(FileSource(tmp_path, SETTINGS, 10, None, RunContext())) as plain,
        closing(FileSource(tmp_path, SETTINGS, 10, None, RunContext())) as ahead,
        closing(PrefetchingSource(ahead)) as prefetching,
    ):
        expected = offsets_and_sizes(plain)
        assert len(expected) > 5
        assert offsets_and_sizes(prefetching) == expected


def test_a_failure_arrives_with_its_batch(tmp_path: Path) -> None:
    """It is raised where the batch would have been."""
    write(tmp_path, "orders", [order(n, MONDAY + n * HOUR_MS) for n in range(50)])
    with (
        closing(FileSource(tmp_path, SETTINGS, 10, MONDAY, RunContext())) as source,
        closing(PrefetchingSource(source)) as prefetching,
        pytest.raises(UsageError, match="required an instant after the last event"),
    ):
        offsets_and_sizes(prefetching)
