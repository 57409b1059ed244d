"""Master data for planning: items, suppliers, policies and the parameters in force at the ERP.

`SupplyState` owns it. Per key only the record in force is kept.
"""

from typing import Any

from sensing.contracts.reference import Demand, ItemUpdated, ParametersInForce, PolicyUpdated, SupplierUpdated
from sensing.state.snapshot import Encoded, pack, unpack

FROM_THE_BEGINNING = -(2**62)
"""Effective time, UTC ms, of records without one."""
KINDS = (ItemUpdated, SupplierUpdated, PolicyUpdated, ParametersInForce)
Key = tuple[str, ...]
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
    """Items, suppliers, policies and the parameters in force."""

    def __init__(self) -> None:
        self._records: dict[Key, _Kept] = {}
        self._any_supplier = False
        self.any_kit = False
        """Whether an item ever was a kit."""
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

    def item(self, sku: str) -> ItemUpdated | None:
        """Record of an item."""
        found: ItemUpdated | None = self._get(("item", sku))
        return found

    def is_kit(self, sku: str) -> bool:
        """Whether an item is a kit, which has no stock of its own."""
        item = self.item(sku)
        return item is not None and bool(item.parts)

    def supplier(self, supplier: str) -> SupplierUpdated | None:
        """Record of a supplier."""
        found: SupplierUpdated | None = self._get(("supplier", supplier))
        return found

    def knows_supplier(self, supplier: str) -> bool:
        """Whether a supplier is known. Without any supplier record all suppliers are known."""
        return not self._any_supplier or ("supplier", supplier) in self._records

    def in_force(self, sku: str, location: str) -> tuple[int, ParametersInForce] | None:
        """Parameters in force at the ERP for a SKU-location, and their effective time."""
        kept: Any = self._records.get(("in_force", sku, location))
        return None if kept is None else (kept[0], kept[1])

    def policies(self, sku: str, location: str) -> list[PolicyUpdated | None]:
        """Policies that apply, the most specific first: of the SKU-location, the SKU, the location, of all."""
        pairs = ((sku, location), (sku, ""), ("", location), ("", ""))
        return [self._get(("policy", *pair)) for pair in pairs]

    def demand(self, sku: str, location: str) -> Demand:
        """What is demand at a SKU-location: that of the most specific policy that says it."""
        stated = (policy.demand for policy in self.policies(sku, location) if policy is not None and policy.demand)
        return next(stated, "both")

    def unit_factor(self, sku: str, unit: str) -> float | None:
        """Base units in one ``unit`` of an item. None if its record does not have the unit, 1 if it has no record."""
        item = self.item(sku)
        if item is None or unit == item.base_unit:
            return 1.0
        return item.units.get(unit)

    def dump(self) -> bytes:
        """All records as bytes."""
        return pack({"records": Encoded(list(self._records.values()), list[_Kept])})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        for kept in unpack(block, {"records": list[_Kept]})["records"]:
            self._keep(_key(kept[1]), kept)

    def _keep(self, key: Key, kept: _Kept) -> None:
        self._records[key] = kept
        self._any_supplier |= key[0] == "supplier"
        self.any_kit |= bool(getattr(kept[1], "parts", None))
        self.any_dependent |= getattr(kept[1], "demand", None) == "dependent"

    def _get(self, key: Key) -> Any:
        kept = self._records.get(key)
        return None if kept is None else kept[1]
