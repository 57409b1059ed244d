"""supplier_delay: lateness, cover, schedule lines, the sentences."""

import math
from typing import Any

import pytest

from sensing.codec.event_record import NO_DAY
from sensing.detection.delay import SUPPLIER_DELAY, Cause, DelayEvidence, LatePart, delay_evidence
from sensing.detection.finding import Finding
from tests.detection.contexts import context
from tests.supply.events import DAY, book, disrupted, tell

TODAY = 15_300  # 2011-11-22


def part(expected: int, units: float = 40.0, cause: Cause = "promise", **fields: Any) -> LatePart:
    """A schedule line that the supplier promised for tomorrow and that is expected ``expected`` days from today."""
    given: dict[str, Any] = {"first_day": TODAY + 1, "first_promised": True, **fields}
    return LatePart(units=units, expected_day=TODAY + expected, cause=cause, **given)


def delay(
    *late: LatePart, cover: float = 3.0, ordered: float = 40.0, units_open: float = 40.0, supplier: str = "ACME",
    today: int = TODAY, next_day: int = NO_DAY,
) -> Finding:  # fmt: skip
    """Line 1 of PO7 at 2.5 a unit."""
    evidence = DelayEvidence(
        po_id="PO7", line="1", supplier=supplier, units_ordered=ordered, units_open=units_open, late=late,
        current_day=today, cover_days=cover, next_day=next_day,
    )  # fmt: skip
    return SUPPLIER_DELAY.finding(context(price=2.5), evidence)


def test_later_promise_opens() -> None:
    """A promise moved by a week is a delay with its dates, its money, and what stock says to it."""
    found = delay(part(8))

    assert (found.exception_type, found.key, found.active) == ("supplier_delay", "85123A|UK|PO7|1", True)
    assert (found.observed, found.money, found.route, found.inform) == (7.0, 100.0, "buyer", ("planner",))
    assert found.marker == "40 2011-11-30"
    assert found.reason == (
        "Line 1 of purchase order PO7 from ACME comes 7 days late: 40 were promised for 2011-11-23, "
        "the supplier now promises 2011-11-30; stock lasts 3 days, which does not cover the gap."
    )


def test_only_the_supplier_promises() -> None:
    """A day of the order was ordered, a disruption moves what is expected, silence says nothing."""
    ordered = part(8, first_promised=False)
    assert "40 were ordered for 2011-11-23, the supplier now promises 2011-11-30" in delay(ordered).reason
    assert (delay(ordered).details["promised_by"], delay(part(8)).details["promised_by"]) == ("order", "supplier")
    assert delay(ordered).details["promised_date"] == "2011-11-23"
    disrupted_part = part(8, cause="disruption", first_promised=False)
    assert "the supplier is disrupted and they are expected on 2011-11-30" in delay(disrupted_part).reason
    for cause in ("disruption", "overdue", "unconfirmed"):
        assert "promise" not in delay(part(8, cause=cause, first_promised=False)).reason


def test_a_schedule_line_is_named_with_its_date_and_quantity() -> None:
    """The one that is most days late stands in the sentence and the record; the others behind it."""
    found = delay(part(3, 60.0), part(29, schedule_line="2"), ordered=120.0, units_open=110.0)

    assert found.reason == (
        "Line 1 of purchase order PO7 from ACME comes 28 days late: 40 of 120 were promised for 2011-11-23, the "
        "supplier now promises 2011-12-21 (also late: 60 by 2011-11-25); stock lasts 3 days, which does not cover the "
        "gap."
    )
    assert found.details["schedule_line"] == "2"
    assert (found.details["schedule_quantity"], found.details["units_late"]) == (40.0, 100.0)
    assert (found.details["units_open"], found.details["expected_date"]) == (110.0, "2011-12-21")
    assert (found.observed, found.money, found.marker) == (28.0, 250.0, "60 2011-11-25;40 2011-12-21")
    many = delay(*[part(day, 10.0) for day in range(2, 8)])
    assert "(also late: 10 by 2011-11-24, 10 by 2011-11-25, 10 by 2011-11-26, 2 more)" in many.reason


