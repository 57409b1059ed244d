"""Bulk text equals what Python would write one by one."""

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import ndjson

counts = st.lists(st.integers(0, 10**11 - 1), min_size=1, max_size=20)


def rows(field: ndjson.Characters) -> list[str]:
    """Texts of a field, one per line."""
    return ndjson.lines([field]).decode().splitlines()


@given(counts)
def test_digits_equal_zero_padded_format(values: list[int]) -> None:
    """``digits`` is ``%011d``."""
    assert rows(ndjson.digits(np.array(values), 11)) == [f"{value:011d}" for value in values]


@given(counts)
def test_number_equals_str(values: list[int]) -> None:
    """``number`` is ``str``, zero included."""
    assert rows(ndjson.number(np.array(values), 11)) == [str(value) for value in values]


@given(st.lists(st.integers(0, 4_102_444_800_000), max_size=20).map(lambda later: [1_767_571_200_123, *later]))
def test_instant_equals_isoformat(values: list[int]) -> None:
    """``instant`` is RFC 3339 in UTC with milliseconds, for any mix of days."""
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    expected = [
        (epoch + dt.timedelta(milliseconds=value)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for value in values
    ]
    assert rows(ndjson.instant(np.array(values))) == expected


def test_lines_put_parts_side_by_side() -> None:
    """Literals repeat in every line, fields vary, and padding vanishes."""
    parts: list[bytes | ndjson.Characters] = [
        b"<",
        ndjson.choice(("a", "long"), np.array([1, 0])),
        b"=",
        ndjson.number(np.array([5, 1234]), 4),
        b">",
    ]
    assert ndjson.lines(parts) == b"<long=5>\n<a=1234>\n"


def test_no_rows_is_no_text() -> None:
    """Fields without rows give no lines."""
    none = np.zeros(0, dtype=np.int64)
    assert ndjson.lines([ndjson.instant(none), b",", ndjson.digits(none, 3)]) == b""
