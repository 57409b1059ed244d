"""Decisions of people about the parameters of rows: overrides, approvals, rejections.

Few rows have decisions, so they are not in the rows' records but in one bounded table. `SupplyBook` owns it.

Invariants
- At most ``rows_max`` rows are kept. A decision on a further row is refused and counted.
- A row is kept while it has an override, an approval or a rejection, while its latest versions differ only in their
  status, or until the end of an override has been published.
"""

from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import local_date, rfc3339
from sensing.contracts.parameters import Override, OverrideField, ParameterStatus
from sensing.state.ruling import Ruling
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.supply.plan import Plan
from sensing.supply.rounding import rounded

FIELDS: tuple[OverrideField, ...] = get_args(OverrideField)
Values = dict[OverrideField, float]
"""Values of a proposal by field."""


class Overridden(msgspec.Struct, frozen=True):
    """An override: a person's value (six digits), its last local day, and the decision."""

    value: float
    until: int
    ruling: Ruling


class Judged(msgspec.Struct):
    """A proposal that a person approved or rejected: its values, and the first and last version with these values."""

    status: Literal["approved", "rejected"]
    values: Values
    first: int
    last: int
    ruling: Ruling


class Standing(msgspec.Struct):
    """Decisions about one row.

    ``since`` is the first of its latest versions that differ only in their status. ``status`` is the status of the
    latest version, if it was published after the first decision. ``shown``: the latest publication has an overridden
    reorder point. ``due``: an override was set or ended since the latest publication.
    """

    since: int
    status: ParameterStatus | None = None
    overrides: dict[OverrideField, Overridden] = {}
    judged: Judged | None = None
    shown: bool = False
    due: bool = False

    @property
    def sets_point(self) -> bool:
        """Whether the reorder point is overridden, directly or by an overridden safety stock."""
        return "reorder_point" in self.overrides or "safety_stock" in self.overrides

    def published(self) -> list[Override]:
        """Overrides as published, in order of their fields."""
        return [
            Override(
                field=field, value=told.value, decided_by=told.ruling.decider, decided_role=told.ruling.role,
                decided_at=rfc3339(told.ruling.time), until=local_date(told.until), reason=told.ruling.reason,
            )
            for field, told in sorted(self.overrides.items())
        ]  # fmt: skip


_Rows = tuple[int, list[tuple[int, Standing]]]
"""Number of refused rows, and the decisions of each row."""


class Standings:
    """Decisions about the rows of a shard."""

    def __init__(self, rows_max: int) -> None:
        self.rows_max = rows_max
        self.refused = 0
        self._rows: dict[int, Standing] = {}

    def __len__(self) -> int:
        """Number of rows with decisions."""
        return len(self._rows)

    def of(self, row: int) -> Standing | None:
        """Decisions about a row, which callers may change in place; None if there are none."""
        return self._rows.get(row)

    def make(self, row: int, version: int) -> Standing | None:
        """Decisions about a row with the latest version ``version``; added if missing. None if the table is full."""
        if row not in self._rows:
            if len(self._rows) >= self.rows_max:
                self.refused += 1
                return None
            self._rows[row] = Standing(version)
        return self._rows[row]

    def tidy(self, row: int, version: int) -> None:
        """Drop a row without decisions; ``version`` is its latest version."""
        kept = self._rows.get(row)
        if kept is not None and not (kept.overrides or kept.judged or kept.shown or kept.due or kept.since < version):
            del self._rows[row]

    def among(self, rows: NDArray[np.int64]) -> list[tuple[int, Standing]]:
        """Positions of the rows that have decisions, and the decisions."""
        if not self._rows:
            return []
        return [(at, self._rows[row]) for at, row in enumerate(rows.tolist()) if row in self._rows]

    def expire(self, rows: NDArray[np.int64], day: int) -> dict[int, list[tuple[OverrideField, Overridden]]]:
        """End overrides whose last day is before local ``day``; returns them by row, in order of their fields.

        An approval that an override implied ends with it.
        """
        ended = {}
        for at, kept in self.among(rows):
            gone = sorted((field, told) for field, told in kept.overrides.items() if told.until < day)
            if gone:
                kept.overrides = {field: told for field, told in kept.overrides.items() if told.until >= day}
                kept.due = True
                if kept.judged is not None and kept.judged.ruling.decision == "override":
                    kept.judged = None
                ended[int(rows[at])] = gone
        return ended

    def lead_times(self, rows: NDArray[np.int64], mean_days: NDArray[np.float32]) -> None:
        """Replace estimated lead times (n,) by overridden ones."""
        for at, kept in self.among(rows):
            if "lead_time_days" in kept.overrides:
                mean_days[at] = kept.overrides["lead_time_days"].value

    def applied(self, plan: Plan) -> Plan:
        """The plan with overridden values, and with the values that follow from them.

        The reorder point is the expected lead-time demand plus the safety stock. The order-up-to level is the reorder
        point plus the order quantity. If both sides of such a sum are overridden, both keep the overridden values.
        """
        found = [(at, kept.overrides) for at, kept in self.among(plan.rows) if kept.overrides]
        if not found:
            return plan
        safety, point, quantity, level = (
            column.copy() for column in (plan.safety_stock, plan.reorder_point, plan.order_quantity, plan.order_up_to)
        )
        for at, told in found:
            mean = plan.lead_time_demand_mean[at]
            if "safety_stock" in told:
                safety[at] = told["safety_stock"].value
                point[at] = rounded(mean + safety[at])
            if "reorder_point" in told:
                point[at] = told["reorder_point"].value
                if "safety_stock" not in told:
                    safety[at] = rounded(max(point[at] - mean, 0.0))
            if "order_quantity" in told:
                quantity[at] = told["order_quantity"].value
            level[at] = told["order_up_to"].value if "order_up_to" in told else rounded(point[at] + quantity[at])
        return plan._replace(safety_stock=safety, reorder_point=point, order_quantity=quantity, order_up_to=level)

    def dump(self) -> bytes:
        """All decisions as bytes."""
        return pack({"standings": Encoded((self.refused, list(self._rows.items())), _Rows)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        self.refused, rows = unpack(block, {"standings": _Rows})["standings"]
        self._rows = dict(rows)
