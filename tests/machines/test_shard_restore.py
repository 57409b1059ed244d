"""A restored machine continues exactly like the original."""

import msgspec
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines.ledger import LedgerMachine
from sensing.machines.machine_messages import LedgerBatch, Totals
from sensing.machines.shard import ShardMachine
from sensing.state import rows
from sensing.state.snapshot import SnapshotError
from tests.machines.business import usual, usual_stream, young_stream
from tests.machines.streams import MONDAY, Run, Stream, line, run
from tests.searches import examples

pytestmark = pytest.mark.compiled

SETTINGS = Settings(shards=2)


def interrupted(stream: Stream, stops: list[int], options: Settings = SETTINGS) -> None:
    """Run with a restart of all machines at every stop; compare outputs and final states with an undisturbed run."""
    calm = run(stream, options)
    found = run(stream, options, stops, restarts=stops)
    assert found.plain() == calm.plain()
    assert [machine.dump() for machine in found.shards] == [machine.dump() for machine in calm.shards]


@pytest.mark.slow
@given(st.data())
@settings(max_examples=examples(4))
def test_a_restart_anywhere_in_a_young_business_does_not_show(data: st.DataObject) -> None:
    """Outputs and final state are those of an undisturbed run, wherever and however often machines were restarted."""
    stream = young_stream(data.draw(st.integers(0, 10**6)))
    interrupted(stream, sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), min_size=1, max_size=4))))


@pytest.mark.slow
@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
@settings(max_examples=examples(2), phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_a_restart_anywhere_in_three_months_does_not_show(shares: list[float]) -> None:
    """The same with River models, summer time and master data that take effect on the way."""
    stream = usual_stream()
    stops = sorted({min(int(share * len(stream)) + 1, len(stream) - 1) for share in [*shares, 0.8]})
    found = run(stream, SETTINGS, stops, restarts=stops)
    assert found.plain() == usual().plain()
    assert [machine.dump() for machine in found.shards] == [machine.dump() for machine in usual().shards]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.35, 0.9])
def test_a_dump_is_the_whole_truth(share: float) -> None:
    """Two dumps in a row are the same bytes, and a machine that loaded one dumps it again."""
    stream = usual_stream()
    engine = Run(SETTINGS)
    stop = int(share * len(stream))
    if stop:
        engine.apply(stream.cut(0, stop))
    for number, machine in enumerate(engine.shards):
        block = machine.dump()
        assert machine.dump() == block
        fresh = ShardMachine(number, SETTINGS)
        fresh.load(block)
        assert fresh.dump() == block


def test_a_restart_in_quiet_time_stays_quiet() -> None:
    """A restored machine stays in backfill until its end, and then publishes the same as an undisturbed run."""
    stream = young_stream(3)
    quiet = msgspec.structs.replace(SETTINGS, quiet_until=MONDAY + 8 * DAY_MS)
    interrupted(stream, [100, len(stream) - 200], quiet)


def test_a_zone_that_lost_its_rows_survives_a_restart() -> None:
    """A zone whose only location moved away still has its place in the closes after a restart."""
    keys = {"sku": "A", "location": "DOCK", "quantity": 1}
    lines = [
        line("location.updated", "r", MONDAY + DAY_MS, location="DOCK", time_zone="Asia/Tokyo"),
        *(line("order.placed", f"o{hour}", MONDAY + hour * HOUR_MS, **keys) for hour in range(0, 96, 5)),
    ]
    for stop in range(1, len(lines)):
        interrupted(Stream(lines), [stop], Settings(shards=1))


def test_a_final_dump_restores_to_the_same_end() -> None:
    """A machine restored after its final batch gives the same totals and parameters when it is ended once more."""
    stream = young_stream(5)
    calm = run(stream, SETTINGS)
    engine = Run(SETTINGS)
    for number, machine in enumerate(calm.shards):
        engine.shards[number].load(machine.dump())
    engine.apply(stream.last())
    assert engine.result().plain()[1:] == calm.plain()[1:]


def test_the_ledger_goes_on_from_its_dump() -> None:
    """Books cut anywhere balance as if never cut, before the end, between totals, and after them."""
    stream = young_stream(11)
    totals = [Totals(shard, [("orders", 0, (shard, 1, 2, 3, 4, 5, 6, 7))], 1) for shard in range(2)]
    half = len(stream) // 2
    last = stream.books(half, len(stream))._replace(reconciliation=1)
    loads: list[LedgerBatch | Totals] = [stream.books(0, half), totals[1], last, totals[0]]
    calm = LedgerMachine(2, 2)
    expected = [calm.apply(load) for load in loads]
    for stop in range(len(loads) + 1):
        ledger = LedgerMachine(2, 2)
        found = [ledger.apply(load) for load in loads[:stop]]
        block = ledger.dump()
        assert ledger.dump() == block
        restored = LedgerMachine(2, 2)
        restored.load(block)
        assert restored.dump() == block
        assert found + [restored.apply(load) for load in loads[stop:]] == expected
        assert restored.dump() == calm.dump()


def test_other_settings_are_refused() -> None:
    """A snapshot is no state of a machine with another lateness, nor of another shard."""
    block = ShardMachine(0, SETTINGS).dump()
    later = msgspec.structs.replace(SETTINGS, lateness_ms=2 * HOUR_MS)
    with pytest.raises(SnapshotError, match=r"^snapshot of shard 0: required lateness_ms = 7200000, .* got 3600000; "):
        ShardMachine(0, later).load(block)
    with pytest.raises(SnapshotError, match=r"^snapshot of shard 1: required its own, got that of shard 0"):
        ShardMachine(1, SETTINGS).load(block)
    with pytest.raises(SnapshotError, match=r"^snapshot of the ledger: required shards = 3, .* got 2"):
        LedgerMachine(3, 3).load(LedgerMachine(2, 2).dump())


def test_a_swapped_field_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two fields of one type that change places are noticed."""
    block = usual().shards[0].dump()
    names = list(rows.HOT.names or ())
    at, other = names.index("surge_threshold_24"), names.index("surge_threshold_72")
    names[at], names[other] = names[other], names[at]
    fields = dict(rows.HOT.fields or {})
    swapped = np.dtype([(name, fields[name][0]) for name in names], align=True)
    monkeypatch.setattr(rows, "HOT", swapped)
    with pytest.raises(
        SnapshotError, match=r"^snapshot table hot: required surge_threshold_72 <u2 as field 16, got surge_threshold_24"
    ):
        ShardMachine(0, SETTINGS).load(block)
