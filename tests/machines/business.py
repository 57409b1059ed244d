"""Stream of a small distribution business over some months, with all kinds of events, from a seed."""

import datetime as dt
import random
from functools import cache
from typing import Any

from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS, Settings
from tests.machines.streams import MONDAY, Line, Result, Stream, line, run

SKUS = ("PUMP", "HOSE", "SEAL", "VALVE", "BOLT")
ZONES = {"LON": "Europe/London", "NYC": "America/New_York", "KTM": "Asia/Kathmandu"}
LOCATIONS = (*ZONES, "DOCK")
"""DOCK has no master data until day 30. Then it gets a time zone whose summer time is half an hour."""
LINES_PER_DAY = {"PUMP": 4.0, "HOSE": 2.0, "SEAL": 0.9, "VALVE": 0.15, "BOLT": 1.2}
DAY_HOURS = (8, 9, 9, 9, 10, 11, 13, 14, 16, 20)


def date(day: int) -> str:
    """ISO date of a day of the stream."""
    return (dt.date(2026, 2, 2) + dt.timedelta(days=day)).isoformat()


class Business:
    """Builds the stream day by day; every message has the time at which it arrives."""

    def __init__(self, seed: int, days: int) -> None:
        self.random = random.Random(seed)
        self.days = days
        self.arrivals: list[tuple[int, int, Line]] = []
        self.count = 0

    def tell(self, arrival: int, kind: str, time: int | None, /, **fields: Any) -> Line:
        """Add a message that arrives at ``arrival``. Without an id it gets the next number."""
        self.count += 1
        event_id = fields.pop("event_id", f"e{self.count}")
        message = line(kind, event_id, time, **fields)
        self.arrivals.append((arrival, self.count, message))
        return message

    def again(self, arrival: int, message: Line) -> None:
        """Add a message again."""
        self.count += 1
        self.arrivals.append((arrival, self.count, message))

    def messages(self) -> list[Line]:
        """All messages in order of arrival."""
        return [message for _, _, message in sorted(self.arrivals, key=lambda entry: entry[:2])]


def reference(b: Business) -> None:
    """Master data: some from the beginning, some that take effect along the way, some repeated."""
    first = b.tell(0, "calendar.updated", None, calendar="uk", closed_weekdays=[6])
    b.again(0, first)
    for location, zone in ZONES.items():
        calendar = "uk" if location == "LON" else None
        b.tell(0, "location.updated", None, location=location, time_zone=zone, calendar=calendar, region="R1")
    b.tell(0, "location.updated", None, location="DOCK")
    b.tell(0, "location.updated", None, location="MARS", time_zone="Mars/Phobos")
    b.tell(0, "item.updated", None, sku="PUMP", units={"CASE": 12}, unit_price=20.0, currency="EUR", supplier="ACME")

    def later(day: float, kind: str, /, **fields: Any) -> None:
        b.tell(0, kind, MONDAY + round(day * DAY_MS), **fields)

    holidays = [{"date": date(40)}, {"date": date(41), "closed": False}]
    later(20.1, "calendar.updated", calendar="uk", closed_weekdays=[6], holidays=holidays)
    later(30.4, "location.updated", location="DOCK", time_zone="Australia/Lord_Howe", steward="dora")
    later(15.0, "supplier.updated", supplier="ACME", lead_time_days=9, region="R3", buyer="bob")
    later(
        25.0,
        "item.updated",
        sku="HOSE",
        base_unit="EA",
        units={"BOX": 6},
        unit_cost=3.5,
        order_quantity_multiple=10,
        name="Hose",
        family="F",
        strategic=True,
        steward="ann",
    )
    later(45.0, "item.updated", sku="PUMP", units={"CASE": 10}, unit_price=22.0, currency="EUR", supplier="ACME")
    b.tell(0, "policy.updated", None, **{f"unknown_{kind}": "dead_letter" for kind in ("location", "supplier", "unit")})
    # As a whole: from now on unknown names are quarantined, which is the default.
    later(35.0, "policy.updated", service_target=0.98, review_days=2)
    later(60.0, "policy.updated", service_target=0.98, review_days=2, base_currency="EUR", rates={"USD": 0.9})
    later(61.0, "policy.updated", sku="PUMP", location="NYC", base_currency="EUR")
    later(62.3, "location.updated", location="ATLANTIS", time_zone="Atlantic/Azores")
    later(66.6, "item.updated", sku="PUMP", units={"CASE": 10, "PALLET": 480}, unit_price=22.0, currency="EUR")
    later(70.0, "supplier.updated", supplier="NOBODY")
    later(36.0, "policy.updated", sku="PUMP", location="LON", dead_band=0.02, order_cost=40, holding_rate_year=0.2)
    later(8.0, "policy.updated", sku="BOLT", location="NYC", demand="dependent")
    later(27.0, "policy.updated", sku="BOLT", location="LON", demand="independent")
    later(37.0, "policy.updated", sku="BOLT", demand="dependent")
    later(50.0, "promotion.approved", promotion="spring", sku="PUMP", start=date(60), end=date(63), uplift=0.5)
    plans(b)
    later(22.0, "parameters.in_force", sku="PUMP", location="LON", reorder_point=60, order_quantity=80)
    signals(b)
    later(24.0, "customer.updated", customer="C1", strategic=True, segment="shops")
    later(24.5, "customer.updated", customer="C2", region="R2")
    # Some records arrive during the stream: one is already in force by then, one takes effect later.
    b.tell(MONDAY + 52 * DAY_MS, "policy.updated", MONDAY + 51 * DAY_MS, location="NYC", cover_days=30)
    b.tell(MONDAY + 52 * DAY_MS, "promotion.approved", MONDAY + 53 * DAY_MS, promotion="p2", sku="SEAL", location="KTM",
           start=date(66), end=date(70))  # fmt: skip


