"""Suspicious pairs: each is told once, whatever the order of shards, and after the end of a backfill."""

from typing import Any

import orjson
import pytest

from sensing.machine_settings import Settings
from sensing.machines import names_seen
from sensing.machines.gauges import roll_up_gauges
from sensing.machines.machine_messages import HistoryReport, NameReport, ShardReport
from sensing.machines.names_seen import NamesSeen
from sensing.machines.rollup import RollUpMachine
from sensing.outputs import OutputRecord
from tests.machines.business import usual

SETTINGS = Settings(shards=2)


def told(records: list[OutputRecord]) -> list[tuple[str, Any]]:
    """Subject of each pair and the other name."""
    found = [(record, orjson.loads(record.data)) for record in records if record.topic == "audit"]
    return [(record.subject, data["inputs"]["other"]) for record, data in found if data["rule"] == "suspicious_pair"]


def reports(machine: RollUpMachine, *messages: tuple[int, int, Any]) -> list[OutputRecord]:
    """Reports of both shards up to an instant later than all messages: shard, instant, message."""
    records = []
    last = max(instant for _, instant, _ in messages) + 1
    for shard in (0, 1):
        mine = [(instant, message) for at, instant, message in messages if at == shard]
        records += machine.apply(ShardReport(shard, last, mine))
    return records


def test_a_pair_is_told_once() -> None:
    """When the second name is seen, with what differs; a name seen again says nothing."""
    machine = RollUpMachine(2, SETTINGS)
    assert told(reports(machine, (0, 1000, NameReport("AB-1", "DC1")))) == []
    records = reports(machine, (1, 2000, NameReport("ab-1", "DC1")))
    assert told(records) == [("ab-1", "AB-1")]
    (record,) = records
    data = orjson.loads(record.data)
    assert (record.instant, record.type) == (2000, "decision.automatic")
    assert (data["sku"], data["location"], data["inputs"]) == ("ab-1", None, {"kind": "sku", "other": "AB-1"})
    assert data["reason"] == (
        "SKUs 'AB-1' and 'ab-1' differ only in letter case. They are kept apart; if they are one, name one of them as "
        "an alias of the other."
    )
    again = reports(machine, (0, 3000, NameReport("AB-1", "dc1")), (1, 3000, NameReport("ab-1", "")))
    assert told(again) == [("dc1", "DC1")]
    assert roll_up_gauges(machine).suspicious_pairs == 2


@pytest.mark.parametrize("shards", [(0, 1), (1, 0)])
def test_of_one_instant_the_order_of_shards_does_not_matter(shards: tuple[int, int]) -> None:
    """The first in the order of the alphabet is the other one."""
    machine = RollUpMachine(2, SETTINGS)
    records = reports(machine, (shards[0], 5, NameReport("b", "")), (shards[1], 5, NameReport("B", "")),
                      (0, 5, NameReport("0b", "")))  # fmt: skip
    assert told(records) == [("B", "0b"), ("b", "0b")]


def test_a_backfill_tells_at_its_end() -> None:
    """That of the settings, and that of a snapshot with which the input begins; a dump continues."""
    quiet, snapshot = RollUpMachine(2, Settings(shards=2, quiet_until=5000)), RollUpMachine(2, SETTINGS)
    for machine in (quiet, snapshot):
        start = [(shard, 0, HistoryReport(5000)) for shard in (0, 1)] if machine is snapshot else []
        assert reports(machine, *start, (0, 1000, NameReport("a", "")), (1, 2000, NameReport("A", ""))) == []
        restored = RollUpMachine(2, machine.settings)
        restored.load(machine.dump())
        records = reports(restored, (0, 6000, NameReport("b", "")))
        assert told(records) == [("A", "a")]
        assert records[0].instant == 5000
        assert told(reports(restored, (0, 7000, NameReport("B", "")))) == [("B", "b")]


def test_bounds_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names beyond the bound are compared with those known; pairs beyond the bound of a backfill are counted."""
    monkeypatch.setattr(names_seen, "NAMES_MAX", 1)
    monkeypatch.setattr(names_seen, "PAIRS_MAX", 1)
    seen = NamesSeen()
    assert len(seen.see("sku", {"a", "b"}, backfilling=False)) == 0
    assert seen.not_compared == 1
    assert [pair.subject for pair in seen.see("sku", {"A"}, backfilling=True)] == []
    assert seen.see("sku", {"0a"}, backfilling=True) == []
    assert (seen.pairs, seen.not_compared, len(seen.end_backfill())) == (2, 3, 1)
    assert seen.end_backfill() == []


@pytest.mark.compiled
def test_shards_report_the_names_of_their_rows() -> None:
    """Every SKU and location of a stream of events arrives, and pairs among them are told."""
    result = usual()
    assert result.roll_up.seen.pairs == 0
    rows = [shard.state.names_of(row) for shard in result.shards for row in range(shard.state.rows.count)]
    assert {sku for sku, _ in rows} <= result.roll_up.seen.names("sku")
    assert {location for _, location in rows} <= result.roll_up.seen.names("location")
