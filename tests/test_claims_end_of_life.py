"""End of life by date: no demand, order, stock-out or alarm beyond the last day, and the records say it."""

from typing import Any

import numpy as np
import pytest

from sensing.machine_settings import Settings
from tests.claims import at, count, in_order, orders, states, world
from tests.machines.streams import Line, Result, Stream, line, run

END = 60
"""Last local day with demand; day 0 is a Monday."""


def date(day: int) -> str:
    """Date of a day."""
    return str(np.datetime64("2026-02-02") + day)


def item(last_day: int | None, known: float | None = None, name: str = "item") -> Line:
    """Master data of the item, known from the beginning or from a day on."""
    time = None if known is None else at(known)
    end = None if last_day is None else date(last_day)
    return line("item.updated", name, time, sku="A", supplier="S", lead_time_days=7, end_of_life=end)


def shop(days: range) -> list[Line]:
    """An item that sells some twelve units a day."""
    return orders("s", days, 6.0, sku="A")


def records(found: Result) -> list[dict[str, Any]]:
    """Planning parameters of the item."""
    return [document for document in found.data("planning-parameters") if document["sku"] == "A"]


def test_the_forecast_ends_with_the_last_day() -> None:
    """Eleven days before the end: eleven days as without it, then zero; quantiles too, and the record says it."""
    plain = np.array(world(shop(range(50)), 50).table()["A", "L"]["forecast_mean"])
    found = world([item(END), *shop(range(50))], 50)
    mean = np.array(found.table()["A", "L"]["forecast_mean"])
    assert mean[:11] == pytest.approx(plain[:11])
    assert plain[11:].min() > 0.0
    assert mean[11:].tolist() == [0.0] * 17
    last = records(found)[-1]
    assert (last["lifecycle"], last["last_day"]) == ("ending", date(END))
    assert last["change"]["sentence"].endswith(f". The item ends after {date(END)}.")
    ahead = (np.datetime64(date(END)) - np.datetime64(last["as_of"])).astype(int)
    assert np.array(last["forecast"]["quantiles"])[ahead:].max(initial=0.0) == 0.0
    assert records(world(shop(range(50)), 50))[-1]["lifecycle"] == "active"


def test_one_record_proposes_zero_and_then_there_is_silence() -> None:
    """Orders are proposed before; the record of the last day proposes nothing, and in three months no other follows."""
    found = records(world([item(END), *shop(range(END + 1)), count(900, 30)], END + 90))
    before = [document for document in found if document["lifecycle"] == "ending"]
    after = [document for document in found if document["lifecycle"] == "ended"]
    assert max(document["proposed"]["order_quantity"] for document in before) > 0.0
    (last,) = after
    assert last["as_of"] == date(END)
    assert last["change"]["sentence"].endswith(f". The item ended on {date(END)}.")
    assert {name: last["proposed"][name] for name in ("reorder_point", "order_quantity", "order_up_to")} == {
        "reorder_point": 0.0, "order_quantity": 0.0, "order_up_to": 0.0,
    }  # fmt: skip


def test_what_will_be_left_over_is_said() -> None:
    """With 900 on hand and twelve a day, some 780 are left after ten days; without a date nothing is said."""
    lines = [*shop(range(50)), count(900, 49, hour=23.5), line("decision.made", "look", at(49, 23.9), subject="A/L",
             decision="override", decider="ann", role="planner", field="order_quantity", value=5)]  # fmt: skip
    last = records(world([item(END), *lines], 50.5))[-1]
    assert last["stock"]["left_over"] == pytest.approx(900 - 11 * 12, rel=0.1)
    assert last["stock"]["cover_days"] is None
    plain = records(world([item(None), *lines], 50.5))[-1]
    assert plain["stock"]["left_over"] is None
    assert plain["stock"]["cover_days"] > 30.0


def test_no_stock_out_is_projected_beyond_the_end() -> None:
    """Stock for four days, lead time a week: enough if two more days come, a stock-out if the item goes on."""
    lines = [*shop(range(50)), count(48, 49, hour=23.5)]
    assert states(world([item(None), *lines], 51), "stockout_projected")
    assert states(world([item(51), *lines], 51), "stockout_projected") == []


def test_an_order_for_a_later_day_is_open_demand() -> None:
    """Somebody orders 500 for two days after the end: it is open, owed by its day, and the stock-out is projected."""
    big = line("order.placed", "big", at(49, 20), order_id="big", sku="A", location="L", quantity=500,
               requested_date=date(54))  # fmt: skip
    look = line("decision.made", "look", at(50, 12), subject="A/L", decision="override", decider="ann",
                role="planner", field="order_quantity", value=5)  # fmt: skip
    found = world([item(52), *shop(range(50)), count(100, 49, hour=23), big, look], 51)
    assert states(found, "stockout_projected")
    assert records(found)[-1]["stock"]["open_demand_by_day"][date(54)] == 500


def test_silence_after_the_end_is_no_drop() -> None:
    """An item that stops selling is a drop; one that had ended is none. One that stops before its end is."""
    lines = shop(range(END + 1))
    assert states(world([item(None), *lines], END + 30), "demand_drop")
    assert states(world([item(END), *lines], END + 30), "demand_drop") == []
    assert states(world([item(END + 60), *lines], END + 30), "demand_drop")


def test_a_date_that_has_passed_and_one_taken_back() -> None:
    """Told on day 40 that the item ended on day 30: zero at once. Taken back on day 50: it is planned again."""
    lines = [item(None), *shop(range(60))]
    late = world([*lines, item(30, 40, "late")], 48)
    assert np.array(late.table()["A", "L"]["forecast_mean"]).max() == 0.0
    (told,) = [document for document in records(late) if document["lifecycle"] == "ended"]
    assert told["as_of"] in (date(39), date(40))
    assert told["proposed"]["order_quantity"] == 0.0
    again = world([*lines, item(30, 40, "late"), item(None, 50, "back")], 60)
    assert np.array(again.table()["A", "L"]["forecast_mean"]).min() > 6.0
    assert records(again)[-1]["lifecycle"] == "active"
    assert records(again)[-1]["proposed"]["order_quantity"] > 0.0


def test_a_quiet_item_ends_on_its_day() -> None:
    """An item without events for weeks is planned every day before its end."""
    found = records(world([item(END), *shop(range(40))], END + 5))
    assert [document["as_of"] for document in found if document["lifecycle"] == "ended"] == [date(END)]


@pytest.mark.parametrize("last_day", ["0001-01-01", "9999-12-31"])
def test_extreme_dates(last_day: str) -> None:
    """The first and the last day of the calendar are days as any other."""
    told = line("item.updated", "item", None, sku="A", end_of_life=last_day)
    found = world([told, *shop(range(30))], 40)
    ends = last_day < "2026"
    assert (np.array(found.table()["A", "L"]["forecast_mean"]).max() == 0.0) == ends
    assert all(document["lifecycle"] == ("ended" if ends else "ending") for document in records(found))


def test_batches_change_nothing() -> None:
    """The same outputs however the stream is cut, and for two shards."""
    lines = in_order([item(None), item(END, 40, "late"), *shop(range(END + 1)), count(300, 50)])
    stream = Stream(lines, end=at(END + 20))
    whole = run(stream, Settings(shards=1))
    cuts = [100, 101, 250, len(stream)]
    assert run(stream, Settings(shards=1), cuts, restarts=(101, 250)).plain() == whole.plain()
    assert records(run(stream, Settings(shards=2))) == records(whole)
