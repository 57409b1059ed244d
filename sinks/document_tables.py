"""Documents of the compacted topics as Arrow tables, with one row per document and flat columns. Lists stay lists.

``export`` writes them. A topic without a layout here has a table with run and document.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from sensing.contracts.exception_details import Details
from sensing.contracts.exceptions import ExceptionState, OrderConcerned
from sensing.contracts.forecast_parts import (
    BaselineShare,
    NearTermForecast,
    OpportunityShare,
    PromotionUsed,
    SignalUsed,
)
from sensing.contracts.parameters import (
    Accuracy,
    Change,
    InForce,
    Override,
    PlanningParameters,
    Proposed,
)
from sensing.outputs import EXCEPTIONS, PARAMETERS, encode

_TEXT, _NUMBER, _NUMBERS, _DATE = pa.string(), pa.float64(), pa.list_(pa.float64()), pa.date32()
_INSTANT = pa.timestamp("ms", "UTC")
_LEADING = [("version", pa.int64()), ("lineage", _TEXT)]
_DECISION = [("decision", _TEXT), ("decided_by", _TEXT), ("decided_role", _TEXT), ("decided_at", _INSTANT),
             ("decision_reason", _TEXT)]  # fmt: skip
_ITEM = [("item_name", _TEXT), ("family", _TEXT), ("category", _TEXT), ("strategic", pa.bool_()),
         ("regulated", pa.bool_())]  # fmt: skip
_SUPPLY = [("region", _TEXT), ("supplier", _TEXT), ("buyer", _TEXT)]

_PARTS = dict.fromkeys(
    ("start", "end", "plan", "promotion", "signal", "kind", "source", "learned_from", "until", "why"), _TEXT
)
"""Types of the fields of forecast parts that are no numbers."""


def _part(struct: type[msgspec.Struct], **types: Any) -> Any:
    """Arrow type of a forecast part; ``types`` are those of fields that have others than `_PARTS` says."""
    return pa.struct([(name, types.get(name, _PARTS.get(name, _NUMBER))) for name in struct.__struct_fields__])


STOCK = ("on_hand", "on_order", "open_demand", "cover_days", "owed", "allocated", "free", "open", "shipments",
         "in_transit", "left_over", "under_old_names")  # fmt: skip

CHANGE_PARTS = [
    name for name in Change.__struct_fields__ if name not in ("sentence", "triggers", "cause_event_ids", "events")
]
"""Fields of a change that are differences of the reorder point."""

PARAMETERS_SCHEMA = pa.schema([
    ("sku", _TEXT), ("location", _TEXT), *_LEADING, ("status", _TEXT), ("as_of", _DATE), ("decimals", pa.int64()),
    ("demand_class", _TEXT), ("method", _TEXT), ("forecast_start", _DATE), ("forecast_mean", _NUMBERS),
    ("forecast_levels", _NUMBERS), ("forecast_quantiles", pa.list_(_NUMBERS)),
    ("forecast_promotions", pa.list_(_part(PromotionUsed))), ("forecast_baseline", _part(BaselineShare)),
    ("forecast_opportunities", pa.list_(_part(OpportunityShare))), ("forecast_signals", pa.list_(_part(SignalUsed))),
    ("forecast_near_term", _part(NearTermForecast, baseline=_NUMBERS, sensed=_NUMBERS)),
    *((name, _NUMBER) for name in Proposed.__struct_fields__),
    *((f"in_force_{name}", _TEXT if name == "since" else _NUMBER) for name in InForce.__struct_fields__),
    ("on_hand", _NUMBER), ("on_order", _NUMBER), ("open_demand", _NUMBER),
    ("open_demand_by_day", pa.map_(_TEXT, _NUMBER)), ("stockout_date", _DATE), ("cover_days", _NUMBER),
    ("owed", _NUMBER), ("allocated", _NUMBER), ("free", _NUMBER), ("on_order_by_day", pa.map_(_TEXT, _NUMBER)),
    ("open", _TEXT), ("shipments", _TEXT), ("in_transit", _NUMBER), ("left_over", _NUMBER),
    ("under_old_names", _NUMBER), ("lifecycle", _TEXT), ("last_day", _DATE), ("successor", _TEXT),
    ("predecessors", pa.list_(_TEXT)), ("kit", pa.bool_()),
    *((f"change_{name}", _NUMBER) for name in CHANGE_PARTS),
    ("change_triggers", pa.list_(_TEXT)), ("change_cause_event_ids", pa.list_(_TEXT)), ("change_events", pa.int64()),
    ("reason", _TEXT), ("freshness", pa.map_(_TEXT, _TEXT)),
    *((f"accuracy_{name}", _NUMBER) for name in Accuracy.__struct_fields__), *_DECISION, *_ITEM, *_SUPPLY,
    ("overrides", pa.list_(pa.struct([
        (name, _NUMBER if name == "value" else _TEXT) for name in Override.__struct_fields__
    ]))),
])  # fmt: skip
EXCEPTIONS_SCHEMA = pa.schema([
    ("exception_id", _TEXT), ("exception_type", _TEXT), *_LEADING, ("status", _TEXT), ("severity", _TEXT),
    ("sku", _TEXT), ("location", _TEXT), ("opened_at", _INSTANT), ("updated_at", _INSTANT), ("resolved_at", _INSTANT),
    ("expected", _NUMBER), ("observed", _NUMBER), ("probability", _NUMBER), ("window_start", _INSTANT),
    ("window_end", _INSTANT), ("money", _NUMBER), ("currency", _TEXT), ("margin", _NUMBER), ("money_base", _NUMBER),
    ("base_currency", _TEXT), ("money_status", _TEXT), ("reason", _TEXT), ("route", _TEXT),
    ("inform", pa.list_(_TEXT)), ("deadline", _INSTANT), ("cause_event_ids", pa.list_(_TEXT)),
    ("details", pa.map_(_TEXT, _TEXT)), ("label", _TEXT), *_DECISION, ("owner", _TEXT), *_ITEM, ("region", _TEXT),
    ("customer", _TEXT), ("customer_strategic", pa.bool_()), ("customer_segment", _TEXT), ("customer_region", _TEXT),
    ("overdue", pa.bool_()), ("resolution", _TEXT), ("caused_by", pa.list_(_TEXT)),
    ("orders", pa.list_(pa.struct([(name, _TEXT) for name in OrderConcerned.__struct_fields__]))),
    ("purchase_order", _TEXT), ("purchase_order_line", _TEXT),
    ("decimals", pa.int64()),
])  # fmt: skip


class TableLayout(NamedTuple):
    """Schema of a topic's table, and the function that makes the row of a document and its run id."""

    schema: Any
    row: Callable[[Any, str], dict[str, Any]]


