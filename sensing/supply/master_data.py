"""Master data for planning: items, suppliers, policies and the parameters in force at the ERP.

`SupplyState` owns it. Per key only the record in force is kept.
"""

from typing import Any

import msgspec

from sensing.codec.event_record import BASE_UNIT
from sensing.contracts.reference import Demand, ItemUpdated, ParametersInForce, PolicyUpdated, SupplierUpdated
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.rates import CURRENCIES_MAX, Rates, rates_of
from sensing.supply.unknown_policy import UnknownPolicy, resolve_unknown_policy

FROM_THE_BEGINNING = -(2**62)
"""Effective time, UTC ms, of records without one."""
IN_UNITS = ("safety_stock", "reorder_point", "order_up_to", "order_quantity")
"""Parameters in force that are quantities."""
KINDS = (ItemUpdated, SupplierUpdated, PolicyUpdated, ParametersInForce)
Key = tuple[str, ...]
_POLICY_FOR_ALL: Key = ("policy", "", "")
_Kept = tuple[int, ItemUpdated | SupplierUpdated | PolicyUpdated | ParametersInForce]


def _key(event: Any) -> Key:
    if isinstance(event, ItemUpdated):
        return ("item", event.sku)
    if isinstance(event, SupplierUpdated):
        return ("supplier", event.supplier)
    if isinstance(event, PolicyUpdated):
        return ("policy", event.sku or "", event.location or "")
    return ("in_force", event.sku, event.location)


class MasterData:
    """Items, suppliers, policies and the parameters in force.

    Attributes
    ----------
    rates
        Rates to the base currency.
    unknown
        What becomes of events with unknown names.
    """

    def __init__(self) -> None:
        self.rates = Rates()
        self.unknown = UnknownPolicy()
        self._records: dict[Key, _Kept] = {}
        self._currencies: list[str] = []
        self._any_supplier = False
        self.any_kit = False
        """Whether an item ever was a kit."""
        self.any_end = False
        """Whether an item ever had a last day."""
        self.any_dependent = False
        """Whether a policy ever made transfers the only demand of anything."""

    def apply(self, event: Any, time: int = FROM_THE_BEGINNING) -> bool:
        """Put a record in force that is effective at ``time``.

        The record with the latest ``time`` of a key is in force; of equal times the one applied last.

        Returns
        -------
        bool
            Whether anything changed. Records of other kinds are ignored.
        """
        if not isinstance(event, KINDS):
            return False
        key = _key(event)
        kept = self._records.get(key)
        if kept is not None and kept[0] > time:
            return False
        self._keep(key, (time, event))
        return True

    def see_currency(self, currency: str) -> bool:
        """Note a currency in use; returns whether rates have changed."""
        if currency in self._currencies or len(self._currencies) == CURRENCIES_MAX:
            return False
        self._currencies.append(currency)
        before, self.rates = self.rates, self._current_rates()
        return before.several != self.rates.several and not self.rates.stated

    def item(self, sku: str) -> ItemUpdated | None:
        """Record of an item."""
        found: ItemUpdated | None = self._get(("item", sku))
        return found

    def replace_item(self, record: ItemUpdated) -> None:
        """Put a changed record of an item in the place of the one in force."""
        self.apply(record, self._records["item", record.sku][0])

    def items_of(self, suppliers: set[str]) -> list[str]:
        """SKUs of the items that one of some suppliers delivers."""
        return [
            item.sku
            for _, item in self._records.values()
            if isinstance(item, ItemUpdated) and item.supplier in suppliers
        ]

    def is_kit(self, sku: str) -> bool:
        """Whether an item is a kit, which has no stock of its own."""
        item = self.item(sku)
        return item is not None and bool(item.parts)

    def supplier(self, supplier: str) -> SupplierUpdated | None:
        """Record of a supplier."""
        found: SupplierUpdated | None = self._get(("supplier", supplier))
        return found

    def accepts_supplier(self, supplier: str) -> bool:
        """Whether a supplier has a record or is accepted without. While there is no supplier record, all are."""
        return (
            not self._any_supplier or ("supplier", supplier) in self._records or self.unknown.supplier == "accept"
        )  # fmt: skip

    def accepts_item(self, sku: str) -> bool:
        """Whether an item has a record or is accepted without, which is the default."""
        return self.unknown.item == "accept" or ("item", sku) in self._records

    def in_force(self, sku: str, location: str) -> tuple[int, ParametersInForce] | None:
        """Parameters in force at the ERP for a SKU-location, and their effective time."""
        kept: Any = self._records.get(("in_force", sku, location))
        return None if kept is None else (kept[0], kept[1])

    def policies(self, sku: str, location: str) -> list[PolicyUpdated | None]:
        """Policies that apply, the most specific first: of the SKU-location, the SKU, the location, of all."""
        pairs = ((sku, location), (sku, ""), ("", location), ("", ""))
        return [self._get(("policy", *pair)) for pair in pairs]

    def stated(self, field: str, sku: str, location: str, default: Any) -> Any:
        """Field of the most specific policy of a SKU-location that states it; ``default`` if none does."""
        values = (getattr(policy, field) for policy in self.policies(sku, location) if policy is not None)
        return next((value for value in values if value is not None), default)

    def demand(self, sku: str, location: str) -> Demand:
        """What is demand at a SKU-location."""
        found: Demand = self.stated("demand", sku, location, "both")
        return found

    def unit_factor(self, sku: str, unit: str) -> float | None:
        """Base units in one ``unit`` of an item. None if its record does not have the unit, 1 if it has no record.

        A kit's part is in its base unit, whichever that is.
        """
        item = self.item(sku)
        if item is None or unit in (item.base_unit, BASE_UNIT):
            return 1.0
        return item.units.get(unit)

    def convert(self, sku: str, factor: float) -> None:
        """Multiply the parameters in force of an item by ``factor``, when its base unit has changed."""
        for key, (time, record) in list(self._records.items()):
            if isinstance(record, ParametersInForce) and record.sku == sku:
                values = {name: getattr(record, name) for name in IN_UNITS}
                changed = {name: value * factor for name, value in values.items() if value is not None}
                self._records[key] = (time, msgspec.structs.replace(record, **changed))

    def dump(self) -> bytes:
        """All records as bytes."""
        kept = Encoded(list(self._records.values()), list[_Kept])
        return pack({"currencies": Encoded(self._currencies, list[str]), "records": kept})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        parts = unpack(block, {"currencies": list[str], "records": list[_Kept]})
        self._currencies = parts["currencies"]
        for kept in parts["records"]:
            self._keep(_key(kept[1]), kept)
        self.rates = self._current_rates()

    def _keep(self, key: Key, kept: _Kept) -> None:
        self._records[key] = kept
        self._any_supplier |= key[0] == "supplier"
        self.any_kit |= bool(getattr(kept[1], "parts", None))
        self.any_end |= getattr(kept[1], "end_of_life", None) is not None
        self.any_dependent |= getattr(kept[1], "demand", None) == "dependent"
        if key == _POLICY_FOR_ALL:
            self.rates = self._current_rates()
            self.unknown = resolve_unknown_policy(self._get(key))

    def _current_rates(self) -> Rates:
        return rates_of(self._get(_POLICY_FOR_ALL), self._currencies)

    def _get(self, key: Key) -> Any:
        kept = self._records.get(key)
        return None if kept is None else kept[1]
