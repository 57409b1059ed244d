"""Explanation of a changed reorder point: additive parts and a sentence. Documents of planning parameters use both.

The five inputs are replaced one after the other, in the order demand level, demand spread, lead time (with review
time), lead-time spread, service target. A part is the change of the unrounded reorder point in its step. So the
parts add up to the whole change for any formula. Reorder points are whole steps of their unit; a part `rounding` is
what that adds or takes.

Source: sequential substitution ("chain replacement"), as in variance analysis; unlike Shapley values (Shapley, 1953)
it depends on the order, which is fixed, and needs 4 quantiles instead of 30.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.contracts.number_kinds import DURATION_DECIMALS
from sensing.contracts.parameters import Change
from sensing.jit import kernel
from sensing.supply.lead_time_demand import reorder_point

PARTS = ("demand_mean", "demand_spread", "lead_time_mean", "lead_time_spread", "service_target")
WORDS = {
    "demand_mean": "demand level", "demand_spread": "demand spread", "lead_time_mean": "lead time",
    "lead_time_spread": "lead-time spread", "service_target": "service target", "override": "override",
    "rounding": "rounding",
}  # fmt: skip
ROUNDED_MAX = 13
"""Tenths of the last decimal that rounding can explain: a whole step of either end, and half a tenth of each part."""

INPUTS = (
    "demand_mean", "demand_variance", "lead_time_days_mean", "lead_time_days_sd", "review_days", "service_target"
)  # fmt: skip
"""Inputs of a reorder point, as fields of records and plans."""


@kernel
def substitute_inputs(
    old: NDArray[np.float64], new: NDArray[np.float64], step: NDArray[np.float64], parts: NDArray[np.float64]
) -> None:
    """Fill ``parts`` (n, 5), in the order of PARTS, from the inputs before and after, (n, 6) in the order of INPUTS.

    ``step`` (n,) are the units in which quantities come.
    """
    for i in range(old.shape[0]):
        a, b = old[i], new[i]
        start = reorder_point(a[0], a[1], a[2], a[3], a[4], a[5], step[i])
        level = reorder_point(b[0], a[1], a[2], a[3], a[4], a[5], step[i])
        spread = reorder_point(b[0], b[1], a[2], a[3], a[4], a[5], step[i])
        lead_time = reorder_point(b[0], b[1], b[2], a[3], b[4], a[5], step[i])
        lead_time_spread = reorder_point(b[0], b[1], b[2], b[3], b[4], a[5], step[i])
        parts[i, 0] = level - start
        parts[i, 1] = spread - level
        parts[i, 2] = lead_time - spread
        parts[i, 3] = lead_time_spread - lead_time
        parts[i, 4] = reorder_point(b[0], b[1], b[2], b[3], b[4], b[5], step[i]) - lead_time_spread


def apportion(
    before: float, after: float, parts: list[float], decimals: int, *, overridden: bool
) -> tuple[float, dict[str, Any]]:
    """Total and parts, to one decimal more than the unit's, and the rest, so that all add up exactly.

    The rest of an ``overridden`` reorder point is the part of the person's value. Of any other it is the rounding, if
    both ends can have been rounded by so much; else, as where an item ends, the largest part has it.
    """
    scale = 10 ** (decimals + 1)
    total = round(after * scale) - round(before * scale)
    units = [round(part * scale) for part in parts]
    rest = total - sum(units)
    if not overridden and abs(rest) > ROUNDED_MAX:
        sizes = [abs(part) for part in parts]
        units[sizes.index(max(sizes))] += rest
        rest = 0
    found = {name: unit / scale for name, unit in zip(PARTS, units, strict=True)}
    return total / scale, found | {"override" if overridden else "rounding": rest / scale}


def explain(before: float, after: float, parts: list[float], decimals: int, *, overridden: bool = False) -> Change:
    """Change from the last published reorder point to the new one; both have the ``decimals`` of their unit.

    ``overridden`` says that one of the two comes from an override.
    """
    total, found = apportion(before, after, parts, decimals, overridden=overridden)
    order = sorted((name for name, part in found.items() if part), key=lambda name: -abs(found[name]))
    why = ", ".join(f"{WORDS[name]} {_signed(found[name])}" for name in order)
    sentence = f"Reorder point {_short(before)} -> {_short(after)} ({_signed(total)})"
    if total == 0.0:
        sentence = f"Reorder point unchanged at {_short(after)}"
    sentence += f": {why}." if why else "."
    return Change(total=total, **found, sentence=sentence)


def first(after: float, mean: float, safety_stock: float, days: float, service_target: float) -> Change:
    """Change of a row that was never published: 0, and a sentence about the inputs of its reorder point."""
    sentence = (
        f"First proposal: reorder point {_short(after)} covers {_short(days)} days at {_short(100.0 * service_target)} "
        f"% service: expected demand {_short(mean)}, safety stock {_short(safety_stock)}."
    )
    none: dict[str, Any] = dict.fromkeys(PARTS, 0.0)
    return Change(total=0.0, **none, sentence=sentence)


def other_changes(
    quantity: tuple[float, float], lead_time_days: tuple[float, float], demand_class: tuple[str, str]
) -> str:
    """Sentences about what else has changed since the last publication, each with its value before and after."""
    texts = [f" Order quantity {_short(quantity[0])} -> {_short(quantity[1])}." if quantity[0] != quantity[1] else ""]
    before, after = (round(days, DURATION_DECIMALS) for days in lead_time_days)
    texts.append(f" Lead time {before:g} -> {after:g} days." if before != after else "")
    texts.append(f" Demand class {demand_class[0]} -> {demand_class[1]}." if demand_class[0] != demand_class[1] else "")
    return "".join(texts)


def _short(value: float) -> str:
    """A number with three digits; numbers from 100 on as whole numbers."""
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def _signed(value: float) -> str:
    return f"+{_short(value)}" if value > 0 else _short(value)
