"""A made-up business with two locations: its whole history as events, from a seed, with everything that it knows.

Orders come in business hours, are sometimes changed, cancelled or wanted weeks later, and are shipped from stock, in
part where stock is short. Purchase orders arrive in one or two receipts, sometimes late. A kit is sold, a location
supplies the other one, stock is counted now and then. Problems are planted around the day of the opening.
"""

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

Event = dict[str, Any]
FIRST = dt.date(2026, 1, 5)
HISTORY_DAYS = 112
LIVE_DAYS = 14
OPENING = FIRST + dt.timedelta(days=HISTORY_DAYS)
ZONES = {"LEEDS": ZoneInfo("Europe/London"), "BONN": ZoneInfo("Europe/Berlin")}
LINES_PER_DAY = {"PUMP": 9.0, "HOSE": 4.0, "SEAL": 1.5, "BOLT": 0.4, "SET": 1.0}
PARTS = {"HOSE": 2, "SEAL": 1}
WEEKDAYS = (1.3, 1.2, 1.1, 1.0, 1.2, 0.4, 0.0)
SUPPLIED = ("BOLT", "LEEDS", "BONN")
"""This item of the second place comes from the first one by transfers."""


def instant(location: str, day: dt.date, hour: float = 0.0) -> dt.datetime:
    """An instant of a local day."""
    local = dt.datetime.combine(day, dt.time(), ZONES[location])
    return local.astimezone(dt.UTC) + dt.timedelta(seconds=round(hour * 3600))


