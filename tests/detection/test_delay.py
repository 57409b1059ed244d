"""supplier_delay: lateness, cover, schedule lines, the sentences."""

import datetime as dt
import math
from typing import Any

import pytest

from sensing.codec.event_record import NO_DAY
from sensing.contracts.exception_details import DelayCause, DelayDetails
from sensing.detection.delay import SUPPLIER_DELAY
from sensing.detection.delay_evidence import DelayEvidence, LatePart, delay_evidence
from sensing.detection.finding import Finding
from tests.detection.contexts import context, details
from tests.supply.events import DAY, book, disrupted, tell

TODAY = 15_300  # 2011-11-22


def part(expected: int, units: float = 40.0, cause: DelayCause = "promise", **fields: Any) -> LatePart:
    """A schedule line that the supplier promised for tomorrow and that is expected ``expected`` days from today."""
    given: dict[str, Any] = {"first_day": TODAY + 1, "first_promised": True, **fields}
    return LatePart(units=units, expected_day=TODAY + expected, cause=cause, **given)


def delay(
    *late: LatePart, cover: float = 3.0, ordered: float = 40.0, units_open: float = 40.0, supplier: str = "ACME",
    today: int = TODAY, next_day: int = NO_DAY, usual: int = 0, **fields: Any,
) -> Finding:  # fmt: skip
    """Line 1 of PO7 at 2.5 a unit."""
    evidence = DelayEvidence(
        po_id="PO7", line="1", supplier=supplier, units_ordered=ordered, units_open=units_open, late=late,
        current_day=today, cover_days=cover, next_day=next_day, usual_days_late=usual, **fields,
    )  # fmt: skip
    return SUPPLIER_DELAY.finding(context(price=2.5), evidence)


def test_later_promise_opens() -> None:
    """A promise moved by a week is a delay with its dates, its money, and what stock says to it."""
    found = delay(part(8))

    assert (found.exception_type, found.key, found.active) == ("supplier_delay", "85123A|UK|PO7|1", True)
    assert (found.observed, found.money, found.route, found.inform) == (7.0, 100.0, "buyer", ("planner",))
    assert found.marker == "40 2011-11-30"
    assert found.reason == (
        "Line 1 of purchase order PO7 from ACME comes 7 days late: 40, promised for 23 Nov, are "
        "now promised for 30 Nov; stock lasts 3 days, which does not cover the gap."
    )


def test_only_the_supplier_promises() -> None:
    """A day of the order was ordered, a disruption moves what is expected, silence says nothing."""
    ordered = part(8, first_promised=False)
    assert "40, ordered for 23 Nov, are now promised for 30 Nov" in delay(ordered).reason
    assert (details(delay(ordered))["promised_by"], details(delay(part(8)))["promised_by"]) == ("order", "supplier")
    assert details(delay(ordered))["promised_date"] == "2011-11-23"
    disrupted_part = part(8, cause="disruption", first_promised=False)
    assert "are expected on 30 Nov, as the supplier is disrupted" in delay(disrupted_part).reason
    for cause in ("disruption", "overdue", "unconfirmed"):
        assert "promise" not in delay(part(8, cause=cause, first_promised=False)).reason


def test_a_schedule_line_is_named_with_its_date_and_quantity() -> None:
    """The one that is most days late stands in the sentence and the record; the others behind it."""
    found = delay(part(3, 60.0), part(29, schedule_line="2"), ordered=120.0, units_open=110.0)

    assert found.reason == (
        "Line 1 of purchase order PO7 from ACME comes 28 days late: 40 of 120, promised for 23 Nov, are "
        "now promised for 21 Dec (also late: 60 by 25 Nov); stock lasts 3 days, which does not cover the "
        "gap."
    )
    assert details(found)["schedule_line"] == "2"
    assert (details(found)["schedule_quantity"], details(found)["units_late"]) == (40.0, 100.0)
    assert (details(found)["units_open"], details(found)["expected_date"]) == (110.0, "2011-12-21")
    assert (found.observed, found.money, found.marker) == (28.0, 250.0, "60 2011-11-25;40 2011-12-21")
    many = delay(*[part(day, 10.0) for day in range(2, 8)])
    assert "(also late: 10 by 24 Nov, 10 by 25 Nov, 10 by 26 Nov, 2 more)" in many.reason


def test_what_is_not_confirmed_has_its_sentence() -> None:
    """A confirmation of 60 of 100: the rest has no date, and is expected about a lead time later."""
    found = delay(part(1, cause="unconfirmed", first_promised=False), ordered=100.0, units_open=100.0, cover=9.0)

    assert found.active
    assert found.reason == (
        "Line 1 of purchase order PO7 from ACME: 40 of 100, ordered for 23 Nov, are not confirmed, "
        "and expected around 23 Nov; stock lasts 9 days, which covers the gap."
    )
    undated = delay(part(9, cause="unconfirmed", first_day=NO_DAY), ordered=100.0)
    assert "40 of 100 are not confirmed, and expected around 1 Dec; " in undated.reason
    assert undated.observed == 0.0


