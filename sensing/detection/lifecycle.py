"""Life cycle of problems: turns findings into exceptions, one stateful object per problem.

Invariants
----------
- There is at most one object per exception type and key. Its id is made when it opens, from type, key and the local day
  on which the episode began. So it does not depend on the machine's clock, nor on which event tipped it.
- ``escalated`` is published when the severity rises, or when the deadline of a critical problem has passed;
  ``de_escalated`` when it falls.
- Publications depend only on the findings and their instants. A dump restores the state exactly.

States: a problem begins as a candidate, which is never published. After enough active findings it is opened. It is
escalated when its severity rises, and ends as resolved or expired. A problem that recurs during the cool-down of its
type is the same object: it is opened again with the same id and the next version. A person may acknowledge, label or
reject a problem. A rejected problem is resolved, and for a week it recurs only with a higher severity.

During a backfill nothing is published. `end_backfill` then returns the open problems, and `publish` publishes each as
version 1. What an earlier run has published is compared, and not repeated, see `earlier_exceptions`.
"""

import msgspec

from sensing.contracts.decisions import Label
from sensing.contracts.exceptions import Change, ExceptionType, Resolution, Status
from sensing.detection.deadlines import NEVER
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.finding import Finding, with_customer
from sensing.detection.problem import (
    Problem,
    Publication,
    is_material,
    keep_causes,
    name_problem,
)
from sensing.detection.problem_severity import (
    begin_episode,
    pass_deadline,
    recurs,
    update_severity,
)
from sensing.detection.problem_table import name_of
from sensing.detection.published_problems import PublishedProblems
from sensing.machine_settings import DAY_MS
from sensing.state.decision_record import DecisionRecord
from sensing.state.snapshot import Encoded, pack, unpack


class _Dump(msgspec.Struct):
    backfilling: bool
    refused: int
    floor_refused: int
    problems: list[Problem]