def stamp(at: dt.datetime) -> str:
    """An event time."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Line:
    """An order line as the ERP knows it."""

    order_id: str
    sku: str
    location: str
    placed: dt.datetime
    quantity: float
    due: dt.date
    version: int = 1
    shipped: float = 0.0
    cancelled: bool = False

    @property
    def open(self) -> float:
        """Quantity to be shipped."""
        return 0.0 if self.cancelled else self.quantity - self.shipped


@dataclass
class Purchase:
    """A purchase order as the ERP knows it."""

    po_id: str
    sku: str
    location: str
    placed: dt.datetime
    quantity: float
    promised: dt.date
    receipts: list[tuple[dt.date, float]]
    received: float = 0.0


@dataclass
class Business:
    """The ERP: its tables, and the events that it has published."""

    seed: int
    lines: list[Line] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    stock: dict[tuple[str, str], float] = field(default_factory=dict)
    evenings: list[dict[tuple[str, str], float]] = field(default_factory=list)
    """Stock at the end of each day."""
    events: list[tuple[str, Event]] = field(default_factory=list)
    """Topic and event."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        for sku in LINES_PER_DAY:
            for location in ZONES:
                self.stock[sku, location] = 0.0 if sku == "SET" else 30.0 + 50.0 * LINES_PER_DAY[sku]

    def tell(self, topic: str, kind: str, at: dt.datetime, /, **fields: Any) -> None:
        """Publish an event."""
        number = len(self.events)
        self.events.append((topic, {"event_id": f"e{number}", "event_type": kind, "event_time": stamp(at), **fields}))

    def place(self, sku: str, location: str, at: dt.datetime, quantity: float, due: dt.date) -> Line:
        """A customer orders."""
        line = Line(f"o{len(self.lines)}", sku, location, at, quantity, due)
        self.lines.append(line)
        self.tell("orders", "order.placed", at, **keys(line), quantity=quantity, requested_date=due.isoformat(),
                  customer=f"C{self.random.randrange(30)}", unit_price=9.5, currency="EUR")  # fmt: skip
        return line

    def sell(self, sku: str, location: str, day: dt.date, factor: float) -> None:
        """Orders of one day."""
        r = self.random
        mean = LINES_PER_DAY[sku] * WEEKDAYS[day.weekday()] * factor
        for _ in range(sum(r.random() < mean / 40 for _ in range(40))):
            at = instant(location, day, r.uniform(8, 18))
            wait = r.choice((0, 0, 0, 1, 2, 25)) if r.random() < 0.5 else 0
            line = self.place(sku, location, at, r.choice((1, 1, 2, 2, 3, 4, 6)), day + dt.timedelta(days=wait))
            draw, later = r.random(), at + dt.timedelta(minutes=20)
            if draw < 0.04:
                line.cancelled = True
                self.tell("orders", "order.cancelled", later, **keys(line))
            elif draw < 0.08:
                line.quantity, line.version = line.quantity + 1, 2
                self.tell("orders", "order.changed", later, **keys(line), quantity=line.quantity, line_version=2,
                          requested_date=line.due.isoformat(), unit_price=9.5, currency="EUR")  # fmt: skip

    def think_again(self, location: str, day: dt.date) -> None:
        """A customer cancels what is open of an older line, or wants one more."""
        r = self.random
        older = [line for line in self.lines if line.location == location and line.open > 0 and line.due > day]
        if not older or r.random() < 0.7:
            return
        line, at = r.choice(older), instant(location, day, 18.5)
        if line.quantity > 100:
            return
        if r.random() < 0.5:
            line.cancelled = True
            self.tell("orders", "order.cancelled", at, **keys(line))
            return
        line.quantity, line.version = line.quantity + 1, line.version + 1
        self.tell("orders", "order.changed", at, **keys(line), quantity=line.quantity, line_version=line.version,
                  requested_date=line.due.isoformat(), unit_price=9.5, currency="EUR")  # fmt: skip

    def ship(self, location: str, day: dt.date) -> None:
        """Ship what is due, as far as stock reaches, in the evening."""
        at = instant(location, day, 19.5)
        for line in self.lines:
            if line.location != location or line.open <= 0 or line.due > day:
                continue
            parts = PARTS if line.sku == "SET" else {line.sku: 1}
            most = min(self.stock[part, location] // each for part, each in parts.items())
            quantity = min(line.open, most)
            if quantity <= 0 or (line.sku == "SET" and quantity < line.open):
                continue
            line.shipped += quantity
            for part, each in parts.items():
                self.stock[part, location] -= quantity * each
                self.tell("shipments", "shipment.shipped", at, **keys(line) | {"sku": part, "line": line.sku},
                          quantity=quantity * each)  # fmt: skip

    def receive(self, location: str, day: dt.date) -> None:
        """Receipts of the day, in the morning."""
        for order in self.purchases:
            for due, quantity in order.receipts:
                if order.location == location and due == day:
                    order.received += quantity
                    self.stock[order.sku, location] += quantity
                    self.tell("suppliers", "po.received", instant(location, day, 7), **keys(order), quantity=quantity)

    def buy(self, sku: str, location: str, day: dt.date) -> None:
        """Order from the supplier, or from the other location, if stock and orders are low."""
        usual = 2.7 * (LINES_PER_DAY[sku] + (PARTS.get(sku, 0) * LINES_PER_DAY["SET"]))
        on_order = sum(o.quantity - o.received for o in self.purchases if (o.sku, o.location) == (sku, location))
        if sku == "SET" or self.stock[sku, location] + on_order > 18 * usual:
            return
        at = instant(location, day, 20.5)
        if (sku, location) == (SUPPLIED[0], SUPPLIED[2]):
            giver, quantity = SUPPLIED[1], 12.0
            if self.stock[sku, giver] >= quantity:
                self.stock[sku, giver] -= quantity
                self.stock[sku, location] += quantity
                self.tell("shipments", "shipment.transferred", at, sku=sku, location=giver, to_location=location,
                          quantity=quantity)  # fmt: skip
            return
        quantity, lead = float(round(14 * usual)), self.random.choice((7, 8, 9, 9, 10, 13))
        first = round(quantity * self.random.choice((1.0, 1.0, 0.6)))
        here = day + dt.timedelta(days=lead)
        receipts = [(here, first)] + ([(here + dt.timedelta(days=4), quantity - first)] if first < quantity else [])
        self.purchase(sku, location, at, quantity, day + dt.timedelta(days=9), receipts)

    def purchase(
        self, sku: str, location: str, at: dt.datetime, quantity: float, promised: dt.date,
        receipts: list[tuple[dt.date, float]],
    ) -> None:  # fmt: skip
        """Place a purchase order."""
        order = Purchase(f"p{len(self.purchases)}", sku, location, at, quantity, promised, receipts)
        self.purchases.append(order)
        self.tell("suppliers", "po.placed", at, **keys(order), quantity=quantity, supplier="ACME",
                  promised_date=promised.isoformat())  # fmt: skip

    def count(self, sku: str, location: str, day: dt.date) -> None:
        """Count stock after the receipts and before the shipments of a day."""
        self.tell("inventory", "inventory.counted", instant(location, day, 7.5), sku=sku, location=location,
                  quantity=self.stock[sku, location])  # fmt: skip


def keys(known: Line | Purchase) -> Event:
    """Fields that name a line."""
    name = {"order_id": known.order_id} if isinstance(known, Line) else {"po_id": known.po_id}
    return {**name, "line": known.sku, "sku": known.sku, "location": known.location}


def reference() -> list[Event]:
    """Master data, in force from the beginning."""
    records: list[Event] = [
        {"event_type": "location.updated", "location": name, "time_zone": zone.key, "shipments": True}
        for name, zone in ZONES.items()
    ]
    records.append({"event_type": "supplier.updated", "supplier": "ACME", "lead_time_days": 9})
    records += [
        {"event_type": "item.updated", "sku": sku, "supplier": "ACME", "unit_price": 9.5, "unit_cost": 6.0,
         "currency": "EUR", "parts": PARTS if sku == "SET" else {}}
        for sku in LINES_PER_DAY
    ]  # fmt: skip
    return [{"event_id": f"r{number}", **record} for number, record in enumerate(records)]


def demand_factor(sku: str, location: str, day: int) -> float:
    """Planted changes of demand: a drop before the opening, a surge after it."""
    if (sku, location) == ("PUMP", "LEEDS") and day >= HISTORY_DAYS - 4:
        return 0.0
    return 7.0 if (sku, location) == ("SEAL", "LEEDS") and day - HISTORY_DAYS in (9, 10, 11) else 1.0


def live_through(b: Business, day: int) -> None:
    """One day of the business."""
    date = FIRST + dt.timedelta(days=day)
    for location in ZONES:
        b.receive(location, date)
    for sku in LINES_PER_DAY:
        for location in ZONES:
            if sku != "SET" and (day == 0 or b.random.random() < 0.15):
                b.count(sku, location, date)
            b.sell(sku, location, date, demand_factor(sku, location, day))
    if day == HISTORY_DAYS - 20:  # overdue at the opening, and for ever
        b.purchase("SEAL", "LEEDS", instant("LEEDS", date, 20.2), 5.0, date + dt.timedelta(days=9), [])
    if day == HISTORY_DAYS - 10:  # large, and open through the two weeks
        b.place("PUMP", "BONN", instant("BONN", date, 12), 400.0, date + dt.timedelta(days=40))
    if day == HISTORY_DAYS - 90:  # wanted much later
        b.place("BOLT", "LEEDS", instant("LEEDS", date, 12), 3.0, date + dt.timedelta(days=140))
    for location in ZONES:
        b.think_again(location, date)
        b.ship(location, date)
        for sku in LINES_PER_DAY:
            b.buy(sku, location, date)
    b.evenings.append(dict(b.stock))


def business(seed: int, days: int) -> Business:
    """The business after some days."""
    b = Business(seed)
    for day in range(days):
        live_through(b, day)
    return b