def layout_of(topic: str) -> TableLayout:
    """Layout of the table of a topic."""
    return _LAYOUTS.get(topic, TableLayout(pa.schema([("lineage", _TEXT), ("document", _TEXT)]), _document_row))


def table(schema: Any, rows: Iterable[Mapping[str, Any]]) -> Any:
    """Arrow table of some rows."""
    return pa.Table.from_pylist(list(rows), schema)


def parameters_row(document: PlanningParameters, run_id: str) -> dict[str, Any]:
    """Row of the planning parameters of one SKU-location. Dates are dates; unknown values are null."""
    forecast, stock, change = document.forecast, document.stock, document.change
    row: dict[str, Any] = {
        name: getattr(document, name)
        for name in (
            "sku",
            "location",
            "version",
            "status",
            "demand_class",
            "lifecycle",
            "successor",
            "predecessors",
            "kit",
            "decimals",
        )
    }
    row |= {"lineage": run_id, "as_of": _date(document.as_of)}
    row["last_day"] = _date(document.last_day)
    row |= {"method": forecast.method, "forecast_start": _date(forecast.start), "forecast_mean": forecast.mean}
    row |= {"forecast_levels": forecast.levels, "forecast_quantiles": forecast.quantiles}
    row["forecast_promotions"] = [msgspec.structs.asdict(each) for each in forecast.promotions]
    baseline = forecast.baseline
    row["forecast_baseline"] = None if baseline is None else msgspec.structs.asdict(baseline)
    row["forecast_opportunities"] = [msgspec.structs.asdict(each) for each in forecast.opportunities]
    row["forecast_signals"] = [msgspec.structs.asdict(each) for each in forecast.signals]
    near = forecast.near_term
    row["forecast_near_term"] = None if near is None else msgspec.structs.asdict(near)
    row |= {name: getattr(document.proposed, name) for name in Proposed.__struct_fields__}
    row |= {f"in_force_{name}": getattr(document.in_force, name) for name in InForce.__struct_fields__}
    row |= {name: getattr(stock, name) for name in STOCK}
    row |= {"stockout_date": _date(stock.stockout_date), "open_demand_by_day": list(stock.open_demand_by_day.items())}
    row |= {"on_order_by_day": list(stock.on_order_by_day.items())}
    row |= {f"change_{name}": getattr(change, name) for name in CHANGE_PARTS}
    row |= {
        "change_triggers": change.triggers,
        "change_cause_event_ids": change.cause_event_ids,
        "change_events": change.events,
    }
    if document.accuracy is not None:
        row |= {f"accuracy_{name}": getattr(document.accuracy, name) for name in Accuracy.__struct_fields__}
    row |= {name: getattr(document, name) for name, _ in _DECISION} | {"decided_at": _instant(document.decided_at)}
    row |= {name: getattr(document, name) for name, _ in (*_ITEM, *_SUPPLY)}
    row["overrides"] = [msgspec.structs.asdict(override) for override in document.overrides]
    return row | {"reason": change.sentence, "freshness": list(document.freshness.items())}


def exception_row(state: ExceptionState, run_id: str) -> dict[str, Any]:
    """Row of one exception; times as instants in UTC, details as texts."""
    row: dict[str, Any] = {name: getattr(state, name) for name in state.__struct_fields__}
    for field in EXCEPTIONS_SCHEMA:
        if field.type == _INSTANT:
            row[field.name] = _instant(row[field.name])
    orders = [msgspec.structs.asdict(order) for order in state.orders]
    return row | {"lineage": run_id, "details": _texts(state.details), "orders": orders}


def _texts(details: Details | None) -> list[tuple[str, str | None]]:
    """Details as texts: a text as it is, anything else as in JSON."""
    plain: dict[str, Any] = {} if details is None else msgspec.to_builtins(details)
    return [
        (name, value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode())
        for name, value in plain.items()
    ]


def _document_row(document: msgspec.Struct, run_id: str) -> dict[str, Any]:
    return {"lineage": run_id, "document": encode(document).decode()}


_LAYOUTS = {
    PARAMETERS: TableLayout(PARAMETERS_SCHEMA, parameters_row),
    EXCEPTIONS: TableLayout(EXCEPTIONS_SCHEMA, exception_row),
}


def _instant(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _date(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
