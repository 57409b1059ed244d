"""Failures inside machines name the event, the range of events, or the work and the rows."""

import pickle
from typing import Any

import pytest

from sensing.codec.event_record import Reject
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines import day_close, ledger, resumable, work
from sensing.machines.failure import EventPlace, MachineFailure, failed_range, first_failing
from sensing.machines.ledger import LedgerMachine
from sensing.machines.machine_messages import LedgerBatch
from sensing.machines.shard import ShardMachine
from tests.machines.poison import POISON, PoisonedShard
from tests.machines.streams import MONDAY, Line, Stream, line

KEYS = {"sku": "A", "location": "L"}
SETTINGS = Settings(shards=1)
CAUSE = "OverflowError: year 10000 is out of range"


def order(number: int, order_id: str = "") -> Line:
    """The order of an hour."""
    return line("order.placed", f"e{number}", MONDAY + number * HOUR_MS, order_id=order_id or None, quantity=1, **KEYS)


def fail(machine: ShardMachine, lines: list[Line]) -> MachineFailure:
    """The failure of a machine."""
    stream = Stream(lines)
    with pytest.raises(MachineFailure) as caught:
        machine.apply(stream.cut(0, len(stream)))
    return caught.value


def test_an_infrequent_event_is_named() -> None:
    """Topic, partition, offset and event id, and the cause with its traceback."""
    lines = [
        order(1),
        line("po.placed", "p", MONDAY + 2 * HOUR_MS, po_id=POISON, quantity=1, **KEYS),
        order(3),
    ]
    failure = fail(PoisonedShard(0, SETTINGS), lines)
    assert failure.events == (EventPlace("suppliers", 0, 0, "p"),)
    assert str(failure) == f"suppliers:0:0 (event_id 'p') failed: {CAUSE}"
    assert isinstance(failure.__cause__, OverflowError)


def test_a_record_in_a_batch_is_found_by_applying_them_one_by_one() -> None:
    """A kernel takes many records; the one that fails alone is named."""
    failure = fail(PoisonedShard(0, SETTINGS), [order(n, POISON if n == 7 else "") for n in range(20)])
    assert failure.events == (EventPlace("orders", 0, 7, "e7"),)


def test_a_range_is_named_where_no_record_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first and the last record of the piece are named, and that the culprit is not known is said."""
    monkeypatch.setattr(work, "first_failing", lambda _count, _attempt: None)
    failure = fail(PoisonedShard(0, SETTINGS), [order(n, POISON if n == 7 else "") for n in range(20)])
    assert [event.offset for event in failure.events] == [0, 19]
    assert "one of 20 events, from orders:0:0 (event_id 'e0') to orders:0:19 (event_id 'e19'), failed" in str(failure)
    assert "which one is not known" in str(failure)


def test_a_callback_names_its_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event behind a callback of the kernel is known at once."""

    def broken(*_: Any) -> None:
        msg = "no callback today"
        raise ValueError(msg)

    monkeypatch.setattr("sensing.machines.shard.run_callback", broken)
    small = [order(n) for n in range(30)]
    giant = line("order.placed", "giant", MONDAY + 31 * HOUR_MS, quantity=1e6, **KEYS)
    failure = fail(ShardMachine(0, SETTINGS), [*small, giant, order(32)])
    assert failure.events == (EventPlace("orders", 0, 30, "giant"),)


def test_a_close_names_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the rows of a close, those that fail alone are named: no single event is the cause."""
    plan = day_close.plan_rows

    def broken(s: Any, rows: Any, *more: Any) -> None:
        if any(s.names_of(row) == ("B", "L") for row in rows.tolist()):
            msg = "no plan today"
            raise ValueError(msg)
        plan(s, rows, *more)

    monkeypatch.setattr(resumable, "plan_rows", broken)
    lines = [
        line("order.placed", f"e{n}", MONDAY + n * HOUR_MS, quantity=1, sku="ABC"[n % 3], location="L")
        for n in range(40)
    ]
    failure = fail(ShardMachine(0, SETTINGS), lines)
    assert failure.events == ()
    assert str(failure).startswith("day close for B/L failed: ValueError: no plan today; it follows from all events")


def test_learning_and_publishing_name_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows cannot be tried alone, all rows of the step are named; after a backfill the publication's."""

    def broken(*_: Any) -> None:
        msg = "no"
        raise ValueError(msg)

    days = [
        line("order.placed", f"e{n}", MONDAY + n * DAY_MS, quantity=1, sku="ABCDE"[n % 5], location="L")
        for n in range(10)
    ]
    with monkeypatch.context() as patched:
        patched.setattr(resumable, "learn_day", broken)
        assert str(fail(ShardMachine(0, SETTINGS), days)).startswith("day close for A/L failed: ValueError: no;")
    monkeypatch.setattr(resumable, "publish_rows", broken)
    quiet = Settings(shards=1, quiet_until=MONDAY + 6 * DAY_MS)
    failure = fail(ShardMachine(0, quiet), days)
    assert str(failure).startswith("first publication for A/L, B/L, C/L and 2 more failed: ValueError: no;")


def test_another_timer_has_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer that fails before it has rows is named as such."""

    def broken(*_: Any) -> None:
        msg = "no"
        raise ValueError(msg)

    monkeypatch.setattr("sensing.machines.shard.run_timer", broken)
    failure = fail(ShardMachine(0, SETTINGS), [order(0), order(500)])
    assert str(failure).startswith("a timer failed: ValueError: no;")


def test_the_ledger_names_the_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reject that cannot be put out is named."""

    def broken(*_: Any, **__: Any) -> None:
        msg = "no"
        raise ValueError(msg)

    monkeypatch.setattr(ledger, "put_dead_letter", broken)
    reject = Reject(
        value=b"x", headers={}, topic="orders", partition=3, offset=9, time=0, reason="not_json", field=None,
        required="", got="",
    )  # fmt: skip
    with pytest.raises(MachineFailure, match=r"^orders:3:9 failed: ValueError: no$"):
        LedgerMachine(1, 1).apply(LedgerBatch([reject], [("orders", 3, 1)], 0))


def test_a_failure_survives_pickling() -> None:
    """It comes whole from a worker process."""
    places = (EventPlace("orders", 0, 1, "a"), EventPlace("orders", 0, 2, "b"))
    failure = failed_range(*places, 2, ValueError("x"))
    again = pickle.loads(pickle.dumps(failure))
    assert (str(again), again.events) == (str(failure), places)


@pytest.mark.parametrize(("bad", "first"), [([], None), ([3], 3), ([4, 2], 2)])
def test_the_first_that_fails(bad: list[int], first: int | None) -> None:
    """Items are tried in order."""

    def attempt(at: int) -> None:
        assert at not in bad

    assert first_failing(6, attempt) == first
