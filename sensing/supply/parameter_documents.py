"""Documents of planning parameters: builds them from plans, and stores the published values in the rows' records.

`SupplyState` calls it when rows close and after decisions about their parameters.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import local_date, rfc3339, rfc3339_seconds
from sensing.contracts.forecast_parts import PromotionUsed
from sensing.contracts.parameters import (
    HORIZON_DAYS,
    QUANTILE_LEVELS,
    Accuracy,
    Change,
    Forecast,
    InForce,
    ParameterStatus,
    PlanningParameters,
    Proposed,
    Stock,
)
from sensing.machine_settings import DAY_MS
from sensing.published_numbers import round_number
from sensing.rounded_columns import round_columns, round_expectations
from sensing.state.decision_record import DecisionRecord
from sensing.state.record_copies import take_records
from sensing.supply.change_explanation import INPUTS as POINT_INPUTS
from sensing.supply.change_explanation import PARTS, explain, first, other_changes, substitute_inputs
from sensing.supply.dead_band import (
    CLASSES,
    agrees,
    left_dead_band,
    published_point,
    published_quantity,
    stockout_days,
)
from sensing.supply.lead_time_demand import protection_time_moments
from sensing.supply.master_data import FROM_THE_BEGINNING, MasterData
from sensing.supply.plan import Plan
from sensing.supply.planner_decisions import FIELDS, KEPT_DAYS, DecisionState, DecisionStates, Values
from sensing.supply.publication_causes import Causes
from sensing.supply.resolved_policy import IN_FORCE, Names
from sensing.supply.rounding import in_units, rounded
from sensing.supply.supply_record import INPUTS

_KEPT = (
    "reorder_point", "order_quantity", "demand_mean", "demand_variance", "lead_time_days_mean", "lead_time_days_sd",
    "lead_time_days_p50", "lead_time_days_p90", "review_days", "service_target", "demand_class",
)  # fmt: skip


class ForecastSummary(NamedTuple):
    """Forecast data of the published rows: quantiles (k, 28, 11), methods (k), and fields of `Accuracy` (k).

    ``ships`` and ``reports`` (k) say whether a row's location reports shipments, and anything that ends order lines.
    ``promotions`` (k) are those in the forecast; ``added`` (k) are fields that say what was added to what was sensed.
    """

    quantiles: NDArray[np.float64]
    methods: list[str]
    accuracy: dict[str, NDArray[np.float64]]
    ships: list[bool]
    reports: list[bool]
    promotions: list[list[PromotionUsed]]
    added: list[dict[str, Any]]


class Published(NamedTuple):
    """A row's document, and those of its fields whose numbers are rounded already."""

    row: int
    rounded: frozenset[str]
    document: PlanningParameters


def publish(
    plan: Plan, at: NDArray[np.int64], summary: ForecastSummary, supply: NDArray[Any], names: Names, master: MasterData,
    decision_states: DecisionStates, causes: Sequence[Causes], *, renew: bool = True,
) -> list[Published]:  # fmt: skip
    """Documents with the next version for the rows at positions ``at`` of the plan; updates the rows' records.

    ``summary`` has the forecast data of the rows at ``at``, ``causes`` (k) say why they were planned. ``renew`` is
    false if only the status has changed. Then the plan must come from `as_published`.
    """
    last = take_records(supply, plan.rows[at])
    columns = _columns(plan, at) | _changes(plan, at, last) | _reporting(summary)
    parts = _numbers(plan, at, summary)
    agreed = agrees(plan)[at]
    documents: list[Published] = []
    rows_of_columns = zip(*columns.values(), strict=True)
    for k, (row, column_values) in enumerate(zip(plan.rows[at].tolist(), rows_of_columns, strict=True)):
        sku, location = names(row)
        values = dict(zip(columns, column_values, strict=True))
        decisions = decision_states.of(row)
        status, decision_record = _status(plan, int(at[k]), decisions, agreed=bool(agreed[k]))
        document = PlanningParameters(
            sku=sku, location=location, version=values["version"] + 1, status=status, as_of=local_date(plan.day),
            demand_class=CLASSES[values["demand_class"]], in_force=_in_force(master.in_force(sku, location)),
            proposed=Proposed(**parts.proposed[k]), forecast=parts.forecasts[k],
            stock=_stock(plan.day, values, parts.stock[k]),
            change=_change(plan.day, values, decisions, causes[k]), freshness=_freshness(values["last_seen"]),
            accuracy=Accuracy(**parts.accuracy[k]), overrides=[] if decisions is None else decisions.published(),
            **_decided(decision_record), **_life(plan.day, values["last_day"]), kit=values["kit"],
            decimals=values["decimals"],
        )  # fmt: skip
        documents.append(Published(row, parts.rounded[k], document))
        if decisions is not None:
            _update_decisions(decisions, document.version, status, plan.day, renew=renew)
    _keep(plan, at, agreed, supply, renew=renew)
    for row in plan.rows[at].tolist():
        decision_states.drop_if_empty(row, int(supply["version"][row]))
    return documents


