"""Unusual days: silent sources, closed days, planned promotions; and counts with an earlier instant."""

from typing import Any

import numpy as np
import pytest

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.supply.stock_ledger import on_hand
from tests.claims import ONE, at, count, orders, world
from tests.machines.streams import Line, Stream, line, run


def forecast(found: Any, sku: str = "A", location: str = "L") -> Any:
    """Means of the next 28 days of a row."""
    return np.array(found.table()[sku, location]["forecast_mean"])


def shop(days: list[int], skus: int = 8) -> list[Line]:
    """Items that sell five lines a day each."""
    return [message for n in range(skus) for message in orders(f"s{n}.", days, 5.0, sku="ABCDEFGH"[n])]


def test_a_silent_feed_teaches_no_zeros() -> None:
    """Three days without a single line of a busy location leave the forecast where it was; three quiet days do not."""
    usual, silent = list(range(56)), [day for day in range(59) if day not in (56, 57, 58)]
    elsewhere = orders("o", range(60), 2.0, location="M")
    before = forecast(world([*shop(usual), *elsewhere], 56)).sum()
    after = forecast(world([*shop(silent), *elsewhere], 59)).sum()
    assert after == pytest.approx(before, rel=0.02)
    quiet = [message for message in shop(list(range(59))) if not _is_of(message, "A", 56)]
    assert forecast(world([*quiet, *elsewhere], 59)).sum() < 0.95 * before


def _is_of(message: Line, sku: str, first_day: int) -> bool:
    time = int(message.value.partition(b'"event_time":')[2].split(b",")[0])
    return time >= at(first_day) and f'"sku":"{sku}"'.encode() in message.value


def test_a_promotion_planned_ahead_raises_the_forecast_of_its_days() -> None:
    """Once promotions have lifted sales, one approved for days to come lifts the forecast of these and no others."""
    promoted = [14, 15, 28, 29, 42, 43, 56, 57]

    def approved(number: int, start: str, end: str) -> list[Line]:
        return [
            line("promotion.approved", f"p{number}{sku}", None, promotion=f"p{number}", sku=sku, start=start, end=end)
            for sku in "ABCDEFGH"
        ]

    lines = shop(list(range(70))) + [
        message for n in range(8) for message in orders(f"x{n}.", promoted, 10.0, sku="ABCDEFGH"[n])
    ]
    past = [
        *approved(1, "2026-02-16", "2026-02-17"), *approved(2, "2026-03-02", "2026-03-03"),
        *approved(3, "2026-03-16", "2026-03-17"), *approved(4, "2026-03-30", "2026-03-31"),
    ]  # fmt: skip
    plain = forecast(world([*past, *lines], 70))
    planned = forecast(world([*past, *lines, *approved(5, "2026-04-16", "2026-04-17")], 70))
    assert (planned[3:5] > 1.5 * plain[3:5]).all()
    assert np.delete(planned, [3, 4]) == pytest.approx(np.delete(plain, [3, 4]), rel=0.01)


def test_closed_days_forecast_nothing_and_teach_nothing() -> None:
    """A calendar's closed weekdays and holidays to come forecast 0; closed days of the past lower no other day."""
    lines = [
        line("location.updated", "l", None, location="L", calendar="shop"),
        line("calendar.updated", "c", None, calendar="shop", closed_weekdays=[6], holidays=[{"date": "2026-04-15"}]),
        *shop([day for day in range(70) if day % 7 != 6]),
    ]
    found = forecast(world(lines, 70))
    closed = [day for day in range(28) if (day % 7) == 6 or day == 2]
    assert found[closed].tolist() == [0.0] * len(closed)
    assert np.delete(found, closed) == pytest.approx(10.0, rel=0.15)


def test_a_count_holds_for_its_own_time() -> None:
    """A count as of an earlier time is reconciled with the movements after it, in whatever order they were heard."""
    shipped = [
        line("shipment.shipped", f"s{hour}", at(1, hour), sku="A", location="L", quantity=4) for hour in range(8, 12)
    ]
    late = count(50, 1, hour=9.5)
    usual = orders("u", range(2), 3.0)
    for arrival in range(len(shipped) + 1):
        lines = [*usual, *shipped[:arrival], late, *shipped[arrival:]]
        supply = run(Stream(lines, end=at(3)), ONE).shards[0].state.supply.supply
        assert on_hand(supply, 0) == (50 - 2 * 4) * 1000


@pytest.mark.parametrize("shards", [1, 2, 16])
def test_a_substitute_leaves_its_own_stock(shards: int) -> None:
    """Goods shipped in place of others lower the substitute's stock once, whichever shards the two items are in."""
    keys = {"location": "L", "quantity": 3}
    lines = [*(count(20, 0, sku) for sku in "ABCDEF")]
    for at_once, sku in enumerate("ABCDE"):
        swap = line("shipment.substituted", f"x{sku}", at(1, at_once), sku=sku, substitute_sku="F", **keys)
        lines += [swap, swap]
    found = run(Stream(lines, end=at(2)), Settings(shards=shards))
    stock = {}
    for machine in found.shards:
        for row in range(machine.state.rows.count):
            stock[machine.state.sku_of(row)] = on_hand(machine.state.supply.supply, row)
    assert stock == dict.fromkeys("ABCDE", 20_000) | {"F": 5_000}
    books = next(data for data in found.data("audit") if data.get("topic") == "shipments")
    assert (books["read"], books["absorbed"] + books["absorbed_late"], books["duplicate"]) == (10, 5, 5)


def test_a_summer_time_day_closes_once() -> None:
    """Over both changes of the clock every local day of London closes once, an hour earlier in UTC from March on."""
    lines = [line("location.updated", "l", None, location="L", time_zone="Europe/London"), *shop(list(range(70)), 1)]
    found = run(Stream(lines, end=at(70)), ONE)
    state = found.shards[0].state
    assert int(state.demand.demand["days"][0]) == 70
    assert int(state.rows.hot["closed_day"][0]) == at(69) // DAY_MS
    closes = [
        record.instant % DAY_MS // HOUR_MS for record in found.outputs[0] if record.topic == "planning-parameters"
    ]
    assert set(closes) == {0, 23}
    assert closes == sorted(closes)
