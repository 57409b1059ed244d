"""Finding: the result of a detector about one possible problem at one instant.

`Detector.finding` makes findings; `Problems` turns them into exceptions.
"""

import math

import msgspec

from sensing.contracts.exception_details import Details
from sensing.contracts.exceptions import ExceptionType, Informed, MoneyStatus, Resolution, Route
from sensing.contracts.reference import CustomerUpdated
from sensing.detection.severity import importance_points

LineName = tuple[str, str]
"""Order and line."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence of one detector about one problem.

    ``active``: the opening threshold holds. ``cleared``: the evidence is below the resolving threshold. Between the two
    a problem keeps its state. ``final`` ends the problem at once, since its cause is gone. Quantities are base units or
    lines, times UTC ms, money and margin in ``currency``, ``money_base`` in ``base_currency`` (None: no rate is known).
    A change of ``marker``, such as a promised date, is always published. ``severity_points`` are those of the evidence.
    ``customer`` is the record of the customer whose order line caused the problem.
    ``sku`` and ``location`` are empty if the problem has none. ``start`` is the local day (since 1970-01-01) on which
    the episode began, if this finding opens one; with type and key it makes the id. ``resolution`` says how the problem
    ended, if this finding ends it. ``orders`` are the order lines (order, line) of the causes; ``purchase_order``
    (order, line) is what the problem is about. A ``harmless`` problem causes no other one. ``below_floor``: the money
    at stake is below what policy asks of an exception, so that the problem does not open.
    """

    exception_type: ExceptionType
    key: str
    sku: str
    location: str
    row: int
    start: int
    active: bool
    cleared: bool
    final: bool = False
    resolution: Resolution = "back_to_normal"
    harmless: bool = False
    instant: int
    event_time: int
    severity_points: float
    expected: float | None = None
    observed: float | None = None
    probability: float | None = None
    window_start: int | None = None
    window_end: int | None = None
    money: float | None = None
    currency: str | None = None
    margin: float | None = None
    money_base: float | None = None
    base_currency: str | None = None
    strategic: bool = False
    regulated: bool = False
    below_floor: bool = False
    customer: CustomerUpdated | None = None
    reason: str
    route: Route
    inform: tuple[Informed, ...] = ()
    marker: str = ""
    cause_event_ids: tuple[str, ...] = ()
    orders: tuple[LineName, ...] = ()
    purchase_order: LineName | None = None
    details: Details | None = None

    @property
    def points(self) -> float:
        """Severity points of evidence and importance."""
        return self.severity_points + importance_points(
            strategic=self.strategic, regulated=self.regulated, strategic_customer=is_strategic(self.customer)
        )

    @property
    def money_status(self) -> MoneyStatus:
        """Whether the money is known, and in the base currency."""
        return "no_price" if self.money is None else "no_rate" if self.money_base is None else "ranked"

    @property
    def comparable_money(self) -> float | None:
        """Money that tells whether a change is material: in the base currency if a rate is known."""
        return self.money if self.money_base is None else self.money_base


def is_strategic(customer: CustomerUpdated | None) -> bool:
    """Whether a customer is known as strategic."""
    return customer is not None and customer.strategic


def informed(inform: tuple[Informed, ...], customer: CustomerUpdated | None) -> tuple[Informed, ...]:
    """Roles to inform; of a strategic customer's problem, ``commercial`` as well."""
    return inform if "commercial" in inform or not is_strategic(customer) else (*inform, "commercial")


def with_customer(finding: Finding, before: Finding) -> Finding:
    """The finding with the customer of the problem's finding ``before``, unless it names one that matters as much."""
    if before.customer is None or (finding.customer is not None and not is_strategic(before.customer)):
        return finding
    if is_strategic(finding.customer):
        return finding
    inform = informed(finding.inform, before.customer)
    return msgspec.structs.replace(finding, customer=before.customer, inform=inform)


class DetectionContext(msgspec.Struct, frozen=True, kw_only=True):
    """What every detector needs besides its evidence: SKU-location, time, price and causes.

    ``instant`` is the machine's clock, which never goes back. ``event_time`` is the time of the cause; at a close it
    equals ``instant``. ``day`` is the local day (since 1970-01-01) of the cause; at a close it is the closed day, so
    that an event and the close of its day begin the same episode. ``price`` and ``margin`` (price less cost) are per
    base unit in ``currency``. ``rate`` is units of ``base_currency`` per unit of ``currency``. All three are NaN if
    unknown. ``strategic`` and ``regulated`` are those of the item, ``customer`` is the record of the customer whose
    order line is the cause.
    ``sku`` and ``location`` are empty if there is none. ``orders`` are the order lines of the causes. ``money_min`` is
    the policy's `exception_money_min`; NaN: none.
    """

    sku: str
    location: str
    row: int
    instant: int
    event_time: int
    day: int
    price: float = math.nan
    currency: str | None = None
    margin: float = math.nan
    rate: float = math.nan
    base_currency: str | None = None
    strategic: bool = False
    regulated: bool = False
    customer: CustomerUpdated | None = None
    cause_event_ids: tuple[str, ...] = ()
    orders: tuple[LineName, ...] = ()
    money_min: float = math.nan

    def money(self, units: float) -> float | None:
        """Value of ``units``; None if price or units are unknown."""
        return _amount(units * self.price)

    def money_base(self, units: float) -> float | None:
        """Value of ``units`` in the base currency; None if price, rate or units are unknown."""
        return _amount(units * self.price * self.rate)

    def is_below_floor(self, units: float) -> bool:
        """Whether the value of ``units`` is known to be below what policy asks of an exception.

        There is no floor for a strategic or regulated item, nor for the order line of a strategic customer.
        """
        if self.strategic or self.regulated or is_strategic(self.customer):
            return False
        return units * self.price * self.rate < self.money_min  # false where one of them is not known

    def margin_of(self, units: float) -> float | None:
        """Margin of ``units``; None if price, cost or units are unknown."""
        return _amount(units * self.margin)


def _amount(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 2)
