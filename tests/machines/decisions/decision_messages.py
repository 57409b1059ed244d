"""Helpers that make decision messages and read the answers."""

from functools import cache
from typing import Any

import orjson

from sensing.outputs import AUDIT, OutputRecord
from tests.claims import at, count, orders, world
from tests.machines.streams import Line, Result, line

ANN = {"decider": "ann", "role": "planner"}


def decision(event_id: str, time: int, subject: str, verdict: str, **fields: Any) -> Line:
    """A decision message, by default of the planner."""
    given = {"subject": subject, "decision": verdict, **ANN, **fields}
    return line("decision.made", event_id, time, **given)


def execution(event_id: str, time: int, subject: str, **fields: Any) -> Line:
    """The ERP's message that it has executed a decision."""
    return line("execution.confirmed", event_id, time, subject=subject, **fields)


def answers(found: Result) -> list[dict[str, Any]]:
    """All answers to decisions, in the order in which they came out."""
    return [orjson.loads(record.data) for record in answer_records(found)]


def answer_records(found: Result) -> list[OutputRecord]:
    """The records of the answers."""
    return [
        record
        for machine in found.outputs
        for record in machine
        if record.topic == AUDIT and record.type in ("decision.accepted", "decision.rejected")
    ]


def outcomes(found: Result) -> list[tuple[str, str | None]]:
    """Event id and reason of rejection (None: accepted) of every answer."""
    return [(answer["event_id"], answer["rejection"]) for answer in answers(found)]


def changes(found: Result, exception_id: str) -> list[tuple[int, str]]:
    """Version and status of every state of an exception."""
    states = [state for state in found.data("exceptions") if state["exception_id"] == exception_id]
    return [(state["version"], state["status"]) for state in states]


@cache
def quiet_weeks() -> tuple[Line, ...]:
    """Twelve weeks of five lines a day of A at L, two of them before day 0, so that it is not new; and a count."""
    return (count(500, 1), *orders("u", range(-14, 70), 5.0, unit_price=10.0, currency="EUR"))


@cache
def surging() -> tuple[Line, ...]:
    """The quiet weeks with a surge of three days from day 63 on."""
    return (*quiet_weeks(), *orders("x", range(63, 66), 20.0))


def surge_id(lines: tuple[Line, ...] = ()) -> str:
    """Id of the first surge of the surging weeks, or of other lines."""
    found = world(lines or surging(), 70)
    return str(next(s["exception_id"] for s in found.data("exceptions") if s["exception_type"] == "order_surge"))


def noon(day: float) -> int:
    """UTC ms of a noon."""
    return at(day, 12)
