"""How many examples a search among costly ones tries: few in ``make test``, many times as many in ``make search``."""

import os

TIMES = int(os.environ.get("SEARCH_TIMES", "1"))
USUAL = 40
"""Examples of a search that names no number. Hypothesis would try 100."""


def examples(few: int) -> int:
    """Number of examples where ``few`` are enough for every change."""
    return few * TIMES
