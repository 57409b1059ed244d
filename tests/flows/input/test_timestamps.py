"""Timestamp validation: a wrong date cannot move the clock."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.input.timestamps import LATEST, EndOfInputs, FollowingTimestamps, far_future, latest_at_end, running_max
from sensing.codec.event_record import BEFORE_ALL
from sensing.codec.instants import INSTANT_MAX
from sensing.machine_settings import DAY_MS
from tests.flows.input.oracles import ahead_of_median, too_far_ahead

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


@pytest.mark.parametrize("count", [1, 3, 300])
def test_no_date_is_after_the_year_2099(count: int) -> None:
    """A replay would close every day up to it. However few or many dates are so late, all are refused, and no other."""
    times = np.array([0] * count + [INSTANT_MAX] * count + [LATEST], np.int64)
    assert FollowingTimestamps(DAY_MS).future(times[count:-1], times[:0]).all()
    assert not FollowingTimestamps(DAY_MS).future(times[-1:], times[:0]).any()


ENDS = st.lists(st.integers(0, 40) | st.sampled_from([400, 401, 20_000]), max_size=12)


@given(
    st.lists(st.integers(0, 30), max_size=260).map(sorted) | st.lists(st.integers(0, 40), max_size=130),
    ENDS,
    st.lists(st.integers(0, 300), max_size=4),
)
def test_dates_at_the_end_need_company(days: list[int], end: list[int], cuts: list[int]) -> None:
    """However a file is cut into chunks, what is refused is what the definition refuses, to the last line."""
    times = [day * DAY_MS for day in days + end]
    bounds = sorted({0, *(min(cut, len(times)) for cut in cuts), len(times)})
    following = FollowingTimestamps(DAY_MS)
    array = np.array(times, np.int64)
    found = [following.future(array[start:stop], array[stop:]) for start, stop in itertools.pairwise(bounds)]

    assert [flag for flags in found for flag in flags.tolist()] == too_far_ahead(times, DAY_MS)


@pytest.mark.parametrize("bad", [1, 2])
def test_a_bad_date_in_the_last_lines_is_refused(bad: int) -> None:
    """One or two dates in 2062 at the very end are refused, though nothing follows that they are ahead of."""
    times = np.concatenate((np.arange(300) * 60_000, np.full(bad, 2_900_000_000_000)))

    assert np.flatnonzero(FollowingTimestamps(DAY_MS).future(times, times[:0])).tolist() == list(range(300, 300 + bad))


@pytest.mark.parametrize(
    "days",
    [
        range(0, 3000, 30),  # an input of one line a month
        [*[0] * 200, 6],  # a line after the holidays
        [*[0] * 200, *[60] * 3],  # three after a long silence
        [0, 1, 400],  # too few to know what is usual
        [*range(50), *[50] * 97, 51, 57],
    ],
)
def test_slow_inputs_and_pauses_are_no_bad_dates(days: list[int]) -> None:
    """What an input usually pauses, and a week in any case, is no reason to refuse its last lines."""
    times = np.array(days, np.int64) * DAY_MS

    assert not FollowingTimestamps(DAY_MS).future(times, times[:0]).any()


def test_dates_of_earlier_chunks_support_the_last_ones() -> None:
    """Alone a date is accepted; behind many others it is refused."""
    times = np.concatenate((np.arange(300) * 60_000, [2_900_000_000_000]))

    validator = FollowingTimestamps(DAY_MS)
    assert not validator.future(times[:300], times[:0]).any()
    assert validator.future(times[300:], times[:0]).tolist() == [True]
    assert FollowingTimestamps(DAY_MS).future(times[300:], times[:0]).tolist() == [False]


def test_the_latest_at_the_end_is_the_third_latest_and_a_pause() -> None:
    """By hand: a week after the third latest; a longer skew; what most of the dates are spread over."""
    hours = np.arange(12, dtype=np.int64) * 3_600_000
    assert latest_at_end(hours, DAY_MS) == 9 * 3_600_000 + 7 * DAY_MS
    assert latest_at_end(hours, 9 * DAY_MS) == 9 * 3_600_000 + 9 * DAY_MS
    assert latest_at_end(hours * 24 * 10, DAY_MS) == (90 + 60) * DAY_MS
    assert latest_at_end(hours[:9], DAY_MS) == INSTANT_MAX


def test_after_a_burst_of_one_instant_an_input_may_pause_for_longer() -> None:
    """Five weeks with nine different times, however many events the first one has; a week with ten."""
    burst, later = np.zeros(90, np.int64), np.arange(1, 10) * 3_600_000
    assert latest_at_end(np.concatenate((burst, later[:8])), DAY_MS) == 6 * 3_600_000 + 35 * DAY_MS
    assert latest_at_end(np.concatenate((burst, later)), DAY_MS) == 7 * 3_600_000 + 7 * DAY_MS


@pytest.mark.parametrize(
    ("count", "small", "days"),
    [(12, False, 7), (300, False, 7), (9, False, 366), (12, True, 366), (9, True, 366)],
)
def test_other_files_support_dates_at_the_end(count: int, small: bool, days: int) -> None:
    """By a week beyond the third latest of all files; by a year if the file, or every file, has few event times."""
    later = 200 * DAY_MS
    inputs = EndOfInputs(later, small)
    for ahead, refused in ((days, False), (days + 1, True)):
        times = np.concatenate((np.arange(count - 1) * 3_600_000, [later + ahead * DAY_MS]))
        found = FollowingTimestamps(DAY_MS, inputs).future(times, times[:0])
        assert found.tolist() == [False] * (count - 1) + [refused]


def test_only_what_moves_the_clock_moves_the_maximum() -> None:
    """The running maximum goes on from the chunk before and skips flagged messages."""
    times = np.array([5, 99, 7, 6], np.int64)
    moves = np.array([True, False, True, True])

    assert running_max(times, moves, BEFORE_ALL).tolist() == [5, 5, 7, 7]
    assert running_max(times, moves, 6).tolist() == [6, 6, 7, 7]


HOUR_MS = 3_600_000


@pytest.mark.parametrize("late", [1, 5, 60, 98, 99, 150])
@pytest.mark.parametrize("behind", [1, 3, 6, 20])
@pytest.mark.parametrize("pause", [0, 2, 6])
def test_late_lines_do_not_make_the_newest_order_far(late: int, behind: int, pause: int) -> None:
    """A file ends with the newest order, up to a week after the one before, and lines of some days ago."""
    usual = np.arange(300) * HOUR_MS
    newest = usual[-1] + HOUR_MS + pause * DAY_MS
    times = np.concatenate((usual, [newest], usual[-1] - behind * DAY_MS + np.arange(late) * 60_000))
    assert not FollowingTimestamps(DAY_MS).future(times, times[:0]).any()


@pytest.mark.parametrize("late", [0, 1, 60, 98])
@pytest.mark.parametrize("days", [8, 400, 13_000])
def test_a_bad_date_before_late_lines_is_refused(late: int, days: int) -> None:
    """Late lines are no witnesses for it either."""
    usual = np.arange(300) * HOUR_MS
    times = np.concatenate((usual, [usual[-1] + days * DAY_MS], usual[-1] - 3 * DAY_MS + np.arange(late) * 60_000))
    assert np.flatnonzero(FollowingTimestamps(DAY_MS).future(times, times[:0])).tolist() == [300]


@pytest.mark.parametrize("normal", [1, 10, 50, 99])
def test_lines_on_time_still_say_that_a_date_is_bad(normal: int) -> None:
    """A date five days ahead is refused where the lines after it go on as before."""
    times = np.arange(300 + normal) * HOUR_MS
    times[299] += 5 * DAY_MS
    assert np.flatnonzero(FollowingTimestamps(DAY_MS).future(times, times[:0])).tolist() == [299]