def test_overdue_line_is_as_late_as_today() -> None:
    """Where the expected day has passed, the line is late until today."""
    found = delay(part(-1, cause="overdue", first_day=TODAY - 1), cover=math.nan, supplier="")

    assert not found.active
    assert found.observed == 1.0
    assert found.inform == ()
    assert found.reason == (
        "Line 1 of purchase order PO7 from an unknown supplier is overdue by 1 day: 40, promised for 21 Nov, are "
        "missing; nothing is forecast to be needed meanwhile."
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


KNOWN = DelayDetails(
    po_id="PO7", line="1", supplier="ACME", units_open=40.0, promised_date=dt.date(2011, 11, 20),
    promised_by="supplier",
)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "outcome", "reason"),
    [
        ({"next_day": TODAY + 1}, "on_time", "is not late any more: 40 are expected from 23 Nov on."),
        ({}, "on_time", "is not late any more."),
        ({"units_open": 0.0, "units_received": 40.0}, "received", "was received in full (40)."),
        (
            {"units_open": 0.0, "units_received": 40.0, "known": KNOWN}, "received",
            "was received in full (40), 2 days after the promised 20 Nov.",
        ),
        (
            {"units_open": 0.0, "units_received": 25.0}, "closed_short",
            "was closed: 25 of 40 arrived, 15 will not come.",
        ),
        ({"units_open": 0.0, "cancelled": True}, "cancelled", "was cancelled."),
        (
            {"units_open": 0.0, "cancelled": True, "units_received": 5.0}, "cancelled",
            "was cancelled after 5 had arrived.",
        ),
    ],
)  # fmt: skip
def test_delay_ends_at_once(fields: dict[str, Any], outcome: str, reason: str) -> None:
    """Nothing late, or nothing open: the delay is over without further looks, and the sentence says how."""
    found = delay(**fields)

    assert (found.active, found.cleared, found.final) == (False, True, True)
    assert found.reason == f"Line 1 of purchase order PO7 from ACME {reason}"
    assert details(found)["outcome"] == outcome
    assert "days_late" in details(found)


@pytest.mark.parametrize(
    ("late", "usual", "cover", "active"),
    [
        (3, 3, 30.0, False),
        (3, 3, 7.0, False),  # 23 Nov + 3 days + 3 usual ones are 7 days away
        (3, 3, 6.9, True),
        (6, 0, 30.0, False),  # less than a week
        (7, 0, 30.0, True),
        (7, 3, 30.0, True),  # more than twice the usual lateness
        (7, 4, 30.0, False),
    ],
)
def test_usual_lateness_that_stock_covers_is_no_news(late: int, usual: int, cover: float, active: bool) -> None:
    """Neither opens nor ends unless it is far beyond the usual: the digest lists it."""
    found = delay(part(1 + late), usual=usual, cover=cover)

    assert (found.active, found.cleared, found.final) == (active, False, False)
    assert details(found)["covered"] == (cover >= 1 + late + usual)


@pytest.mark.parametrize(
    ("late", "cover", "active"), [(1, 4.0, False), (1, 3.9, True), (6, 4.0, False), (6, 3.9, True)]
)
def test_what_is_overdue_may_take_as_long_again(late: int, cover: float, active: bool) -> None:
    """It has no day any more, so stock must last for the usual lateness from today on."""
    found = delay(part(-late, cause="overdue", first_day=TODAY - late), usual=4, cover=cover)

    assert found.active == active


@pytest.mark.parametrize(("late", "active"), [(3, False), (4, True)])
def test_without_known_stock_later_than_usual_is_news(late: int, active: bool) -> None:
    """Nobody can say whether stock covers it, and the sentence does not."""
    found = delay(part(1 + late), usual=3, cover=math.nan, stock_known=False)

    assert (found.active, "covered" in details(found), found.inform) == (active, False, ())
    assert found.reason.endswith("; the stock is not known.")
    assert found.severity_points <= 1.0


@pytest.mark.parametrize(
    ("cover", "late", "before", "ends"),
    [(9.0, 4, None, True), (1.0, 4, None, False), (99.0, 8, None, False), (9.0, 4, True, False)],
)
def test_a_first_count_ends_what_only_unknown_stock_made_news(
    cover: float, late: int, before: bool | None, ends: bool
) -> None:
    """Stock that covers the gap ends it, unless it is far too late. What opened with known stock stays open."""
    known = DelayDetails(po_id="PO7", line="1", supplier="ACME", units_open=40.0, covered=before)
    found = delay(part(1 + late), usual=3, cover=cover, known=known)

    assert (found.cleared, found.final) == (ends, ends)
    assert found.reason.endswith(", which does not cover the gap." if cover < 2.0 else ", which covers the gap.")
    still_unknown = delay(part(1 + late), usual=3, cover=math.nan, stock_known=False, known=known)
    assert not still_unknown.cleared


def test_what_is_not_confirmed_is_always_news() -> None:
    """Nobody has promised it."""
    assert delay(part(1, cause="unconfirmed"), usual=5, cover=30.0).active


def test_the_part_that_is_news_speaks() -> None:
    """Of two late schedule lines the one that stock does not cover, though the other is as late."""
    early = part(3, 10.0, first_day=TODAY - 1)
    far = part(20, 30.0, first_day=TODAY + 16)
    found = delay(early, far, usual=4, cover=10.0)

    assert (found.active, details(found)["schedule_quantity"]) == (True, 30.0)
    assert "up to 4 days late is usual; stock lasts 10 days, which does not cover the gap." in found.reason


def test_evidence_of_a_line() -> None:
    """Parts by what moved them: promised later, disrupted, overdue, not confirmed; what is on time is left out."""
    b = book()
    tell(b, "placed", 0, quantity=100, promised=14, supplier="A")
    tell(b, "confirmed", 1, quantity=30, promised=14)
    tell(b, "confirmed", 1, quantity=20, promised=40)

    def causes(day: int) -> list[tuple[str, float, int, int]]:
        ((key, line),) = b.purchases.of_row(0)
        found = delay_evidence(key, line, "A", DAY + day, cover_days=5.0, lead_time_days=20.4, usual_days_late=0)
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
