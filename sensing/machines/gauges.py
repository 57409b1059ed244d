"""Gauges of shards and roll-up for their metrics: how full their tables are, counted on request and not stored."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sensing.detection.problem_table import OpenCounts
from sensing.machines.accuracy_totals import Totals, accuracy_totals
from sensing.machines.rollup import RollUpMachine
from sensing.machines.shard_state import ShardState
from sensing.state.line_table import COUNT, EVICTED, EVICTED_OPEN


class Limit(NamedTuple):
    """A counter of a table that evicts or refuses entries at its bound; ``name`` is the metric's name."""

    name: str
    text: str
    count: Callable[[ShardState], int]


LIMITS = (
    Limit(
        "lines_evicted", "Finished order lines forgotten, of age or because the table was full.",
        lambda s: int(s.lines.state[EVICTED]),
    ),
    Limit(
        "open_lines_evicted", "Open order lines forgotten because the table was full of open lines.",
        lambda s: int(s.lines.state[EVICTED_OPEN]),
    ),
    Limit(
        "allocations_refused", "Allocations of stock to order lines refused because the table was full.",
        lambda s: s.allocations.refused,
    ),
    Limit(
        "location_notices_dropped", "Reports of shipments or counts at unknown locations that were not noted.",
        lambda s: s.locations.notices_dropped,
    ),
    Limit(
        "exceptions_refused", "Exceptions not opened because the table was full.",
        lambda s: s.problems.refused,
    ),
    Limit(
        "exception_versions_evicted", "Versions of ended exceptions forgotten because the table was full.",
        lambda s: s.problems.ended.evicted,
    ),
    Limit(
        "earlier_exceptions_refused", "Exceptions of an earlier run not compared because the table was full.",
        lambda s: s.problems.earlier.refused,
    ),
    Limit(
        "unknown_names_refused", "Dead letters whose unknown name has no exception because the table was full.",
        lambda s: s.quarantine.names_refused,
    ),
    Limit(
        "below_floor_refused", "Problems below the money floor that were not counted because the table was full.",
        lambda s: s.problems.floor.refused,
    ),
    Limit(
        "late_lines_refused", "Late purchase-order lines left out of the digests because the table was full.",
        lambda s: s.late_lines.refused,
    ),
    Limit(
        "purchase_lines_evicted", "Open purchase-order lines forgotten because the table was full.",
        lambda s: s.supply.purchases.evicted,
    ),
    Limit(
        "purchase_lines_forgotten", "Finished purchase-order lines forgotten, of age or because the table was full.",
        lambda s: s.supply.purchases.forgotten,
    ),
    Limit(
        "purchase_events_dropped", "Events of purchase-order lines merged or dropped at the bound of a line.",
        lambda s: s.supply.purchases.events_dropped,
    ),
    Limit(
        "transfers_refused", "Transfers on hand at once because the table of those in transit was full.",
        lambda s: s.supply.transit.refused,
    ),
    Limit(
        "transfers_forgotten", "Transfers that have arrived, forgotten because the table was full.",
        lambda s: s.supply.transit.forgotten,
    ),
    Limit(
        "disruptions_evicted", "Disruptions of suppliers forgotten because the table was full.",
        lambda s: s.supply.disruptions.evicted,
    ),
    Limit(
        "heard_purchases_evicted",
        "Purchase-order lines and events that teach no pool of a supplier because the table was full.",
        lambda s: s.supply.heard.evicted,
    ),
    Limit(
        "lanes_refused", "Lead times not kept apart by lane or supplier because the table was full.",
        lambda s: s.supply.lanes.refused,
    ),
    Limit(
        "decided_rows_refused", "Decisions rejected because the table of decided SKU-locations was full.",
        lambda s: s.supply.decision_states.refused,
    ),
    Limit(
        "reference_ids_evicted", "Ids of reference records forgotten because the table was full.",
        lambda s: s.pending.evicted,
    ),
    Limit(
        "plans_refused", "Baseline plans not kept because the table was full.",
        lambda s: s.baselines.refused,
    ),
    Limit(
        "opportunities_refused", "Opportunities not kept because the table was full.",
        lambda s: s.opportunities.refused,
    ),
    Limit(
        "signals_refused", "Values of signals not kept because the table of series or of days was full.",
        lambda s: s.signals.series_refused + s.signals.dates_refused,
    ),
    Limit(
        "signals_beyond", "Signals of SKU-locations not learned because each SKU-location learns four at most.",
        lambda s: s.signal_table.beyond,
    ),
    Limit(
        "changed_rows_refused", "SKU-locations planned at their close, not on an event, because the table was full.",
        lambda s: s.changed.refused,
    ),
    Limit(
        "signal_pools_refused", "Signals of SKU-locations that learn without a pool because the table was full.",
        lambda s: s.signal_table.pools_refused,
    ),
    Limit(
        "customers_refused", "Records of customers not kept because the table was full.",
        lambda s: s.customers.refused,
    ),
    Limit(
        "promotions_refused", "Promotions not kept because the table was full.",
        lambda s: s.promotions.refused,
    ),
    Limit(
        "counts_beyond", "Stock counts older than the stock movements kept, so that they are not exact.",
        lambda s: s.supply.counts_beyond(),
    ),
    Limit(
        "outputs_not_finite", "Output records refused because a number in them was NaN or infinite.",
        lambda s: s.outbox.not_finite,
    ),
    Limit(
        "names_not_compared", "SKUs and locations not remembered for suspicious pairs because the table was full.",
        lambda _s: 0,
    ),
)  # fmt: skip
"""All such counters of a shard, except for dead letters with the reasons ``table_full`` and ``quarantine_full``."""


