"""Life cycle of problems: turns findings into exceptions, one stateful object per problem.

Invariants
----------
- There is at most one object per exception type and key. Its id is made when it opens, from type, item and opening
  instant.
- Versions are 1, 2, 3, ... in the order of publication. Only opened problems are published as resolved or expired.
- Publications depend only on the findings and their instants. A dump restores the state exactly.
- At most ``problems_max`` objects are kept, candidates and cooling ones included. The last tenth is for detectors with
  ``reserved``, since a held order must always have an exception. If the table is full, a finding opens nothing and is
  counted in ``refused``. At most a tenth are candidates that only the money floor of policy keeps from opening.

States: a problem begins as a candidate, which is never published. After enough active findings it is opened. It is
escalated when its severity rises, and ends as resolved or expired. A problem that recurs during the cool-down of its
type is the same object: it is opened again with the same id and the next version. A person may acknowledge, label or
reject a problem. A rejected problem is resolved, and for a week it recurs only with a higher severity.

During a backfill nothing is published, and ended problems are dropped. `end_backfill` then returns the open problems,
and `publish` publishes each as version 1.
"""

from collections import Counter
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.contracts.decisions import Label
from sensing.contracts.exceptions import ExceptionState, ExceptionType, Severity, Status
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.finding import Finding, with_customer
from sensing.detection.money_floor import MoneyFloor, is_held_back
from sensing.detection.problem import (
    Problem,
    exception_state,
    is_material,
    keep_causes,
    name_problem,
)
from sensing.detection.severity import grade, rank
from sensing.machine_settings import DAY_MS
from sensing.state.decision_record import DecisionRecord
from sensing.state.snapshot import Encoded, pack, unpack

OpenCounts = dict[tuple[ExceptionType, Severity], int]

DISMISSED_MS = 7 * DAY_MS
"""Time after a rejection during which the problem recurs only with a higher severity."""
TOMBSTONE_AFTER_MS = 8 * DAY_MS
"""Time that an ended problem stays in the compacted topic. It is longer than any cool-down."""
RESERVED = 10
"""One in this many entries of the table is kept free for detectors with ``reserved``."""


_ENDED: tuple[Status, ...] = ("resolved", "expired")


class EndedProblem(NamedTuple):
    """An ended problem in the compacted topic: its latest version, and when (UTC ms) its tombstone is due."""

    version: int
    due: int


class _Dump(msgspec.Struct):
    backfilling: bool
    refused: int
    floor_refused: int
    problems: list[Problem]
    leaving: dict[str, EndedProblem]