def as_published(plan: Plan, supply: NDArray[Any], decision_states: DecisionStates) -> Plan:
    """The plan with the last published proposals, computed from the rows' records.

    All rows must have been published. Current overrides are part of the publications.
    """
    last = take_records(supply, plan.rows)
    mean_of, variance_of, days, days_sd, review, service = (last[name].astype(np.float64) for name in POINT_INPUTS)
    out = np.empty((plan.rows.size, 3))
    protection_time_moments(mean_of, variance_of, days, days_sd, review, service, out)
    kept: dict[str, Any] = {name: last[name] for name in _KEPT}
    decimals, mean = plan.policy["decimals"], rounded(out[:, 0])
    point, quantity = published_point(plan, last), published_quantity(plan, last)
    kept |= {
        "lead_time_demand_mean": mean, "lead_time_demand_sd": rounded(np.sqrt(out[:, 1])),
        "lead_time_demand_quantile": rounded(out[:, 2]), "reorder_point": point, "order_quantity": quantity,
        "safety_stock": in_units(np.maximum(point - mean, 0.0), decimals),
        "order_up_to": in_units(point + quantity, decimals),
    }  # fmt: skip
    return decision_states.applied(plan._replace(**kept))


def values_of(plan: Plan, at: int) -> Values:
    """The proposed values of one row of a plan."""
    lead_time = float(rounded(plan.lead_time_days_mean[at]))
    return {field: lead_time if field == "lead_time_days" else float(getattr(plan, field)[at]) for field in FIELDS}


def _status(
    plan: Plan, at: int, decisions: DecisionState | None, *, agreed: bool
) -> tuple[ParameterStatus, DecisionRecord | None]:
    """Status of the proposal of one row, and the decision that caused it."""
    if agreed:
        return "in_force", None
    open_status: ParameterStatus = "stale" if plan.stale[at] else "proposed"
    proposal_decision = None if decisions is None else decisions.proposal_decision
    if proposal_decision is None or left_dead_band(plan, at, proposal_decision.values):
        return open_status, None
    return proposal_decision.status, proposal_decision.decision_record


def _update_decisions(
    decisions: DecisionState, version: int, status: ParameterStatus, day: int, *, renew: bool
) -> None:
    """Update the decision state of a row after a publication.

    An approval is dropped once it is in force. If another proposal has replaced it, it is dropped after KEPT_DAYS. A
    rejection is dropped when there is another proposal.
    """
    decisions.status = status
    proposal_decision = decisions.proposal_decision
    if renew:
        decisions.since = version
        decisions.published_override, decisions.due = decisions.overrides_reorder_point, False
    elif proposal_decision is not None and proposal_decision.last == version - 1:
        proposal_decision.last = version
    if proposal_decision is None:
        return
    undecided = status in ("proposed", "stale")
    if proposal_decision.status == "rejected":
        over = undecided
    else:
        age_days = day - proposal_decision.decision_record.time // DAY_MS
        over = status == "in_force" or (undecided and age_days > KEPT_DAYS)
    if over:
        decisions.proposal_decision = None


def _decided(decision_record: DecisionRecord | None) -> dict[str, Any]:
    if decision_record is None:
        return {}
    return {
        "decision": decision_record.decision, "decided_by": decision_record.decider,
        "decided_role": decision_record.role, "decided_at": rfc3339(decision_record.time),
        "decision_reason": decision_record.reason,
    }  # fmt: skip


def _life(day: int, last_day: float) -> dict[str, Any]:
    """Life cycle of a row planned after local ``day``."""
    if not math.isfinite(last_day):
        return {}
    return {"lifecycle": "ended" if day >= last_day else "ending", "last_day": local_date(int(last_day))}


