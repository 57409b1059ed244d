"""Lead times of plans while a supplier is disrupted, and after a later promise."""

import math

import numpy as np
import pytest

from sensing.contracts.reference import ItemUpdated
from sensing.machine_settings import DAY_MS, Settings
from sensing.supply.disruptions import DISRUPTIONS_MAX, Disruption, Disruptions
from sensing.supply.receipt_statistics import log_days
from sensing.supply.supply_state import SupplyState
from tests.snapshots import resumed
from tests.supply import oracles
from tests.supply.events import DAY, book, disrupted, names, tell


def lead_times(b: SupplyState, day: int, rows: int = 3) -> list[float]:
    """Mean lead times of the rows after local day DAY + ``day``."""
    forecast = np.full((rows, 28), 4.0)
    end = (DAY + day + 1) * DAY_MS
    plan = b.plan(np.arange(rows), DAY + day, end, forecast, forecast, np.ones(rows, np.uint8))
    return [round(float(mean), 2) for mean in plan.lead_time_days_mean]


def two_suppliers() -> SupplyState:
    """Items 0 and 1 come from A, item 2 from B; nothing is on order; the lead time is 7 days."""
    b = book(3)
    for row, supplier in enumerate("AAB"):
        b.reference(ItemUpdated(event_id=f"i{row}", sku=f"S{row}", supplier=supplier))
    return b


def test_a_disruption_lengthens_what_would_be_ordered() -> None:
    """Where nothing is open, too; for its days, only of its supplier, and not a day longer."""
    b = two_suppliers()
    assert disrupted(b, 5, delay_days=3.0) == []
    assert [lead_times(b, day) for day in (3, 4, 6, 7)] == [
        [7.0, 7.0, 7.0], [10.0, 10.0, 7.0], [10.0, 10.0, 7.0], [7.0, 7.0, 7.0],
    ]  # fmt: skip


def test_until_a_date() -> None:
    """Goods come not before the date, and delay_days later than usual; from the date on the lead time is the usual
    one.
    """
    b = two_suppliers()
    disrupted(b, 5, until=25)
    assert [lead_times(b, day)[0] for day in (4, 13, 20, 23, 24)] == [20.0, 11.0, 7.0, 7.0, 7.0]
    disrupted(b, 6, until=25, delay_days=2.0)
    assert [lead_times(b, day)[0] for day in (5, 13, 20, 23, 24)] == [19.0, 11.0, 9.0, 9.0, 7.0]


def test_of_several_disruptions_the_longest_holds() -> None:
    """Of an item, of a location, of the supplier; news of one scope replaces older news, whatever comes first."""
    b = two_suppliers()
    disrupted(b, 5, delay_days=4.0)
    disrupted(b, 5, delay_days=9.0, sku="S1")
    disrupted(b, 5, delay_days=30.0, location="elsewhere")
    assert lead_times(b, 5) == [11.0, 16.0, 7.0]
    disrupted(b, 6, delay_days=0.0, sku="S1")
    disrupted(b, 5.5, delay_days=20.0, sku="S1")
    assert lead_times(b, 6) == [11.0, 11.0, 7.0]
    disrupted(b, 7, delay_days=3660.0)
    assert lead_times(b, 7) == [365.0, 365.0, 7.0]


def test_a_line_without_a_date_is_due_after_the_longer_lead_time() -> None:
    """An order that names no date is expected as late as one placed now would be."""
    b = two_suppliers()
    tell(b, "placed", 5, quantity=10, supplier="A")
    disrupted(b, 6, delay_days=10.0)
    forecast = np.full((1, 28), 4.0)
    plan = b.plan(np.arange(1), DAY + 6, (DAY + 7) * DAY_MS, forecast, forecast, np.ones(1, np.uint8))
    assert np.flatnonzero(plan.receipts[0]).tolist() == [15]  # day 5 + 17, from day 7 on


def test_a_later_promise_is_a_censored_observation() -> None:
    """The lead time is at least that of the promise: it counts at once, once, and not again on later days."""
    b = book(1)
    for number in range(5):
        tell(b, "placed", number, quantity=10, promised=number + 7, po_id=f"P{number}", supplier="A")
        tell(b, "received", number + 7, quantity=10, po_id=f"P{number}")
    before = lead_times(b, 20, 1)[0]
    tell(b, "placed", 20, quantity=10, promised=27, po_id="late", supplier="A")
    on_time = lead_times(b, 20, 1)[0]
    assert on_time == pytest.approx(before, abs=0.2)
    tell(b, "delayed", 21, promised=60, po_id="late")
    later = [lead_times(b, day, 1)[0] for day in (21, 22, 40, 58)]
    end = (DAY + 22) * DAY_MS
    own = oracles.lead_time(b.lanes.everything[0], b.lanes.pools[1], b.lanes.lanes[0], math.nan, 7.0, end)
    with_promise = oracles.with_open(*own[:3], [(log_days(40.0), 1.0)])
    assert later[0] == pytest.approx(oracles.in_days(*with_promise, b.lanes.calibration[1]), rel=1e-3)
    assert later == [pytest.approx(later[0], rel=0.05)] * 4  # what was received fades
    assert later[0] > on_time + 3.0
    tell(b, "confirmed", 22, promised=65, po_id="late")
    assert lead_times(b, 22, 1)[0] > later[0]
    tell(b, "received", 65, quantity=10, po_id="late")
    assert lead_times(b, 65, 1)[0] > before + 3.0


def test_a_first_promise_is_no_late_one() -> None:
    """A long date from the start says nothing about the next order; neither does an earlier one."""
    b = book(1)
    tell(b, "placed", 0, quantity=10, promised=60)
    usual = lead_times(b, 1, 1)
    tell(b, "confirmed", 1, promised=50)
    assert lead_times(b, 1, 1) == usual


def test_the_table_is_bounded_and_forgets() -> None:
    """At the bound the disruption that ends first goes, and is counted; ended ones go after some days."""
    table = Disruptions()
    for number in range(DISRUPTIONS_MAX + 2):
        table.add(Disruption(number, None, None, 0, 1.0, -(2**31), 100 + (number * 7) % 5000))
    assert (len(table.all()), table.evicted) == (DISRUPTIONS_MAX, 2)
    table.expire(104)
    assert min(each.end_day for each in table.all()) >= 101
    again = Disruptions()
    again.load(table.dump())
    assert (again.all(), again.evicted) == (table.all(), 2)


def test_disruptions_survive_a_restart() -> None:
    """A restored state plans as the state it was taken from."""
    b = two_suppliers()
    disrupted(b, 5, delay_days=3.0)
    again = resumed(SupplyState(Settings(), b._lines, b._allocations, names), b.dump())
    assert lead_times(again, 5) == lead_times(b, 5) == [10.0, 10.0, 7.0]
