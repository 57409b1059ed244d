"""Records of signals in a shard: the rows and the days that they are about."""

import pytest

from tests.claims import at, orders
from tests.machines.signal_streams import date, forecast_of, ice_cream, result, sales, state_of
from tests.machines.streams import line

pytestmark = pytest.mark.compiled


def test_scopes_choose_rows() -> None:
    """By SKU, location, family of the item and region of the location; a row without any has no record."""
    lines = [
        line("item.updated", "i", None, sku="A", family="ice", category="cold"),
        line("location.updated", "l", None, location="L", region="north"),
        line("location.updated", "m", None, location="M"),
        *(order for sku in "AB" for place in "LM" for order in sales(6, lambda _: 9.0, sku, place)),
        forecast_of(1, 5.0, 0.5, "region", region="north"), forecast_of(1, 5.0, 0.5, "family", family="ice"),
        forecast_of(1, 5.0, 0.5, "sku", sku="A"), forecast_of(1, 5.0, 0.5, "both", sku="A", location="M"),
        forecast_of(1, 5.0, 0.5, "neither", region="south"),
    ]  # fmt: skip
    s = state_of(result(*lines, days=6))
    names = {number: series.signal for number, series in s.signals.series.items()}
    found = {
        s.names_of(int(record["row"])): [names[each] for each in record["series"].tolist() if each]
        for record in s.signal_table.records[: s.signal_table.count]
    }
    assert found == {("A", "L"): ["sku", "family", "region"], ("A", "M"): ["both", "sku", "family"],
                     ("B", "L"): ["region"]}  # fmt: skip
    assert {key[1:] for key in s.signal_table.pools} == {("cold", "north"), ("cold", ""), ("", "north")}


def test_records_that_say_nothing_of_a_day() -> None:
    """Without date and event time a value is about no day; a date beyond ten years is none."""
    undated = line("signal.observed", "u", None, signal="temperature", kind="weather", value=5.0)
    s = state_of(result(undated, *sales(5, ice_cream), days=5))
    assert s.signals.series == {}
    far = line("signal.observed", "f", at(2), signal="temperature", kind="weather", value=5.0, value_date="9999-12-31")
    dated = line("signal.observed", "d", None, signal="snap", kind="market", value=1.0, value_date=date(3))
    s = state_of(result(far, dated, *sales(5, ice_cream), days=5))
    first = int(s.rows.hot["first_hour"][0]) // 24
    assert {series.signal: series.dates for series in s.signals.series.values()} == {
        "snap": [first + 3], "temperature": [first + 2],
    }  # fmt: skip


def test_the_day_of_an_undated_value_is_that_of_its_location() -> None:
    """Late in the evening of New York it is tomorrow in UTC."""
    lines = [
        line("location.updated", "l", None, location="L", time_zone="America/New_York"),
        *sales(5, ice_cream),
        line("signal.observed", "n", at(2, 3), signal="t", kind="weather", value=1.0, location="L"),
        line("signal.observed", "u", at(2, 3), signal="t", kind="weather", value=1.0),
    ]
    s = state_of(result(*lines, days=5))
    dates = {series.scope[1]: series.dates[0] for series in s.signals.series.values()}
    assert dates[None] - dates["L"] == 1


def test_signals_do_not_plan_rows() -> None:
    """A row that no signal in force concerns is not planned for it."""
    lines = sales(5, ice_cream)
    quiet = [forecast_of(day, 5.0, day - 0.3, region="nowhere") for day in range(6, 30)]
    found = result(*lines, *orders("b", range(30), 2.0, sku="B"), *quiet, days=30)
    plain = result(*lines, *orders("b", range(30), 2.0, sku="B"), days=30)
    assert found.data("planning-parameters") == plain.data("planning-parameters")
