"""Records of the demand models: one per row, one per pool, and one per row with River models.

`DemandModels` holds the arrays; all demand kernels read or write them.

Invariants
----------
- A record of zeros is a row, pool or slot without data. Counts are explicit; no value means "unset".
- Quantities are in units, rates per day. Rows use single precision, which keeps seven digits.
- A row belongs to one pool (its location). Its forecast depends only on its record, its pool and its River slot.
"""

import numpy as np

from sensing.demand.class_scores import COLUMNS, SCORE_LEVELS
from sensing.demand.level_shift import RATIOS
from sensing.demand.members.registry import MEMBERS, RIVER_MEMBERS
from sensing.demand.month_profile import MONTH_DAYS
from sensing.demand.near_term import LAGS
from sensing.demand.row_statistics import USUAL_KEPT
from sensing.demand.silent_rows import RETURN_WEEKS, SILENCE_BINS
from sensing.demand.sum_variance import SUM_DAYS, SUM_LEVELS

HORIZON = 28
"""Days of a forecast."""
CLASSES = ("new", "smooth", "intermittent", "erratic", "lumpy", "ending")
"""Demand classes; a code is the position here."""
METHODS = ("none", "smoothing", "river")
"""Forecast methods; a code is the position here."""
GRID = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.85, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999)
"""Levels whose achieved frequency is kept. They are dense near 1, where service targets lie."""
FACTORS = (0.6, 0.75, 0.9, 1.0, 1.15, 1.35, 1.6, 1.9, 2.3, 2.8, 3.4)
"""Factors on the standard deviation of sums of days whose achieved coverage is kept."""
RIVER_FORECASTS = 1 + len(RIVER_MEMBERS)
"""Number of forecasts combined for a row with River models: one of its own members, then one per River member."""

_SUM_SHAPE = (len(CLASSES), len(SUM_DAYS), len(SUM_LEVELS))
_SCORES_SHAPE = (len(CLASSES), COLUMNS)
_RETURN_SHAPE = (SILENCE_BINS, RETURN_WEEKS)

DEMAND = np.dtype(
    [
        *(field for member in MEMBERS for field in member.fields),
        ("error", "f4", (len(MEMBERS),)),  # discounted mean squared one-day error of each member
        ("exposure", "f4"),  # sum of the seasonal indices of the days learned
        ("prior_days", "f4"),  # days that the level counts beyond these, see `cold_start`
        ("size_mean", "f4"),  # discounted mean (and mean square) of a day with demand, not seasonally adjusted
        ("size_square", "f4"),
        ("line_size", "f4"),  # discounted mean of the units of an order line
        ("interval", "f4"),  # discounted mean of the days between days with demand
        ("newest_size", "f4"),  # units of the newest day with demand
        ("weekday_quantity", "f4", (7,)),  # discounted units per weekday
        ("weekday_expected", "f4", (7,)),  # discounted level per weekday
        ("lines_level", "f4"),  # order lines per average day
        ("lines_square", "f4"),  # discounted mean squared error of a day's order lines around the usual ones
        ("usual_lines", "f4", (USUAL_KEPT,)),  # usual order lines per average day, now and one, two closes ago
        ("base_lines", "f4"),  # order lines per average day, before a shift that is in doubt
        ("base_square", "f4"),  # discounted mean squared error of a day's order lines around it
        ("base_product", "f4"),  # discounted mean of the product of the errors of two neighbouring days
        ("base_error", "f4"),  # error of the newest day
        ("shift", "f4"),  # expected factor on the level of a shift in doubt, minus 1
        ("shift_odds", "f4", (len(RATIOS),)),  # odds of a shift by each ratio
        ("shift_lines", "f4"),  # order lines since the shift began that is in doubt, and those expected without it
        ("shift_expected", "f4"),
        ("near_level", "f4", (LAGS,)),  # units of an average day forecast before each of the last days; 0: unusable
        ("near_deviation", "f4", (LAGS,)),  # deviation of each of these days, see `near_term`
        ("square", "f4"),  # discounted mean squared error of the combined forecast
        ("expected", "f4"),  # discounted mean of the combined forecast
        ("score_absolute", "f4"),  # discounted sums of the scores, see `DemandModels.scores`
        ("score_error", "f4"),
        ("score_quantity", "f4"),
        ("score_covered", "f4"),
        ("score_weight", "f4"),
        ("sum_level", "f4"),  # of the sum of days that is waiting, see `sum_calibration`: units a day
        ("sum_gap", "f4"),  # usual units a day of a row that was silent at its start, minus the level
        ("sum_dispersion", "f4"),  # variance-to-mean ratio of a day
        ("sum_gain", "f4"),
        ("sum_young", "f4"),
        ("sum_expected", "f4"),  # units expected and booked on the days that have closed
        ("sum_units", "f4"),
        ("pool", "i4"),
        ("slot", "i4"),  # 1 + position in the River records; 0 is none
        ("last_day", "i4"),  # last local day closed
        ("shift_day", "i4"),  # local day on which the newest shift was accepted, or turned out to be none
        ("days", "u2"),  # days learned, ceiling 65535
        ("sales", "u2"),  # days learned with demand
        ("silence", "u2"),  # days learned since the last one with demand
        ("drifts", "u1"),  # drifts detected by ADWIN, ceiling 255
        ("fractional", "u1"),  # 1: units of a day were no whole number
        ("sum_days", "u2"),  # days of the sum that have closed; 0: none is waiting
        ("sum_class", "u1"),  # 1 + demand class when the newest sum started; 0: none has
        ("sum_silence", "u1"),  # bin of the row's silence when it started, see `silent_rows`
    ],
    align=True,
)

