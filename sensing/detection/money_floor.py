"""Money floor: candidates whose money at stake is below what policy asks of an exception. `Problems` keeps them here.

They are no exceptions, but are counted, and open once enough money is at stake.
"""

from collections import Counter
from collections.abc import Mapping

from sensing.contracts.exceptions import ExceptionType
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.finding import Finding
from sensing.detection.problem import Problem


class MoneyFloor:
    """Names of at most ``names_max`` candidates below the floor; ``refused`` counts findings that found no room."""

    def __init__(self, names_max: int) -> None:
        self.names_max = names_max
        self.refused = 0
        self._names: dict[str, None] = {}

    def has_room(self, finding: Finding) -> bool:
        """Whether a new candidate may be kept."""
        if not finding.below_floor or len(self._names) < self.names_max:
            return True
        self.refused += 1
        return False

    def keeps(self, name: str, problem: Problem) -> bool:
        """Whether the floor keeps a candidate from opening, by its newest finding; notes it."""
        if problem.finding.below_floor:
            self._names[name] = None
        else:
            self.forget(name)
        return problem.finding.below_floor

    def forget(self, name: str) -> None:
        """Forget a candidate that is dropped."""
        self._names.pop(name, None)

    def counts(self, problems: Mapping[str, Problem]) -> dict[ExceptionType, int]:
        """Number of candidates by type that would be open but for the floor."""
        found = [problems[name] for name in self._names]
        return dict(Counter(problem.exception_type for problem in found if is_held_back(problem)))


def is_held_back(problem: Problem) -> bool:
    """Whether a problem was found often enough to open, and only the money floor keeps it from that."""
    enough = DETECTORS[problem.exception_type].hysteresis.findings_to_open
    return problem.status == "candidate" and problem.finding.below_floor and problem.active_findings >= enough
