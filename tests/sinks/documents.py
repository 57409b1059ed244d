"""Complete, valid output records as machines make them. A test passes only the values that it is about."""

from typing import Any

from sensing.contracts.dead_letters import DeadLetter
from sensing.contracts.exception_details import SurgeDetails
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.parameters import (
    Accuracy,
    Change,
    Forecast,
    InForce,
    Override,
    PlanningParameters,
    Proposed,
    Stock,
)
from sensing.outputs import DEAD_LETTERS, EXCEPTIONS, PARAMETERS, OutputRecord, encode

TIME = 1_262_563_200_007
"""2010-01-04T00:00:00.007Z."""


def exception(name: str = "surge:A|DC:1", version: int = 1, status: Any = "opened", **fields: Any) -> OutputRecord:
    """The state of one exception."""
    given: dict[str, Any] = {
        "exception_type": "order_surge", "severity": "high", "sku": "A", "location": "DC", "money": 1200.5,
        "currency": "EUR", "deadline": "2010-01-04T08:00:00.000Z", "reason": "21 order lines where 6 are usual.",
        "opened_at": "2010-01-04T00:00:00.007Z", "updated_at": "2010-01-04T00:00:00.007Z", "observed": 21.0,
        "cause_event_ids": ["e1", "e2"], "details": SurgeDetails(window_hours=24, lift=3.5, units=42.0),
    }  # fmt: skip
    given |= fields
    money = given["money"]
    ranked: dict[str, Any] = {"money_base": money, "base_currency": "EUR"}
    ranked["money_status"] = "no_price" if money is None else "ranked"
    state = ExceptionState(exception_id=name, version=version, status=status, **(ranked | given))
    attributes: dict[str, str] = {
        "severity": state.severity,
        "route": state.route,
        "exceptiontype": state.exception_type,
    }
    return OutputRecord(
        TIME, 1, version, EXCEPTIONS, f"exception.{status}", f"{name}#{version}", name, TIME, attributes, encode(state)
    )


DECIDED: dict[str, Any] = {
    "decision": "override", "decided_by": "ann", "decided_role": "planner", "decided_at": "2010-01-04T09:00:00.000Z",
    "decision_reason": "known", "accuracy": Accuracy(wape=0.4, bias=-0.1, coverage_95=0.96, days=80.5),
    "overrides": [
        Override(
            field="reorder_point", value=60.0, decided_by="ann", decided_role="planner",
            decided_at="2010-01-04T09:00:00.000Z", until="2010-02-01", reason="known",
        )
    ],
}  # fmt: skip
"""Fields of a decision about planning parameters."""


def planning(
    sku: str = "A", location: str = "DC", version: int = 1, decided: dict[str, Any] | None = None, **proposed: Any
) -> OutputRecord:
    """Planning parameters of one SKU-location, with a decision if given."""
    given = {
        "lead_time_days_mean": 7.25, "lead_time_days_sd": 2.0, "lead_time_demand_mean": 40.0,
        "lead_time_demand_sd": 9.0, "lead_time_demand_quantile": 55.0, "service_target": 0.95,
        "safety_stock": 15.0, "reorder_point": 55.0,
        "order_up_to": 80.0, "order_quantity": 25.0,
    }  # fmt: skip
    levels = [0.05, 0.5, 0.95]
    document = PlanningParameters(
        sku=sku, location=location, version=version, status="proposed", as_of="2010-01-03",
        demand_class="smooth", in_force=InForce(reorder_point=45.0, since="2010-01-01T00:00:00Z"),
        proposed=Proposed(**(given | proposed)),
        forecast=Forecast(
            start="2010-01-04", method="smoothing", mean=[1.5, 2.0], levels=levels, quantiles=[[0.0, 1.0, 4.0]] * 2
        ),
        stock=Stock(
            on_hand=33.0, on_order=0.0, open_demand=2.0, open_demand_by_day={"2010-01-05": 2.0}, stockout_date=None,
            cover_days=9.25,
        ),
        change=Change(
            total=10.0, demand_mean=10.0, demand_spread=0.0, lead_time_mean=0.0, lead_time_spread=0.0,
            service_target=0.0, sentence="Reorder point 45 -> 55 (+10): demand level +10.",
        ),
        freshness={"orders": "2010-01-04T00:00:00Z", "suppliers": None}, **(decided or {}),
    )  # fmt: skip
    subject = f"{sku}/{location}"
    return OutputRecord(
        TIME, 0, version, PARAMETERS, "parameters.proposed", f"{subject}#{version}", subject, TIME,
        {"status": "proposed"}, encode(document),
    )  # fmt: skip


def tombstone(record: OutputRecord) -> OutputRecord:
    """Tombstone of a record: the next version, without data."""
    name, _, version = record.id.rpartition("#")
    return record._replace(id=f"{name}#{int(version) + 1}", data=b"", attributes={})


def dead_letter(**fields: Any) -> OutputRecord:
    """Dead letter of a message, by default one with key and headers."""
    given: dict[str, Any] = {
        "topic": "orders", "partition": 2, "offset": 77, "reason": "wrong_type", "field": "quantity",
        "required": "a number", "got": '"12"', "value_base64": "eyJxIjoiMTIifQ==", "key_base64": "QQ==",
        "headers": {"ce_id": "ZTE=", "binary": "AP8="},
    }  # fmt: skip
    letter = DeadLetter(**(given | fields))
    name = f"{letter.topic}/{letter.partition}/{letter.offset}"
    return OutputRecord(
        TIME, 16, 0, DEAD_LETTERS, "dead.letter", name, letter.topic, TIME, {"reason": letter.reason}, encode(letter)
    )
