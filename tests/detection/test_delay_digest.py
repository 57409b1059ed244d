"""delay_digest: what it counts, whom it names, and how it ends."""

import datetime as dt
from typing import Any

from sensing.contracts.exception_details import WORST_MAX
from sensing.detection.delay_digest import DELAY_DIGEST, SupplierLines
from sensing.detection.finding import DetectionContext, Finding
from sensing.detection.lifecycle import Problems
from sensing.machine_settings import DAY_MS
from sensing.state.late_lines import LateLine
from tests.detection.contexts import details

DATE = dt.date(2011, 11, 22)
NOW = 15_300 * DAY_MS


def late(days: int, po_id: str = "PO1", **fields: Any) -> LateLine:
    """A line that was due ``days`` before DATE and is overdue."""
    given: dict[str, Any] = {
        "supplier": "ACME", "sku": "A", "location": "UK", "po_id": po_id, "line": "1", "units": 24.0,
        "first_date": DATE - dt.timedelta(days), "expected_date": DATE - dt.timedelta(days), "usual_days_late": 4,
        "money_base": 100.0, "base_currency": "GBP",
    }  # fmt: skip
    return LateLine(**(given | fields))


def digest(*lines: LateLine, day: int = 0) -> Finding:
    """The finding about the late lines of ACME."""
    context = DetectionContext(
        sku="", location="", row=1, instant=NOW + day * DAY_MS, event_time=NOW + day * DAY_MS,
        day=NOW // DAY_MS + day, price=1.0, rate=1.0, currency="GBP", base_currency="GBP",
    )  # fmt: skip
    date = DATE + dt.timedelta(day)
    return DELAY_DIGEST.finding(context, SupplierLines(supplier="ACME", lines=lines, date=date))


def test_it_counts_lines_and_names_the_worst() -> None:
    """Lines, items, money, the latest lines first."""
    found = digest(late(1), late(3, "PO2", sku="B", money_base=None), late(3, "PO3", money_base=50.0))

    assert (found.key, found.active, found.cleared, found.route) == ("ACME", True, False, "buyer")
    assert (found.observed, found.money, found.money_base) == (3.0, 150.0, 150.0)
    assert found.reason == (
        "3 purchase-order lines of 2 items from ACME are late but not urgent: stock covers the gap, or they are"
        " no later than usual (4 days); the latest is line 1 of purchase order PO3, 3 days late: 24 of A for UK, first"
        " due on 19 Nov."
    )
    facts = details(found)
    worst = facts.pop("worst")
    assert facts == {
        "type": "delay_digest", "supplier": "ACME", "lines": 3, "items": 2, "days_late_max": 3,
        "lines_without_money": 1,
    }  # fmt: skip
    assert [line["po_id"] for line in worst] == ["PO3", "PO2", "PO1"]
    assert worst[0] == {
        "po_id": "PO3", "line": "1", "sku": "A", "location": "UK", "units_late": 24.0, "promised_date": "2011-11-19",
        "expected_date": "2011-11-19", "days_late": 3, "money_base": 50.0,
    }  # fmt: skip


def test_one_line_reads_as_one() -> None:
    """Singular, and nothing is said of what is usual where nothing is."""
    assert digest(late(1, usual_days_late=0)).reason == (
        "1 purchase-order line from ACME is late but not urgent: stock covers the gap, or it is no later than"
        " usual; it is line 1 of purchase order PO1, 1 day late: 24 of A for UK, first due on 21 Nov."
    )


def test_a_promised_later_day_counts_as_late() -> None:
    """Goods that are expected in three days, five after their first day, are five days late."""
    line = late(2, expected_date=DATE + dt.timedelta(3))
    assert details(digest(line))["days_late_max"] == 5


def test_it_names_a_bounded_number_of_lines() -> None:
    """The others are counted."""
    facts = details(digest(*(late(1, f"PO{number}") for number in range(WORST_MAX + 5))))
    assert (facts["lines"], len(facts["worst"])) == (WORST_MAX + 5, WORST_MAX)


def test_it_ends_without_lines() -> None:
    """At once."""
    found = digest()
    assert (found.active, found.cleared, found.final) == (False, True, True)
    assert found.reason.startswith("ACME has no such late line any more")


def test_its_severity_stays_low() -> None:
    """Whatever the money and however long it lasts."""
    problems = Problems(10)
    found = [
        problems.observe(digest(*(late(1, f"PO{n}", money_base=1e6) for n in range(day + 1)), day=day))
        for day in range(60)
    ]
    published = [each.state for each in found if each is not None]
    assert {state.severity for state in published} == {"low"}
    assert len(published) < 15  # material changes only
