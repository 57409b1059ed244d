"""The workload is repeatable, skewed, follows hour and weekday, and has the requested disorder."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks import workloads
from benchmarks.workloads import DAY_MS, HOUR_MS, LINE, Workload
from sensing.codec.event_record import Kind
from sensing.contracts.inventory import InventoryEvent
from sensing.contracts.orders import OrderEvent, OrderPlaced
from sensing.contracts.suppliers import PurchaseOrderPlaced, PurchaseOrderReceived, SupplierEvent

LOAD = Workload(seed=7, skus=400, locations=5, days=3, lines_per_day=20_000)
ROUGH = replace(LOAD, late_share=0.1, repeated_share=0.05, overtaken_share=0.04, cancelled_share=0.03)


def all_arrivals(load: Workload) -> workloads.Lines:
    """The whole stream as one array."""
    return np.concatenate(list(workloads.arrivals(load)))


def test_same_seed_same_bytes() -> None:
    """Two runs with one seed write the same bytes; another seed writes others."""

    def text(load: Workload) -> bytes:
        return b"".join(page for day in workloads.arrivals(load) for page in workloads.order_lines(day))

    assert text(ROUGH) == text(ROUGH)
    assert text(ROUGH) != text(replace(ROUGH, seed=8))


def test_page_size_does_not_show() -> None:
    """Lines are the same however many are written at once."""
    day = next(workloads.arrivals(ROUGH))[:1000]
    assert b"".join(workloads.order_lines(day, 7)) == b"".join(workloads.order_lines(day))


def test_clean_stream_is_in_time_order() -> None:
    """Without disorder every line is a placement, arrives when it is placed, and times never fall."""
    lines = all_arrivals(LOAD.clean())
    assert (np.diff(lines["time_ms"]) >= 0).all()
    assert (lines["arrival_ms"] == lines["time_ms"]).all()
    assert (lines["kind"] == Kind.PLACED).all()
    assert (lines["number"] == np.arange(len(lines))).all()
    assert len(lines) == sum(LOAD.day_lines(day) for day in range(LOAD.days))


def test_arrivals_are_in_arrival_order() -> None:
    """Nothing arrives before it was booked, and days hand over in order, late lines crossing midnight."""
    days = list(workloads.arrivals(ROUGH))
    lines = np.concatenate(days)
    assert (np.diff(lines["arrival_ms"]) >= 0).all()
    assert (lines["arrival_ms"] >= lines["time_ms"]).all()
    assert all((day["arrival_ms"] >= before["arrival_ms"].max()).all() for before, day in pairwise(days))
    assert (days[1]["time_ms"] < ROUGH.start_ms + DAY_MS).any()


def test_shares_come_out_as_asked() -> None:
    """Late, repeated, overtaken and cancelled lines have the shares that were asked for."""
    lines = all_arrivals(ROUGH)
    total = sum(ROUGH.day_lines(day) for day in range(ROUGH.days))
    first = lines[lines["version"] == 1]
    _, counts = np.unique(first["number"], return_counts=True)
    above_ten_minutes = 1 - np.log(10) / np.log(ROUGH.late_hours_max * 60)
    repeated_in_ten = 10 / 60
    late = np.count_nonzero(first["arrival_ms"] - first["time_ms"] > 10 * 60_000)

    assert len(counts) == total
    assert np.count_nonzero(counts == 2) / total == pytest.approx(ROUGH.repeated_share, rel=0.05)
    assert np.count_nonzero(lines["kind"] == Kind.CHANGED) / total == pytest.approx(ROUGH.overtaken_share, rel=0.05)
    assert np.count_nonzero(lines["kind"] == Kind.CANCELLED) / total == pytest.approx(ROUGH.cancelled_share, rel=0.05)
    expected = ROUGH.late_share * above_ten_minutes + ROUGH.repeated_share * (1 - repeated_in_ten)
    assert late / total == pytest.approx(expected, rel=0.05)
    assert (first["arrival_ms"] - first["time_ms"]).max() <= ROUGH.late_hours_max * HOUR_MS


def test_newer_versions_come_first() -> None:
    """Every version 2, change or cancellation, arrives before its version 1."""
    lines = all_arrivals(ROUGH)
    seen = np.full(lines["number"].max() + 1, -1)
    newer = np.flatnonzero(lines["version"] == 2)
    seen[lines["number"][newer]] = newer
    older = np.flatnonzero((lines["version"] == 1) & (seen[lines["number"]] >= 0))

    assert len(older) == len(newer) > 0
    assert (seen[lines["number"][older]] < older).all()


def test_settled_is_what_the_disorder_amounts_to() -> None:
    """Settling the disordered stream leaves the clean one, but for changed quantities and cancelled lines."""
    clean, rough = all_arrivals(ROUGH.clean()), all_arrivals(ROUGH)
    settled = workloads.settled(rough)
    cancelled = np.sort(rough["number"][rough["kind"] == Kind.CANCELLED])
    changed = rough[rough["kind"] == Kind.CHANGED]
    expected = clean.copy()
    expected["quantity"][changed["number"]] = changed["quantity"]
    expected = np.delete(expected, cancelled)

    assert (settled == expected).all()
    assert len(workloads.settled(np.zeros(0, dtype=LINE))) == 0


def test_popularity_is_skewed() -> None:
    """A tenth of the SKUs takes more than half of the lines, and the least popular SKUs still sell."""
    lines = all_arrivals(replace(LOAD, burst_share=0.0))
    counts = np.sort(np.bincount(lines["sku"], minlength=LOAD.skus))[::-1]
    assert counts[: LOAD.skus // 10].sum() > 0.5 * len(lines)
    assert counts.min() > 0


def test_days_and_hours_have_their_shape() -> None:
    """Monday is the busiest day and Sunday the quietest; nights are quiet."""
    week = replace(LOAD, days=7)
    sizes = [week.day_lines(day) for day in range(7)]
    hours = np.bincount(workloads.placed(week, 0)["time_ms"] % DAY_MS // HOUR_MS, minlength=24)
    assert sizes.index(max(sizes)) == 0
    assert sizes.index(min(sizes)) == 6
    assert sum(sizes) == pytest.approx(7 * week.lines_per_day)
    assert hours[:6].max() < 0.2 * hours[9:12].min()


def test_bursts_are_where_they_are_said_to_be() -> None:
    """The planted bursts hold their share of the day's lines, in their two hours and at their rows."""
    load = replace(LOAD, burst_share=0.2)
    planted, lines = workloads.bursts(load, 1), workloads.placed(load, 1)
    inside = np.zeros(len(lines), dtype=bool)
    for sku, location, start_ms in zip(planted.sku, planted.location, planted.start_ms, strict=True):
        window = (lines["time_ms"] >= start_ms) & (lines["time_ms"] < start_ms + workloads.BURST_MS)
        inside |= window & (lines["sku"] == sku) & (lines["location"] == location)
    assert 0.2 <= inside.mean() < 0.25
    assert len(workloads.placed(replace(load, bursts_per_day=0), 1)) == len(lines)


