"""Windows of order lines that end with a closed day; the day close reads them for the drop detector."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.seasonal_profile import line_index
from sensing.detection.drop import expected_before, is_drop
from sensing.detection.window_statistics import line_dispersion
from sensing.jit import kernel
from sensing.state.rows import DAYS_KEPT

SILENCE_DAYS_MAX = 60
EMPTY_DAYS_KEPT = 32
"""Bits of ``empty_days``. On days that ended out of stock no lines are expected: who finds nothing orders nothing."""
WINDOWS = np.dtype(
    [
        ("observed", "f8", (3,)),  # order lines in three windows: 7 days, 14 days, the days since the last line
        # Order lines expected in the observed part of each window, at today's level.
        ("expected", "f8", (3,)),
        ("silence_days", "i8"),
        ("dispersion", "f8"),
        ("dropped", "u1"),  # 1 if one of the three windows is a drop
    ],
    align=True,
)


@kernel
def read_windows(
    hot: NDArray[Any], demand: NDArray[Any], pools: NDArray[Any], unobserved: NDArray[np.float32],
    rows: NDArray[np.int64],
    day: int, out: NDArray[Any],
) -> None:  # fmt: skip
    """Fill WINDOWS records (n,) of rows that closed local ``day``.

    Days older than the ring of unobserved shares count as observed. So do its oldest days: their cells are already
    cleared for coming days.
    """
    lines_by_weekday = np.empty(7)
    for i in range(rows.shape[0]):
        row = rows[i]
        record = hot[row]
        of_row = demand[row]
        entry = out[i]
        for weekday in range(7):
            lines_by_weekday[weekday] = of_row.lines_level * line_index(demand, row, pools, record.location, weekday)
        silence = min(of_row.silence, SILENCE_DAYS_MAX)
        lines = 0.0
        expected = 0.0
        for k in range(max(silence, 14)):
            at = day - k
            if k < DAYS_KEPT and record.day - DAYS_KEPT < at <= record.day:
                lines += record.day_lines[at % DAYS_KEPT]
            share = 1.0 - unobserved[record.location, at % DAYS_KEPT] if k < DAYS_KEPT else 1.0
            if k < EMPTY_DAYS_KEPT and (record.empty_days >> np.uint32(k)) & np.uint32(1):
                share = 0.0
            expected += share * lines_by_weekday[(at + 3) % 7]
            if k == 6:
                entry.observed[0] = lines
                entry.expected[0] = expected
            if k == 13:
                entry.observed[1] = lines
                entry.expected[1] = expected
            if k == silence - 1:
                entry.observed[2] = 0.0
                entry.expected[2] = expected
        if silence == 0:
            entry.observed[2] = 0.0
            entry.expected[2] = 0.0
        days = float(of_row.days)
        entry.silence_days = silence
        entry.dispersion = line_dispersion(of_row.lines_square, of_row.lines_level, days)
        entry.dropped = 0
        for k in range(3):
            length = 7.0 if k == 0 else (14.0 if k == 1 else float(silence))
            before = expected_before(entry.expected[k], entry.observed[k], of_row.lines_level)
            if length > 0.0 and is_drop(entry.observed[k], before, entry.dispersion, length, days):
                entry.dropped = 1
