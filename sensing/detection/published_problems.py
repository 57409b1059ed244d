"""Publication of problems: their versions and deadlines, their ends, and what an earlier run has told of them.

`Problems` is built on it.

Invariants
----------
- Versions are 1, 2, 3, ... in the order of publication. Version 1 is published as ``opened``, no other version is. Only
  opened problems are published as resolved.
- A quiet run, one that begins with a backfill, does not repeat what an earlier run has told, see `earlier_exceptions`.
"""

from sensing.contracts.exceptions import Change, ExceptionState, ExceptionType
from sensing.contracts.output_fields import CAUSES_MAX
from sensing.detection.deadlines import Deadlines, Entry
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.earlier_exceptions import (
    EarlierExceptions,
    decision_of,
    go_on_from,
    has_ended,
    keep_decision,
    milliseconds,
    not_found_again,
)
from sensing.detection.ended_problems import EndedProblems
from sensing.detection.problem import Problem, Publication, exception_state
from sensing.detection.problem_severity import deadline_of
from sensing.detection.problem_table import ProblemTable
from sensing.machine_settings import DAY_MS
from sensing.state.decision_record import DecisionRecord

NO_ROW = -1
DISMISSED_MS = 7 * DAY_MS
"""Time after a rejection during which the problem recurs only with a higher severity."""


class PublishedProblems(ProblemTable):
    """Problems of one machine, and what has been published about them."""

    def __init__(self, problems_max: int, *, backfilling: bool = False) -> None:
        super().__init__(problems_max)
        self.backfilling = backfilling
        self.ended = EndedProblems(problems_max)
        # Open ones, and those that had ended.
        self.earlier = EarlierExceptions(2 * problems_max, quiet=backfilling)
        self._deadlines = Deadlines(self._is_due)

    def relink(self, row: int, cause: ExceptionType, instant: int) -> list[Publication]:
        """Publish the open problems of a row whose causes have changed with those of type ``cause``."""
        found = []
        for problem in self._of_row(row):
            caused_by = DETECTORS[problem.exception_type].caused_by
            if problem.is_open and cause in caused_by and problem.caused_by != self._causes(problem):
                found.append(self._publish(problem, "changed", instant))
        return [each for each in found if each is not None]

    def end_backfill(self) -> list[str]:
        """End the backfill; returns the names of the open problems for :meth:`publish`, oldest first."""
        self.backfilling = False
        return [name for name, problem in self._problems.items() if problem.is_open]

    def publish(self, names: list[str], instant: int) -> list[Publication]:
        """Publish problems of :meth:`end_backfill` as version 1. Call it before any other change of these problems.

        Problems that an earlier run has published go on with their versions, and only if they have changed.
        """
        found = []
        for name in names:
            problem = self._problems[name]
            # Nobody could read the problem before, so its deadline counts from now.
            problem.deadline = deadline_of(problem, instant)
            known = self.earlier.get(problem.exception_id)
            # The event that opened the problem may be ahead of the clock.
            time = max(instant, problem.opened_time)
            if known is None:
                found.append(self._publish(problem, "opened", time))
            else:
                found.append(self._go_on(problem, known, time))
            self._await_deadline(name, problem)
        return [each for each in found if each is not None]

    def settle_earlier(self, instant: int) -> list[Publication]:
        """End the exceptions of an earlier run that this run has not found again, and keep decisions about others."""
        found: list[Publication | None] = []
        for known in self.earlier.take():
            problem = self.named(known.exception_id)
            if problem is not None:
                found.append(self._settle(problem, known, instant))
            elif known.exception_id not in self.ended:
                state = known if has_ended(known) else not_found_again(known, instant)
                if state is not known:
                    found.append(Publication("resolved", state, NO_ROW))
                self.ended.add(known.exception_id, state.version, milliseconds(state.resolved_at or state.updated_at))
        return [each for each in found if each is not None]

    def _is_due(self, entry: Entry) -> bool:
        problem = self._problems.get(entry[1])
        return problem is not None and problem.deadline == entry[0] and problem.awaits_attention and not problem.overdue

    def _await_deadline(self, name: str, problem: Problem) -> None:
        self._deadlines.put(problem.deadline, name, len(self._problems))

    def _causes(self, problem: Problem) -> list[str]:
        """Ids of the open problems that cause this one, the oldest first."""
        types = DETECTORS[problem.exception_type].caused_by
        if not types or problem.has_ended:
            return []
        return [
            each.exception_id
            for each in self._of_row(problem.finding.row)
            if each.exception_type in types and each.is_open and not each.finding.harmless
        ][:CAUSES_MAX]

    def _dismiss(self, problem: Problem, decision_record: DecisionRecord, instant: int) -> Publication | None:
        """End a rejected problem."""
        assert problem.is_open, "what has ended cannot be rejected"
        problem.status, problem.resolution = "resolved", "rejected"
        problem.dismissed = True
        problem.ended_time = max(decision_record.time, problem.opened_time)
        problem.cool_until = max(decision_record.time, instant) + DISMISSED_MS
        problem.reason_override = (
            f"Rejected as no problem {decision_record.as_text()} It last said: {problem.finding.reason}"
        )
        return self._ended(problem, max(decision_record.time, instant), max(decision_record.time, instant))

    def _ended(self, problem: Problem, time: int, instant: int) -> Publication | None:
        """Publish the end of a problem; its tombstone follows some days after ``instant``."""
        found = self._publish(problem, "resolved", time)
        if not self.backfilling:
            self.ended.add(problem.exception_id, problem.version, instant)
        return found

    def _settle(self, problem: Problem, known: ExceptionState, instant: int) -> Publication | None:
        """Compare a problem of this run with what an earlier run has published about it."""
        repeats = not self.earlier.quiet or problem.version > known.version
        problem.version = max(problem.version, known.version)
        if problem.has_ended:
            if repeats:
                return None
            if not has_ended(known):
                return self._ended(problem, instant, instant)
            self.ended.add(problem.exception_id, problem.version, instant)
            return None
        before, rejection = problem.status, decision_of(known)
        if not repeats and known.resolution != "rejected":
            return self._go_on(problem, known, instant)
        if not keep_decision(problem, known):
            return None
        if known.resolution == "rejected" and rejection is not None:
            return self._dismiss(problem, rejection, instant)
        return self._publish(problem, "changed" if problem.status == before else "acknowledged", instant)

    def _go_on(self, problem: Problem, known: ExceptionState, time: int) -> Publication | None:
        """Publish what has changed since an earlier run told of a problem; nothing if that run knew more than this one
        does.
        """
        problem.caused_by = self._causes(problem)
        if self.earlier.told(known.exception_id, time):
            return self._publish(problem, "changed", time)
        change = go_on_from(problem, known)
        return None if change is None else self._publish(problem, change, time)

    def _publish(self, problem: Problem, change: Change, time: int) -> Publication | None:
        """Publish the state of a problem as updated at ``time``.

        Nothing is published during a backfill, nor what an earlier run has told.
        """
        if self.backfilling:
            return None
        told = self.earlier.told(problem.exception_id, time)
        known = self.earlier.get(problem.exception_id) if self.earlier.quiet else None
        if known is not None:
            problem.version = max(problem.version, known.version)
            if change == "opened":
                change = "reopened" if has_ended(known) else "changed"
        problem.version += not told
        problem.caused_by = self._causes(problem)
        problem.published_time = max(problem.published_time, time)
        problem.published_observed = problem.finding.observed
        problem.published_money = problem.finding.comparable_money
        problem.published_marker = problem.finding.marker
        return None if told else Publication(change, exception_state(problem), problem.finding.row)