class Problems(PublishedProblems):
    """All problems of one machine."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no object and no pending tombstone."""
        return not self._problems and not self.ended

    def observe(self, finding: Finding) -> Publication | None:
        """Apply one finding; returns what to publish, if anything."""
        assert not (finding.active and (finding.cleared or finding.final)), "a finding opens or clears, never both"
        name = name_of(finding.exception_type, finding.key)
        problem = self._problems.get(name)
        if problem is None:
            if not finding.active or not self._has_room(finding.exception_type) or not self.floor.has_room(finding):
                return None
            problem = Problem(exception_type=finding.exception_type, finding=finding)
            self._add(name, problem)
        elif problem.has_ended:
            if finding.instant < problem.cool_until:
                return self._reopen(name, problem, finding) if recurs(problem, finding) else None
            self._drop(name)
            return self.observe(finding)
        if problem.status == "candidate":
            return self._update_candidate(name, problem, finding)
        return self._update_open(name, problem, finding)

    def apply_decision(
        self,
        exception_id: str,
        decision_record: DecisionRecord,
        label: Label | None,
        instant: int,
        ending: Finding | None = None,
    ) -> Publication | None:
        """Apply a person's decision about a known problem; returns what to publish, if anything.

        The problem must be open to be acknowledged or rejected. ``ending`` is the finding that ends a released problem.
        """
        problem = self._problems[self._ids[exception_id]]
        change: Change = "changed"
        published = problem.decision_record == decision_record and self.earlier.version(exception_id) > 0
        problem.decision_record = decision_record
        problem.label = label or problem.label
        if ending is not None:
            return self.observe(ending)
        if published:
            return None  # by an earlier run
        if decision_record.decision == "acknowledge":
            assert problem.is_open, "what has ended cannot be acknowledged"
            change = "changed" if problem.status == "acknowledged" else "acknowledged"
            problem.status = "acknowledged"
        elif decision_record.decision == "reject":
            return self._dismiss(problem, decision_record, instant)
        return self._publish(problem, change, max(decision_record.time, instant))

    def end_row(self, row: int, reason: str, instant: int, kept: ExceptionType) -> list[Publication]:
        """Resolve the open problems of a row, but for those of one type; returns what to publish."""
        found = []
        for name in list(self._rows.get(row, ())):
            problem = self._problems[name]
            if problem.exception_type == kept or problem.has_ended:
                continue
            if problem.is_open:
                problem.reason_override = f"{reason} It last said: {problem.finding.reason}"
                found.append(self._end(name, problem, "resolved", "row_ended", instant))
            else:
                self._drop(name)
        return [each for each in found if each is not None]

    def expire(self, instant: int) -> list[Publication]:
        """Expire problems whose findings have stopped, and drop problems after their cool-down. Called once a day."""
        found = []
        for name, problem in list(self._problems.items()):
            if problem.has_ended:
                if instant >= problem.cool_until:
                    self._drop(name)
            elif instant - problem.seen >= DETECTORS[problem.exception_type].hysteresis.silence_ms:
                if problem.is_open:
                    days = (instant - problem.seen) // DAY_MS
                    problem.reason_override = (
                        f"Nothing was heard of this for {days} days; it last said: {problem.finding.reason}"
                    )
                    found.append(self._end(name, problem, "expired", "expired", instant))
                else:
                    self._drop(name)
        return [each for each in found if each is not None]

    def next_deadline(self) -> int:
        """Instant (UTC ms) of the next deadline that nobody has met; NEVER if there is none."""
        return NEVER if self.backfilling else self._deadlines.next()

    def pass_deadlines(self, instant: int) -> list[Publication]:
        """Escalate the problems whose deadlines have passed at an instant unacknowledged, each once an episode."""
        found = []
        for name in self._deadlines.take(instant):
            problem = self._problems[name]
            pass_deadline(problem, instant)
            problem.status = "escalated"
            problem.last_transition_version = problem.version + 1
            found.append(self._publish(problem, "escalated", instant))
        return [each for each in found if each is not None]

    def dump(self) -> bytes:
        """All problems as bytes."""
        kept = list(self._problems.values())
        dump = _Dump(self.backfilling, self.refused, self.floor.refused, kept)
        return pack(
            {"problems": Encoded(dump, _Dump), "ended": self.ended.dump(), "earlier": self.earlier.dump()}
        )  # fmt: skip

    def load(self, block: bytes) -> None:
        """Restore the problems of `dump`."""
        found = unpack(block, {"problems": _Dump})
        dump: _Dump = found["problems"]
        self.backfilling, self.refused, self.floor.refused = dump.backfilling, dump.refused, dump.floor_refused
        self.ended.load(found["ended"])
        self.earlier.load(found["earlier"])
        for problem in dump.problems:
            self._add(name_of(problem.exception_type, problem.finding.key), problem)
        self._deadlines.rebuild((problem.deadline, name) for name, problem in self._problems.items())

    def _update_candidate(self, name: str, problem: Problem, finding: Finding) -> Publication | None:
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
        # The same episode may have been published before, such as an earlier delay of the same line.
        problem.version = self.ended.take(problem.exception_id)
        self._ids[problem.exception_id] = name
        problem.opened_time = finding.event_time
        return self._open(name, problem, finding)

    def _open(self, name: str, problem: Problem, finding: Finding) -> Publication | None:
        problem.status = "opened"
        problem.last_transition_version = problem.version + 1
        problem.cleared_findings = 0
        begin_episode(problem, finding)
        self._await_deadline(name, problem)
        return self._publish(problem, "reopened" if problem.version else "opened", _time_of(finding))

    def _reopen(self, name: str, problem: Problem, finding: Finding) -> Publication | None:
        problem.finding = finding
        problem.seen = finding.instant
        problem.ended_time = problem.resolution = None
        problem.reason_override = ""
        problem.dismissed = False
        problem.version = max(problem.version, self.ended.take(problem.exception_id))
        keep_causes(problem, finding)
        return self._open(name, problem, finding)

    def _update_open(self, name: str, problem: Problem, finding: Finding) -> Publication | None:
        """Update an open problem: it resolves, changes materially, or stays the same."""
        hysteresis = DETECTORS[problem.exception_type].hysteresis
        keep_causes(problem, finding)
        problem.seen = finding.instant
        finding = with_customer(finding, problem.finding)
        if not finding.cleared and not finding.final:
            problem.finding = finding
            problem.cleared_findings = 0
            return self._change(name, problem, finding)
        if problem.cleared_findings == 0:
            problem.cleared_since = finding.instant
        problem.cleared_findings += 1
        waited = finding.instant - problem.cleared_since
        if finding.final or (
            problem.cleared_findings >= hysteresis.findings_to_clear and waited >= hysteresis.clear_ms
        ):
            problem.finding = finding
            return self._end(name, problem, "resolved", finding.resolution, finding.event_time)
        return None

    def _change(self, name: str, problem: Problem, finding: Finding) -> Publication | None:
        step = update_severity(problem, finding)
        change: Change = "changed" if step == 0 else "escalated" if step > 0 else "de_escalated"
        if step > 0:
            problem.status = "escalated"
            problem.last_transition_version = problem.version + 1
        elif step < 0 and problem.status == "escalated":
            problem.status = "opened"
        if step:
            self._await_deadline(name, problem)
        return self._publish(problem, change, _time_of(finding)) if step or is_material(problem, finding) else None

    def _end(
        self, name: str, problem: Problem, status: Status, resolution: Resolution, time: int
    ) -> Publication | None:
        problem.status, problem.resolution = status, resolution
        problem.ended_time = time
        problem.cool_until = max(time, problem.seen) + DETECTORS[problem.exception_type].hysteresis.cool_down_ms
        return self._ended(problem, max(time, _time_of(problem.finding)), max(time, problem.seen))


def _time_of(finding: Finding) -> int:
    """Time at which a finding updates a problem: that of its event or, where it came late, the machine's clock."""
    return max(finding.event_time, finding.instant)
