"""Precision of what was raised, by exception type. The demo job counts it, the report prints it."""

from collections import Counter, defaultdict
from typing import NamedTuple

from flows.demo.hindsight import Hindsight, Verdict
from flows.demo.truth import Score


class Precision(NamedTuple):
    """Numbers of raised problems of one type. Those of a type without a rule are only raised."""

    exception_type: str
    raised: int
    planted: int
    real: int
    not_real: int
    undecided: int

    @property
    def share(self) -> float | None:
        """Share of planted and real ones among the judged ones; None if none was judged."""
        judged = self.planted + self.real + self.not_real
        return (self.planted + self.real) / judged if judged else None


def precision(score: Score, hindsight: Hindsight) -> list[Precision]:
    """Precision of every type, most frequent first, and of all types together at the end."""
    answers = [planted.problem.state for planted in (*score.surges, *score.delays) if planted.problem is not None]
    planted = Counter({state.exception_id: state.exception_type for state in answers}.values())
    verdicts: dict[str, Counter[Verdict | None]] = defaultdict(Counter)
    for problem in score.others:
        kind = problem.state.exception_type
        verdicts[kind][hindsight.verdict(problem.first, problem.opened_at)] += 1
    kinds = {kind: planted[kind] + verdicts[kind].total() for kind in [*verdicts, *planted]}
    found = [
        Precision(
            kind, kinds[kind], planted[kind], verdicts[kind]["real"], verdicts[kind]["not_real"],
            verdicts[kind]["undecided"],
        )
        for kind in sorted(kinds, key=lambda kind: (-kinds[kind], kind))
    ]  # fmt: skip
    total = Precision(
        "all", sum(each.raised for each in found), sum(each.planted for each in found),
        sum(each.real for each in found), sum(each.not_real for each in found), sum(each.undecided for each in found),
    )  # fmt: skip
    return [*found, total]
