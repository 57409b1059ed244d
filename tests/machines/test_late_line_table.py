"""The roll-up's digests of late lines: one per supplier, once a day, whatever order the reports come in."""

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines.gauges import roll_up_gauges
from sensing.machines.late_line_table import DIGEST_AFTER_MS, LateLineTable
from sensing.machines.machine_messages import LateLineEnded, RollUpMessage, ShardReport
from sensing.machines.rollup import RollUpMachine
from sensing.outputs import OutputRecord
from sensing.state.late_lines import LateLine
from tests.machines.rollup_feed import fed
from tests.machines.streams import MONDAY
from tests.machines.test_rollup import report, states

DATE = dt.date(2026, 2, 1)


def late(po_id: str, supplier: str = "S", **fields: Any) -> LateLine:
    """A line that was due on the Sunday before MONDAY."""
    given: dict[str, Any] = {
        "sku": "A", "location": "L", "line": "1", "units": 5.0, "first_date": DATE, "expected_date": DATE,
        "usual_days_late": 3, "money_base": 10.0, "base_currency": "EUR",
    }  # fmt: skip
    return LateLine(supplier=supplier, po_id=po_id, **(given | fields))


def ended(line: LateLine) -> LateLineEnded:
    """The end of a line."""
    return LateLineEnded(
        supplier=line.supplier, sku=line.sku, location=line.location, po_id=line.po_id, line=line.line
    )  # fmt: skip


def alone(*reports: ShardReport) -> list[OutputRecord]:
    """Outputs for reports of a single shard."""
    machine = RollUpMachine(1, Settings(shards=1))
    return [output for given in reports for output in machine.apply(given)]


def test_a_digest_follows_two_hours_after_the_first_line_and_then_daily() -> None:
    """It opens with all lines of a close, tells of material changes once a day, and ends when no line is left."""
    lines = [late(f"P{number}") for number in range(5)]
    found = alone(
        report(0, MONDAY, lines[0]),
        report(0, MONDAY + HOUR_MS, lines[1]),
        report(0, MONDAY + 5 * HOUR_MS, *lines[2:]),
        report(0, MONDAY + 40 * HOUR_MS, *map(ended, lines)),
        report(0, MONDAY + 5 * DAY_MS),
        report(0, MONDAY + 5 * DAY_MS + 1),
    )
    first = MONDAY + DIGEST_AFTER_MS
    assert [record.instant for record in found] == [first, first + DAY_MS, first + 2 * DAY_MS]
    assert [(state["status"], state["observed"]) for state in states(found)] == [
        ("opened", 2.0), ("opened", 5.0), ("resolved", 0.0),
    ]  # fmt: skip
    opened = states(found)[0]
    assert (opened["exception_type"], opened["sku"], opened["severity"]) == ("delay_digest", None, "low")
    assert (opened["money_base"], opened["base_currency"], opened["money_status"]) == (20.0, "EUR", "ranked")
    assert len({state["exception_id"] for state in states(found)}) == 1


def test_the_last_word_of_an_instant_counts() -> None:
    """A line that becomes late and ends at one instant, or ends and is late again, is what its shard said last."""
    gone = alone(report(0, MONDAY, late("P"), ended(late("P"))), report(0, MONDAY + DAY_MS, final=True))
    assert [state["observed"] for state in states(gone)] == []
    stays = alone(report(0, MONDAY, late("P"), ended(late("P")), late("P")), report(0, MONDAY + DAY_MS, final=True))
    assert [state["observed"] for state in states(stays)] == [1.0]


SCRIPT = st.lists(
    st.tuples(st.integers(0, 6 * 24), st.integers(0, 5), st.booleans(), st.sampled_from(("S", "T"))), max_size=25
)


def said(script: list[Any], shards: int, order: random.Random, *, restarts: bool = False) -> list[OutputRecord]:
    """Outputs for a script of (hour, number of the line, late, supplier); a line is always of the same shard."""
    queues: list[list[tuple[int, RollUpMessage]]] = [[] for _ in range(shards)]
    for hour, number, is_late, supplier in sorted(script, key=lambda step: step[0]):
        line = late(f"P{number}", supplier)
        message = line if is_late else ended(line)
        queues[number % shards].append((MONDAY + hour * HOUR_MS, message))
    return fed(queues, MONDAY + 30 * DAY_MS, order, restarts=restarts)


@given(SCRIPT, st.integers(1, 4), st.integers(0, 2**32))
def test_order_cuts_shards_and_restarts_do_not_show(script: list[Any], shards: int, seed: int) -> None:
    """The same records, to the byte, as one shard gives in one report; at most one a day and supplier."""
    expected = said(script, 1, random.Random(0))
    assert said(script, shards, random.Random(seed)) == expected
    assert said(script, shards, random.Random(seed), restarts=True) == expected
    days = [(record.subject, record.instant // DAY_MS) for record in expected]
    assert len(days) == len(set(days))


def test_lines_are_bounded() -> None:
    """Beyond the bound they are counted, and there is room again when one has ended."""
    table = LateLineTable(lines_max=1)
    table.fold([late("P"), late("Q")], MONDAY)
    assert table.refused == 1
    table.fold([late("P", units=7.0), ended(late("P"))], MONDAY + 1)
    table.fold([late("R")], MONDAY + 2)
    assert table.refused == 1
    (finding,) = table.take_due(MONDAY + DIGEST_AFTER_MS)
    assert finding.observed == 1.0
    machine = RollUpMachine(1, Settings(shards=1))
    machine.late_lines.refused = 3
    assert roll_up_gauges(machine).limits["late_lines_refused"] == 3


@pytest.mark.parametrize("money", [None, 12.5])
def test_money_is_that_of_the_priced_lines(money: float | None) -> None:
    """Without any price the digest has no money."""
    (state,) = states(
        alone(report(0, MONDAY, late("P", money_base=money)), report(0, MONDAY + DAY_MS - HOUR_MS, final=True))
    )
    assert (state["money"], state["details"]["lines_without_money"]) == (money, int(money is None))