def signals(b: Business) -> None:
    """Rain of a region, forecast a day ahead; tickets of an item; more signals of one row than it can learn."""

    def later(day: float, signal: str, kind: str, /, **fields: Any) -> None:
        b.tell(0, "signal.observed", MONDAY + round(day * DAY_MS), signal=signal, kind=kind, **fields)

    later(0.5, "share", "market", value=0.4, horizon_days=92)
    for day in range(1, b.days):
        later(day - 0.3, "rain", "weather", region="R1", value=day * 7 % 5, value_date=date(day))
        later(day - 0.2, "tickets", "tickets", sku="PUMP", value=day * 3 % 4)
    for number in range(4):
        later(30.0 + number, f"index {number}", "market", sku="PUMP", location="LON", value=float(number))


def plans(b: Business) -> None:
    """Baseline plans: too high, replaced, of a place without sales; opportunities: withdrawn, and won by a giant."""

    def later(day: float, kind: str, /, **fields: Any) -> None:
        b.tell(0, kind, MONDAY + round(day * DAY_MS), **fields)

    later(20.0, "plan.published", sku="PUMP", location="LON", start=date(21), quantity_per_day=120)
    later(30.0, "plan.published", sku="PUMP", location="NYC", start=date(28), days=60, quantity_per_day=4)
    later(50.0, "plan.published", sku="PUMP", location="NYC", start=date(45), days=60, quantity_per_day=9)
    later(41.0, "plan.published", sku="SEAL", location="DOCK", start=date(45), days=20, quantity_per_day=3)
    for day, signal, place, probability in (
        (30.5, "deal", ("PUMP", "LON"), 0.4), (38.0, "deal", ("PUMP", "LON"), 0.0), (40.0, "new", ("SEAL", "NYC"), 0.5)
    ):  # fmt: skip
        later(day, "signal.observed", signal=signal, kind="opportunity", sku=place[0], location=place[1],
              probability=probability, quantity=300, horizon_days=20)  # fmt: skip