class Gauges(NamedTuple):
    """Contents of a machine. Days are local days since 1970-01-01 over rows that have closed one; None: no row has."""

    rows: int
    river_rows: int
    lines: int
    quarantined: int
    limits: dict[str, int]
    """Counters of LIMITS by name."""
    surges_suppressed: int
    """Order surges that a promotion explained, one per row and local day."""
    open_problems: OpenCounts
    below_floor: dict[str, int]
    """Problems by type that would be open but for the money floor of policy."""
    oldest_closed_day: int | None
    newest_closed_day: int | None
    accuracy: Totals
    """Totals that accuracy metrics follow from."""
    suspicious_pairs: int = 0
    """Pairs of names that differ only in letter case and the like."""


def gauges(s: ShardState) -> Gauges:
    """Count the contents of a shard; reads every row once."""
    hot = s.rows.hot[: s.rows.count]
    closed = hot["closed_day"][(hot["active"] == 1) & (hot["closed_day"] >= hot["first_hour"] // 24)]
    return Gauges(
        rows=int(np.count_nonzero(hot["active"])),
        river_rows=len(s.demand.models),
        lines=int(s.lines.state[COUNT]),
        quarantined=len(s.quarantine),
        limits={limit.name: limit.count(s) for limit in LIMITS},
        surges_suppressed=s.uplifts.suppressed,
        open_problems=s.problems.open_counts(),
        below_floor=s.problems.below_floor(),
        oldest_closed_day=int(closed.min()) if len(closed) else None,
        newest_closed_day=int(closed.max()) if len(closed) else None,
        accuracy=accuracy_totals(s),
    )


def roll_up_gauges(roll_up: RollUpMachine) -> Gauges:
    """Count the contents of the roll-up, which has only problems and names."""
    limits = {limit.name: 0 for limit in LIMITS}
    limits["outputs_not_finite"] = roll_up.outbox.not_finite
    limits["exceptions_refused"] = roll_up.problems.refused + roll_up.names.refused
    limits["late_lines_refused"] = roll_up.late_lines.refused
    limits["exception_versions_evicted"] = roll_up.problems.ended.evicted
    limits["earlier_exceptions_refused"] = roll_up.problems.earlier.refused
    limits["names_not_compared"] = roll_up.seen.not_compared
    return Gauges(
        0, 0, 0, 0, limits, 0, roll_up.problems.open_counts(), roll_up.problems.below_floor(), None, None, {},
        roll_up.seen.pairs,
    )  # fmt: skip
