"""Problems: opening, updates, resolution, cool-down, expiry, the bound, backfill, dumps."""

import dataclasses

import numpy as np
import pytest

from sensing.codec.instants import rfc3339
from sensing.contracts.exceptions import ExceptionState
from sensing.detection.deadlines import NEVER
from sensing.detection.detector import Evaluation
from sensing.detection.finding import Finding
from sensing.detection.lifecycle import Problems
from sensing.detection.problem import Publication
from sensing.detection.surge import ORDER_SURGE, SurgeEvidence
from sensing.machine_settings import DAY_MS, HOUR_MS
from tests.detection.contexts import NOW, NOW_DAY, context, finding, record
from tests.snapshots import resumed


def published(found: Publication | None) -> ExceptionState:
    """The state that must have been published."""
    assert found is not None
    return found.state


def changes(problems: Problems, findings: list[Finding]) -> list[str]:
    """What each finding publishes, in words; "-" for nothing."""
    found = [problems.observe(each) for each in findings]
    return ["-" if each is None else f"{each.change} {each.state.version}" for each in found]


def test_surge_opens_at_the_first_look() -> None:
    """One look is enough; the state carries evidence, names, deadline and causes."""
    opened = published(Problems(10).observe(finding(severity_points=2.0, causes=("a", "b"))))

    assert opened.exception_id == "surge:85123A|UK:20111122"
    assert (opened.exception_type, opened.status, opened.version) == ("order_surge", "opened", 1)
    assert (opened.severity, opened.route, opened.reason) == ("medium", "planner", "It is active.")
    assert (opened.opened_at, opened.updated_at) == ("2011-11-22T22:00:00.000Z", "2011-11-22T22:00:00.000Z")
    assert opened.deadline == "2011-11-23T22:00:00.000Z"
    assert opened.resolved_at is None
    assert opened.cause_event_ids == ["a", "b"]


def test_drop_needs_two_closes_in_a_row() -> None:
    """A candidate is not published; one look in between that is not active starts anew."""
    looks = ["active", "between", "active", "active"]

    found = changes(Problems(10), [finding(s, day=d, kind="demand_drop") for d, s in enumerate(looks)])

    assert found == ["-", "-", "-", "opened 1"]


def test_only_material_changes_are_published() -> None:
    """A factor of one and a half in what was observed or in money, a new marker, another severity; nothing less."""
    problems = Problems(10)
    findings = [
        finding(observed=10.0, money=100.0),
        finding(observed=14.0, money=149.0),
        finding(observed=15.0, money=149.0),
        finding(observed=15.0, money=223.5),
        finding(observed=15.0, money=223.5, marker="2011-12-01"),
        finding(observed=15.0, money=223.5, marker="2011-12-01", severity_points=2.0),
        finding(observed=9.9, money=223.5, marker="2011-12-01", severity_points=2.0),
        finding(observed=9.9, money=None, marker="2011-12-01", severity_points=2.0),
        finding(observed=-9.9, money=None, marker="2011-12-01", severity_points=2.0),
        finding(observed=-9.0, money=None, marker="2011-12-01", severity_points=2.0),
    ]

    assert changes(problems, findings) == [
        "opened 1", "-", "changed 2", "changed 3", "changed 4", "escalated 5", "changed 6", "changed 7", "changed 8",
        "-",
    ]  # fmt: skip


def test_small_numbers_are_no_news() -> None:
    """Nothing below one unit is material."""
    assert changes(Problems(10), [finding(observed=0.2), finding(observed=0.9)]) == ["opened 1", "-"]


def test_the_deadline_follows_the_severity() -> None:
    """A graver problem is due sooner, a persisting one not later; a milder one counts from the fall of its severity."""
    problems = Problems(10)
    first = published(problems.observe(finding(severity_points=0.0)))
    graver = published(problems.observe(finding(day=0.1, severity_points=4.0)))
    assert problems.observe(finding(day=0.2, severity_points=0.0)) is None
    milder = problems.observe(finding(day=1.2, severity_points=0.0))

    assert milder is not None
    assert (first.severity, graver.severity, milder.change) == ("low", "high", "de_escalated")
    assert (first.deadline, graver.deadline) == ("2011-11-24T22:00:00.000Z", "2011-11-23T08:24:00.000Z")
    assert (milder.state.severity, milder.state.deadline) == ("low", "2011-11-26T03:00:00.000Z")


