"""Supply state of a shard: stock, purchase orders, lead times, planning policies and the last published parameters.

`ShardState` owns it; machines call it when events arrive, rows close and decisions are made.

Invariants
- Row numbers come from the shard. After `ensure` the array ``supply`` has a record for every row.
- There is no clock: callers pass local days and instants. Closing rows in one call or in several gives the same result.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.contracts.number_kinds import DURATION_DECIMALS
from sensing.contracts.parameters import OverrideField, ParameterStatus
from sensing.contracts.reference import SupplierUpdated
from sensing.contracts.suppliers import PurchaseOrderPlaced, SupplierDisrupted
from sensing.demand.sum_variance import independent
from sensing.machine_settings import Settings
from sensing.state.line_table import LineTable
from sensing.state.snapshot import Snapshot, pack, unpack
from sensing.supply import dead_band, parameter_documents
from sensing.supply.allocations import Allocations
from sensing.supply.disruptions import Disruption, Disruptions, disruption_of
from sensing.supply.heard_purchases import HeardPurchases
from sensing.supply.lanes import NO_LANE, Lanes
from sensing.supply.lead_time import log_lead_times
from sensing.supply.master_data import FROM_THE_BEGINNING, MasterData
from sensing.supply.open_table import Key
from sensing.supply.parameter_documents import ForecastSummary, Published
from sensing.supply.plan import Plan, PlanInputs, add_open_lines, make_plan
from sensing.supply.planner_decisions import DecisionStates
from sensing.supply.projection import DAYS_LEFT
from sensing.supply.publication_causes import Causes
from sensing.supply.purchases import EventContext, MovedLine, PoOutcome, Purchases, line_key
from sensing.supply.reached_service import ReachedService
from sensing.supply.resolved_policy import Names, ResolvedPolicyTable
from sensing.supply.rounding import in_units
from sensing.supply.stock_ledger import mark_fractional
from sensing.supply.supply_record import SUPPLIERS, SUPPLY, fresh
from sensing.supply.transit import InTransit
from sensing.supply.unit_decimals import resolved_decimals


class SupplyState:
    """Supply state of the rows of one shard.

    Attributes
    ----------
    supply
        (rows,) records of `supply_record.SUPPLY`. The kernels of `stock_ledger` and `backlog` change them.
    master
        Items, suppliers, policies, parameters in force.
    lanes, purchases, disruptions
        Observed lead times; purchase-order lines; disruptions of suppliers that last.
    heard
        Purchase-order lines of all shards, as far as the pools of suppliers need them.
    transit
        Transfers in transit.
    reached
        Service that the reorder points in force reach, by demand class.
    decision_states
        Decisions of people about the parameters of rows.
    """

    def __init__(self, settings: Settings, lines: LineTable, allocations: Allocations, names: Names) -> None:
        """Make an empty state. ``lines`` has the order lines; ``names`` returns SKU and location of a row."""
        self.settings = settings
        self.names = names
        self.supply: NDArray[Any] = fresh(0)
        self.master = MasterData()
        self.lanes = Lanes(settings.purchase_lines_max)
        self.disruptions = Disruptions()
        self.purchases = Purchases(settings.purchase_lines_max, settings.line_horizon_days)
        self.heard = HeardPurchases(settings.line_horizon_days)
        self.transit = InTransit(settings.purchase_lines_max)
        self.reached = ReachedService(len(dead_band.CLASSES))
        self.decision_states = DecisionStates(settings.decided_rows_max)
        self._lines = lines
        self._allocations = allocations
        self._policies = ResolvedPolicyTable()

    def ensure(self, rows: int) -> None:
        """Grow the records to at least this many rows, by doubling."""
        if rows > len(self.supply):
            self.supply = np.concatenate([self.supply, fresh(max(rows, 2 * len(self.supply)) - len(self.supply))])

    def reference(self, event: Any, rows: NDArray[np.int64] | None = None, time: int = FROM_THE_BEGINNING) -> bool:
        """Put a reference record in force.

        ``rows`` are the rows of its SKU or location; None means all rows, if it has neither. Returns whether the record
        is in force.
        """
        if not self.master.apply(event, time):
            return False
        if isinstance(event, SupplierUpdated):
            self._policies.forget_supplier(self.lanes.find(event.supplier))
        elif rows is None:
            self._policies.forget_all()
        else:
            self.supply["policy"][rows] = -1
        return True

    def forget_policies(self, rows: NDArray[np.int64]) -> None:
        """Resolve the policies of rows again at their next plan."""
        self.supply["policy"][rows] = -1

    def see_currency(self, currency: str) -> bool:
        """Note a currency in use; returns whether the plans of all rows may change."""
        changed = self.master.see_currency(currency)
        if changed:
            self._policies.forget_all()
        return changed

    def supplier_of(self, row: int) -> str | None:
        """Supplier of a row: that of its newest purchase order, else that of its item."""
        lane = int(self.supply["lane"][row])
        if lane != NO_LANE:
            return self.lanes.names[self.lanes.lanes[lane]["supplier"]] or None
        item = self.master.item(self.names(row)[0])
        return None if item is None else item.supplier

    def convert(self, rows: NDArray[np.int64], factor: float) -> None:
        """Multiply purchase orders, transfers, decisions and parameters in force of an item's rows by ``factor``.

        The caller converts the supply records; see `sensing.machines.base_units`.
        """
        for row in rows.tolist():
            self.purchases.convert(row, factor, self.supply["on_order"])
            self.supply["on_order"][row] += self.transit.convert(row, factor)
            self.decision_states.convert(row, factor)
        for sku in {self.names(row)[0] for row in rows.tolist()}:
            self.master.convert(sku, factor)
        self.supply["policy"][rows] = -1

    def mark_seen(self, row: int, source: int, time: int) -> None:
        """Update the newest event time (``time``, UTC ms) of an input (ORDERS, INVENTORY or SUPPLIERS) for a row."""
        last_seen = self.supply["last_seen"]
        last_seen[row, source] = max(int(last_seen[row, source]), min(max(time // 1000, 0), 2**32 - 1))

    def purchase(
        self, event: Any, row: int, time: int, local_day: int, watermark: int, factor: float
    ) -> PoOutcome:  # fmt: skip
        """Apply an event about one purchase-order line.

        Parameters
        ----------
        event
            A ``po.*`` struct. The caller has filtered duplicate receipts.
        row
            Row of its SKU and location.
        time, watermark
            Event time and watermark, UTC ms.
        local_day
            Local day of the event time.
        factor
            Base units of the row in one unit of the event.

        Returns
        -------
        PoOutcome
            ``line_changed_item``, conflicts and duplicates change nothing. The caller books ``movement``.
        """
        item = self.master.item(event.sku)
        supplier = (item.supplier or "") if item is not None else ""
        self.mark_seen(row, SUPPLIERS, time)
        context = EventContext(row, time, local_day, watermark, factor, supplier)
        outcome = self.purchases.apply(event, context, self.supply, self.lanes, self.disruptions)
        mark_fractional(self.supply, row, int(self.supply["on_order"][row]))
        if outcome.word == "absorbed" and isinstance(event, PurchaseOrderPlaced):
            line = self.purchases.find(line_key(event))
            assert line is not None, "the event was applied to it"
            if line.expected is None and not line.received:
                line.expected = self._expected(row, time, local_day)
        return outcome

    def disrupt(self, event: SupplierDisrupted, time: int) -> Disruption:
        """Postpone what would be ordered from a disrupted supplier until the disruption ends.

        ``time`` is the event time, UTC ms. The caller has filtered duplicates, and postpones what is open.
        """
        disruption = disruption_of(event, self.lanes.supplier(event.supplier), time)
        self.disruptions.add(disruption)
        return disruption

    def postpone(self, disruption: Disruption, key: Key) -> MovedLine | None:
        """Postpone an open purchase-order line of a disrupted supplier; None if that changes nothing."""
        return self.purchases.postpone(disruption, key, self.names)

    def plan(
        self, rows: NDArray[np.int64], day: int, now: int, forecast_mean: NDArray[np.float64],
        forecast_variance: NDArray[np.float64], demand_class: NDArray[np.uint8],
        unit_price: NDArray[np.float64] | None = None, stale: NDArray[np.bool_] | None = None,
        sums: NDArray[np.float64] | None = None, left: NDArray[np.float64] | None = None,
    ) -> Plan:  # fmt: skip
        """Plan rows whose local day has closed. It changes no result of a later call.

        Parameters
        ----------
        rows
            (n,) row numbers.
        day
            The closed local day.
        now
            Instant of the close, UTC ms.
        forecast_mean, forecast_variance
            (n, 28) units and units squared of each day's demand from ``day + 1`` on; NaN: no plan.
        demand_class
            (n,) position in `dead_band.CLASSES`.
        unit_price
            (n,) value of a unit in the base currency, for items without a cost in master data; NaN: not known.
        stale
            (n,) whether the location of a row has been silent for long; None: none has.
        sums
            (n, `sum_variance.COLUMNS`) column of the forecast; None: days are independent.
        left
            (n, 2) share of the demand of the first two days that is still to come at ``now``; None: all of it.
        """
        policy = self._policy(rows)
        price = np.full(rows.size, np.nan) if unit_price is None else unit_price
        policy["unit_cost"] = np.where(np.isnan(policy["unit_cost"]), price, policy["unit_cost"])
        policy["decimals"] = resolved_decimals(policy, self.supply, rows)
        inputs = PlanInputs(
            policy, self.supply, self.lanes, self.purchases, self.transit, self._lines, self._allocations,
            np.zeros(rows.size, np.bool_) if stale is None else stale,
            np.ones((rows.size, DAYS_LEFT)) if left is None else left, self.settings.lead_time_days,
            self.decision_states.lead_times, independent(rows.size) if sums is None else sums,
            lambda mean_days, today: self.disruptions.lengthen(rows, policy["supplier"], mean_days, today, self.names),
        )  # fmt: skip
        return self.decision_states.applied(
            make_plan(rows, day, now, forecast_mean, forecast_variance, demand_class, inputs)
        )

    def decimals(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,) decimals of the quantities of rows."""
        return resolved_decimals(self._policy(rows), self.supply, rows)

    def decided_value(self, row: int, field: OverrideField, value: float) -> float:
        """A person's value as it is used: at the decimals of its unit.

        An order quantity is at least the minimum and a multiple, as the engine's own; 0 stays.
        """
        if field == "lead_time_days":
            return round(value, DURATION_DECIMALS)
        rows = np.array([row], np.int64)
        decimals = self.decimals(rows)
        if field != "order_quantity" or value == 0.0:
            return float(in_units(value, decimals[0]))
        policy = self._policy(rows)[0]
        least = np.fmax(value, policy["minimum"])
        return float(in_units(least, decimals[0], up=True, multiple=policy["multiple"]))

    def kits(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) whether each row's item is a kit."""
        return np.asarray(self._policy(rows)["kit"] > 0.0)

    def last_days(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,) last local day with demand of rows; infinite if they do not end."""
        return np.asarray(self._policy(rows)["last_day"])

    def due(self, plan: Plan, since_shift: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rising positions in the plan of the rows to publish, see `dead_band.due`."""
        return np.flatnonzero(dead_band.due(plan, self.supply, self.decision_states, since_shift))

    def publish(
        self, plan: Plan, at: NDArray[np.int64], summary: ForecastSummary, causes: Sequence[Causes]
    ) -> list[Published]:
        """Documents of the rows at positions ``at`` of the plan; marks them as published.

        See `parameter_documents.publish`.
        """
        return parameter_documents.publish(
            plan, at, summary, self.supply, self.names, self.master, self.decision_states, causes
        )

    def republish(self, plan: Plan, summary: ForecastSummary, causes: Causes) -> Published:
        """Document with the last published proposal of a row, in its current status. The plan has only this row."""
        at = np.zeros(1, np.int64)
        (published,) = parameter_documents.publish(
            self.as_published(plan),
            at,
            summary,
            self.supply,
            self.names,
            self.master,
            self.decision_states,
            [causes],
            renew=False,
        )
        return published

    def status(self, row: int) -> ParameterStatus:
        """Status of the last published proposal of a row."""
        decisions = self.decision_states.of(row)
        if decisions is not None and decisions.status is not None:
            return decisions.status
        if self.supply["agreed"][row]:
            return "in_force"
        return "stale" if self.supply["stale"][row] else "proposed"

    def as_published(self, plan: Plan) -> Plan:
        """The plan with the last published proposals. All its rows must have been published."""
        return parameter_documents.as_published(plan, self.supply, self.decision_states)

    def dump(self) -> bytes:
        """The whole state as bytes."""
        supply = self.supply.copy()
        supply["policy"] = -1
        return pack({"supply": supply} | {name: part.dump() for name, part in self._parts().items()})

    def counts_beyond(self) -> int:
        """Number of stock counts older than the movements kept. Stock may be wrong until the next count."""
        return int(self.supply["counts_beyond"].sum())

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        parts = unpack(block, {"supply": SUPPLY})
        self.supply = parts["supply"]
        for name, part in self._parts().items():
            part.load(parts[name])

    def _expected(self, row: int, now: int, local_day: int) -> tuple[float, float, int]:
        """Lead time of a row without disruptions: mean and sd in log days, 1 if its lane has receipts."""
        rows = np.array([row], np.int64)
        policy, lane = self._policy(rows), self.supply["lane"][rows]
        default_days = self.settings.lead_time_days
        found = log_lead_times(self.lanes, lane, policy["supplier"], policy["lead_time_days"], default_days, now)
        add_open_lines(
            found, lane, self.purchases.open_lines(rows, local_day, now, self.supply, self.lanes, np.zeros(1))
        )
        return float(found.mean[0]), math.sqrt(found.variance[0]), int(found.known[0])

    def _policy(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """(n,) resolved policies of rows."""
        return self._policies.lookup(rows, self.supply, self.names, self.master, self.lanes, self.settings)

    def _parts(self) -> dict[str, Snapshot]:
        return {
            "master": self.master,
            "lanes": self.lanes,
            "purchases": self.purchases,
            "heard": self.heard,
            "disruptions": self.disruptions,
            "transit": self.transit,
            "reached": self.reached,
            "decision_states": self.decision_states,
        }
