"""Copies of records as blocks of bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.state.record_copies import take_records
from sensing.supply.supply_record import SUPPLY, fresh


@given(st.lists(st.integers(0, 6)))
def test_records_are_taken_as_numpy_takes_them(positions: list[int]) -> None:
    """Any records in any order, also repeated ones, of an array or of a part of one; they are copies."""
    records = fresh(9)[1:8]
    records["version"] = np.arange(7) + 1
    records["demand_mean"] = np.arange(7) / 3.0
    records["last_seen"] = np.arange(7)[:, None]
    at = np.array(positions, np.int64)
    found = take_records(records, at)
    assert (found.dtype, found.tobytes()) == (SUPPLY, np.array([records[k] for k in positions], SUPPLY).tobytes())
    found["version"] = 0
    assert records["version"].all()
