"""All forecasting members. A new one is a file with its spec and a line here.

Record layouts, mixture, closes, forecasts, snapshots and conformance tests read the specs from these tuples.
"""

from typing import Any

from sensing.demand.members.holt_winters import HOLT_WINTERS
from sensing.demand.members.member import Member, RiverMember
from sensing.demand.members.regression import REGRESSION
from sensing.demand.members.smoothing import SMOOTHING
from sensing.demand.members.tsb import TSB

MEMBERS: tuple[Member, ...] = (*SMOOTHING, TSB)
"""Members of every row, in the order of their errors in the row's record."""

RIVER_MEMBERS: tuple[RiverMember[Any], ...] = (HOLT_WINTERS, REGRESSION)
"""Members of rows with enough history, combined with the forecast of ``MEMBERS``."""
