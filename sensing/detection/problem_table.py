"""Problem table: the problems of one machine, by name, by row and by exception id. `Problems` extends it."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from sensing.contracts.exceptions import ExceptionType, Severity
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.finding import Finding
from sensing.detection.money_floor import MoneyFloor, is_held_back
from sensing.detection.problem import Problem

OpenCounts = dict[tuple[ExceptionType, Severity], int]

RESERVED = 10
"""One in this many entries of the table is kept free for detectors with ``reserved``."""


class ProblemTable:
    """At most ``problems_max`` problems, candidates and cooling ones included.

    The last tenth is for detectors with ``reserved``, since a held order must always have an exception. A problem that
    finds no room is counted in ``refused``. At most a tenth are candidates that only the money floor of policy keeps
    from opening.
    """

    def __init__(self, problems_max: int) -> None:
        self.problems_max = problems_max
        self.refused = 0
        self.floor = MoneyFloor(problems_max // RESERVED)
        self._problems: dict[str, Problem] = {}
        self._rows: dict[int, list[str]] = {}
        self._ids: dict[str, str] = {}

    def __len__(self) -> int:
        """Number of objects, candidates and cooling ones included."""
        return len(self._problems)

    def is_tracked(self, exception_type: ExceptionType, key: str) -> bool:
        """Whether there is an open problem or a candidate, so that the detector must run again."""
        problem = self._problems.get(name_of(exception_type, key))
        return problem is not None and not problem.has_ended

    def open_findings(self, row: int, exception_type: ExceptionType) -> list[Finding]:
        """Newest findings of a row's open problems and candidates of one type, oldest problem first."""
        return [
            problem.finding
            for problem in self._of_row(row)
            if problem.exception_type == exception_type and not problem.has_ended
        ]

    def open_counts(self) -> OpenCounts:
        """Number of open exceptions by type and severity."""
        return dict(
            Counter(
                (problem.exception_type, problem.severity) for problem in self._problems.values() if problem.is_open
            )
        )

    def is_below_floor(self, exception_type: ExceptionType, key: str) -> bool:
        """Whether a problem would be open but for the money floor."""
        problem = self._problems.get(name_of(exception_type, key))
        return problem is not None and is_held_back(problem)

    def below_floor(self) -> dict[ExceptionType, int]:
        """Number of problems by type that would be open but for the money floor."""
        return self.floor.counts(self._problems)

    def has_problem(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) whether each row has a problem in any state."""
        return np.fromiter(map(self._rows.__contains__, rows.tolist()), np.bool_, len(rows))

    def open_types(self, row: int) -> set[ExceptionType]:
        """Types of a row's open problems and candidates. Its order is undefined, so callers only test membership."""
        return {problem.exception_type for problem in self._of_row(row) if not problem.has_ended}

    def latest(self, exception_type: ExceptionType, key: str) -> Finding | None:
        """Newest finding of an open problem; None if it is not open."""
        problem = self._problems.get(name_of(exception_type, key))
        return None if problem is None or not problem.is_open else problem.finding

    def named(self, exception_id: str) -> Problem | None:
        """Problem of an exception, open or cooling; callers must not change it. None if it is not known."""
        name = self._ids.get(exception_id)
        return None if name is None else self._problems[name]

    def _of_row(self, row: int) -> list[Problem]:
        return [self._problems[name] for name in self._rows.get(row, ())]

    def _has_room(self, exception_type: ExceptionType) -> bool:
        reserved = 0 if DETECTORS[exception_type].reserved else self.problems_max // RESERVED
        if len(self._problems) < self.problems_max - reserved:
            return True
        self.refused += 1
        return False

    def _add(self, name: str, problem: Problem) -> None:
        self._problems[name] = problem
        if problem.status == "candidate":
            self.floor.keeps(name, problem)
        self._rows.setdefault(problem.finding.row, []).append(name)
        if problem.exception_id:
            self._ids[problem.exception_id] = name

    def _drop(self, name: str) -> None:
        problem = self._problems.pop(name)
        self.floor.forget(name)
        self._ids.pop(problem.exception_id, None)
        row = problem.finding.row
        self._rows[row].remove(name)
        if not self._rows[row]:
            del self._rows[row]


def name_of(exception_type: ExceptionType, key: str) -> str:
    """Name of a problem: there is at most one of a type and key."""
    return f"{exception_type}|{key}"
