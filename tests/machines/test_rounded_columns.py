"""Numbers rounded by column are those of records rounded one by one, to the bit."""

import math
import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.parameters import Accuracy, Proposed, Stock
from sensing.published_numbers import NotFiniteError, round_number, round_record
from sensing.rounded_columns import round_columns, round_exactly, round_expectations, round_rows_of

pytestmark = pytest.mark.compiled

NUMBERS = st.floats() | st.integers(-(10**9), 10**9).map(lambda n: n / 2000.0) | st.floats(-1e4, 1e4)
"""Any number, and many that end in a half after some decimals."""
UNITS = st.floats(-1e12, 1e12) | st.sampled_from([math.nan, math.inf])


def bits(value: float | None) -> bytes | None:
    """A number to the bit, None as it is."""
    return None if value is None else struct.pack("d", value)


@given(st.lists(NUMBERS, min_size=1), st.sampled_from([*range(7), *(-n for n in range(1, 8))]))
def test_the_kernel_rounds_as_one_number_is_rounded(values: list[float], places: int) -> None:
    """Wherever it says that its result is certain; that is so of all numbers but the extreme ones and the halves."""
    table = np.array([values])
    out, exact = np.empty_like(table), np.empty(table.shape, np.bool_)
    told = round_exactly(table, np.full(table.shape, places), out, exact)
    assert told == (bool(np.isfinite(table).all()), bool(exact.all()))
    for value, found, certain in zip(values, out[0].tolist(), exact[0].tolist(), strict=True):
        if not math.isfinite(value):
            assert certain
            assert bits(found) == bits(value)
        elif certain:
            assert bits(found) == bits(round_number(value, places))
        else:
            scaled = abs(value) * 10.0**places if places >= 0 else 0.5
            assert scaled >= 2.0**52 or not 1e-9 <= abs(value) < 1e9 or abs(scaled % 1.0 - 0.5) < 1e-3


HOLDERS: dict[type[msgspec.Struct], Any] = {
    part: msgspec.defstruct("Holder", [("part", part), ("decimals", int)]) for part in (Proposed, Stock, Accuracy)
}
"""Records that state the decimals of a part."""


def fields_of(part: type[msgspec.Struct]) -> list[str]:
    """Names of the numbers of a part."""
    texts = ("open_demand_by_day", "on_order_by_day", "stockout_date", "open", "shipments")
    return [name for name in part.__struct_fields__ if name not in texts]


@given(st.data(), st.sampled_from(list(HOLDERS)), st.integers(1, 4))
def test_columns_are_rounded_as_records_are(data: Any, part: Any, count: int) -> None:
    """Null where a number may be null; a record with another number that is not finite is told."""
    names = fields_of(part)
    table = np.array(data.draw(st.lists(st.lists(NUMBERS, min_size=len(names), max_size=len(names)),
                                        min_size=count, max_size=count)))  # fmt: skip
    decimals = np.array(data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)), np.int64)
    numbers, whole = round_columns(part, dict(zip(names, table.T, strict=True)), decimals)
    by_day: dict[str, Any] = {"open_demand_by_day": {}, "stockout_date": None} if part is Stock else {}
    for k, values in enumerate(table.tolist()):
        record = HOLDERS[part](part(**by_day, **dict(zip(names, values, strict=True))), int(decimals[k]))
        try:
            round_record(record)
        except NotFiniteError:
            assert not whole[k]
            continue
        assert whole[k]
        assert [bits(numbers[name][k]) for name in names] == [bits(getattr(record.part, name)) for name in names]


@given(st.lists(st.lists(UNITS, min_size=6, max_size=6), min_size=1, max_size=4), st.integers(0, 3))
def test_arrays_of_rows_are_rounded_as_numpy_does(values: list[list[float]], decimals: int) -> None:
    """Each row to the decimals of its unit and three more; a row that is not finite is told."""
    table = np.array(values).reshape(-1, 3, 2)
    places = (decimals + np.arange(len(table))) % 4
    found, finite = round_expectations(table, places)
    assert finite.tolist() == np.isfinite(table).all(axis=(1, 2)).tolist()
    for k in np.flatnonzero(finite).tolist():
        assert found[k].tobytes() == (np.round(table[k], places[k] + 3) + 0.0).tobytes()
    again, told = np.empty((len(table), 6)), np.empty(len(table), np.bool_)
    round_rows_of(table.reshape(-1, 6), places + 3, again, told)
    assert again.tobytes() == found.tobytes()
    assert told.tolist() == finite.tolist()
