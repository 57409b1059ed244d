"""The disruption of a supplier with many open lines, in steps."""

from typing import NamedTuple

import orjson
import pytest

from sensing.codec.shard_split import split
from sensing.machine_settings import Settings
from sensing.machines.call_budget import UNBOUNDED, CallBounds
from sensing.machines.disruption import SupplierDisruption
from sensing.machines.failure import MachineFailure
from sensing.machines.machine_messages import ShardReport
from sensing.machines.shard import ShardMachine
from sensing.outputs import OutputRecord
from sensing.state.late_lines import LateLine
from sensing.supply.disruptions import Disruption
from sensing.supply.open_table import Key
from sensing.supply.supply_state import SupplyState
from tests.claims import at
from tests.machines.streams import Line, Stream, line
from tests.snapshots import resumed

pytestmark = pytest.mark.compiled

ONE = Settings(shards=1)
SKUS = [f"S{number:02d}" for number in range(40)]


def stream() -> Stream:
    """Orders of 40 items for two weeks, a purchase order of each, a disruption of the supplier, and an order."""
    lines: list[Line] = []
    for number, sku in enumerate(SKUS):
        keys = {"sku": sku, "location": "L"}
        lines += [line("order.placed", f"o{sku}.{day}", at(day, 9), quantity=3, **keys) for day in range(20)]
        lines.append(line("inventory.counted", f"c{sku}", at(19, 11), quantity=number, **keys))
        more = {"po_id": f"P{sku}", "supplier": "ACME", "quantity": 50, "promised_date": "2026-02-24"}
        lines.append(line("po.placed", f"p{sku}", at(18), **more, **keys))
    lines.sort(key=lambda entry: int(entry.value.partition(b'"event_time":')[2][:13]))
    lines.append(line("supplier.disrupted", "d", at(20, 12), supplier="ACME", delay_days=6))
    lines.append(line("order.placed", "last", at(20, 13), sku="S05", location="L", quantity=1))
    return Stream(lines, end=at(22))


class Told(NamedTuple):
    """Sorted outputs of a stream, and the late lines told to the roll-up since stock covers them."""

    records: list[tuple[str, str, bytes]]
    listed: list[LateLine]


def outputs(machine: ShardMachine, *, restarts: bool = False) -> Told:
    """Outputs of the stream, the calls in steps; ``restarts``: a new machine goes on after every call."""
    made = stream()
    (batch,) = split(made.cut(0, len(made.lines)), 1)
    found: list[object] = list(machine.apply(batch))
    while machine.busy:
        if restarts:
            machine = resumed(ShardMachine(0, ONE, machine._bounds), machine.dump())
        found += machine.proceed()
    records = [each for each in found if isinstance(each, OutputRecord)]
    messages = [message for each in found if isinstance(each, ShardReport) for _, message in each.messages]
    listed = [message for message in messages if isinstance(message, LateLine)]
    return Told(
        sorted((each.topic, each.id, each.data) for each in records), sorted(listed, key=lambda late: late.name)
    )  # fmt: skip


def test_a_disruption_goes_in_steps() -> None:
    """Bounded, bounded with a restart after every call, and at once: the same outputs; every line is late by 6 days.

    One that stock does not cover is an exception, one that it covers is listed for the digest of its supplier.
    """
    whole = outputs(ShardMachine(0, ONE, UNBOUNDED))
    bounds = CallBounds(learned=8, planned=8, outputs=8)
    assert outputs(ShardMachine(0, ONE, bounds)) == whole
    assert outputs(ShardMachine(0, ONE, bounds), restarts=True) == whole
    late = {
        orjson.loads(data)["details"]["po_id"]
        for topic, _, data in whole.records
        if topic == "exceptions" and "comes 6 days late" in str(data)
    }
    listed = {line.po_id for line in whole.listed if (line.expected_date - line.first_date).days == 6}
    assert late
    assert listed
    assert sorted([*late, *listed]) == [f"P{sku}" for sku in SKUS]


def test_a_bounded_call_postpones_few_lines() -> None:
    """A call ends in the middle of a disruption."""
    machine = ShardMachine(0, ONE, CallBounds(learned=1000, planned=8, outputs=1000))
    made = stream()
    (batch,) = split(made.cut(0, len(made.lines)), 1)
    machine.apply(batch)
    seen = set()
    while machine.busy:
        machine.proceed()
        seen.add(sum(machine.state.problems.open_counts().values()))
    assert len(seen) > len(SKUS) / 8


def drain(machine: ShardMachine) -> None:
    """Proceed until nothing is left."""
    while machine.busy:
        machine.proceed()


def test_a_failing_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure names the SKU-location of the line at which a step raised; before the first step there is none."""
    machine = ShardMachine(0, ONE, CallBounds(learned=1000, planned=8, outputs=1000))
    made = stream()
    (batch,) = split(made.cut(0, len(made.lines)), 1)
    machine.accept(batch)

    def failing(_: SupplyState, __: Disruption, key: Key) -> None:
        if key == ("PS07", "S07"):
            raise ValueError(key)

    monkeypatch.setattr(SupplyState, "postpone", failing)
    with pytest.raises(MachineFailure, match="disruption for S07/L failed: ValueError"):
        drain(machine)
    under_way = machine._under_way
    assert under_way is not None
    assert SupplierDisruption.load(under_way.dump()).failed_rows(machine.state) == []