def _columns(plan: Plan, at: NDArray[np.int64]) -> dict[str, list[Any]]:
    names = ("reorder_point", "order_quantity", "safety_stock", "lead_time_demand_mean", "demand_class", "stockout",
             "lead_time_days_mean", "review_days", "service_target")  # fmt: skip
    columns = {name: getattr(plan, name)[at].tolist() for name in names}
    decimals = _decimals(plan, at).tolist()
    return columns | {
        "last_day": plan.policy["last_day"][at].tolist(),
        "kit": (plan.policy["kit"][at] > 0.0).tolist(),
        "decimals": decimals,
        "open_by_day": _open_by_day(plan, at, decimals),
        "due_by_day": _by_day(plan.day + 1, plan.receipts[at, :HORIZON_DAYS], decimals),
    }


def _decimals(plan: Plan, at: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(plan.policy["decimals"][at].astype(np.int64))


def _open_by_day(plan: Plan, at: NDArray[np.int64], decimals: list[int]) -> list[dict[str, float]]:
    """Open demand of every row by requested date; days without open demand are left out."""
    found = _by_day(plan.day + 1, plan.open_day[at, :HORIZON_DAYS], decimals)
    if plan.open_beyond:
        for k, position in enumerate(at.tolist()):
            later = plan.open_beyond.get(position, {})
            found[k].update((local_date(day), round_number(units, decimals[k])) for day, units in later.items())
    return found


def _reporting(summary: ForecastSummary) -> dict[str, list[str]]:
    """What the location of each row reports, in words."""
    return {
        "open": ["known" if reports else "unknown" for reports in summary.reports],
        "shipments": ["heard" if ships else "not_heard" for ships in summary.ships],
    }


def _by_day(first_day: int, table: NDArray[np.float64], decimals: list[int]) -> list[dict[str, float]]:
    """Rounded quantities of each row of a table (n, days) by date; days without a quantity are left out."""
    found: list[dict[str, float]] = [{} for _ in range(len(table))]
    for k, t in np.argwhere(table).tolist():
        found[k][local_date(first_day + t)] = round_number(float(table[k, t]), decimals[k])
    return found


class _Parts(NamedTuple):
    """Parts of k documents: fields of `Proposed`, `Stock` and `Accuracy`, and whole forecasts.

    ``rounded`` are the names of those that are rounded: none where a number is not finite.
    """

    proposed: list[dict[str, Any]]
    stock: list[dict[str, Any]]
    accuracy: list[dict[str, Any]]
    forecasts: list[Forecast]
    rounded: list[frozenset[str]]


_ROUNDED = frozenset({"proposed", "stock", "accuracy", "change", "forecast"})
"""Parts of documents that leave rounded. Change is; of a forecast what is added is not."""
_STOCK = {
    "on_hand": "on_hand", "on_order": "on_order", "open_demand": "open_demand", "cover_days": "cover_days",
    "owed": "overdue", "allocated": "allocated", "free": "free", "in_transit": "in_transit", "left_over": "left_over",
}  # fmt: skip
"""Numbers of `Stock`, and the columns of plans that they show."""


def _numbers(plan: Plan, at: NDArray[np.int64], summary: ForecastSummary) -> _Parts:
    """Parts of documents that are made of numbers, rounded by column."""
    decimals = _decimals(plan, at)
    of_struct: list[list[dict[str, Any]]] = []
    whole = np.ones(at.size, np.bool_)
    for struct, columns in (
        (Proposed, {name: getattr(plan, name)[at] for name in Proposed.__struct_fields__}),
        (Stock, {name: getattr(plan, column)[at] for name, column in _STOCK.items()}),
        (Accuracy, summary.accuracy),
    ):
        numbers, finite = round_columns(struct, columns, decimals)
        whole &= finite
        of_struct.append([dict(zip(numbers, values, strict=True)) for values in zip(*numbers.values(), strict=True)])
    mean, mean_finite = round_expectations(plan.forecast_mean[at], decimals)
    quantiles, finite = round_expectations(summary.quantiles, decimals)
    whole &= finite & mean_finite
    forecasts = _forecasts(plan.day + 1, mean, quantiles, summary)
    parts = zip(summary.promotions, summary.added, whole.tolist(), strict=True)
    rounded = [_rounded(promotions, added, finite=each) for promotions, added, each in parts]
    proposed, stock, accuracy = of_struct
    return _Parts(proposed, stock, accuracy, forecasts, rounded)


def _rounded(promotions: list[PromotionUsed], added: dict[str, Any], *, finite: bool) -> frozenset[str]:
    """Parts of one document that are rounded; ``finite`` says whether all its numbers are."""
    if not finite:
        return frozenset()
    return _ROUNDED - {"forecast"} if promotions or any(added.values()) else _ROUNDED


def _forecasts(
    first_day: int, mean: NDArray[np.float64], quantiles: NDArray[np.float64], summary: ForecastSummary
) -> list[Forecast]:
    start, levels = local_date(first_day), list(QUANTILE_LEVELS)
    # The encoder writes arrays faster than lists of numbers.
    rows: Any = zip(summary.methods, mean, quantiles, summary.promotions, summary.added, strict=True)
    return [
        Forecast(start=start, method=method, mean=mean, levels=levels, quantiles=table, promotions=promotions, **added)
        for method, mean, table, promotions, added in rows
    ]


def _in_force(kept: Any) -> InForce:
    if kept is None:
        return InForce()
    since, record = kept
    values = {name: getattr(record, name) for name in IN_FORCE}
    return InForce(**values, since=None if since == FROM_THE_BEGINNING else rfc3339_seconds(since // 1000))


def _changes(plan: Plan, at: NDArray[np.int64], last: NDArray[Any]) -> dict[str, list[Any]]:
    """Last published values from the rows' records, and the parts of the change since then."""
    old, new = np.empty((2, at.size, len(POINT_INPUTS)))
    for k, name in enumerate(POINT_INPUTS):
        old[:, k] = last[name]
        new[:, k] = getattr(plan, name)[at]
    parts = np.empty((at.size, len(PARTS)))
    substitute_inputs(old, new, parts)
    decimals = plan.policy["decimals"][at]
    quantity = in_units(last["order_quantity"], decimals).tolist()
    days, demand_class = last["lead_time_days_mean"].tolist(), last["demand_class"].tolist()
    return {
        "before": in_units(last["reorder_point"], decimals).tolist(), "parts": parts.tolist(),
        "version": last["version"].tolist(), "last_seen": last["last_seen"].tolist(),
        "others": list(zip(quantity, days, demand_class, strict=True)),
    }  # fmt: skip


def _stock(day: int, values: dict[str, Any], numbers: dict[str, Any]) -> Stock:
    stockout = values["stockout"]
    return Stock(
        **numbers, open_demand_by_day=values["open_by_day"], on_order_by_day=values["due_by_day"],
        stockout_date=None if stockout < 0 else local_date(day + 1 + stockout), open=values["open"],
        shipments=values["shipments"],
    )  # fmt: skip


def _change(day: int, values: dict[str, Any], decisions: DecisionState | None, causes: Causes) -> Change:
    """Change of the reorder point; its sentence says when the item ends, and that a kit is not ordered."""
    change = _change_of_point(values, decisions)
    change.triggers, change.cause_event_ids, change.events = causes.triggers, causes.event_ids, causes.events
    if values["kit"]:
        change.sentence += " It is a kit: its parts are ordered, the kit never is."
    if life := _life(day, values["last_day"]):
        change.sentence += (
            f" The item {'ended on' if life['lifecycle'] == 'ended' else 'ends after'} {life['last_day']}."
        )
    return change


def _change_of_point(values: dict[str, Any], decisions: DecisionState | None) -> Change:
    after = values["reorder_point"]
    if values["version"] > 0:
        overridden = decisions is not None and (decisions.published_override or decisions.overrides_reorder_point)
        change = explain(values["before"], after, values["parts"], values["decimals"], overridden=overridden)
        quantity, lead_days, demand_class = values["others"]
        change.sentence += other_changes(
            (quantity, values["order_quantity"]), (lead_days, values["lead_time_days_mean"]),
            (CLASSES[demand_class], CLASSES[values["demand_class"]]),
        )  # fmt: skip
        return change
    days = values["lead_time_days_mean"] + values["review_days"]
    mean = values["lead_time_demand_mean"]
    return first(after, mean, values["safety_stock"], days, values["service_target"])


def _freshness(last_seen: list[int]) -> dict[str, str | None]:
    texts = [rfc3339_seconds(seconds) if seconds else None for seconds in last_seen]
    return dict(zip(INPUTS, texts, strict=True))


def _keep(plan: Plan, at: NDArray[np.int64], agreed: NDArray[np.bool_], supply: NDArray[Any], *, renew: bool) -> None:
    rows = plan.rows[at]
    for name in _KEPT:
        supply[name][rows] = getattr(plan, name)[at]
    supply["version"][rows] += 1
    if renew:
        supply["published_day"][rows] = plan.day
    supply["agreed"][rows] = agreed
    supply["stale"][rows] = plan.stale[at]
    supply["stockout_day"][rows] = stockout_days(plan)[at]
    supply["cover_days"][rows] = plan.cover_days[at]
