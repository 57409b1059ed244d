"""Explanation of a changed reorder point: additive parts and a sentence. Documents of planning parameters use both.

The five inputs are replaced one after the other, in the order demand level, demand spread, lead time (with review
time), lead-time spread, service target. A part is the change of the reorder point in its step. So the
parts add up to the whole change for any formula.

Source: sequential substitution ("chain replacement"), as in variance analysis; unlike Shapley values (Shapley, 1953)
it depends on the order, which is fixed, and needs 4 quantiles instead of 30.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.contracts.parameters import Change
from sensing.jit import kernel
from sensing.supply.lead_time_demand import reorder_point

PARTS = ("demand_mean", "demand_spread", "lead_time_mean", "lead_time_spread", "service_target")
WORDS = ("demand level", "demand spread", "lead time", "lead-time spread", "service target")


INPUTS = (
    "demand_mean", "demand_variance", "lead_time_days_mean", "lead_time_days_sd", "review_days", "service_target"
)  # fmt: skip
"""Inputs of a reorder point, as fields of records and plans."""


@kernel
def substitute_inputs(old: NDArray[np.float64], new: NDArray[np.float64], parts: NDArray[np.float64]) -> None:
    """Fill ``parts`` (n, 5), in the order of PARTS, from the inputs before and after, (n, 6) in the order of INPUTS."""
    for i in range(old.shape[0]):
        a, b = old[i], new[i]
        start = reorder_point(a[0], a[1], a[2], a[3], a[4], a[5])
        level = reorder_point(b[0], a[1], a[2], a[3], a[4], a[5])
        spread = reorder_point(b[0], b[1], a[2], a[3], a[4], a[5])
        lead_time = reorder_point(b[0], b[1], b[2], a[3], b[4], a[5])
        lead_time_spread = reorder_point(b[0], b[1], b[2], b[3], b[4], a[5])
        parts[i, 0] = level - start
        parts[i, 1] = spread - level
        parts[i, 2] = lead_time - spread
        parts[i, 3] = lead_time_spread - lead_time
        parts[i, 4] = reorder_point(b[0], b[1], b[2], b[3], b[4], b[5]) - lead_time_spread


def apportion(before: float, after: float, parts: list[float], places: int) -> tuple[float, list[float]]:
    """Round total and parts to ``places`` decimals so that the rounded parts add up exactly.

    The rounding difference is added to the largest part.
    """
    scale = 10.0**places
    total = round(after * scale) - round(before * scale)
    units = [round(part * scale) for part in parts]
    sizes = [abs(part) for part in parts]
    units[sizes.index(max(sizes))] += total - sum(units)
    if places >= 0:
        power = 10**places
        return total / power, [unit / power for unit in units]
    power = 10**-places
    return float(total * power), [float(unit * power) for unit in units]


def explain(before: float, after: float, parts: list[float], places: int, *, overridden: bool = False) -> Change:
    """Change from the last published reorder point to the new one, with ``places`` decimals.

    If one of the two comes from an override (``overridden``), a sixth part is the rest that the inputs do not explain.
    """
    names: tuple[str, ...] = PARTS
    words: tuple[str, ...] = WORDS
    if overridden:
        names, words = (*PARTS, "override"), (*WORDS, "override")
        parts = [*parts, after - before - sum(parts)]
    total, parts = apportion(before, after, parts, places)
    order = sorted([(-abs(part), k) for k, part in enumerate(parts) if part])
    why = ", ".join([f"{words[k]} {_signed(parts[k])}" for _, k in order])
    sentence = f"Reorder point {_short(before)} -> {_short(after)} ({_signed(total)})"
    if total == 0.0:
        sentence = f"Reorder point unchanged at {_short(after)}"
    sentence += f": {why}." if why else "."
    return Change(total=total, **dict(zip(names, parts, strict=True)), sentence=sentence)


def first(after: float, mean: float, safety_stock: float, days: float, service_target: float) -> Change:
    """Change of a row that was never published: 0, and a sentence about the inputs of its reorder point."""
    sentence = (
        f"First proposal: reorder point {_short(after)} covers {_short(days)} days at {_short(100.0 * service_target)} "
        f"% service: expected demand {_short(mean)}, safety stock {_short(safety_stock)}."
    )
    return Change(total=0.0, **dict.fromkeys(PARTS, 0.0), sentence=sentence)


def _short(value: float) -> str:
    """A number with three digits; numbers from 100 on as whole numbers."""
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def _signed(value: float) -> str:
    return f"+{_short(value)}" if value > 0 else _short(value)
