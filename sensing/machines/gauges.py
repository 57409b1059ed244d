"""How full a shard is, for those who watch it: counted when asked, never kept."""

from typing import NamedTuple

import numpy as np

from sensing.detection.lifecycle import OpenCounts
from sensing.machines.state import ShardState
from sensing.state.lines import COUNT, EVICTED


class Gauges(NamedTuple):
    """What a shard holds. Days are local day numbers since 1970-01-01 of rows that have closed one; None: none has."""

    rows: int
    river_rows: int
    lines: int
    lines_evicted: int
    problems_refused: int
    open_problems: OpenCounts
    oldest_closed_day: int | None
    newest_closed_day: int | None


def gauges(s: ShardState) -> Gauges:
    """Count what a shard holds; touches every row once."""
    hot = s.rows.hot[: s.rows.count]
    closed = hot["closed_day"][(hot["born"] == 1) & (hot["closed_day"] >= hot["first_hour"] // 24)]
    return Gauges(
        rows=int(np.count_nonzero(hot["born"])),
        river_rows=len(s.demand.models),
        lines=int(s.lines.ring[COUNT]),
        lines_evicted=int(s.lines.ring[EVICTED]),
        problems_refused=s.problems.refused,
        open_problems=s.problems.open_counts(),
        oldest_closed_day=int(closed.min()) if len(closed) else None,
        newest_closed_day=int(closed.max()) if len(closed) else None,
    )
