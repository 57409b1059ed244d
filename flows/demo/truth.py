"""Compares the problems that the engine raised with the planted ones of the truth file. The demo job calls it."""

import datetime as dt
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sensing.contracts.exceptions import SEVERITIES, ExceptionState

GRACE = dt.timedelta(days=1)
SHOWN_STATUSES = ("opened", "escalated", "acknowledged")


class Problem(NamedTuple):
    """An opened problem, from all its records: the first one, and the first one of the highest severity."""

    first: ExceptionState
    state: ExceptionState
    opened_at: dt.datetime
    resolved_at: dt.datetime | None
    cause_event_ids: frozenset[str]


class Planted(NamedTuple):
    """One entry of the truth file and the problem that answers it.

    ``hours`` is the time from the start to the opening; None if nothing was opened. ``open_already`` says that a
    problem of the same type was open when the planted one began; this does not count as found.
    """

    entry: dict[str, Any]
    problem: Problem | None
    hours: float | None
    open_already: bool = False


class Score(NamedTuple):
    """Planted problems, found or missed, and all other raised problems, worst first. ``delays`` has one entry per
    delayed purchase order.
    """

    surges: list[Planted]
    delays: list[Planted]
    others: list[Problem]


class _Record(msgspec.Struct):
    """The field that is read from a line of ``exceptions.ndjson``."""

    data: ExceptionState


def read_problems(file: Path) -> list[Problem]:
    """Opened problems in the order of their first records; those of which no record is open are left out."""
    decoder = msgspec.json.Decoder(_Record)
    problems: dict[str, Problem] = {}
    with file.open("rb") as lines:
        for line in lines:
            state = decoder.decode(line).data
            before = problems.get(state.exception_id)
            if before is None and state.status not in SHOWN_STATUSES:
                continue
            causes = frozenset(state.cause_event_ids)
            problems[state.exception_id] = Problem(
                first=state if before is None else before.first,
                state=state if before is None or _rank(state) > _rank(before.state) else before.state,
                opened_at=_time(state.opened_at) if before is None else before.opened_at,
                resolved_at=_time(state.resolved_at) if state.resolved_at else None,
                cause_event_ids=causes if before is None else before.cause_event_ids | causes,
            )
    return list(problems.values())


def score(truth: dict[str, Any], problems: list[Problem]) -> Score:
    """Match every planted entry with the first problem that answers it.

    - A surge is found by an ``order_surge`` of its item that opens between the first planted line and one day after the
      surge's end.
    - A delayed purchase order is found by a ``supplier_delay`` of its item that names the announcement, or that opens
      before the last delayed order is due.
    """
    surges = [_surge(entry, problems) for entry in truth["surges"]]
    delays = [
        _delay(line | {"start": delay["start"], "end": delay["end"]}, problems)
        for delay in truth["supplier_delays"]
        for line in delay["lines"]
    ]
    matched = {planted.problem.state.exception_id for planted in [*surges, *delays] if planted.problem is not None}
    others = [problem for problem in problems if problem.state.exception_id not in matched]
    return Score(surges, delays, ranked(others))


def ranked(problems: list[Problem]) -> list[Problem]:
    """Worst first: by severity, then money, then id."""
    return sorted(
        problems,
        key=lambda problem: (-_rank(problem.state), -(problem.state.money_base or 0.0), problem.state.exception_id),
    )


def _rank(state: ExceptionState) -> int:
    return SEVERITIES.index(state.severity)


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _of_item(entry: dict[str, Any], kind: str, problems: list[Problem]) -> list[Problem]:
    wanted = (kind, entry["sku"], entry["location"])
    return [p for p in problems if (p.state.exception_type, p.state.sku, p.state.location) == wanted]


def _answer(entry: dict[str, Any], answers: list[Problem], *, open_already: bool = False) -> Planted:
    """The earliest of ``answers``, if any, with the hours from the start to its opening."""
    if not answers:
        return Planted(entry, None, None, open_already)
    first = min(answers, key=lambda problem: problem.opened_at)
    return Planted(entry, first, (first.opened_at - _time(entry["start"])).total_seconds() / 3600)


def _surge(entry: dict[str, Any], problems: list[Problem]) -> Planted:
    start, end = _time(entry["start"]), _time(entry["end"]) + GRACE
    candidates = _of_item(entry, "order_surge", problems)
    answers = [problem for problem in candidates if start <= problem.opened_at < end]
    before = [p for p in candidates if p.opened_at < start and (p.resolved_at is None or p.resolved_at > start)]
    return _answer(entry, answers, open_already=bool(before))


def _delay(entry: dict[str, Any], problems: list[Problem]) -> Planted:
    start, end = _time(entry["start"]), _time(entry["end"])
    candidates = _of_item(entry, "supplier_delay", problems)
    named = [problem for problem in candidates if entry["event_id"] in problem.cause_event_ids]
    return _answer(entry, named or [problem for problem in candidates if start <= problem.opened_at < end])
