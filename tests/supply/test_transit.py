"""Transfers in transit: the table against a plain model, its bound, its snapshot and unit conversion."""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.supply.transit import NEVER, InTransit

ROWS = 3


class Step(NamedTuple):
    """Something that is said of a shipment: a quantity that is sent with a date, or one that is delivered."""

    shipment: str
    row: int
    quantity: int
    sent: bool
    due: int


steps = st.lists(
    st.builds(
        Step, st.sampled_from("abc"), st.integers(0, ROWS - 1), st.integers(1, 9), st.booleans(), st.integers(10, 14)
    ),
    max_size=30,
)


def say(table: InTransit, step: Step) -> bool:
    """Apply a step as `sensing.machines.transfers` does; False if the table is full."""
    key = (step.shipment, step.row)
    transfer = table.begin(key, 7 if step.sent else -1)
    if transfer is None:
        return False
    if step.sent:
        transfer.sent += step.quantity
        transfer.due, transfer.ends = step.due, step.due * 100
    else:
        transfer.delivered += step.quantity
    transfer.arriving()
    table.file(key, transfer)
    return True


def contents(table: InTransit) -> list[list[tuple[int, int]]]:
    """What is in transit to every row."""
    return [table.of_row(row) for row in range(ROWS)]


@given(steps, st.integers(0, 30), st.integers(9, 15))
def test_what_is_in_transit_is_what_was_sent_and_not_delivered(said: list[Step], cut: int, until: int) -> None:
    """Whatever comes first. What has ended has arrived; a snapshot anywhere changes nothing."""
    table, model = InTransit(100), dict[tuple[str, int], list[int]]()
    for at, step in enumerate(said):
        if at == cut:
            restored = InTransit(100)
            restored.load(table.dump())
            assert restored.dump() == table.dump()
            table = restored
        assert say(table, step)
        entry = model.setdefault((step.shipment, step.row), [0, 0, 0])
        entry[0 if step.sent else 1] += step.quantity
        entry[2] = step.due if step.sent else entry[2]
    for row in range(ROWS):
        wanted = [(due, sent - back) for (_, of), (sent, back, due) in model.items() if of == row and sent > back]
        assert sorted(table.of_row(row)) == sorted(wanted)
    ended = []
    before = contents(table)
    while (found := table.take_ended(until * 100)) is not None:
        before[found.key[1]].remove((found.due, found.quantity))
        assert contents(table) == before
        ended.append((found.instant, found.key[1], found.quantity))
    late = [
        (due * 100, row, sent - back) for (_, row), (sent, back, due) in model.items() if sent > back and due <= until
    ]
    assert sorted(ended) == sorted(late)
    assert [instant for instant, _, _ in ended] == sorted(instant for instant, _, _ in ended)
    assert table.next_end() == min(
        (due * 100 for sent, back, due in model.values() if sent > back and due > until), default=NEVER
    )


def test_receipts_by_day() -> None:
    """Late goods are expected on the day after the first; what lies beyond the days asked for is only in the total."""
    table = InTransit(9)
    for name, row, quantity, due in (("a", 1, 2_000, 9), ("b", 1, 3_000, 10), ("c", 1, 4_000, 13), ("d", 2, 500, 11)):
        say(table, Step(name, row, quantity, True, due))
    receipts = np.ones((3, 3))
    total = table.add_receipts(np.array([0, 1, 2]), 10, receipts)
    assert total.tolist() == [0.0, 9.0, 0.5]
    assert receipts.tolist() == [[1, 1, 1], [4, 3, 1], [1, 1.5, 1]]


def test_a_full_table_forgets_what_has_arrived_then_refuses() -> None:
    """Both are counted; what is in transit is never forgotten."""
    table = InTransit(2)
    assert say(table, Step("a", 0, 5, True, 10))
    assert say(table, Step("b", 0, 5, False, 0))
    assert say(table, Step("c", 0, 5, True, 10))
    assert (table.forgotten, table.refused) == (1, 0)
    assert table.find("b", 0) is None
    assert not say(table, Step("d", 0, 5, True, 10))
    assert (table.forgotten, table.refused) == (1, 1)
    again = InTransit(2)
    again.load(table.dump())
    assert (again.forgotten, again.refused, contents(again)) == (1, 1, contents(table))


def test_a_shipment_is_found_by_either_end() -> None:
    """By its destination first, else by where it left; when it is forgotten, by neither."""
    table = InTransit(5)
    say(table, Step("a", 0, 5, True, 10))
    for row in (0, 7):
        found = table.find("a", row)
        assert found is not None
        assert found[0] == ("a", 0)
    assert table.find("a", 1) is None
    say(table, Step("a", 0, 5, False, 0))
    table.forget_old(1)
    assert table.find("a", 7) is None
    assert table.find("a", 0) is None


def test_conversion() -> None:
    """All quantities of a row change by the factor; the change of what is in transit is returned."""
    table = InTransit(5)
    for step in (Step("a", 0, 5, True, 10), Step("a", 0, 2, False, 0), Step("b", 1, 4, True, 10)):
        say(table, step)
    assert table.convert(0, 1000.0) == 2997
    assert contents(table) == [[(10, 3000)], [(10, 4)], []]
