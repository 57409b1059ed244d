"""Facts of master data that records state beside what a machine found: item, location, supplier, owner.

They are those in force when the record is published. `shard_outputs` adds them.
"""

import msgspec
import numpy as np

from sensing.codec.event_record import THOUSANDTHS
from sensing.contracts.exception_details import DelayDetails
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.parameters import PlanningParameters
from sensing.contracts.reference import DECIMALS_MAX, ItemUpdated
from sensing.machines.row_lookup import row_of_known
from sensing.machines.shard_state import ShardState
from sensing.published_numbers import round_number
from sensing.state.locations import Location


def complete_exception(s: ShardState, state: ExceptionState) -> None:
    """Add names, groups, region and owner to the state of an exception, and the region of the supplier it names."""
    location = _location(s, state.location)
    item = _add_item(s, state)
    state.decimals = decimals_of(s, state.sku, state.location)
    state.region = None if location is None else location.region
    supplier = state.details.supplier if isinstance(state.details, DelayDetails) else ""
    record = s.supply.master.supplier(supplier) if supplier else None
    if record is not None and isinstance(state.details, DelayDetails):
        state.details = msgspec.structs.replace(state.details, supplier_region=record.region)
    if state.route == "data_steward":
        stewards = [record.steward for record in (item, location) if record is not None and record.steward is not None]
        state.owner = stewards[0] if stewards else None
    elif state.route == "buyer":
        state.owner = _buyer(s, supplier or _supplier(s, state.sku, state.location))


def complete_parameters(s: ShardState, document: PlanningParameters, row: int) -> None:
    """Add names, groups, region, supplier and buyer to the planning parameters of a row."""
    location = _location(s, document.location)
    item = _add_item(s, document)
    if item is not None:
        document.strategic, document.regulated = item.strategic, item.regulated
    document.region = None if location is None else location.region
    document.supplier = s.supply.supplier_of(row)
    document.buyer = _buyer(s, document.supplier)
    _add_succession(s, document, row)


def decimals_of(s: ShardState, sku: str | None, location: str | None) -> int:
    """Decimals of quantities of a SKU-location; without one, as many as there can be."""
    row = None if sku is None or location is None else row_of_known(s, sku, location)
    return DECIMALS_MAX if row is None else int(s.supply.decimals(np.array([row], np.int64))[0])


def _add_succession(s: ShardState, document: PlanningParameters, row: int) -> None:
    """Add the item's successor, if it has taken over, and what the item has taken over."""
    h = s.hand_overs
    if h.has_passed(document.sku):
        document.successor = h.successions.of[document.sku].successor
    document.predecessors = h.old_names.get(document.sku, [])
    if document.predecessors:
        document.stock.under_old_names = round_number(h.under_old_names(row) / THOUSANDTHS, document.decimals)


def _add_item(s: ShardState, record: ExceptionState | PlanningParameters) -> ItemUpdated | None:
    item = None if record.sku is None else s.supply.master.item(record.sku)
    if item is not None:
        record.item_name, record.family, record.category = item.name, item.family, item.category
    return item


def _location(s: ShardState, name: str | None) -> Location | None:
    number = None if name is None else s.locations.numbers.get(name)
    return None if number is None else s.locations.records[number]


def _supplier(s: ShardState, sku: str | None, location: str | None) -> str | None:
    row = None if sku is None or location is None else row_of_known(s, sku, location)
    return None if row is None else s.supply.supplier_of(row)


def _buyer(s: ShardState, supplier: str | None) -> str | None:
    record = s.supply.master.supplier(supplier) if supplier else None
    return None if record is None else record.buyer
