"""Prefetch hints in hot loops change no result."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.codec.event_record import Kind
from sensing.jit import kernel
from sensing.machine_settings import HOUR_MS
from sensing.machines.memory_prefetch import PREFETCH_DISTANCE, prefetch_record
from sensing.memory import prefetch
from tests.machines.made_tables import NOON, events, one_row, take

RECORD = np.dtype([("a", "i8"), ("b", "f4", (3,))], align=True)


@kernel
def ask(records: NDArray[Any], row: int, byte: int) -> int:
    """Ask for a place and read the first record."""
    prefetch(records, row, byte)
    return int(records[0].a)


@given(st.integers(-(2**50), 2**50), st.integers(-(2**20), 2**20))
def test_any_place_may_be_asked_for(row: int, byte: int) -> None:
    """Asking for memory reads nothing, changes nothing and never faults, even where there is none."""
    records = np.zeros(4, RECORD)
    records["a"] = 7
    assert ask(records, row, byte) == 7
    assert records["a"].tolist() == [7] * 4


@pytest.mark.parametrize("hour", [0, NOON // HOUR_MS, 2**31])
def test_reading_ahead_leaves_all_as_it_is(hour: int) -> None:
    """Whatever record is expected next, also behind the last one, no table changes."""
    state = one_row()
    kinds = (Kind.PLACED, Kind.SHIPPED, Kind.COUNTED)
    records = events(
        *({"kind": kind, "event_id": f"e{number}"} for kind in kinds for number in range(PREFETCH_DISTANCE))
    )
    rows = np.zeros(len(records), np.int32)
    rows[-1] = -3
    take(state, events({}, {"event_id": "f"}))
    before = [array.tobytes() for array in state.tables()]
    for k in range(len(records)):
        prefetch_record(state.tables(), records, rows, k, len(records), hour)
    assert [array.tobytes() for array in state.tables()] == before
