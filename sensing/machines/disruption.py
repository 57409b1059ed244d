"""The disruption of a supplier, as a resumable: it may concern very many open purchase-order lines.

`infrequent_events` begins it, the shard runs it in steps. Nothing passes it, since it changes the plans of many rows.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import InfrequentEvent
from sensing.machines.call_budget import ROWS_PER_INFREQUENT_EVENT, CallBudget
from sensing.machines.close_schedule import NEVER
from sensing.machines.purchase_effects import report_moved, rows_of_suppliers
from sensing.machines.shard_state import ShardState
from sensing.machines.stock_thresholds import check_next_movement
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.disruptions import Disruption
from sensing.supply.open_table import Key

LINES_AT_ONCE = 1024


class _Head(msgspec.Struct):
    disruption: Disruption
    event_id: str
    trace: str | None
    keys: list[Key]


class SupplierDisruption:
    """Postpones the open lines of a supplier one after the other, and puts out what follows."""

    KIND = "disruption"

    def __init__(self, head: _Head) -> None:
        self._head = head
        self._next = 0
        self._working: Key | None = None

    @classmethod
    def begin(cls, s: ShardState, message: InfrequentEvent) -> "SupplierDisruption":
        """Lengthen the supplier's lead times, and plan its rows at their next close.

        Until then their next movement has the projection run.
        """
        disruption = s.supply.disrupt(message.event, message.time)
        rows = rows_of_suppliers(s, [disruption.supplier])
        s.schedule_plans(rows)
        check_next_movement(s, rows)
        for row in rows.tolist():
            s.plan_on_event(row, "supplier_disrupted", message.event.event_id, message.time)
        keys = s.supply.purchases.of_supplier(disruption.supplier)
        return cls(_Head(disruption, message.event.event_id, message.trace, keys))

    @property
    def done(self) -> bool:
        """Whether all lines are postponed."""
        return self._next == len(self._head.keys)

    @property
    def lets_records_pass(self) -> bool:
        """No: an order or a shipment that passed could see a stock projection that is not right any more."""
        return False

    @property
    def next_instant(self) -> int:
        """NEVER: all lines have one instant, that of the event."""
        return NEVER

    def step(self, s: ShardState, budget: CallBudget) -> None:
        """Postpone some lines."""
        head, before = self._head, s.outbox.number
        left = len(head.keys) - self._next
        count = min(left, max(budget.rows_to_plan(LINES_AT_ONCE, 1.0) // ROWS_PER_INFREQUENT_EVENT, 1))
        with s.outbox.tracing(head.trace):
            for key in head.keys[self._next : self._next + count]:
                self._working = key
                moved = s.supply.postpone(head.disruption, key)
                if moved is not None:
                    report_moved(s, head.event_id, head.disruption.time, moved)
        self._next += count
        budget.spend(planned=ROWS_PER_INFREQUENT_EVENT * count, outputs=s.outbox.number - before)

    def bring_forward(self, s: ShardState, rows: NDArray[np.int32], budget: CallBudget) -> None:
        """Nothing: no record passes."""

    def failed_rows(self, s: ShardState) -> list[int]:
        """Row of the line at which the last step raised."""
        line = None if self._working is None else s.supply.purchases.find(self._working)
        return [] if line is None else [line.row]

    def dump(self) -> bytes:
        """The remaining work as bytes."""
        left = msgspec.structs.replace(self._head, keys=self._head.keys[self._next :])
        return pack({"head": Encoded(left, _Head)})

    @classmethod
    def load(cls, block: bytes) -> "SupplierDisruption":
        """Restore the disruption that :meth:`dump` wrote."""
        found: Any = unpack(block, {"head": _Head})["head"]
        return cls(found)