def order_day(b: Business, sku: str, location: str, day: int) -> None:
    """Orders of one row on one day, with their later events."""
    r = b.random
    surge = 6.0 if (sku, location, day // 3) == ("PUMP", "NYC", 23) else 1.0
    dead = (sku, location) == ("BOLT", "KTM") and day > 60
    mean = 0.0 if dead else LINES_PER_DAY[sku] * surge * (0.3 if (day % 7) in (5, 6) else 1.1)
    for _ in range(sum(r.random() < mean / 8 for _ in range(8)) if mean < 8 else 24):
        time = MONDAY + day * DAY_MS + r.choice(DAY_HOURS) * HOUR_MS + r.randrange(HOUR_MS)
        b.count += 1
        order = f"o{b.count}"
        fields: dict[str, Any] = {"order_id": order, "sku": sku, "location": location, "customer": f"C{r.randrange(9)}"}
        fields |= r.choice(
            ({}, {}, {"unit_price": 19.5, "currency": "USD" if day % 9 == 8 else "EUR"}, {"promotion": "flyer"})
        )
        unit = "CASE" if sku == "PUMP" and r.random() < 0.1 else None
        quantity = r.choice((1, 2, 2, 3, 5, 0.5))
        due = date(day + r.choice((2, 9, 40))) if r.random() < 0.3 else None
        delay = r.choice((0, 0, 0, 0, 0, 2 * HOUR_MS, 5 * HOUR_MS, 3 * DAY_MS)) if r.random() < 0.3 else 0
        placed = b.tell(time + delay, "order.placed", time, quantity=quantity, unit_of_measure=unit, requested_date=due,
                        **fields)  # fmt: skip
        fate(b, placed, fields, time, quantity)


def fate(b: Business, placed: Line, fields: dict[str, Any], time: int, quantity: float) -> None:
    """Repeats, newer and older versions, cancellations before and after, returns and shipments of one order."""
    r = b.random
    draw = r.random()
    later = time + r.randrange(MINUTE_MS, 2 * DAY_MS)
    keys = {name: fields[name] for name in ("order_id", "sku", "location")}
    if draw < 0.05:
        b.again(later, placed)
    elif draw < 0.10:
        b.tell(later, "order.changed", later, quantity=quantity + 1, line_version=3, **keys)
        b.tell(later + MINUTE_MS, "order.changed", later - HOUR_MS, quantity=9, line_version=2, **keys)
    elif draw < 0.14:
        b.tell(r.choice((time - MINUTE_MS, later)), "order.cancelled", time, **keys)
    elif draw < 0.17:
        b.tell(later, "order.returned", later, quantity=1, **keys)
    elif draw < 0.19:
        b.tell(later, "order.allocated", later, quantity=quantity, **keys)
    elif draw < 0.21:
        b.tell(later, "order.lost", later, sku=fields["sku"], location=fields["location"], quantity=2)
    elif draw < 0.8:
        shipped = b.tell(later, "shipment.shipped", later, quantity=quantity, **keys)
        if r.random() < 0.1:
            b.again(later + HOUR_MS, shipped)
        if r.random() < 0.2:
            kind = r.choice(("shipment.delivered", "shipment.delayed", "shipment.backordered", "shipment.substituted"))
            more = {"shipment.delayed": {"expected_date": date(80)}, "shipment.substituted": {"substitute_sku": "SEAL"}}
            b.tell(later, kind, later, quantity=quantity, **keys, **more.get(kind, {}))


def supply_day(b: Business, sku: str, location: str, day: int) -> None:
    """Counts, adjustments, transfers and purchase orders of one row on one day."""
    r = b.random
    time = MONDAY + day * DAY_MS + r.randrange(DAY_MS - HOUR_MS)
    keys = {"sku": sku, "location": location}
    if r.random() < 0.12:
        as_of = time - r.choice((0, 0, 7 * HOUR_MS))
        counted = b.tell(time, "inventory.counted", as_of, quantity=r.choice((0, 15, 40, 200)), **keys)
        if r.random() < 0.2:
            b.again(time + HOUR_MS, counted)
    if r.random() < 0.04:
        b.tell(time, "inventory.adjusted", time, quantity=r.choice((-3, 2.5)), reason="broken", **keys)
    if r.random() < 0.04:
        b.tell(time, "shipment.transferred", time, quantity=4, to_location=r.choice(("LON", "NYC")), **keys)
    if r.random() < 0.07:
        purchase(b, keys, day, time)


def purchase(b: Business, keys: dict[str, str], day: int, time: int) -> None:
    """One purchase-order line from its placement to its end."""
    r = b.random
    b.count += 1
    keys = keys | {"po_id": f"po{b.count}"}
    supplier = r.choice(("ACME", "ACME", "ACME", None)) if day > 3 else "SHADY"
    unit = {"unit_of_measure": "BOX"} if keys["sku"] == "HOSE" and day > 30 else {}
    b.tell(time, "po.placed", time, quantity=30, supplier=supplier, promised_date=date(day + 7), **keys, **unit)
    after = time + DAY_MS + r.randrange(HOUR_MS)
    draw = r.random()
    if draw < 0.3:
        b.tell(after, "po.confirmed", after, promised_date=date(day + 8), **keys)
    if draw < 0.2:
        delayed = b.tell(after, "po.delayed", after + MINUTE_MS, promised_date=date(day + 12), **keys)
        b.again(after + HOUR_MS, delayed)
    if 0.5 < draw < 0.75:  # the second schedule line has a name where the draw is high
        named = {"schedule_line": "2"} if draw > 0.65 else {}
        b.tell(after, "po.confirmed", after, quantity=12, promised_date=date(day + 7), **keys, **unit)
        later = b.tell(
            after + 1, "po.confirmed", after, quantity=18, promised_date=date(day + 15), **keys, **unit, **named
        )
        b.again(after + HOUR_MS, later)
        b.tell(after + DAY_MS, "po.shipped", after + DAY_MS, quantity=12, promised_date=date(day + 9), **keys, **unit)
    if draw > 0.9:
        b.tell(after, "po.cancelled", after, **keys)
        b.tell(after + HOUR_MS, "po.confirmed", time, promised_date=date(day + 9), line_version=1, **keys)
        return
    here = time + r.randrange(4, 16) * DAY_MS
    b.tell(here, "po.received", here, quantity=10, **keys, **unit)
    if draw < 0.8:
        b.tell(here + DAY_MS, "po.received", here + DAY_MS, quantity=18, last=draw < 0.5, **keys, **unit)


def trouble(b: Business) -> None:
    """Large orders and slips, disruptions, decisions, and events that master data or the decoder refuse."""
    for day, sku, location in ((25, "PUMP", "LON"), (44, "SEAL", "NYC"), (71, "HOSE", "DOCK")):
        time = MONDAY + day * DAY_MS + 11 * HOUR_MS
        keys = {"order_id": f"giant{day}", "sku": sku, "location": location, "customer": "C1"}
        b.tell(time, "order.placed", time, quantity=2, **keys)
        slip = {"quantity": 200_000, "unit_price": 1e-4, "currency": "EUR", "line_version": 2}
        b.tell(time + MINUTE_MS, "order.changed", time + MINUTE_MS, **keys, **slip)
        large = keys | {"order_id": f"large{day}", "quantity": 90_000}
        b.tell(time + MINUTE_MS, "order.placed", time + MINUTE_MS, **large)
        if day == 44:
            b.tell(time + HOUR_MS, "order.changed", time + HOUR_MS, quantity=3, line_version=3, **keys)
        else:
            b.tell(time + 5 * MINUTE_MS, "order.cancelled", time + 5 * MINUTE_MS, **keys)
    for day in range(5, b.days, 9):
        time = MONDAY + day * DAY_MS + 15 * HOUR_MS
        b.tell(time, "supplier.disrupted", time, supplier=("ACME", "SHADY")[day % 2], delay_days=6)
        b.tell(time, "order.placed", time, sku="PUMP", location="LON", quantity=1, unit_of_measure="PALLET")
        b.tell(time, "order.placed", time, sku="BOLT", location="ATLANTIS", quantity=1)
        b.tell(time, "inventory.counted", time, sku="BOLT", location="ATLANTIS", quantity=1)
        b.tell(time, "shipment.transferred", time, sku="BOLT", location="LON", to_location="ATLANTIS", quantity=1)
        b.tell(time, "po.placed", time, sku="BOLT", location="LON", po_id=f"bad{day}", supplier="NOBODY", quantity=4)
        b.tell(time, "po.placed", time, sku="PUMP", location="LON", po_id=f"unit{day}", supplier="ACME", quantity=4,
               unit_of_measure="PALLET")  # fmt: skip
        b.tell(time, "po.placed", time, sku="BOLT", location="NYC", po_id=f"moved{day}", supplier="ACME", quantity=4)
        b.tell(time + 1, "po.received", time, sku="BOLT", location="LON", po_id=f"moved{day}", quantity=4)
        b.tell(time, "order.placed", time, sku="PUMP", location="LON", quantity=-1)
        b.tell(time, "order.exploded", time, sku="PUMP")
        made = b.tell(time, "decision.made", time, subject="PUMP/LON", decision="approve", decider="dora", role="buyer")
        b.again(time + 1, made)
        b.tell(time, "execution.confirmed", time, subject="PUMP/LON", parameters_version=1)


def business(seed: int = 7, days: int = 90) -> list[Line]:
    """The whole stream in order of arrival."""
    b = Business(seed, days)
    reference(b)
    for day in range(days):
        for sku in SKUS:
            for location in LOCATIONS:
                if location in ("LON", "NYC") or sku in ("PUMP", "BOLT"):
                    order_day(b, sku, location, day)
                    supply_day(b, sku, location, day)
    trouble(b)
    end = MONDAY + days * DAY_MS
    b.arrivals = [entry for entry in b.arrivals if entry[0] < end]
    return b.messages()


@cache
def usual_stream() -> Stream:
    """Ninety days."""
    return Stream(business())


@cache
def usual() -> Result:
    """Result of two shards for ninety days in one batch."""
    return run(usual_stream(), Settings(shards=2))


@cache
def young_stream(seed: int) -> Stream:
    """A week and a half of another business for every seed."""
    return Stream(business(seed, 11))