def test_order_lines_follow_the_contract() -> None:
    """Every line is one event of topic ``orders`` and says what its record says."""
    lines = all_arrivals(replace(ROUGH, days=1))
    texts = b"".join(workloads.order_lines(lines)).splitlines()
    decoder = msgspec.json.Decoder(OrderEvent)
    assert len(texts) == len(lines)
    for record, text in zip(lines, texts, strict=True):
        event = decoder.decode(text)
        assert type(event).__struct_config__.tag == workloads.EVENT_TYPES[Kind(record["kind"])]
        assert event.sku == f"SKU{record['sku']:06d}"
        assert event.location == f"DC{record['location']:02d}"
        assert event.quantity == record["quantity"]
        assert not isinstance(event.event_time, int)
        assert round(event.event_time.timestamp() * 1000) == record["time_ms"]
        assert event.unit_price == record["price_cents"] / 100
    placed = next(event for event in map(decoder.decode, texts) if isinstance(event, OrderPlaced))
    assert (placed.line_version, placed.unit_of_measure, placed.currency) == (1, "EA", "EUR")


def test_event_ids_name_states_of_lines() -> None:
    """An event id comes twice only for a repeat, and then with the same bytes."""
    texts = b"".join(page for day in workloads.arrivals(ROUGH) for page in workloads.order_lines(day)).splitlines()
    ids = {text.partition(b",")[0] for text in texts}
    assert len(ids) == len(set(texts)) < len(texts)


def test_input_folder(tmp_path: Path) -> None:
    """The input folder holds all orders, one count per row, and purchase orders received after they were placed."""
    load = replace(LOAD, days=20, lines_per_day=1_000)
    events = workloads.write_inputs(load, tmp_path / "in", receipts_per_day=50)
    counted = [
        msgspec.json.decode(text, type=InventoryEvent)
        for text in (tmp_path / "in" / "inventory.ndjson").read_bytes().splitlines()
    ]
    supply = [
        msgspec.json.decode(text, type=SupplierEvent)
        for text in (tmp_path / "in" / "suppliers.ndjson").read_bytes().splitlines()
    ]
    open_lines: dict[str, float] = {}
    for event in supply:
        if isinstance(event, PurchaseOrderPlaced):
            open_lines[event.po_id] = event.quantity
        else:
            assert isinstance(event, PurchaseOrderReceived)
            assert open_lines.pop(event.po_id) == event.quantity

    assert len((tmp_path / "in" / "orders.ndjson").read_bytes().splitlines()) == events
    assert len({(event.sku, event.location) for event in counted}) == len(counted) == load.skus * load.locations
    assert len(supply) > 1_000


@pytest.mark.parametrize("change", [{"skus": 0}, {"locations": 101}, {"days": 0}, {"lines_per_day": 0}])
def test_sizes_out_of_range_are_refused(change: dict[str, int]) -> None:
    """A size that a line cannot hold is refused by name."""
    with pytest.raises(ValueError, match=f"required {next(iter(change))} in 1.."):
        Workload(**{"seed": 1, "skus": 1, "locations": 1, "days": 1, "lines_per_day": 1, **change})


def test_too_much_disorder_is_refused() -> None:
    """Shares beyond the whole are refused."""
    with pytest.raises(ValueError, match="shares of disorder that sum to"):
        replace(LOAD, late_share=0.9, repeated_share=0.2)