def test_a_severity_that_falls_does_not_flap() -> None:
    """It falls after a day of milder findings, to the highest of them; a graver finding in between starts anew."""
    problems = Problems(10)
    looks = [(0.0, 6.0), (0.5, 0.0), (1.4, 2.0), (1.6, 2.0), (2.0, 6.0), (2.5, 0.0), (2.9, 0.0), (3.5, 0.0)]

    found = [problems.observe(finding(day=day, severity_points=points)) for day, points in looks]

    assert [None if each is None else (each.change, each.state.severity) for each in found] == [
        ("opened", "critical"), None, None, ("de_escalated", "medium"), ("escalated", "critical"), None, None,
        ("de_escalated", "low"),
    ]  # fmt: skip


@pytest.mark.parametrize(("late_days", "deadline"), [(0.0, NOW + 2 * DAY_MS), (3.0, NOW + 5 * DAY_MS)])
def test_a_late_event_has_all_its_time(late_days: float, deadline: int) -> None:
    """By the machine's clock a deadline never starts in the past."""
    late = finding(instant=NOW + round(late_days * DAY_MS))
    assert published(Problems(10).observe(late)).deadline == rfc3339(deadline)


def test_a_passed_deadline_escalates_once() -> None:
    """By one grade, at its instant, with a new deadline; what was acknowledged before does not."""
    problems = Problems(10)
    problems.observe(finding(severity_points=2.0))
    problems.observe(finding(severity_points=2.0, key="b|UK"))
    problems.observe(finding(severity_points=6.0, key="c|UK", day=0.5))
    problems.apply_decision("surge:b|UK:20111122", record("acknowledge"), None, NOW)
    due = NOW + DAY_MS
    assert problems.next_deadline() == NOW + DAY_MS // 2 + 2 * HOUR_MS
    [critical] = problems.pass_deadlines(problems.next_deadline())
    assert (critical.change, critical.state.severity, critical.state.overdue) == ("escalated", "critical", True)
    assert problems.next_deadline() == due
    assert problems.pass_deadlines(due - 1) == []
    [late] = problems.pass_deadlines(due)
    assert (late.change, late.state.status, late.state.severity, late.state.overdue) == (
        "escalated", "escalated", "high", True,
    )  # fmt: skip
    assert (late.state.updated_at, late.state.deadline) == (rfc3339(due), rfc3339(due + 8 * HOUR_MS))
    assert problems.next_deadline() == NEVER
    # The grade is kept while the evidence stays the same, and the next episode has a deadline of its own.
    assert problems.observe(finding(day=1.5, severity_points=2.0)) is None
    assert published(problems.observe(finding("cleared", day=2.0))).overdue
    again = published(problems.observe(finding(day=3.0, severity_points=2.0)))
    assert (again.severity, again.overdue) == ("medium", False)
    assert problems.next_deadline() == NOW + 4 * DAY_MS


@pytest.mark.parametrize(("day", "due_day"), [(0.5, 0.5 + 8 / 24), (1.5, 1.5 + 8 / 24)])
def test_a_rise_after_an_acknowledgement_has_a_deadline_ahead(day: float, due_day: float) -> None:
    """What passed while the problem was acknowledged is no deadline any more: it would be due in the past."""
    problems = Problems(10)
    problems.observe(finding(severity_points=2.0))
    problems.apply_decision("surge:85123A|UK:20111122", record("acknowledge"), None, NOW)
    graver = published(problems.observe(finding(day=day, severity_points=4.0)))
    due = NOW + round(due_day * DAY_MS)
    assert (graver.status, graver.severity, graver.overdue) == ("escalated", "high", False)
    assert (graver.deadline, problems.next_deadline()) == (rfc3339(due), due)