def test_what_is_not_confirmed_has_its_sentence() -> None:
    """A confirmation of 60 of 100: the rest has no date, and is expected about a lead time later."""
    found = delay(part(1, cause="unconfirmed", first_promised=False), ordered=100.0, units_open=100.0, cover=9.0)

    assert found.active
    assert found.reason == (
        "Line 1 of purchase order PO7 from ACME: 40 of 100 are not confirmed; they were ordered for 2011-11-23 and are "
        "expected around 2011-11-23; stock lasts 9 days, which covers the gap."
    )
    undated = delay(part(9, cause="unconfirmed", first_day=NO_DAY), ordered=100.0)
    assert "40 of 100 are not confirmed; they are expected around 2011-12-01; " in undated.reason
    assert undated.observed == 0.0


def test_overdue_line_is_as_late_as_today() -> None:
    """Where the expected day has passed, the line is late until today."""
    found = delay(part(-1, cause="overdue", first_day=TODAY - 1), cover=math.nan, supplier="")

    assert found.active
    assert found.observed == 1.0
    assert found.inform == ()
    assert found.reason == (
        "Line 1 of purchase order PO7 from an unknown supplier is overdue by 1 day: 40 were promised for 2011-11-21; "
        "nothing is forecast to be needed meanwhile."
    )


def test_marker_stands_still_while_a_line_is_overdue() -> None:
    """Another overdue day is no new promise."""
    overdue = part(0, cause="overdue", first_day=TODAY)
    first, second = delay(overdue, today=TODAY + 1, cover=9.0), delay(overdue, today=TODAY + 2, cover=8.0)

    assert first.marker == second.marker
    assert (first.observed, second.observed) == (1.0, 2.0)


def test_cover_lowers_the_grade() -> None:
    """A gap that stock covers is weaker than one it does not."""
    assert delay(part(8), cover=30.0).severity_points < delay(part(8)).severity_points
    assert delay(part(8), cover=30.0).reason.endswith("stock lasts 30 days, which covers the gap.")


@pytest.mark.parametrize(
    ("next_day", "units", "reason"),
    [
        (TODAY + 1, 40.0, "is not late any more; goods are expected on 2011-11-23."),
        (NO_DAY, 40.0, "is not late any more."),
        (NO_DAY, 0.0, ": nothing is open any more."),
    ],
)
def test_delay_ends_at_once(next_day: int, units: float, reason: str) -> None:
    """Nothing late, or nothing open: the delay is over without further looks."""
    found = delay(units_open=units, next_day=next_day)

    assert (found.active, found.cleared, found.final) == (False, True, True)
    assert found.reason.removeprefix("Line 1 of purchase order PO7 from ACME").strip() == reason


def test_evidence_of_a_line() -> None:
    """Parts by what moved them: promised later, disrupted, overdue, not confirmed; what is on time is left out."""
    b = book()
    tell(b, "placed", 0, quantity=100, promised=14, supplier="A")
    tell(b, "confirmed", 1, quantity=30, promised=14)
    tell(b, "confirmed", 1, quantity=20, promised=40)

    def causes(day: int) -> list[tuple[str, float, int, int]]:
        ((key, line),) = b.purchases.of_row(0)
        found = delay_evidence(key, line, "A", DAY + day, 5.0, 20.4)
        late: list[tuple[str, float, int, int]] = [
            (each.cause, each.units, each.expected_day - DAY, each.days_late(DAY + day)) for each in found.late
        ]
        assert (found.po_id, found.line, found.units_ordered, found.units_open) == ("P", "S0", 100.0, line.open / 1000)
        return late

    assert causes(2) == [("unconfirmed", 50.0, 22, 8), ("promise", 20.0, 40, 26)]
    assert causes(15) == [("overdue", 30.0, 14, 1), ("unconfirmed", 50.0, 22, 8), ("promise", 20.0, 40, 26)]
    tell(b, "confirmed", 15, quantity=80, promised=14)
    assert causes(15) == [("overdue", 80.0, 14, 1), ("promise", 20.0, 40, 26)]
    disrupted(b, 15, delay_days=4.0)
    assert causes(15) == [("disruption", 80.0, 18, 4), ("disruption", 20.0, 44, 30)]
    tell(b, "received", 16, quantity=80)
    tell(b, "delayed", 16, promised=12)
    tell(b, "shipped", 17, promised=14)
    assert causes(13) == []
