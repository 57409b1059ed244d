"""Lives of problems: properties of everything that is published about them, and of dumps."""

from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.instants import local_date
from sensing.contracts.exceptions import ENDED, ExceptionState, ExceptionType
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.lifecycle import Problems
from sensing.detection.problem import Publication
from sensing.detection.severity import rank
from sensing.machine_settings import DAY_MS
from tests.detection.contexts import NOW, NOW_DAY, finding, record
from tests.snapshots import resumed

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["active", "active", "active", "between", "cleared", "final", "expire", "acknowledge"]),
        st.sampled_from(list(DETECTORS)),
        st.sampled_from(["a|1", "b|1", "c|2"]),
        st.floats(0.0, 6.0),  # strength
        st.floats(0.0, 100.0),  # observed
        st.sampled_from([0.0, 0.3, 1.0, 5.0, 20.0]),  # days since the step before
    ),
    max_size=60,
)
Step = tuple[str, ExceptionType, str, float, float, float]


def run(problems: Problems, steps: list[Step], day: float) -> list[Publication]:
    """Apply steps from ``day`` on; everything that is published, in order."""
    out: list[Publication | None] = []
    for state, kind, key, severity_points, observed, wait in steps:
        day += wait
        now = NOW + round(day * DAY_MS)
        while (due := problems.next_deadline()) <= now:
            out += problems.pass_deadlines(due)
        if state == "expire":
            out += problems.expire(now)
        elif state == "acknowledge":
            exception_id = f"{DETECTORS[kind].prefix}:{key}:"
            for start in (NOW_DAY, now // DAY_MS):
                problem = problems.named(f"{exception_id}{local_date(start).replace('-', '')}")
                if problem is not None and problem.is_open:
                    out.append(problems.apply_decision(problem.exception_id, record("acknowledge", now), None, now))
        else:
            start = NOW_DAY if kind == "supplier_delay" else now // DAY_MS
            found = finding(
                state, day=day, kind=kind, key=key, severity_points=severity_points, observed=observed, row=len(key),
                start=start,
            )  # fmt: skip
            out += [problems.observe(found), *problems.relink(len(key), kind, now)]
    return [each for each in out if each is not None]


@given(STEPS, st.integers(4, 20), st.booleans())
def test_every_problem_has_one_clean_life(steps: list[Step], places: int, backfilling: bool) -> None:
    """Versions grow by one from 1, which alone opens; a life ends before the next; one open exception per key.

    The severity rises if and only if the record says escalated, but for a critical problem whose deadline has passed.
    It falls if and only if it says de-escalated. Whoever follows event types alone has the open set of the states.
    """
    problems = Problems(places, backfilling=backfilling)
    found = run(problems, steps, 0.0)
    if backfilling:
        assert found == []
        found = problems.publish(problems.end_backfill(), NOW + 10**12) + run(problems, steps, 12_000.0)
    last: dict[str, ExceptionState] = {}
    current: dict[tuple[str, str], str] = {}
    followed: set[str] = set()
    for change, state, _ in found:
        before = last.get(state.exception_id)
        name = (state.exception_type, state.exception_id.split(":")[1])
        assert state.version == (1 if before is None else before.version + 1)
        assert (change == "opened") == (before is None)
        if change in ("opened", "reopened"):
            assert state.exception_id not in followed
            followed.add(state.exception_id)
        elif change == "resolved":
            followed.remove(state.exception_id)
        else:
            assert before is not None
            step = rank(state.severity) - rank(before.severity)
            passed = state.overdue and not before.overdue
            assert (change == "escalated") == (step > 0 or passed)
            assert (change == "de_escalated") == (step < 0)
            assert not passed or step == (before.severity != "critical")
        assert (state.resolved_at is not None) == (state.resolution is not None) == (change == "resolved")
        if state.status in ENDED:
            assert current.pop(name) == state.exception_id
        else:
            assert current.setdefault(name, state.exception_id) == state.exception_id
        if before is not None and before.status in ENDED:
            assert change == "reopened"
        assert len(state.cause_event_ids) <= 8
        last[state.exception_id] = state
        assert followed == {i for i, s in last.items() if s.status not in ENDED}
    assert len(problems) <= places


@given(STEPS, st.integers(0, 60), st.booleans())
def test_dump_restores_exactly(steps: list[Step], cut: int, backfilling: bool) -> None:
    """Dumped and restored at any point, the same findings publish the same and leave the same bytes."""
    whole = Problems(5, backfilling=backfilling)
    halves = Problems(5, backfilling=backfilling)
    first = run(whole, steps[:cut], 0.0)
    assert run(halves, steps[:cut], 0.0) == first

    restored = resumed(Problems(halves.problems_max), halves.dump())

    day = sum(step[5] for step in steps[:cut])
    assert run(restored, steps[cut:], day) == run(whole, steps[cut:], day)
    assert restored.next_deadline() == whole.next_deadline()
    assert restored.publish(restored.end_backfill(), NOW + 10**12) == whole.publish(whole.end_backfill(), NOW + 10**12)
    assert restored.dump() == whole.dump()
    found, expected = ([p.open_findings(3, kind) for kind in DETECTORS] for p in (restored, whole))
    assert found == expected