class Problems:
    """All problems of one machine."""

    def __init__(self, problems_max: int, *, backfilling: bool = False) -> None:
        self.problems_max = problems_max
        self.backfilling = backfilling
        self.refused = 0
        self.floor = MoneyFloor(problems_max // RESERVED)
        self._problems: dict[str, Problem] = {}
        self._rows: dict[int, list[str]] = {}
        self._ids: dict[str, str] = {}
        self._ended: dict[str, EndedProblem] = {}

    def __len__(self) -> int:
        """Number of objects, candidates and cooling ones included."""
        return len(self._problems)

    @property
    def is_empty(self) -> bool:
        """Whether there is no object and no pending tombstone."""
        return not self._problems and not self._ended

    def observe(self, finding: Finding) -> ExceptionState | None:
        """Apply one finding; returns the state to publish, if any."""
        assert not (finding.active and (finding.cleared or finding.final)), "a finding opens or clears, never both"
        name = _name(finding.exception_type, finding.key)
        problem = self._problems.get(name)
        if problem is None:
            if not finding.active or not self._has_room(finding.exception_type) or not self.floor.has_room(finding):
                return None
            problem = Problem(exception_type=finding.exception_type, finding=finding)
            self._add(name, problem)
        elif problem.status in _ENDED:
            if finding.instant < problem.cool_until:
                return self._reopen(problem, finding) if _recurs(problem, finding) else None
            self._drop(name)
            return self.observe(finding)
        if problem.status == "candidate":
            return self._update_candidate(name, problem, finding)
        return self._update_open(name, problem, finding)

    def is_tracked(self, exception_type: ExceptionType, key: str) -> bool:
        """Whether there is an open problem or a candidate, so that the detector must run again."""
        problem = self._problems.get(_name(exception_type, key))
        return problem is not None and problem.status not in _ENDED

    def open_findings(self, row: int, exception_type: ExceptionType) -> list[Finding]:
        """Newest findings of a row's open problems and candidates of one type, oldest problem first."""
        found = [self._problems[name] for name in self._rows.get(row, ())]
        return [p.finding for p in found if p.exception_type == exception_type and p.status not in _ENDED]

    def is_below_floor(self, exception_type: ExceptionType, key: str) -> bool:
        """Whether a problem would be open but for the money floor."""
        problem = self._problems.get(_name(exception_type, key))
        return problem is not None and is_held_back(problem)

    def below_floor(self) -> dict[ExceptionType, int]:
        """Number of problems by type that would be open but for the money floor."""
        return self.floor.counts(self._problems)

    def open_counts(self) -> OpenCounts:
        """Number of open exceptions by type and severity."""
        found = (problem for problem in self._problems.values() if problem.is_open)
        return dict(Counter((problem.exception_type, problem.severity) for problem in found))

    def has_problem(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) whether each row has a problem in any state."""
        return np.fromiter(map(self._rows.__contains__, rows.tolist()), np.bool_, len(rows))

    def open_types(self, row: int) -> set[ExceptionType]:
        """Types of a row's open problems and candidates. Its order is undefined, so callers only test membership."""
        found = [self._problems[name] for name in self._rows.get(row, ())]
        return {problem.exception_type for problem in found if problem.status not in ("resolved", "expired")}

    def latest(self, exception_type: ExceptionType, key: str) -> Finding | None:
        """Newest finding of an open problem; None if it is not open."""
        problem = self._problems.get(_name(exception_type, key))
        return None if problem is None or not problem.is_open else problem.finding

    def named(self, exception_id: str) -> Problem | None:
        """Problem of an exception, open or cooling; callers must not change it. None if it is not known."""
        name = self._ids.get(exception_id)
        return None if name is None else self._problems[name]

    def apply_decision(
        self,
        exception_id: str,
        decision_record: DecisionRecord,
        label: Label | None,
        instant: int,
        ending: Finding | None = None,
    ) -> ExceptionState | None:
        """Apply a person's decision about a known problem; returns the state to publish, if any.

        The problem must be open to be acknowledged or rejected. ``ending`` is the finding that ends a released problem.
        """
        problem = self._problems[self._ids[exception_id]]
        problem.decision_record = decision_record
        problem.label = label or problem.label
        if ending is not None:
            return self.observe(ending)
        if decision_record.decision == "acknowledge":
            assert problem.is_open, "what has ended cannot be acknowledged"
            problem.status = "acknowledged"
        elif decision_record.decision == "reject":
            return self._dismiss(problem, decision_record, instant)
        return None if self.backfilling else self._publish(problem, decision_record.time)

    def end_row(self, row: int, reason: str, instant: int, kept: ExceptionType) -> list[ExceptionState]:
        """Resolve the open problems of a row, but for those of one type; returns the states to publish."""
        ended = []
        for name in list(self._rows.get(row, ())):
            problem = self._problems[name]
            if problem.exception_type == kept or problem.status in _ENDED:
                continue
            if problem.is_open:
                problem.reason_override = f"{reason} It last said: {problem.finding.reason}"
                ended.append(self._end(name, problem, "resolved", instant))
            else:
                self._drop(name)
        return [state for state in ended if state is not None]

    def expire(self, instant: int) -> list[ExceptionState]:
        """Expire problems whose findings have stopped, and drop problems after their cool-down. Called once a day."""
        ended = []
        for name, problem in list(self._problems.items()):
            if problem.status in _ENDED:
                if instant >= problem.cool_until:
                    self._drop(name)
            elif instant - problem.seen >= DETECTORS[problem.exception_type].hysteresis.silence_ms:
                if problem.is_open:
                    days = (instant - problem.seen) // DAY_MS
                    problem.reason_override = (
                        f"Nothing was heard of this for {days} days; it last said: {problem.finding.reason}"
                    )
                    ended.append(self._end(name, problem, "expired", instant))
                else:
                    self._drop(name)
        return [state for state in ended if state is not None]

    def take_tombstones(self, instant: int) -> list[tuple[str, int]]:
        """Ids and latest versions of ended problems whose tombstones are due. Called once a day.

        At most ``problems_max`` tombstones are pending; beyond that the oldest are due early.
        """
        over = max(len(self._ended) - self.problems_max, 0)
        leaving = [
            (exception_id, ended.version)
            for place, (exception_id, ended) in enumerate(self._ended.items())
            if place < over or ended.due <= instant
        ]
        for exception_id, _ in leaving:
            del self._ended[exception_id]
        return leaving

    def end_backfill(self) -> list[str]:
        """End the backfill; returns the names of the open problems for :meth:`publish`, oldest first."""
        self.backfilling = False
        return [name for name, problem in self._problems.items() if problem.is_open]

    def publish(self, names: list[str], instant: int) -> list[ExceptionState]:
        """Publish problems of :meth:`end_backfill` as version 1. Call it before any other change of these problems."""
        published = []
        for problem in map(self._problems.__getitem__, names):
            # Nobody could read the problem before, so its deadline counts from now.
            problem.deadline = _deadline(problem, problem.severity, instant)
            # The event that opened the problem may be ahead of the clock.
            published.append(self._publish(problem, max(instant, problem.opened_time)))
        return published

    def dump(self) -> bytes:
        """All problems as bytes."""
        kept = list(self._problems.values())
        dump = _Dump(self.backfilling, self.refused, self.floor.refused, kept, self._ended)
        return pack({"problems": Encoded(dump, _Dump)})

    def load(self, block: bytes) -> None:
        """Restore the problems of `dump`."""
        dump = unpack(block, {"problems": _Dump})["problems"]
        self.backfilling, self.refused, self._ended = dump.backfilling, dump.refused, dump.leaving
        self.floor.refused = dump.floor_refused
        for problem in dump.problems:
            name = _name(problem.exception_type, problem.finding.key)
            if problem.status == "candidate":
                self.floor.keeps(name, problem)
            self._add(name, problem)
            if problem.exception_id:
                self._ids[problem.exception_id] = name

    def _has_room(self, exception_type: ExceptionType) -> bool:
        reserved = 0 if DETECTORS[exception_type].reserved else self.problems_max // RESERVED
        if len(self._problems) < self.problems_max - reserved:
            return True
        self.refused += 1
        return False

    def _add(self, name: str, problem: Problem) -> None:
        self._problems[name] = problem
        self._rows.setdefault(problem.finding.row, []).append(name)

    def _drop(self, name: str) -> None:
        problem = self._problems.pop(name)
        self.floor.forget(name)
        self._ids.pop(problem.exception_id, None)
        row = problem.finding.row
        self._rows[row].remove(name)
        if not self._rows[row]:
            del self._rows[row]

    def _update_candidate(self, name: str, problem: Problem, finding: Finding) -> ExceptionState | None:
        """Update a candidate. It opens after enough consecutive active findings."""
        if not finding.active:
            self._drop(name)
            return None
        finding = with_customer(finding, problem.finding)
        problem.finding = finding
        problem.seen = finding.instant
        keep_causes(problem, finding)
        problem.active_findings += 1
        enough = DETECTORS[problem.exception_type].hysteresis.findings_to_open
        if self.floor.keeps(name, problem) or problem.active_findings < enough:
            return None
        problem.exception_id = name_problem(finding)
        self._ids[problem.exception_id] = name
        problem.opened = finding.instant
        problem.opened_time = finding.event_time
        return self._open(problem, finding)

    def _open(self, problem: Problem, finding: Finding) -> ExceptionState | None:
        problem.status = "opened"
        problem.last_transition_version = problem.version + 1
        problem.cleared_findings = 0
        problem.severity = grade(finding.points, finding.money_base, 0.0)
        problem.deadline = _deadline(problem, problem.severity, finding.event_time)
        return None if self.backfilling else self._publish(problem, finding.event_time)

    def _reopen(self, problem: Problem, finding: Finding) -> ExceptionState | None:
        problem.finding = finding
        problem.seen = problem.opened = finding.instant
        problem.ended_time = None
        problem.reason_override = ""
        problem.dismissed = False
        self._ended.pop(problem.exception_id, None)
        keep_causes(problem, finding)
        return self._open(problem, finding)

    def _update_open(self, name: str, problem: Problem, finding: Finding) -> ExceptionState | None:
        """Update an open problem: it resolves, changes materially, or stays the same."""
        hysteresis = DETECTORS[problem.exception_type].hysteresis
        keep_causes(problem, finding)
        problem.seen = finding.instant
        finding = with_customer(finding, problem.finding)
        if not finding.cleared and not finding.final:
            problem.finding = finding
            problem.cleared_findings = 0
            return self._change(problem, finding)
        if problem.cleared_findings == 0:
            problem.cleared_since = finding.instant
        problem.cleared_findings += 1
        waited = finding.instant - problem.cleared_since
        if finding.final or (
            problem.cleared_findings >= hysteresis.findings_to_clear and waited >= hysteresis.clear_ms
        ):
            problem.finding = finding
            return self._end(name, problem, "resolved", finding.event_time)
        return None

    def _change(self, problem: Problem, finding: Finding) -> ExceptionState | None:
        days_open = (finding.instant - problem.opened) / DAY_MS
        severity = grade(finding.points, finding.money_base, days_open)
        before = problem.severity
        problem.severity = severity
        if rank(severity) > rank(before):
            problem.status = "escalated"
            problem.last_transition_version = problem.version + 1
            problem.deadline = min(problem.deadline, _deadline(problem, severity, finding.event_time))
        if self.backfilling or not (severity != before or is_material(problem, finding)):
            return None
        return self._publish(problem, finding.event_time)

    def _dismiss(self, problem: Problem, decision_record: DecisionRecord, instant: int) -> ExceptionState | None:
        """End a rejected problem. During a backfill it is kept, unlike other ended problems."""
        assert problem.is_open, "what has ended cannot be rejected"
        problem.status = "resolved"
        problem.dismissed = True
        problem.ended_time = max(decision_record.time, problem.opened_time)
        problem.cool_until = max(decision_record.time, instant) + DISMISSED_MS
        problem.reason_override = (
            f"Rejected as no problem {decision_record.as_text()} It last said: {problem.finding.reason}"
        )
        return None if self.backfilling else self._publish(problem, decision_record.time)

    def _end(self, name: str, problem: Problem, status: Status, time: int) -> ExceptionState | None:
        problem.status = status
        problem.ended_time = time
        problem.cool_until = max(time, problem.seen) + DETECTORS[problem.exception_type].hysteresis.cool_down_ms
        if self.backfilling:
            self._drop(name)
            return None
        state = self._publish(problem, time)
        self._ended[problem.exception_id] = EndedProblem(problem.version, max(time, problem.seen) + TOMBSTONE_AFTER_MS)
        return state

    def _publish(self, problem: Problem, time: int) -> ExceptionState:
        problem.version += 1
        problem.published_time = max(problem.published_time, time)
        problem.published_observed = problem.finding.observed
        problem.published_money = problem.finding.comparable_money
        problem.published_marker = problem.finding.marker
        return exception_state(problem)


def _deadline(problem: Problem, severity: Severity, event_time: int) -> int:
    return DETECTORS[problem.exception_type].deadline(severity, event_time)


def _name(exception_type: ExceptionType, key: str) -> str:
    return f"{exception_type}|{key}"


def _recurs(problem: Problem, finding: Finding) -> bool:
    """Whether a finding reopens a cooling problem. A rejected problem reopens only with a higher severity."""
    if not finding.active or finding.below_floor or not problem.dismissed:
        return finding.active and not finding.below_floor
    return rank(grade(finding.points, finding.money_base, 0.0)) > rank(problem.severity)
