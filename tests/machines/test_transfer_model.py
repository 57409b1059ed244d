"""Transfers in any order, with any dates, deliveries and delays: stock and what is in transit against a plain model."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.supply.stock_ledger import on_hand
from tests.machines.streams import MONDAY, Line, Result, Stream, line, run
from tests.searches import examples

pytestmark = pytest.mark.compiled

SETTINGS = Settings(shards=1, dead_band=0.0)
FIRST_DAY = MONDAY // DAY_MS
LATE = 2
END = 20
REFERENCE = [
    line("policy.updated", "p", None, transfer_days_late=LATE),
    line("location.updated", "d", None, location="DC"),
    line("location.updated", "s", None, location="S1"),
]
COUNTS = [
    line("inventory.counted", f"c{place}", MONDAY, sku="X", location=place, quantity=900) for place in ("DC", "S1")
]


class Step(NamedTuple):
    """One event of a shipment at an hour of the stream; the day of a transfer or delay may be absent."""

    hour: int
    kind: str
    shipment: str
    quantity: int
    day: int | None
    place: str


class Shipment:
    """What the model knows of a shipment, in units."""

    def __init__(self) -> None:
        self.sent = self.arrived = self.delivered = 0
        self.due, self.ends = -1, 0


steps = st.lists(
    st.builds(
        Step, st.integers(1, (END - 1) * 24), st.sampled_from(["sent", "sent", "delivered", "delayed"]),
        st.sampled_from("TU"), st.integers(1, 9), st.none() | st.integers(0, END + 9), st.sampled_from(["DC", "S1"]),
    ),
    max_size=12,
)  # fmt: skip


def events(said: list[Step]) -> list[Line]:
    """The events of steps."""
    found = []
    for number, (hour, kind, shipment, quantity, day, place) in enumerate(said):
        fields = {"location": place, "expected_date": None}
        if kind == "sent":
            fields = {"location": "DC", "to_location": "S1"}
        if kind != "delivered" and (day is not None or kind == "delayed"):
            fields["expected_date"] = str(np.datetime64(FIRST_DAY + (day or 0), "D"))
        name = {"sent": "transferred"}.get(kind, kind)
        found.append(
            line(f"shipment.{name}", f"e{number}", MONDAY + hour * HOUR_MS, sku="X", shipment_id=shipment,
                 quantity=quantity, **fields)
        )  # fmt: skip
    return found


def model(said: list[Step]) -> dict[str, Shipment]:
    """The shipments at the end of the stream, in the plainest words. Times are hours; the clock is one behind."""
    shipments = {name: Shipment() for name in "TU"}

    def end(clock: int) -> None:
        for each in shipments.values():
            if each.ends <= clock:
                each.arrived = max(each.arrived, each.sent)

    for hour, kind, name, quantity, day, _ in said:
        end(hour - 1)
        of = shipments[name]
        ends = ((day or 0) + LATE + 1) * 24
        if kind == "delivered":
            of.delivered += quantity
        elif kind == "delayed" and of.sent > of.arrived:
            of.due, of.ends = day or 0, ends
        elif kind == "sent":
            beyond = max(of.arrived - of.sent, 0)
            of.sent += quantity
            if day is None or ends <= hour:
                of.arrived += max(quantity - beyond, 0)
            else:
                of.due, of.ends = max(of.due, day), max(of.ends, ends)
        if of.sent:
            of.arrived = max(of.arrived, of.delivered)
    end(END * 24)
    return shipments


def found(result: Result) -> tuple[list[float], float, list[tuple[int, int]]]:
    """Stock at both ends, what is on order at S1, and what is in transit to it by day."""
    s = result.shards[0].state
    rows = {s.names_of(row)[1]: row for row in range(s.rows.count)}
    stock = [on_hand(s.supply.supply, rows[place]) / 1000 for place in ("DC", "S1")]
    due = [(day - FIRST_DAY, quantity // 1000) for day, quantity in s.supply.transit.of_row(rows["S1"])]
    return stock, s.supply.supply["on_order"][rows["S1"]] / 1000, sorted(due)


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(steps, st.integers(0, 14), st.integers(0, 14))
def test_stock_and_transit_are_those_of_the_model(said: list[Step], cut: int, restart: int) -> None:
    """However the stream is cut, and with a snapshot in between. Nothing is lost: DC, S1 and transit add up.

    Only what was delivered beyond what was sent is more.
    """
    said = sorted(said, key=lambda step: step.hour)
    lines = [*REFERENCE, *COUNTS, *events(said)]
    stream = Stream(lines, end=MONDAY + END * DAY_MS)
    cuts = sorted({min(cut + 3, len(lines)), min(restart + 3, len(lines)), len(lines)})
    stock, on_order, due = found(run(stream, SETTINGS, cuts, restarts=cuts[:1]))
    shipments = model(said).values()
    assert stock == [900.0 - sum(each.sent for each in shipments), 900.0 + sum(each.arrived for each in shipments)]
    assert due == sorted((each.due, each.sent - each.arrived) for each in shipments if each.sent > each.arrived)
    assert on_order == sum(quantity for _, quantity in due)
    assert sum(stock) + on_order == 1800.0 + sum(max(each.arrived - each.sent, 0) for each in shipments)
