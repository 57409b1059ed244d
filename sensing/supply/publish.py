"""What of a plan is worth publishing, and the documents.

A row is due when it was never published, when its reorder point moved by more than the dead band, at least one unit
and at least 0.3 standard deviations of its lead-time demand (less does not change the service noticeably: a point at
.95 then serves .91 to .97), when its order quantity moved by more than 1.25 dead bands and at least one unit, when
its lead time moved by more than the dead band and at least half a day, when its demand class changed, when what the
ERP runs on came to agree or to disagree with the proposal, and a day before its publication expires. All against what
was last published, which the row's record keeps. While an item is new, its estimates move with every sale: its bands
are two and a half times as wide. For four days after a publication (a week, while new) all bands are twice as wide
again. The order-up-to level is the sum of the two and needs no band of its own.

Source of the wider band of the quantity: the cost of a quantity q times the economic one is (q + 1/q) / 2 of the
least, 1.025 at a quarter more (Silver, Pyke and Thomas, Inventory and Production Management, 4.4).
"""

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import local_date, rfc3339_seconds
from sensing.contracts.parameters import (
    HORIZON_DAYS,
    QUANTILE_LEVELS,
    Change,
    DemandClass,
    Forecast,
    InForce,
    PlanningParameters,
    Proposed,
    Stock,
)
from sensing.supply.master import FROM_THE_BEGINNING, MasterData
from sensing.supply.plan import Plan
from sensing.supply.record import INPUTS
from sensing.supply.rounding import decimals, rounded
from sensing.supply.split import INPUTS as POINT_INPUTS
from sensing.supply.split import PARTS, explain, first, substitute
from sensing.supply.terms import IN_FORCE, Names

EXPIRES_DAYS = HORIZON_DAYS
SPREAD_SHARE = 0.3
QUANTITY_BANDS = 1.25
NEW_BANDS = 2.5
REST_BANDS = 2.0
REST_DAYS = 4
NEW_REST_DAYS = 7
UNIT = 1.0
LEAD_TIME_DAYS_STEP = 0.5
CLASSES: tuple[DemandClass, ...] = get_args(DemandClass)
_KEPT = (
    "reorder_point", "order_quantity", "demand_mean", "demand_variance", "lead_time_days_mean", "lead_time_days_sd",
    "review_days", "service_target", "demand_class",
)  # fmt: skip


def moved(after: Any, before: Any, band: Any, step: Any) -> NDArray[np.bool_]:
    """Whether a value left the dead band.

    Changed by more than ``band`` of the former value and by at least ``step``.
    """
    change = np.abs(after - before)
    return np.asarray((change > band * np.abs(before)) & (change >= step))


def agrees(plan: Plan) -> NDArray[np.bool_]:
    """(n,) whether the ERP is known to run on some of the proposed values, and on none outside the dead band."""
    terms, band = plan.terms, plan.terms["dead_band"]
    told = np.zeros(plan.rows.size, np.bool_)
    apart = np.zeros(plan.rows.size, np.bool_)
    for name in IN_FORCE:
        in_force = terms[f"in_force_{name}"]
        lead_time = name == "lead_time_days"
        proposed = plan.lead_time_days_mean if lead_time else getattr(plan, name)
        known = ~np.isnan(in_force)
        step = LEAD_TIME_DAYS_STEP if lead_time else UNIT
        apart |= known & moved(proposed, np.where(known, in_force, 0.0), band, step)
        told |= known & (not lead_time)
    return np.asarray(told & ~apart)


