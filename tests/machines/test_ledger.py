"""The ledger: dead letters, and control totals once."""

import base64
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import Reject
from sensing.machines.ledger import LedgerMachine
from sensing.machines.machine_messages import OUTCOMES, LedgerBatch, Totals
from sensing.outputs import AUDIT, DEAD_LETTERS, OutputRecord

SHARDS = 2
MACHINE = 16


def reject(offset: int, topic: str = "orders", partition: int = 0) -> Reject:
    """A message that was not taken."""
    return Reject(
        value=b"\xff{", headers={"ce_id": b"\x00x"}, topic=topic, partition=partition, offset=offset, time=5,
        reason="not_json", field=None, required="JSON", got="text", key=b"\xfe" if offset else None,
    )  # fmt: skip


def totals(machine: int, *counts: tuple[str, int, int], reconciliation: int = 1) -> Totals:
    """Totals of a shard: topic, partition, and how many of each outcome."""
    return Totals(machine, [(topic, partition, (n,) * len(OUTCOMES)) for topic, partition, n in counts], reconciliation)


def published(records: list[OutputRecord]) -> list[dict[str, Any]]:
    """Data of the control totals among outputs."""
    return [orjson.loads(record.data) for record in records if record.topic == AUDIT]


def test_a_reject_becomes_a_dead_letter() -> None:
    """Original bytes, key, headers, place and reason; the instant is the ledger's clock, which never goes back."""
    ledger = LedgerMachine(MACHINE, SHARDS)
    assert ledger.apply(LedgerBatch([], [("orders", 0, 3)], 100)) == []
    (record,) = ledger.apply(LedgerBatch([reject(7)], [("orders", 0, 1)], 50))
    assert (record.instant, record.machine, record.number, record.time) == (100, MACHINE, 0, 5)
    assert (record.topic, record.type, record.id, record.subject) == (
        DEAD_LETTERS,
        "dead.letter",
        "orders/0/7",
        "orders",
    )
    assert record.attributes == {"reason": "not_json"}
    data = orjson.loads(record.data)
    assert (base64.b64decode(data["value_base64"]), base64.b64decode(data["headers"]["ce_id"])) == (b"\xff{", b"\x00x")
    assert (data["reason"], data["field"], data["required"], data["got"]) == ("not_json", None, "JSON", "text")
    assert (data["topic"], data["partition"], data["offset"], data["original"]) == ("orders", 0, 7, True)
    assert base64.b64decode(data["key_base64"]) == b"\xfe"
    (without_key,) = ledger.apply(LedgerBatch([reject(0)], [("orders", 0, 1)], 50))
    assert orjson.loads(without_key.data)["key_base64"] is None


def test_totals_are_published_once_and_add_up() -> None:
    """Control totals come once: after the end of the input, when all shards have reported, by topic and partition."""
    ledger = LedgerMachine(MACHINE, SHARDS)
    ledger.apply(LedgerBatch([reject(0), reject(1)], [("orders", 1, 9), ("inventory", 0, 2), ("orders", 0, 14)], 10))
    assert ledger.apply(totals(1, ("orders", 0, 1))) == []
    assert ledger.apply(LedgerBatch([], [("orders", 1, 1)], 20, reconciliation=1)) == []
    found = published(records := ledger.apply(totals(0, ("orders", 0, 1), ("inventory", 0, 3))))

    assert [(data["topic"], data["partition"], data["read"]) for data in found] == [
        ("inventory", 0, 2), ("orders", 0, 14), ("orders", 1, 10),
    ]  # fmt: skip
    assert [data["absorbed"] for data in found] == [3, 2, 0]
    assert [data["dead_letter"] for data in found] == [3, 4, 0]
    assert [data["released"] for data in found] == [3, 2, 0]
    orders = found[1]
    assert orders["read"] == sum(orders[name] for name in OUTCOMES if name not in ("released", "unknown_line"))
    assert [(record.instant, record.id) for record in records] == [
        (20, f"control/{place}") for place in ("inventory/0#2", "orders/0#14", "orders/1#10")
    ]
    assert ledger.apply(LedgerBatch([], [], 30)) == []
    assert ledger.apply(totals(0, ("orders", 0, 1))) == []