POOL = np.dtype(
    [
        ("day_quantity", "f8"),  # totals of the day that is closing, cleared by the aggregate_* kernels
        ("day_level", "f8"),
        ("day_expected", "f8"),
        ("day_lines", "f8"),  # order lines, and those of the rows' levels
        ("day_lines_level", "f8"),
        ("day_dispersion", "f8"),  # sum over rows of the logarithm of the variance-to-mean ratio, and their number
        ("day_dispersion_weight", "f8"),
        ("day_shares", "f8", (3,)),  # of shares of days with demand, see `cold_start`
        ("day_holiday", "f8", (2,)),  # units of holidays, and units expected if they were none
        ("day_hours", "f8", (24,)),  # order lines
        ("day_near", "f8", (LAGS, 2)),  # what became of deviations, see `near_term`
        ("day_below", "f8", (len(CLASSES), len(GRID))),  # days whose demand fell below each level
        ("day_rows", "f8", (len(CLASSES),)),
        ("quantity", "f8", (7,)),  # discounted totals per weekday
        ("level", "f8", (7,)),
        ("lines", "f8", (7,)),
        ("lines_level", "f8", (7,)),
        ("weekday_index", "f8", (7,)),  # weekday index minus 1, so that zero means no profile yet
        ("line_index", "f8", (7,)),  # the same of order lines
        ("shares", "f8", (3,)),  # discounted
        ("holiday", "f8", (2,)),  # discounted
        ("month_ratio", "f8", (MONTH_DAYS,)),  # discounted sums by day of the month, see `month_profile`
        ("month_count", "f8", (MONTH_DAYS,)),
        ("month_index", "f8", (MONTH_DAYS,)),  # index of the day of the month minus 1
        ("month_square", "f8"),  # discounted sum of the squared relative errors of days, and number of days
        ("month_days", "f8"),
        ("dispersion", "f8"),  # discounted; dispersion / weight is the logarithm of the variance-to-mean ratio
        ("dispersion_weight", "f8"),
        ("hours", "f8", (7, 24)),  # discounted order lines per local hour of the week
        ("share", "f8", (7, 24)),  # share of the day's lines in an hour minus 1/24
        ("below", "f8", (len(CLASSES), len(GRID))),  # discounted
        ("rows", "f8", (len(CLASSES),)),
        ("nominal_correction", "f8", (len(CLASSES), len(SCORE_LEVELS))),  # level that achieves each, minus it
        ("day_scores", "f8", _SCORES_SHAPE),  # see `class_scores`
        ("scores", "f8", _SCORES_SHAPE),  # discounted
        ("days_aggregated", "u2", (7,)),  # days aggregated per weekday, ceiling 65535
        ("shocks", "u2", (7,)),  # consecutive days left out because almost nothing was sold
    ],
    align=True,
)

SUMS = np.dtype(
    [
        ("day_sums", "f8", _SUM_SHAPE[:2]),  # totals of the day that is closing, as in POOL
        ("day_within", "f8", (*_SUM_SHAPE, len(FACTORS))),
        ("day_covered", "f8", _SUM_SHAPE),
        ("sums", "f8", _SUM_SHAPE[:2]),  # discounted number of sums, by class and number of days
        ("within", "f8", (*_SUM_SHAPE, len(FACTORS))),  # discounted number within the quantile, by level and factor
        ("covered", "f8", _SUM_SHAPE),  # discounted number within the quantile as it was corrected, by level
        ("log_scale", "f8", _SUM_SHAPE),  # logarithm of the factor that achieves each level
        ("day_returned", "f8", _RETURN_SHAPE),  # totals of the day that is closing, see `silent_rows`
        ("day_missed", "f8", _RETURN_SHAPE),
        ("returned", "f8", _RETURN_SHAPE),  # discounted
        ("missed", "f8", _RETURN_SHAPE),
        ("return_share", "f8", _RETURN_SHAPE),
        ("last_day", "i8"),  # newest local day that had sums
        ("near", "f8", (LAGS, 2)),  # discounted sums of what became of deviations, see `near_term`
        ("near_day", "i8"),  # newest local day in them
    ],
    align=True,
)
"""Record of a shard: calibration of sums of days, see `sum_calibration`, return of silent rows, what became of
deviations."""

RIVER = np.dtype(
    [
        ("row", "i8"),
        *(field for member in RIVER_MEMBERS for field in member.fields),
        ("scale", "f8"),  # standard deviation of the errors of the row's own members when it got its River models
        ("error", "f8", (RIVER_FORECASTS,)),  # discounted mean squared error of each forecast that is combined
        ("days", "i8"),  # days scored
    ],
    align=True,
)
