"""Stock ledger: on-hand stock as of an instant."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.supply.stock_ledger import book_count, book_movement, merge_oldest, on_hand, renew
from sensing.supply.supply_record import AGE_MAX, MOVEMENTS_KEPT, NEVER, SUPPLY, fresh
from tests.supply import oracles

TIMES = st.integers(0, 40)
STEPS = st.lists(st.tuples(st.booleans(), TIMES, st.integers(-50, 50)), max_size=40)


def _run(steps: list[tuple[bool, int, int]]) -> tuple[Any, bool]:
    supply = fresh(2)
    within = True
    for counted, time, quantity in steps:
        if counted:
            within &= book_count(supply, 1, time, abs(quantity))[1]
        else:
            book_movement(supply, 1, time, quantity)
    return supply, within


def test_a_record_has_no_padding() -> None:
    """Equal states have equal bytes: every byte of a record belongs to a field, and it stays within its budget."""
    fields = sum(SUPPLY[name].itemsize for name in SUPPLY.names or ())

    assert fields == SUPPLY.itemsize <= 294


@given(STEPS)
def test_stock_is_the_newest_count_and_what_moved_after_it(steps: list[tuple[bool, int, int]]) -> None:
    """Within the reach on-hand is that of the oracle, which knows all counts and movements at once."""
    supply, within = _run(steps)
    expected = oracles.stock(
        [(time, abs(quantity)) for counted, time, quantity in steps if counted],
        [(time, quantity) for counted, time, quantity in steps if not counted],
    )

    if expected is None:
        assert supply["count_time"][1] == NEVER
    elif within:
        assert on_hand(supply, 1) == expected
    else:
        assert supply["counts_beyond"][1] > 0


@given(st.data())
def test_order_of_arrival_does_not_matter_within_the_reach(data: st.DataObject) -> None:
    """Counts and at most as many movements as are kept give the same stock in any order."""
    moves = data.draw(st.lists(st.tuples(st.just(False), TIMES, st.integers(-50, 50)), max_size=MOVEMENTS_KEPT))
    counts = data.draw(st.lists(st.tuples(st.just(True), TIMES, st.integers(0, 50)), min_size=1, max_size=4))
    shuffled = data.draw(st.permutations(moves + counts))
    one, _ = _run(moves + counts)
    other, within = _run(shuffled)

    assert within
    assert on_hand(one, 1) == on_hand(other, 1)
    assert one["count_time"][1] == other["count_time"][1]


@given(st.lists(st.tuples(TIMES, st.integers(-50, 50)), max_size=40), st.randoms(use_true_random=False))
def test_what_is_kept_of_movements_does_not_depend_on_their_order(moves: list[tuple[int, int]], random: Any) -> None:
    """The newest movements are kept apart and the rest as one, whatever came first."""
    shuffled = list(moves)
    random.shuffle(shuffled)
    records = []
    for order in (moves, shuffled):
        supply, _ = _run([(False, time, quantity) for time, quantity in order])
        used = int(supply["movement_count"][1])
        records.append((supply["movement_quantity"][1, :used].tolist(), supply["movement_age"][1, :used].tolist()))

    assert records[0] == records[1]


def test_drift_is_the_counted_less_the_running_balance_as_of_the_count() -> None:
    """The first count has no drift; a later one is compared with the balance at its own time, not with today's."""
    supply = fresh(1)

    assert book_count(supply, 0, 100, 50) == (0, True)
    book_movement(supply, 0, 110, -20)
    book_movement(supply, 0, 130, -5)
    assert book_count(supply, 0, 120, 28) == (-2, True)
    assert on_hand(supply, 0) == 23
    assert book_count(supply, 0, 90, 1000) == (0, True)
    assert on_hand(supply, 0) == 23


def test_a_movement_before_the_count_is_in_the_count() -> None:
    """A late shipment that left before the count changes nothing; one of the same instant is counted as well."""
    supply = fresh(1)
    book_count(supply, 0, 100, 50)

    assert not book_movement(supply, 0, 99, -1)
    assert not book_movement(supply, 0, 100, -1)
    assert book_movement(supply, 0, 101, -1)
    assert on_hand(supply, 0) == 49


def test_of_two_counts_of_one_instant_the_smaller_stands() -> None:
    """Whichever comes first: stock is not promised twice."""
    for order in ((50, 40), (40, 50)):
        supply = fresh(1)
        for quantity in order:
            book_count(supply, 0, 100, quantity)

        assert on_hand(supply, 0) == 40


def test_a_count_beyond_the_reach_is_counted() -> None:
    """A count in the middle of merged movements sets the balance, keeps their sum, and says it is not exact."""
    supply = fresh(1)
    for time in range(1, MOVEMENTS_KEPT + 3):
        book_movement(supply, 0, 10 * time, -1)

    assert book_count(supply, 0, 15, 100) == (0, False)
    assert supply["counts_beyond"][0] == 1
    assert on_hand(supply, 0) == 100 - (MOVEMENTS_KEPT + 2)
    assert book_count(supply, 0, 45, 100)[1]
    assert on_hand(supply, 0) == 100 - (MOVEMENTS_KEPT + 2 - 4)


def test_merging_and_renewing_keep_the_sum() -> None:
    """The two oldest become one at the later one's time, and ages are counted from the newer instant."""
    supply = fresh(1)
    for time, quantity in ((10, 1), (20, 2), (50, 4)):
        book_movement(supply, 0, time, quantity)
    merge_oldest(supply, 0)
    renew(supply, 0, 60)

    assert supply["movement_count"][0] == 2
    assert supply["movement_quantity"][0, :2].tolist() == [3, 4]
    assert (60 - supply["movement_age"][0, :2].astype(int)).tolist() == [20, 50]
    assert on_hand(supply, 0) == 7


def test_movements_far_apart_in_time_are_told_apart_up_to_fifty_days() -> None:
    """Ages beyond the last one that fits are merged, never wrapped round."""
    supply = fresh(1)
    start = 1_700_000_000_000
    book_movement(supply, 0, start, 7)
    book_movement(supply, 0, start + AGE_MAX, 5)
    assert book_count(supply, 0, start + 1, 0)[1]
    assert on_hand(supply, 0) == 5
    book_movement(supply, 0, start + 3 * AGE_MAX, 3)

    assert supply["movements_merged"][0] == 1
    assert on_hand(supply, 0) == 8
    assert not book_count(supply, 0, start + AGE_MAX - 1, 0)[1] or np.all(supply["counts_beyond"] == 0)
