"""Kernels that run as Python compute as compiled ones do."""

from typing import Any, NamedTuple

import numpy as np

from sensing.interpreted import interpreted

RECORD = np.dtype([("small", "u1"), ("size", "i4"), ("real", "f4"), ("ring", "u1", (3,))])


class Tables(NamedTuple):
    """Arrays as a kernel is handed them."""

    rows: Any
    bytes: Any


def test_fields_are_attributes_of_the_same_memory() -> None:
    """A kernel writes through records of a tuple, those it iterates over and those another kernel is given."""
    tables = Tables(np.zeros(2, RECORD), np.zeros(2, np.uint8))

    @interpreted
    def inner(row: Any) -> None:
        row.ring[1] += 7

    @interpreted
    def outer(t: Any) -> None:
        for row in t.rows:
            row.size += 3
        t.rows[1].small -= 1
        inner(t.rows[0])

    outer(tables)
    inner(tables.rows[1])
    assert tables.rows["size"].tolist() == [3, 3]
    assert tables.rows["small"].tolist() == [0, 255]
    assert tables.rows["ring"].tolist() == [[0, 7, 0], [0, 7, 0]]


def test_arithmetic_has_64_bits_and_no_warnings() -> None:
    """Narrow numbers are widened, wide ones wrap around, and a division by zero has the value of numpy's."""

    @interpreted
    def compute(narrow: Any, word: Any, zero: Any) -> Any:
        return narrow[0] - 48, narrow[0] * 1000, word * word, np.float64(1) / zero

    found: Any = compute(np.array([7], np.uint8), np.uint64(1 << 63), 0.0)
    assert found == (-41, 7000, 0, float("inf"))


def test_fields_are_read_with_64_bits() -> None:
    """A full count does not wrap around, whether the field is read by name or as an attribute."""

    @interpreted
    def more(rows: Any) -> Any:
        return rows[0]["small"] + 1, rows[0].small + 1

    rows = np.zeros(1, RECORD)
    rows["small"] = 255
    found: Any = more(rows)
    assert found == (256, 256)


def test_results_are_plain() -> None:
    """What leaves a kernel is Python's or numpy's own, as from compiled code."""

    @interpreted
    def whole(rows: Any) -> Any:
        return rows[1:], rows[0].size, rows[0].real

    found: Any = whole(np.zeros(2, RECORD))
    rows, size, real = found
    assert (type(rows), type(rows[0]), type(size), type(real)) == (np.ndarray, np.void, int, float)
    assert rows.dtype == RECORD
