"""Decisions of people about the parameters of rows: overrides, approvals, rejections.

Few rows have decisions, so they are not in the rows' records but in one bounded table. `SupplyState` owns it.

Invariants
- At most ``rows_max`` rows are kept. A decision on a further row is refused and counted.
- A row is kept while it has an override, an approval or a rejection, or while its latest versions differ only in their
  status. It is also kept until the end of an override has been published.
"""

from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import local_date, rfc3339
from sensing.contracts.parameters import Override, OverrideField, ParameterStatus
from sensing.state.decision_record import DecisionRecord
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.plan import Plan
from sensing.supply.rounding import in_units, rounded

FIELDS: tuple[OverrideField, ...] = get_args(OverrideField)
KEPT_DAYS = 28
"""Days for which an override stands if the planner names no end, and an approval of a proposal that was replaced."""
Values = dict[OverrideField, float]
"""Values of a proposal by field."""


class PlannerOverride(msgspec.Struct, frozen=True):
    """An override: the planner's value (rounded to its unit), its last local day, and the decision record."""

    value: float
    until: int
    decision_record: DecisionRecord


class ProposalDecision(msgspec.Struct):
    """Approval or rejection of a proposal: its values, and the first and last version with these values."""

    status: Literal["approved", "rejected"]
    values: Values
    first: int
    last: int
    decision_record: DecisionRecord


class DecisionState(msgspec.Struct):
    """Decisions about one row.

    ``since`` is the first of the latest versions that differ only in their status. ``status`` is the status of the
    latest version, or None if that was published before the first decision. ``published_override``: the latest
    publication has an overridden reorder point. ``due``: an override was set or ended after the latest publication.
    """

    since: int
    status: ParameterStatus | None = None
    overrides: dict[OverrideField, PlannerOverride] = {}
    proposal_decision: ProposalDecision | None = None
    published_override: bool = False
    due: bool = False

    @property
    def overrides_reorder_point(self) -> bool:
        """Whether the reorder point is overridden, directly or by an overridden safety stock."""
        return "reorder_point" in self.overrides or "safety_stock" in self.overrides

    def published(self) -> list[Override]:
        """Overrides as published, in order of their fields."""
        return [
            Override(
                field=field,
                value=override.value,
                decided_by=override.decision_record.decider,
                decided_role=override.decision_record.role,
                decided_at=rfc3339(override.decision_record.time),
                until=local_date(override.until),
                reason=override.decision_record.reason,
            )
            for field, override in sorted(self.overrides.items())
        ]


_Rows = tuple[int, list[tuple[int, DecisionState]]]
"""Number of refused rows, and the decisions of each row."""


class DecisionStates:
    """Decisions about the rows of a shard."""

    def __init__(self, rows_max: int) -> None:
        self.rows_max = rows_max
        self.refused = 0
        self._rows: dict[int, DecisionState] = {}

    def __len__(self) -> int:
        """Number of rows with decisions."""
        return len(self._rows)

    def of(self, row: int) -> DecisionState | None:
        """Decisions about a row, which callers may change in place; None if there are none."""
        return self._rows.get(row)

    def make(self, row: int, version: int) -> DecisionState | None:
        """Decisions about a row with the latest version ``version``; added if missing. None if the table is full."""
        if row not in self._rows:
            if len(self._rows) >= self.rows_max:
                self.refused += 1
                return None
            self._rows[row] = DecisionState(version)
        return self._rows[row]

    def drop_if_empty(self, row: int, version: int) -> None:
        """Drop a row without decisions; ``version`` is its latest version."""
        decisions = self._rows.get(row)
        if decisions is not None and not (
            decisions.overrides
            or decisions.proposal_decision
            or decisions.published_override
            or decisions.due
            or decisions.since < version
        ):
            del self._rows[row]

    def of_rows(self, rows: NDArray[np.int64]) -> list[tuple[int, DecisionState]]:
        """Positions of the rows that have decisions, and the decisions."""
        if not self._rows:
            return []
        return [(at, self._rows[row]) for at, row in enumerate(rows.tolist()) if row in self._rows]

    def expire(self, rows: NDArray[np.int64], day: int) -> dict[int, list[tuple[OverrideField, PlannerOverride]]]:
        """End overrides whose last day is before local ``day``; returns them by row, in order of their fields.

        An approval that an override implied ends with it.
        """
        ended = {}
        for at, decisions in self.of_rows(rows):
            gone = sorted((field, override) for field, override in decisions.overrides.items() if override.until < day)
            if gone:
                decisions.overrides = {
                    field: override for field, override in decisions.overrides.items() if override.until >= day
                }
                decisions.due = True
                if (
                    decisions.proposal_decision is not None
                    and decisions.proposal_decision.decision_record.decision == "override"
                ):
                    decisions.proposal_decision = None
                ended[int(rows[at])] = gone
        return ended

    def lead_times(self, rows: NDArray[np.int64], mean_days: NDArray[np.float32]) -> None:
        """Replace estimated lead times (n,) by overridden ones."""
        for at, decisions in self.of_rows(rows):
            if "lead_time_days" in decisions.overrides:
                mean_days[at] = decisions.overrides["lead_time_days"].value

    def applied(self, plan: Plan) -> Plan:
        """The plan with overridden values, and with the values that follow from them.

        The reorder point is the expected lead-time demand plus the safety stock. The order-up-to level is the reorder
        point plus the order quantity. If both sides of such a sum are overridden, both keep the overridden values.
        """
        found = [(at, decisions.overrides) for at, decisions in self.of_rows(plan.rows) if decisions.overrides]
        if not found:
            return plan
        safety, point, quantity, level = (
            column.copy() for column in (plan.safety_stock, plan.reorder_point, plan.order_quantity, plan.order_up_to)
        )
        for at, overrides in found:
            mean, decimals = plan.lead_time_demand_mean[at], plan.policy["decimals"][at]
            if "safety_stock" in overrides:
                safety[at] = overrides["safety_stock"].value
                point[at] = in_units(mean + safety[at], decimals, up=True)
            if "reorder_point" in overrides:
                point[at] = overrides["reorder_point"].value
                if "safety_stock" not in overrides:
                    safety[at] = in_units(max(point[at] - mean, 0.0), decimals)
            if "order_quantity" in overrides:
                quantity[at] = overrides["order_quantity"].value
            sum_of_both = in_units(point[at] + quantity[at], decimals)
            level[at] = overrides["order_up_to"].value if "order_up_to" in overrides else sum_of_both
        return plan._replace(safety_stock=safety, reorder_point=point, order_quantity=quantity, order_up_to=level)

    def convert(self, row: int, factor: float) -> None:
        """Multiply the decided quantities of a row by ``factor``, when its base unit has changed."""
        decisions = self._rows.get(row)
        if decisions is None:
            return
        for field, override in decisions.overrides.items():
            if field != "lead_time_days":
                value = float(rounded(override.value * factor))
                decisions.overrides[field] = msgspec.structs.replace(override, value=value)
        proposal = decisions.proposal_decision
        if proposal is not None:
            proposal.values = {
                field: value if field == "lead_time_days" else float(rounded(value * factor))
                for field, value in proposal.values.items()
            }

    def dump(self) -> bytes:
        """All decisions as bytes."""
        return pack({"decision_states": Encoded((self.refused, list(self._rows.items())), _Rows)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        self.refused, rows = unpack(block, {"decision_states": _Rows})["decision_states"]
        self._rows = dict(rows)