def test_a_stockout_names_the_delays_behind_it() -> None:
    """Those of its row that stock does not cover, from their opening until their end."""
    problems = Problems(10)
    short = published(problems.observe(finding(kind="stockout_projected")))
    assert (short.caused_by, problems.relink(7, "supplier_delay", NOW)) == ([], [])
    problems.observe(finding(kind="supplier_delay", key="85123A|UK|P1|1"))
    problems.observe(finding(kind="supplier_delay", key="85123A|UK|P2|1", harmless=True))
    problems.observe(finding(kind="supplier_delay", key="85123A|DE|P3|1", row=8))
    [linked] = problems.relink(7, "supplier_delay", NOW)
    assert (linked.change, linked.state.caused_by) == ("changed", ["delay:85123A|UK|P1|1:20111122"])
    assert problems.relink(7, "supplier_delay", NOW) == []
    problems.observe(finding("final", kind="supplier_delay", key="85123A|UK|P1|1", day=0.5))
    [unlinked] = problems.relink(7, "supplier_delay", NOW)
    assert (unlinked.change, unlinked.state.caused_by) == ("changed", [])


def test_orders_concerned_are_the_first_and_the_latest() -> None:
    """As their events are; the purchase order is that of the finding."""
    problems = Problems(10)
    for n in range(12):
        problems.observe(finding(orders=((f"O{n}", "1"),)))
    found = published(problems.observe(finding(observed=99.0, purchase_order=("P", "1"))))

    assert [order.order_id for order in found.orders] == ["O0", "O1", "O2", "O7", "O8", "O9", "O10", "O11"]
    assert (found.purchase_order, found.purchase_order_line) == ("P", "1")


def test_persistence_raises_the_grade() -> None:
    """The same evidence is graver after three days."""
    problems = Problems(10)
    problems.observe(finding(severity_points=1.0))

    assert problems.observe(finding(day=2.9, severity_points=1.0)) is None
    assert published(problems.observe(finding(day=3.0, severity_points=1.0))).severity == "medium"


def test_resolution_carries_its_own_sentence_and_time() -> None:
    """The last state says why and when it ended; the id stays."""
    problems = Problems(10)
    opened = published(problems.observe(finding()))
    resolved = published(problems.observe(finding("cleared", day=1.0, observed=2.0)))

    assert (resolved.status, resolved.version, resolved.reason) == ("resolved", 2, "It is cleared.")
    assert resolved.resolution == "back_to_normal"
    assert resolved.resolved_at == "2011-11-23T22:00:00.000Z"
    assert resolved.exception_id == opened.exception_id
    assert resolved.observed == 2.0


def test_stockout_resolves_after_two_looks_and_half_a_day() -> None:
    """Cleared looks in quick succession do not end it; a look in between starts anew; the reason of the open state
    stays.
    """
    states = [("active", 0.0), ("cleared", 0.1), ("cleared", 0.2), ("between", 0.3), ("cleared", 0.4), ("cleared", 0.9)]

    found = changes(Problems(10), [finding(s, day=d, kind="stockout_projected") for s, d in states])

    assert found == ["opened 1", "-", "-", "-", "-", "resolved 2"]


def test_final_finding_ends_at_once() -> None:
    """A final finding resolves a problem at once; a candidate is dropped unpublished."""
    assert changes(Problems(9), [finding(kind="stockout_projected"), finding("final", kind="stockout_projected")]) == [
        "opened 1",
        "resolved 2",
    ]
    problems = Problems(9)
    assert changes(problems, [finding(kind="demand_drop"), finding("final", kind="demand_drop")]) == ["-", "-"]
    assert len(problems) == 0


