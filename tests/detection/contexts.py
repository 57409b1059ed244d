"""Detection contexts and findings for tests."""

import math
from typing import Any

import msgspec

from sensing.contracts.decisions import Verdict
from sensing.contracts.exceptions import ExceptionState, ExceptionType
from sensing.detection.finding import DetectionContext, Finding
from sensing.machine_settings import DAY_MS
from sensing.state.decision_record import DecisionRecord

NOW = 1_321_999_200_000  # 2011-11-22T22:00:00Z, a whole hour
NOW_DAY = NOW // DAY_MS


def context(*, price: float = math.nan, causes: tuple[str, ...] = ("e1",), time: int = NOW) -> DetectionContext:
    """Detection context of 85123A at UK."""
    currency = None if math.isnan(price) else "GBP"
    return DetectionContext(
        sku="85123A",
        location="UK",
        row=7,
        instant=time,
        event_time=time,
        day=time // DAY_MS,
        price=price,
        currency=currency,
        rate=1.0,
        base_currency="GBP",
        cause_event_ids=causes,
    )


def details(found: Finding | ExceptionState) -> dict[str, Any]:
    """Details of a finding or an exception as published, without those that are null."""
    plain: dict[str, Any] = msgspec.to_builtins(found.details)
    return {name: value for name, value in plain.items() if value is not None}


def finding(
    state: str = "active",
    *,
    day: float = 0.0,
    kind: ExceptionType = "order_surge",
    key: str = "85123A|UK",
    row: int = 7,
    severity_points: float = 0.0,
    observed: float | None = 10.0,
    money: float | None = None,
    marker: str = "",
    causes: tuple[str, ...] = (),
    **more: Any,
) -> Finding:
    """A finding that is active, between, cleared or final, ``day`` days from NOW; ``more`` are fields of it."""
    time = NOW + round(day * DAY_MS)
    fields: dict[str, Any] = {
        "exception_type": kind,
        "key": key,
        "sku": "85123A",
        "location": "UK",
        "row": row,
        "start": time // DAY_MS,
        "active": state == "active",
        "cleared": state in ("cleared", "final"),
        "final": state == "final",
        "instant": time,
        "event_time": time,
        "severity_points": severity_points,
        "observed": observed,
        "money": money,
        "money_base": money,
        "marker": marker,
        "cause_event_ids": causes,
        "reason": f"It is {state}.",
        "route": "planner",
    }
    return Finding(**(fields | more))


def record(decision: Verdict, time: int = NOW) -> DecisionRecord:
    """Ann's decision."""
    return DecisionRecord(decision=decision, decider="ann", role="planner", time=time)
