"""One pool per supplier, wherever its items live: every shard hears the purchase orders of all shards."""

import datetime as dt
from typing import Any

import orjson
import pytest

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines.shard import ShardMachine
from tests.machines.streams import MONDAY, Line, Result, Stream, line, run

DAYS = 110
TAKEN = 60
DEFAULT_DAYS = 7.0


def orders(sku: str, days: range) -> list[Line]:
    """Ten units a day of an item."""
    found = []
    for day in days:
        time = MONDAY + day * DAY_MS + 9 * HOUR_MS
        fields = {"sku": sku, "location": "L", "order_id": f"{sku}-{day}", "quantity": 10}
        found.append(line("order.placed", f"o-{sku}-{day}", time, **fields))
    return found


def purchases(items: int, supplier: str = "A") -> list[Line]:
    """One purchase order of each item, received after TAKEN days, five days after the promise."""
    found = []
    for k in range(items):
        time = MONDAY + k * DAY_MS + 10 * HOUR_MS
        keys: dict[str, Any] = {"po_id": f"P{k}", "sku": f"I{k}", "location": "L", "supplier": supplier, "quantity": 5}
        promised = (MONDAY // DAY_MS + k + TAKEN - 5) * DAY_MS
        found.append(line("po.placed", f"p{k}", time, promised_date=_date(promised), **keys))
        found.append(line("po.received", f"r{k}", time + TAKEN * DAY_MS, **keys))
    return found


def _date(ms: int) -> str:
    return str(dt.datetime.fromtimestamp(ms / 1000, dt.UTC).date())


def stream(items: int = 40) -> Stream:
    """Purchase orders of items of supplier A, and orders of two other items: NEW of A, and OTHER without a supplier."""
    lines = [*purchases(items), *orders("NEW", range(DAYS)), *orders("OTHER", range(DAYS))]
    lines.sort(key=lambda each: _time(each))
    reference = [line("item.updated", f"i-{sku}", None, sku=sku, **fields) for sku, fields in (
        ("NEW", {"supplier": "A"}), ("OTHER", {}), *((f"I{k}", {}) for k in range(items)),
    )]  # fmt: skip
    return Stream([*reference, *lines])


def _time(message: Line) -> int:
    found: int = orjson.loads(message.value)["event_time"]
    return found


def pools(shard: ShardMachine) -> dict[str, bytes]:
    """Bytes of all pools of a shard, by supplier; of all receipts under no name."""
    lanes = shard.state.supply.lanes
    found = {name: lanes.pools[number].tobytes() for number, name in enumerate(lanes.names)}
    return {**found, "all": lanes.everything.tobytes()}


def settings(shards: int) -> Settings:
    """Settings of an engine with some shards."""
    return Settings(shards=shards)


@pytest.fixture(scope="module")
def result() -> Result:
    """Four shards."""
    return run(stream(), settings(4))


def test_every_shard_has_the_same_pools(result: Result) -> None:
    """Bit for bit, and the same as one shard has that holds all items."""
    (alone,) = run(stream(), settings(1), [77, 200, 201]).shards
    expected = pools(alone)
    for shard in result.shards:
        found = pools(shard)
        for name in ("A", "all"):
            assert found[name] == expected[name]


def test_an_item_without_receipts_plans_with_those_of_its_supplier(result: Result) -> None:
    """40 receipts at 60 days, none of the item: 60 days; and so where no supplier is known."""
    table = result.table()
    for sku in ("NEW", "OTHER"):
        assert table[sku, "L"]["lead_time_days_p50"] == pytest.approx(TAKEN, abs=2.0)
        assert table[sku, "L"]["lead_time_days_p90"] < TAKEN + 15.0


def test_until_the_first_receipt_the_default_holds() -> None:
    """Purchase orders that nobody has received say nothing but that they are open."""
    days = 20
    lines = [each for each in [*purchases(5), *orders("NEW", range(days))] if _time(each) < MONDAY + days * DAY_MS]
    table = run(Stream(sorted(lines, key=_time)), settings(4)).table()
    assert table["NEW", "L"]["lead_time_days_mean"] == DEFAULT_DAYS


def test_heard_events_are_counted_once(result: Result) -> None:
    """A purchase-order event is counted by the shard of its item alone."""
    counts = [count for total in result.totals for topic, _, count in total.counts if topic == "suppliers"]
    assert sum(sum(count) for count in counts) == 80


def test_a_restart_keeps_what_was_heard() -> None:
    """Cut anywhere, and restored in between, the pools are the same."""
    whole = run(stream(8), settings(2))
    cuts = run(stream(8), settings(2), [30, 150, 260], restarts=(30, 150, 260), ticks=3)
    assert [pools(shard) for shard in whole.shards] == [pools(shard) for shard in cuts.shards]
    assert whole.plain()[0] == cuts.plain()[0]
