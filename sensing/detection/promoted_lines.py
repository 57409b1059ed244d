"""Order lines that promotions explain. The surge detector multiplies the lines of promoted days by their uplift."""

from typing import NamedTuple

from sensing.demand.seasonal_profile import expected_lines
from sensing.detection.detector import ShardParts


class ExpectedLines(NamedTuple):
    """Expected order lines of a window, without and with its promotions, and these promotions in words."""

    usual: float
    expected: float
    promotions: str


def expected_with_promotions(parts: ShardParts, row: int, first_hour: int, stop_hour: int) -> ExpectedLines:
    """Expected order lines of a row in local hours ``first_hour`` to ``stop_hour`` (exclusive).

    A promotion that is expected to lower demand explains no surge, so that no factor is below 1.
    """
    usual = _expected(parts, row, first_hour, stop_hour)
    first, last = first_hour // 24, (stop_hour - 1) // 24
    promotions = parts.promotions.within(*parts.names_of(row), first, last) if len(parts.promotions) else []
    if not promotions:
        return ExpectedLines(usual, usual, "")
    category = parts.category_of(row)
    factors = parts.uplifts.day_factors(row, category, promotions, first, last - first + 1).tolist()
    total = 0.0
    for day, factor in enumerate(factors, first):
        lines = _expected(parts, row, max(first_hour, day * 24), min(stop_hour, day * 24 + 24))
        total += lines * max(factor, 1.0)
    uplifts = [(each.name, parts.uplifts.uplift(row, category, each.uplift)) for each in promotions]
    words = [f"{name} ({uplift.factor - 1.0:+.0%}, {uplift.source})" for name, uplift in uplifts]
    return ExpectedLines(usual, total, " and ".join(words))


def _expected(parts: ShardParts, row: int, first_hour: int, stop_hour: int) -> float:
    location = int(parts.rows.hot["location"][row])
    demand, unobserved = parts.demand, parts.locations.unobserved
    return float(expected_lines(demand.demand, row, demand.pool, location, unobserved, first_hour, stop_hour))
