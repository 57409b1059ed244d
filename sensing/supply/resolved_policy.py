"""Resolved policy of a row: numbers from policies, item and supplier master data and settings, resolved once per row.

Each field comes from the most specific record that has it: policy of the SKU-location, policy of the SKU, item, policy
of the location, policy for all, settings. The parameters in force are included, so that plans can be compared with them
without a lookup.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.jit import kernel
from sensing.machine_settings import Settings
from sensing.state.record_copies import take_records
from sensing.supply.end_of_life import last_day_of
from sensing.supply.lanes import NO_LANE, Lanes
from sensing.supply.master_data import MasterData
from sensing.supply.unit_decimals import stated_decimals

Names = Callable[[int], tuple[str, str]]
"""SKU and location of a row."""

RESOLVED_POLICY = np.dtype(
    [
        ("service_target", "f8"),
        ("review_days", "f8"),
        ("cover_days", "f8"),
        ("dead_band", "f8"),
        ("order_cost", "f8"),  # NaN: not known, as in all below
        ("holding_rate_year", "f8"),
        ("unit_cost", "f8"),  # in the base currency
        ("minimum", "f8"),
        ("multiple", "f8"),
        ("shelf_life_days", "f8"),
        ("decimals", "f8"),  # of quantities, as stated; NaN: see `sensing.supply.unit_decimals`
        ("lead_time_days", "f8"),  # stated by item, else supplier
        ("supplier", "i8"),
        ("kit", "f8"),  # 1: the item is a kit, which has no stock of its own
        ("last_day", "f8"),  # last local day with demand; infinite: the item does not end
        ("in_force_safety_stock", "f8"),
        ("in_force_reorder_point", "f8"),
        ("in_force_order_up_to", "f8"),
        ("in_force_order_quantity", "f8"),
        ("in_force_lead_time_days", "f8"),
    ],
    align=True,
)
SUPPLIER = (RESOLVED_POLICY.names or ()).index("supplier")
IN_FORCE = ("safety_stock", "reorder_point", "order_up_to", "order_quantity", "lead_time_days")


def resolve_policy(
    sku: str, location: str, lane_supplier: str | None, master: MasterData, settings: Settings
) -> list[float | str]:
    """Resolve the policy of a SKU-location: values in the order of RESOLVED_POLICY, the supplier by name.

    Parameters
    ----------
    sku, location
        The row.
    lane_supplier
        Supplier of the newest purchase order; None: the supplier of the item.
    master, settings
        Master data and settings that the values come from.
    """
    item = master.item(sku)
    both, of_sku, of_location, of_all = master.policies(sku, location)
    order: tuple[Any, ...] = (both, of_sku, item, of_location, of_all)

    def first(name: str, default: float = np.nan) -> float:
        for record in order:
            value = getattr(record, name, None)
            if value is not None:
                return float(value)
        return default

    name = (item.supplier or "") if lane_supplier is None and item is not None else (lane_supplier or "")
    supplier = master.supplier(name) if name else None
    stated = [record.lead_time_days for record in (item, supplier) if record and record.lead_time_days is not None]
    cost = None if item is None else (item.unit_price if item.unit_cost is None else item.unit_cost)
    rate = master.rates.rate(None if item is None else item.currency)
    shelf = None if item is None else item.shelf_life_days
    kept = master.in_force(sku, location)
    in_force = [None if kept is None else getattr(kept[1], field) for field in IN_FORCE]
    return [
        first("service_target", settings.service_target),
        first("review_days", 0.0),
        first("cover_days", settings.cover_days),
        first("dead_band", settings.dead_band),
        first("order_cost"),
        first("holding_rate_year"),
        np.nan if cost is None else cost * rate,
        first("order_quantity_min"),
        first("order_quantity_multiple"),
        np.nan if shelf is None else shelf,
        stated_decimals(sku, location, master),
        stated[0] if stated else np.nan,
        name,
        float(master.is_kit(sku)),
        last_day_of(item),
        *(np.nan if value is None else value for value in in_force),
    ]


@kernel
def find_stale(
    numbers: NDArray[np.int32], first: int, records: NDArray[Any], edition_of: NDArray[np.int64],
    editions: NDArray[np.int64], out: NDArray[np.bool_],
) -> bool:  # fmt: skip
    """Fill ``out`` (n,) with whether policies with ``numbers`` (n,) are stale; returns whether any is.

    Parameters
    ----------
    first
        The first number that is not stale for its own sake; a negative number stands for none.
    records, edition_of
        By number: the policies, and the edition of the supplier's record that each belongs to.
    editions
        By supplier: the edition in force.
    """
    found = False
    for i in range(numbers.size):
        number = numbers[i]
        out[i] = number < first or edition_of[number] != editions[records[number].supplier]
        found |= out[i]
    return found


class ResolvedPolicyTable:
    """Resolved policies by number.

    Rows with equal policies share a number. A row's policy is resolved again after a change of master data about it.
    Numbers below ``_first`` are stale. A number is also stale if its supplier has had a new record since: a number
    belongs to one edition of the supplier's record. The table is cleared when it is larger than all rows need.
    """

    def __init__(self) -> None:
        self._first = 0
        self._count = 0
        self._number_of: dict[tuple[float | str, ...], int] = {}
        self._records: NDArray[Any] = np.zeros(16, RESOLVED_POLICY)
        self._edition_of = np.zeros(16, np.int64)  # by number
        self._editions = np.zeros(16, np.int64)  # by supplier

    def forget_all(self) -> None:
        """Make the policies of all rows stale."""
        self._number_of.clear()
        self._first = self._count

    def forget_supplier(self, supplier: int | None) -> None:
        """Make the policies of a supplier's rows stale; None: no row has the supplier."""
        if supplier is not None:
            self._edition(supplier)
            self._editions[supplier] += 1

    def lookup(self, rows: NDArray[np.int64], supply: NDArray[Any], names: Names, master: MasterData, lanes: Lanes,
                settings: Settings) -> NDArray[Any]:  # fmt: skip
        """(n,) RESOLVED_POLICY records of the rows; resolves stale ones."""
        column = supply["policy"]
        if self._count > 2 * len(supply) + 16:
            self.forget_all()
            self._first = self._count = 0
            column[:] = -1
        numbers = column[rows]
        stale = np.empty(rows.size, np.bool_)
        if find_stale(numbers, self._first, self._records, self._edition_of, self._editions, stale):
            for row in rows[stale].tolist():
                lane = int(supply["lane"][row])
                supplier = None if lane == NO_LANE else lanes.names[lanes.lanes[lane]["supplier"]]
                column[row] = self._number(resolve_policy(*names(row), supplier, master, settings), lanes)
            numbers = column[rows]
        return take_records(self._records, numbers)

    def _number(self, values: list[float | str], lanes: Lanes) -> int:
        edition = self._edition(lanes.find(str(values[SUPPLIER])))
        # NaN is not equal to itself, so unknown values are empty texts in the key.
        key = (edition, *("" if value != value else value for value in values))
        found = self._number_of.get(key)
        if found is not None:
            return found
        number = self._number_of[key] = self._count
        self._count += 1
        if number == len(self._records):
            self._records = np.concatenate([self._records, np.zeros(number, RESOLVED_POLICY)])
            self._edition_of = np.concatenate([self._edition_of, np.zeros(number, np.int64)])
        self._records[number] = tuple(lanes.supplier(value) if isinstance(value, str) else value for value in values)
        self._edition_of[number] = self._edition(int(self._records[number]["supplier"]))
        return number

    def _edition(self, supplier: int | None) -> int:
        """Number of records of a supplier that have taken effect. Grows the array if needed."""
        if supplier is None:
            return 0
        if supplier >= len(self._editions):
            self._editions = np.concatenate([self._editions, np.zeros(supplier + 1, np.int64)])
        return int(self._editions[supplier])
