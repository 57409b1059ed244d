"""supplier_delay: lateness, cover, the first promise, the sentences."""

import math

import pytest

from sensing.detection.delay import SUPPLIER_DELAY, Cause, DelayEvidence, first_promise
from sensing.detection.finding import Finding
from tests.detection.contexts import context

TODAY = 15_300  # 2011-11-22


def delay(
    promised: int, expected: int, today: int, cover: float, cause: Cause, *, supplier: str = "ACME", units: float = 40.0
) -> Finding:
    """Line 1 of PO7 at 2.5 a unit."""
    evidence = DelayEvidence(
        po_id="PO7", line="1", supplier=supplier, units_open=units, promised_day=promised, expected_day=expected,
        current_day=today, cover_days=cover, cause=cause,
    )  # fmt: skip
    return SUPPLIER_DELAY.finding(context(price=2.5), evidence)


def late(expected: int, *, open_units: float = 40.0, cover: float = 3.0, cause: Cause = "promise") -> Finding:
    """A line promised for tomorrow and expected ``expected`` days from today."""
    return delay(TODAY + 1, TODAY + expected, TODAY, cover, cause, units=open_units)


def test_later_promise_opens() -> None:
    """A promise moved by a week is a delay with its dates, its money, and what stock says to it."""
    found = late(8)

    assert (found.exception_type, found.key, found.active) == ("supplier_delay", "85123A|UK|PO7|1", True)
    assert (found.observed, found.money, found.route, found.inform) == (7.0, 100.0, "buyer", ("planner",))
    assert found.marker == "2011-11-30"
    assert found.reason == (
        "Line 1 of purchase order PO7 from ACME comes 7 days late: 40 were promised for 2011-11-23, "
        "the supplier now promises 2011-11-30; stock lasts 3 days, which does not cover the gap."
    )


def test_disruption_and_silence_have_their_words() -> None:
    """A disrupted supplier reads differently."""
    assert "the supplier is disrupted and they are expected on 2011-11-30" in late(8, cause="disruption").reason
    assert "nothing was heard and they are expected on 2011-11-30" in late(8, cause="overdue").reason


def test_overdue_line_is_as_late_as_today() -> None:
    """Where the expected day has passed, the line is late until today."""
    found = delay(TODAY - 1, TODAY - 1, TODAY, math.nan, "overdue", supplier="")

    assert found.active
    assert found.observed == 1.0
    assert found.inform == ()
    assert found.reason == (
        "Line 1 of purchase order PO7 from an unknown supplier is overdue by 1 day: 40 were promised for 2011-11-21; "
        "nothing is forecast to be needed meanwhile."
    )


def test_marker_stands_still_while_a_line_is_overdue() -> None:
    """Another overdue day is no new promise."""
    first = delay(TODAY, TODAY, TODAY + 1, 9.0, "overdue")
    second = delay(TODAY, TODAY, TODAY + 2, 8.0, "overdue")

    assert first.marker == second.marker
    assert (first.observed, second.observed) == (1.0, 2.0)


def test_cover_lowers_the_grade() -> None:
    """A gap that stock covers is weaker than one it does not."""
    assert late(8, cover=30.0).severity_points < late(8, cover=3.0).severity_points
    assert late(8, cover=30.0).reason.endswith("stock lasts 30 days, which covers the gap.")


@pytest.mark.parametrize(
    ("expected", "units", "reason"),
    [
        (1, 40.0, "Line 1 of purchase order PO7 from ACME is expected on 2011-11-23 again, as promised."),
        (8, 0.0, "Line 1 of purchase order PO7 from ACME: nothing is open any more."),
    ],
)
def test_delay_ends_at_once(expected: int, units: float, reason: str) -> None:
    """Back to the promise, or nothing open: the delay is over without further looks."""
    found = late(expected, open_units=units)

    assert (found.active, found.cleared, found.final) == (False, True, True)
    assert found.reason == reason


def test_delay_is_measured_from_the_first_promise() -> None:
    """A second delay counts from where the first one began."""
    assert first_promise(None, TODAY + 5) == TODAY + 5
    assert first_promise(late(8), TODAY + 8) == TODAY + 1
