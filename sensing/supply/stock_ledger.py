"""Stock ledger: on-hand stock of a row from its last count and the movements after it. Shard kernels call it.

A count includes every movement up to its own instant. Later movements are added, in any order of arrival. Movements of
up to eight distinct instants are kept. Beyond that, the two oldest merge at the later one's instant. A count before the
end of a merged entry cannot split it. Then the whole entry stays applied, and the count is reported as not exact.
Otherwise on-hand depends only on the set of counts and movements. Of two counts of the same instant the smaller is
used, so that no stock is promised twice.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.jit import kernel, lean_kernel
from sensing.supply.supply_record import AGE_MAX, COUNTS_BEYOND_MAX, MOVEMENTS_KEPT, NEVER


@kernel
def on_hand(supply: NDArray[Any], row: int) -> int:
    """Thousandths on hand. Without a count it is the sum of the movements kept, which is not the true stock."""
    record = supply[row]
    total = record.count_quantity
    for i in range(record.movement_count):
        total += record.movement_quantity[i]
    return int(total)


@kernel
def stock(supply: NDArray[Any], rows: NDArray[np.int64], out: NDArray[np.float64]) -> None:
    """Fill ``out`` (n,) with the units on hand of ``rows`` (n,); NaN for rows that were never counted."""
    for i in range(rows.size):
        counted = supply[rows[i]].count_time != NEVER
        out[i] = on_hand(supply, rows[i]) / THOUSANDTHS if counted else np.nan


@kernel
def refresh_stock(hot: NDArray[Any], supply: NDArray[Any], row: int) -> None:
    """Set the units on hand of a row's hot record after a count or a movement."""
    if supply[row].count_time != NEVER:
        hot[row].stock = on_hand(supply, row) / THOUSANDTHS


@lean_kernel
def mark_fractional(supply: NDArray[Any], row: int, quantity: int) -> None:
    """Mark a row of which a quantity (thousandths) is no whole number of base units; it stays marked."""
    if quantity % THOUSANDTHS != 0:
        supply[row].fractional = 1


@kernel
def merge_oldest(supply: NDArray[Any], row: int) -> None:
    """Merge the two oldest entries at the later one's instant."""
    record = supply[row]
    quantities, ages = record.movement_quantity, record.movement_age
    quantities[1] += quantities[0]
    for i in range(1, record.movement_count):
        quantities[i - 1] = quantities[i]
        ages[i - 1] = ages[i]
    record.movement_count -= 1
    record.movements_merged = 1


@kernel
def renew(supply: NDArray[Any], row: int, time_ms: int) -> None:
    """Change the reference instant of all ages to a newer one. Ages above AGE_MAX become AGE_MAX."""
    record = supply[row]
    ages = record.movement_age
    shift = time_ms - record.movement_newest
    if record.movement_count > 0 and ages[0] + shift > AGE_MAX:
        record.movements_merged = 1
    for i in range(record.movement_count):
        ages[i] = min(ages[i] + shift, AGE_MAX)
    record.movement_newest = time_ms


@kernel
def book_movement(supply: NDArray[Any], row: int, time_ms: int, quantity: int) -> bool:
    """Book a movement of ``quantity`` thousandths: shipments negative, receipts, returns and adjustments as signed.

    Returns
    -------
    bool
        False if the count in force already includes the movement, since it is not older.
    """
    mark_fractional(supply, row, quantity)
    record = supply[row]
    if time_ms <= record.count_time:
        return False
    if record.movement_count == 0:
        record.movement_newest = time_ms
    elif time_ms > record.movement_newest:
        renew(supply, row, time_ms)
    age = record.movement_newest - time_ms
    if age > AGE_MAX:
        age = AGE_MAX
        record.movements_merged = 1
    quantities, ages = record.movement_quantity, record.movement_age
    at = int(record.movement_count)
    while at > 0 and ages[at - 1] < age:
        at -= 1
    if at > 0 and ages[at - 1] == age:
        quantities[at - 1] += quantity
        return True
    if record.movement_count == MOVEMENTS_KEPT:
        if at <= 1:  # the new movement is one of the two oldest
            quantities[0] += quantity
            ages[0] = min(ages[0], age)
            record.movements_merged = 1
            return True
        merge_oldest(supply, row)
        at -= 1
    for i in range(int(record.movement_count), at, -1):
        quantities[i] = quantities[i - 1]
        ages[i] = ages[i - 1]
    quantities[at] = quantity
    ages[at] = age
    record.movement_count += 1
    return True


@kernel
def book_count(supply: NDArray[Any], row: int, time_ms: int, quantity: int) -> tuple[int, bool]:
    """Set the balance to ``quantity`` thousandths as of ``time_ms``.

    Returns
    -------
    tuple of int and bool
        Difference of the count to the balance as of that instant (0 if there was none, or if the count in force is
        newer), and whether the result is exact.
    """
    mark_fractional(supply, row, quantity)
    record = supply[row]
    known = record.count_time != NEVER
    if known and (time_ms < record.count_time or (time_ms == record.count_time and quantity >= record.count_quantity)):
        return 0, True
    balance = record.count_quantity
    kept = 0
    exact = True
    for i in range(record.movement_count):
        if record.movement_newest - record.movement_age[i] <= time_ms:
            balance += record.movement_quantity[i]
            continue
        if i == 0 and record.movements_merged == 1:
            exact = False
            record.counts_beyond = min(record.counts_beyond + 1, COUNTS_BEYOND_MAX)
        record.movement_quantity[kept] = record.movement_quantity[i]
        record.movement_age[kept] = record.movement_age[i]
        kept += 1
    if kept < record.movement_count:
        record.movements_merged = 0
    record.movement_count = kept
    record.count_time = time_ms
    record.count_quantity = quantity
    return int(quantity - balance) if known else 0, exact
