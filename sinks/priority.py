"""Priority of open exceptions as one number; the most urgent exception has the largest. View entries store it."""

import datetime as dt
import math

from sensing.contracts.exceptions import SEVERITIES, Severity

MONEY_BITS = 16
DEADLINE_BITS = 32
_MONEY_STEPS_PER_DOUBLING = 1024
_DEADLINE_LAST = (1 << DEADLINE_BITS) - 1


def priority(severity: Severity, money: float | None, deadline: str | None) -> int:
    """Severity first, then money, then the earlier deadline; a whole number below 2**50, so exact as a float.

    Money is in the base currency and counts in steps of 0.07 %, so nearly equal amounts are ordered by deadline. An
    exception without money in it, or without a deadline (RFC 3339, counted in minutes), comes after those with one.

    Raises
    ------
    ValueError
        The deadline is not RFC 3339.
    """
    doublings = math.log2(1.0 + max(money or 0.0, 0.0))
    amount = min(int(doublings * _MONEY_STEPS_PER_DOUBLING), (1 << MONEY_BITS) - 1)
    minutes = _DEADLINE_LAST
    if deadline is not None:
        minutes = min(max(int(dt.datetime.fromisoformat(deadline).timestamp() // 60), 0), _DEADLINE_LAST)
    rank = SEVERITIES.index(severity)
    return (rank << MONEY_BITS | amount) << DEADLINE_BITS | (_DEADLINE_LAST - minutes)