def test_recurrence_within_the_cool_down_is_the_same_problem() -> None:
    """Same id, next version; after the cool-down it is another one."""
    problems = Problems(10)
    first = published(problems.observe(finding()))
    problems.observe(finding("cleared", day=1.0))
    assert problems.observe(finding("between", day=2.0)) is None
    found = problems.observe(finding(day=3.9))
    again = published(found)
    problems.observe(finding("cleared", day=5.0))
    other = published(problems.observe(finding(day=8.0)))

    assert found is not None
    assert (again.exception_id, again.version, again.status) == (first.exception_id, 3, "opened")
    assert (found.change, again.resolved_at, again.resolution) == ("reopened", None, None)
    assert again.opened_at == first.opened_at
    assert other.exception_id != first.exception_id
    assert other.version == 1


def test_an_episode_goes_on_under_its_id_however_late_it_recurs() -> None:
    """A line that is late again for the same first day is the same object, also after its tombstone and a dump."""
    problems = Problems(10)
    first = published(problems.observe(delay(0.0)))
    problems.observe(delay(1.0, "final"))
    again = problems.observe(delay(5.0))
    assert again is not None
    assert (again.change, again.state.version, again.state.exception_id) == ("reopened", 3, first.exception_id)
    problems.observe(delay(6.0, "final"))
    assert problems.ended.take_tombstones(NOW + 20 * DAY_MS) == [(first.exception_id, 5)]
    problems = resumed(Problems(10), problems.dump())
    long_after = problems.observe(delay(30.0))
    assert long_after is not None
    assert (long_after.change, long_after.state.version) == ("reopened", 6)


def delay(day: float, state: str = "active") -> Finding:
    """A finding about a purchase-order line that was promised for a fixed day."""
    return finding(state, day=day, kind="supplier_delay", start=NOW_DAY)


def test_silence_expires() -> None:
    """Open problems without findings expire and repeat their last reason; candidates are dropped."""
    problems = Problems(10)
    problems.observe(finding())
    problems.observe(finding(kind="demand_drop"))
    assert problems.expire(NOW + 14 * DAY_MS - 1) == []

    [expired] = problems.expire(NOW + 14 * DAY_MS)
    problems.expire(NOW + 40 * DAY_MS)

    assert (expired.change, expired.state.status, expired.state.version) == ("resolved", "expired", 2)
    assert expired.state.resolution == "expired"
    assert expired.state.reason == "Nothing was heard of this for 14 days; it last said: It is active."
    assert len(problems) == 0


def test_reopened_after_expiry_speaks_for_itself() -> None:
    """The sentence of the expiry does not stick."""
    problems = Problems(10)
    problems.observe(finding())
    problems.expire(NOW + 14 * DAY_MS)

    assert published(problems.observe(finding(day=15.0))).reason == "It is active."


def test_causes_are_the_first_and_the_latest() -> None:
    """Eight at most, each once: three from the beginning, five from the end."""
    problems = Problems(10)
    for n in range(12):
        problems.observe(finding(causes=(f"e{n}", f"e{n}", "e0")))

    state = published(problems.observe(finding(observed=99.0)))

    assert state.cause_event_ids == ["e0", "e1", "e2", "e7", "e8", "e9", "e10", "e11"]


def test_bound_refuses_the_newest_and_keeps_places_for_held_orders() -> None:
    """At the bound nothing new opens, which is counted; a tenth of the places is for data_quality."""
    problems = Problems(10)
    for n in range(12):
        problems.observe(finding(key=f"{n}|UK"))
    assert (len(problems), problems.refused) == (9, 3)

    assert problems.observe(finding(key="h|UK|O|1", kind="data_quality")) is not None
    assert problems.observe(finding(key="i|UK|O|1", kind="data_quality")) is None
    assert (len(problems), problems.refused) == (10, 4)