def test_accounts_are_of_their_place_in_the_stream() -> None:
    """What is read behind the place where an account was asked for is not in it, however late the shards answer."""
    ledger = LedgerMachine(MACHINE, SHARDS)
    ledger.apply(LedgerBatch([reject(0)], [("orders", 0, 5)], 10, reconciliation=1))
    ledger.apply(LedgerBatch([reject(9)], [("orders", 0, 7)], 20))
    assert published(ledger.apply(totals(0, ("orders", 0, 2), reconciliation=1))) == []
    ledger.apply(LedgerBatch([], [], 30, reconciliation=2))
    (first,) = published(ledger.apply(totals(1, reconciliation=1)))
    assert (first["read"], first["dead_letter"], first["absorbed"]) == (5, 3, 2)
    ledger.apply(totals(1, reconciliation=2))
    (second,) = published(records := ledger.apply(totals(0, ("orders", 0, 3), reconciliation=2)))
    assert (second["read"], second["dead_letter"], second["absorbed"]) == (12, 5, 3)
    assert [(record.instant, record.id) for record in records] == [(30, "control/orders/0#12")]


steps = st.lists(
    st.one_of(
        st.builds(
            lambda offsets, count, watermark, partition: LedgerBatch(
                [reject(offset, partition=partition) for offset in offsets], [("orders", partition, count)], watermark
            ),
            st.lists(st.integers(0, 9), max_size=3), st.integers(0, 9), st.integers(0, 99), st.integers(0, 2),
        ),
        st.just(LedgerBatch([], [], 50, reconciliation=1)),
        st.builds(
            lambda machine, n, reconciliation: totals(machine, ("orders", 1, n), reconciliation=reconciliation),
            st.integers(0, 1), st.integers(0, 9), st.integers(1, 2),
        ),
    ),
    max_size=8,
)  # fmt: skip


@given(steps, st.integers(0, 8))
def test_a_restored_ledger_goes_on(script: list[LedgerBatch | Totals], at: int) -> None:
    """A ledger that is restored at any point has the same outputs as another one, to the byte."""
    through, restored = LedgerMachine(MACHINE, SHARDS), LedgerMachine(MACHINE, SHARDS)
    for number, item in enumerate(script):
        if number == at:
            block = restored.dump()
            restored = LedgerMachine(MACHINE, SHARDS)
            restored.load(block)
        assert through.apply(item) == restored.apply(item)
    assert through.dump() == restored.dump()


def test_each_source_group_has_accounts_of_its_own() -> None:
    """An account closes the books of its group's partitions alone, whatever another group has read or asked by then."""
    ledger = LedgerMachine(MACHINE, SHARDS)
    ledger.apply(LedgerBatch([], [("orders", 0, 5)], 10))
    ledger.apply(LedgerBatch([], [("orders", 1, 7)], 10, group=1))
    ledger.apply(LedgerBatch([], [], 20, reconciliation=1, group=1))
    ledger.apply(LedgerBatch([], [], 20, reconciliation=1))
    found = []
    for group in (0, 1):
        for shard in range(SHARDS):
            counted = totals(shard, ("orders", 0, 1), ("orders", 1, 2))._replace(group=group)
            found.append(published(ledger.apply(counted)))
    assert [[(data["partition"], data["read"], data["absorbed"]) for data in each] for each in found] == [
        [], [(0, 5, 2)], [], [(1, 7, 4)],
    ]  # fmt: skip
    restored = LedgerMachine(MACHINE, SHARDS)
    restored.load(ledger.dump())
    assert (restored.read, restored.published, restored.reconciliations) == (ledger.read, ledger.published, {})


def test_totals_for_metrics_are_not_published() -> None:
    """They are there, of the newest reconciliation; what is published later is what it would have been without them."""
    ledger, plain = LedgerMachine(MACHINE, SHARDS), LedgerMachine(MACHINE, SHARDS)
    for machine in (ledger, plain):
        machine.apply(LedgerBatch([reject(0)], [("orders", 0, 3)], 10))
    ledger.apply(LedgerBatch([], [], 20, reconciliation=1, publish=False))
    assert [ledger.apply(totals(shard, ("orders", 0, 1))) for shard in range(SHARDS)] == [[], []]
    assert [(found.read, found.absorbed, found.dead_letter) for found in ledger.control_totals[0]] == [(3, 2, 3)]

    for number, machine in ((2, ledger), (1, plain)):
        machine.apply(LedgerBatch([], [("orders", 0, 1)], 30, reconciliation=number))
    records = [
        [record for shard in range(SHARDS) for record in machine.apply(totals(shard, reconciliation=number))]
        for number, machine in ((2, ledger), (1, plain))
    ]
    assert records[0] == records[1] != []
