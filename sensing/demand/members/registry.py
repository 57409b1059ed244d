"""All forecasting members. To add one, write a file with its spec and add the spec here.

Record layouts, mixture, closes, forecasts, snapshots and conformance tests read the specs from these tuples.
"""

from typing import Any

from sensing.demand.members.holt_winters import HOLT_WINTERS
from sensing.demand.members.member import Member, RiverMember
from sensing.demand.members.regression import REGRESSION
from sensing.demand.members.smoothing import SMOOTHING
from sensing.demand.members.tsb import TSB

MEMBERS: tuple[Member, ...] = (*SMOOTHING, TSB)
"""Members of every row, in the order of field ``error`` of the row's record."""

RIVER_MEMBERS: tuple[RiverMember[Any], ...] = (HOLT_WINTERS, REGRESSION)
"""Members of rows with enough history. Their forecasts are combined with the joint forecast of ``MEMBERS``."""