def due(plan: Plan, supply: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) which rows of the plan are to be published."""
    last = supply[plan.rows]
    band = plan.terms["dead_band"]
    point, quantity = (rounded(last[name]) for name in ("reorder_point", "order_quantity"))
    result = (last["version"] == 0) | (last["demand_class"] != plan.demand_class)
    new = plan.demand_class == CLASSES.index("new")
    age_days = plan.day - last["published_day"].astype(np.int64)
    wider = np.where(new, NEW_BANDS, 1.0)
    step = np.maximum(UNIT, SPREAD_SHARE * wider * plan.lead_time_demand_sd)
    # Soon after a publication a move must be the larger, so that planners and ERP are not chased by noise.
    wider = np.where(age_days < np.where(new, NEW_REST_DAYS, REST_DAYS), REST_BANDS * wider, wider)
    result |= moved(plan.reorder_point, point, wider * band, step)
    result |= moved(plan.order_quantity, quantity, QUANTITY_BANDS * wider * band, UNIT)
    result |= moved(plan.lead_time_days_mean, last["lead_time_days_mean"], band, LEAD_TIME_DAYS_STEP)
    result |= agrees(plan) != (last["agreed"] == 1)
    result |= age_days >= EXPIRES_DAYS - 1
    return np.asarray(result & ~np.isnan(plan.reorder_point))


def publish(
    plan: Plan, at: NDArray[np.int64], quantiles: NDArray[np.float64], methods: list[str], supply: NDArray[Any],
    names: Names, master: MasterData,
) -> list[tuple[int, PlanningParameters]]:  # fmt: skip
    """Documents of the rows at positions ``at`` of the plan, one version up; the records take over what they say.

    ``quantiles`` (k, 28, 11) and ``methods`` (k) belong to ``at``.
    """
    last = supply[plan.rows[at]]
    columns = _columns(plan, at) | _changes(plan, at, last)
    forecasts = _forecasts(plan, at, quantiles, methods)
    agreed = agrees(plan)[at]
    documents: list[tuple[int, PlanningParameters]] = []
    as_of, expires = local_date(plan.day), local_date(plan.day + EXPIRES_DAYS)
    for k, row in enumerate(plan.rows[at].tolist()):
        sku, location = names(row)
        values = {name: column[k] for name, column in columns.items()}
        document = PlanningParameters(
            sku=sku, location=location, version=values["version"] + 1,
            status="in_force" if agreed[k] else "proposed", as_of=as_of, expires=expires,
            demand_class=CLASSES[values["demand_class"]], in_force=_in_force(master.in_force(sku, location)),
            proposed=Proposed(**{name: values[name] for name in Proposed.__struct_fields__}),
            forecast=forecasts[k], stock=_stock(plan.day, values), change=_change(values),
            freshness=_freshness(values["heard"]),
        )  # fmt: skip
        documents.append((row, document))
    _keep(plan, at, agreed, supply)
    return documents


def _columns(plan: Plan, at: NDArray[np.int64]) -> dict[str, list[Any]]:
    exact = ("reorder_point", "order_quantity", "order_up_to", "safety_stock", "lead_time_demand_mean",
             "lead_time_demand_sd", "lead_time_demand_quantile", "demand_class", "stockout")  # fmt: skip
    single = ("lead_time_days_mean", "lead_time_days_sd", "review_days", "service_target", "on_hand", "on_order",
              "open_demand", "open_day", "cover_days")  # fmt: skip
    columns = {name: getattr(plan, name)[at].tolist() for name in exact}
    return columns | {name: rounded(getattr(plan, name)[at]).tolist() for name in single}


def _forecasts(plan: Plan, at: NDArray[np.int64], quantiles: NDArray[np.float64], methods: list[str]) -> list[Forecast]:
    start, levels = local_date(plan.day + 1), list(QUANTILE_LEVELS)
    # The arrays go into the document as they are: the encoder writes them faster than lists of numbers.
    rows: Any = zip(methods, rounded(plan.forecast_mean[at]), rounded(quantiles), strict=True)
    return [Forecast(start=start, method=m, mean=mean, levels=levels, quantiles=table) for m, mean, table in rows]


def _in_force(kept: Any) -> InForce:
    if kept is None:
        return InForce()
    since, told = kept
    values = {name: getattr(told, name) for name in IN_FORCE}
    return InForce(**values, since=None if since == FROM_THE_BEGINNING else rfc3339_seconds(since // 1000))


def _known(value: float) -> float | None:
    return None if value != value else value


def _changes(plan: Plan, at: NDArray[np.int64], last: NDArray[Any]) -> dict[str, list[Any]]:
    """What the records say was last published, and the parts of the change since."""
    old = np.stack([last[name].astype(np.float64) for name in POINT_INPUTS], axis=1)
    new = np.stack([getattr(plan, name)[at].astype(np.float64) for name in POINT_INPUTS], axis=1)
    parts = np.empty((at.size, len(PARTS)))
    substitute(old, new, parts)
    before = rounded(last["reorder_point"])
    # Parts can be far larger than what they come to: six digits of the largest number in the sentence are enough.
    largest = np.max([before, plan.reorder_point[at], *np.abs(parts.T)], axis=0)
    places = [decimals(value) for value in largest.tolist()]
    return {
        "before": before.tolist(), "parts": parts.tolist(), "places": places,
        "version": last["version"].tolist(), "heard": last["heard"].tolist(),
    }  # fmt: skip


def _stock(day: int, values: dict[str, Any]) -> Stock:
    stockout = values["stockout"]
    return Stock(
        on_hand=_known(values["on_hand"]), on_order=values["on_order"], open_demand=values["open_demand"],
        open_demand_by_day={local_date(day + 1 + t): units for t, units in enumerate(values["open_day"]) if units},
        stockout_date=None if stockout < 0 else local_date(day + 1 + stockout),
        cover_days=_known(values["cover_days"]),
    )  # fmt: skip


def _change(values: dict[str, Any]) -> Change:
    after = values["reorder_point"]
    if values["version"] > 0:
        return explain(values["before"], after, values["parts"], values["places"])
    days = values["lead_time_days_mean"] + values["review_days"]
    mean = values["lead_time_demand_mean"]
    return first(after, mean, values["safety_stock"], days, values["service_target"])


def _freshness(heard: list[int]) -> dict[str, str | None]:
    texts = (rfc3339_seconds(seconds) if seconds else None for seconds in heard)
    return dict(zip(INPUTS, texts, strict=True))


def _keep(plan: Plan, at: NDArray[np.int64], agreed: NDArray[np.bool_], supply: NDArray[Any]) -> None:
    rows = plan.rows[at]
    for name in _KEPT:
        supply[name][rows] = getattr(plan, name)[at]
    supply["version"][rows] += 1
    supply["published_day"][rows] = plan.day
    supply["agreed"][rows] = agreed