def test_backfill_is_silent_and_then_shows_what_is_open() -> None:
    """Muted problems open, change and end unpublished; at the switch each open one appears once, as version 1."""
    problems = Problems(10, backfilling=True)
    assert changes(problems, [finding(key="a|UK"), finding(key="b|UK", day=1.0), finding("cleared", key="a|UK")]) == [
        "-",
        "-",
        "-",
    ]
    problems.observe(finding(key="b|UK", day=2.0, observed=60.0, severity_points=4.0))
    problems.observe(finding(key="c|UK", kind="demand_drop", day=2.0))

    [found] = problems.publish(problems.end_backfill(), NOW + 3 * DAY_MS)

    state = found.state
    assert (found.change, state.version, state.status, state.observed) == ("opened", 1, "escalated", 60.0)
    assert (state.opened_at, state.updated_at) == ("2011-11-23T22:00:00.000Z", "2011-11-25T22:00:00.000Z")
    assert state.deadline == "2011-11-26T06:00:00.000Z"
    assert changes(problems, [finding("cleared", key="b|UK", day=4.0)]) == ["resolved 2"]


def test_open_problems_of_a_row_are_found() -> None:
    """By row and type, oldest first, ended ones not; the latest finding of one by its key."""
    problems = Problems(10)
    for key in ("a|1", "b|1", "c|1"):
        problems.observe(finding(key=key, kind="supplier_delay", row=3))
    problems.observe(finding("final", key="b|1", kind="supplier_delay", row=3))

    assert [found.key for found in problems.open_findings(3, "supplier_delay")] == ["a|1", "c|1"]
    assert problems.open_findings(3, "order_surge") == []
    assert problems.open_findings(4, "supplier_delay") == []
    assert [problems.is_tracked("supplier_delay", key) for key in ("a|1", "b|1", "d|1")] == [True, False, False]
    assert problems.has_problem(np.array([4, 3])).tolist() == [False, True]
    latest = problems.latest("supplier_delay", "a|1")
    assert latest is not None
    assert latest.key == "a|1"
    assert problems.latest("supplier_delay", "b|1") is None


def test_finding_never_opens_and_clears() -> None:
    """Our own mistake is an assertion."""
    both = finding()
    both = Finding(
        **{name: getattr(both, name) for name in Finding.__struct_fields__ if name != "cleared"}, cleared=True
    )

    with pytest.raises(AssertionError, match="a finding opens or clears, never both"):
        Problems(10).observe(both)


def test_absent_stays_absent() -> None:
    """Unknown evidence, money and windows are absent from the finding, and only the last causes are kept."""
    causes = tuple(f"e{n}" for n in range(20))
    nothing = Evaluation(active=False, cleared=False, severity_points=0.0)
    detector = dataclasses.replace(ORDER_SURGE, evaluate=lambda _: nothing, sentence=lambda *_: "")

    found = detector.finding(
        context(causes=causes),
        SurgeEvidence(observed=(), expected=(), lines_level=0.0, dispersion=0.0, history_days=0.0),
    )

    assert (found.expected, found.observed, found.probability, found.money) == (None, None, None, None)
    assert (found.window_start, found.window_end, found.currency) == (None, None, None)
    assert found.cause_event_ids == causes[-8:]
    assert context(price=2.0).money(3.0) == 6.0


def test_open_problems_are_counted_by_type_and_severity() -> None:
    """Candidates, and what has ended and is cooling down, do not stand before the public; dumps count the same."""
    problems = Problems(20)
    assert problems.open_counts() == {}
    problems.observe(finding(key="a", severity_points=2.0))
    problems.observe(finding(key="b", severity_points=2.0))
    problems.observe(finding(key="c", kind="data_quality"))
    problems.observe(finding(key="d", kind="demand_drop"))
    opened = problems.open_counts()
    assert opened == {("order_surge", "medium"): 2, ("data_quality", "low"): 1}
    problems.observe(finding("final", key="b", day=0.1))
    problems.observe(finding(key="c", kind="data_quality", severity_points=5.0, day=0.2))
    counted = problems.open_counts()
    assert sum(counted.values()) == 2
    assert counted["order_surge", "medium"] == 1
    assert ("data_quality", "low") not in counted
    assert resumed(Problems(problems.problems_max), problems.dump()).open_counts() == counted
