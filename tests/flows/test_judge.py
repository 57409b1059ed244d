"""The clock cannot be moved by a bad date."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sources.judge import far_future, running_max
from sensing.codec.record import BEFORE_ALL
from sensing.settings import DAY_MS
from tests.flows.oracles import ahead_of_median

TIMES = st.lists(st.integers(0, 6).map(lambda day: day * DAY_MS // 2), max_size=260)


@given(TIMES)
def test_a_date_is_judged_by_the_median_of_the_next_hundred(times: list[int]) -> None:
    """The vectorised guard flags what the definition of the median flags, to the end of the file."""
    expected = ahead_of_median(times, DAY_MS)

    assert far_future(np.array(times, np.int64), len(times), DAY_MS).tolist() == expected


def test_one_bad_date_among_good_ones_is_found() -> None:
    """A date in 2062 among dates of one hour is flagged and no other."""
    times = np.arange(300, dtype=np.int64) * 1000
    times[[0, 150]] = 2_900_000_000_000

    assert np.flatnonzero(far_future(times, 300, DAY_MS)).tolist() == [0, 150]


@pytest.mark.parametrize("quiet", [1, 40])
def test_a_gap_is_no_bad_date(quiet: int) -> None:
    """A file that is silent for weeks and goes on is not cut at the gap, nor is one with few lines."""
    times = np.concatenate((np.arange(quiet), 40 * DAY_MS + np.arange(quiet))).astype(np.int64)

    assert not far_future(times, len(times), DAY_MS).any()


def test_only_what_moves_the_clock_moves_the_maximum() -> None:
    """The running maximum goes on from the chunk before and skips flagged messages."""
    times = np.array([5, 99, 7, 6], np.int64)
    moves = np.array([True, False, True, True])

    assert running_max(times, moves, BEFORE_ALL).tolist() == [5, 5, 7, 7]
    assert running_max(times, moves, 6).tolist() == [6, 6, 7, 7]
