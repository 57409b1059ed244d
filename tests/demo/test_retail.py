"""Cleaning loses no row, adds none, and matches cancellations as documented."""

import datetime as dt
import re
from collections import Counter
from typing import Any

import msgspec
import numpy as np
import orjson
import pyarrow as pa
import pytest

from flows.demo.clock import local_time, rfc3339
from flows.demo.order_lines import CANCELLED, EVENT_TYPES, PLACED, RETURNED, never_cancelled, order_ndjson
from flows.demo.retail import Retail, clean_retail, location_of, read_retail
from sensing.contracts.orders import OrderEvent
from tests.demo.conftest import event_ids

SERVICES = ("23444", "23574", "22016")


def rows_of(*rows: tuple[str, str, int, str, float, int | None, str]) -> pa.Table:
    """A source table of (invoice, stock code, quantity, time, price, customer, country)."""
    names = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
    columns: dict[str, list[Any]] = {
        name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    columns["InvoiceDate"] = [dt.datetime.fromisoformat(text) for text in columns["InvoiceDate"]]
    types = {"InvoiceDate": pa.timestamp("ms"), "CustomerID": pa.int32(), "Quantity": pa.int32()}
    return pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()})


def row(
    invoice: str = "1",
    code: str = "10001",
    quantity: int = 1,
    time: str = "2011-01-04T10:00",
    price: float = 1.0,
    customer: int | None = 7,
    country: str = "United Kingdom",
) -> tuple[str, str, int, str, float, int | None, str]:
    """One plain row, but for what is told."""
    return invoice, code, quantity, time, price, customer, country


def kinds(retail: Retail) -> list[str]:
    """Event types in order."""
    return [EVENT_TYPES[kind] for kind in retail.lines.kind.tolist()]


def slow_cleaning(table: pa.Table) -> tuple[list[tuple[Any, ...]], Counter[str]]:
    """The documented rules row by row, without any of the columns' tricks: events as tuples, and rows dropped by
    rule.
    """
    events: list[tuple[Any, ...]] = []
    dropped: Counter[str] = Counter()
    position: Counter[str] = Counter()
    open_lines: list[dict[str, Any]] = []
    for source in table.to_pylist():
        invoice, sku = source["InvoiceNo"], source["StockCode"].upper()
        position[invoice] += 1
        event_id = f"{invoice}-{position[invoice]}"
        if invoice.startswith("A"):
            dropped["adjustment"] += 1
        elif not re.fullmatch(r"\d{5}[A-Z]*|DCGS[0-9A-Z]+|PADS", sku) or sku in SERVICES:
            dropped["not_goods"] += 1
        elif source["Quantity"] < 0 and not invoice.startswith("C"):
            dropped["write_off"] += 1
        elif source["UnitPrice"] <= 0:
            dropped["no_price"] += 1
        else:
            same = (source["CustomerID"], sku, source["Country"], abs(source["Quantity"]))
            name, kind = event_id, PLACED
            if source["Quantity"] > 0:
                open_lines.append({"same": same, "name": event_id, "time": source["InvoiceDate"]})
            else:
                kind = RETURNED
                oldest = source["InvoiceDate"] - dt.timedelta(days=35)
                fits = [line for line in open_lines if line["same"] == same and line["time"] >= oldest]
                if fits and source["CustomerID"] is not None:
                    kind, name = CANCELLED, fits[-1]["name"]
                    open_lines.remove(fits[-1])
            events.append((event_id, kind, name, sku, location_of(source["Country"]), abs(source["Quantity"])))
    return events, dropped


def test_equals_the_rules_row_by_row() -> None:
    """The vectorised cleaning gives the events and the counts of the rules written down plainly."""
    table = read_retail(14, until="2011-01-20")
    expected, dropped = slow_cleaning(table)

    retail = clean_retail(table)

    lines = retail.lines
    got = [
        (event_id, kind, f"{order}-{line}", lines.skus[item], lines.locations[place], quantity)
        for event_id, kind, order, line, item, place, quantity in zip(
            event_ids(lines),
            lines.kind.tolist(),
            lines.order.tolist(),
            lines.line.tolist(),
            lines.item.tolist(),
            lines.place.tolist(),
            lines.quantity.tolist(),
            strict=True,
        )
    ]
    assert got == expected
    assert {name: count for name, count in retail.dropped.items() if count} == dropped
    assert {kind for _, kind, *_ in got} == {PLACED, CANCELLED, RETURNED}


@pytest.mark.parametrize("slice_name", ["winter", "autumn"])
def test_no_row_is_lost(slice_name: str, request: pytest.FixtureRequest) -> None:
    """Rows in = events out + rows dropped by rule, and every event has an id of its own."""
    retail: Retail = request.getfixturevalue(slice_name)

    assert retail.rows == retail.lines.size() + sum(retail.dropped.values())
    assert len(set(event_ids(retail.lines))) == retail.lines.size()


def test_documented_counts() -> None:
    """The counts that the rules name are those of the whole year."""
    retail = clean_retail(read_retail())

    assert retail.rows == 541_909
    assert retail.dropped == {"adjustment": 3, "not_goods": 3_042, "write_off": 1_336, "no_price": 1_160}
    assert np.bincount(retail.lines.kind).tolist() == [527_667, 2_208, 6_493]


def test_each_rule_drops_its_rows() -> None:
    """Every kind of row that is no customer's order of goods is dropped under its rule, the first one that applies."""
    retail = clean_retail(
        rows_of(
            row(code="85123A"),
            row("A2", "B", 1, price=-11062.06),
            row(code="POST"),
            row(code="C2"),
            row(code="23444"),
            row(code="gift_0001_20"),
            row("3", quantity=-5, price=0.0),
            row("4", price=0.0),
            row(code="DCGSSGIRL"),
        )
    )

    assert retail.dropped == {"adjustment": 1, "not_goods": 4, "write_off": 1, "no_price": 1}
    assert event_ids(retail.lines) == ["1-1", "1-6"]


def test_repeated_lines_are_two_lines_and_letter_case_is_none() -> None:
    """An invoice may hold the same line twice; codes that differ by letter case are one SKU."""
    retail = clean_retail(rows_of(row(code="85123A"), row(code="85123A"), row(code="85123a")))

    assert event_ids(retail.lines) == ["1-1", "1-2", "1-3"]
    assert retail.lines.skus == ["85123A"]


def test_a_credit_takes_the_latest_earlier_line_that_is_free() -> None:
    """Two credits of the same line in two invoices take the later line first, then the earlier one, then none."""
    credit = row("C9", quantity=-6, time="2011-01-05T10:00")
    retail = clean_retail(
        rows_of(
            row("1", quantity=6),
            row("2", quantity=6),
            credit,
            credit,
            credit,
            row("3", quantity=6, time="2011-01-06T10:00"),
        )
    )

    assert kinds(retail)[2:5] == ["order.cancelled", "order.cancelled", "order.returned"]
    assert retail.lines.order.tolist()[2:5] == ["2", "1", "C9"]
    assert never_cancelled(retail.lines).tolist() == [False] * 5 + [True]


@pytest.mark.parametrize(
    "credit",
    [
        row("C9", quantity=-5),
        row("C9", quantity=-6, customer=8),
        row("C9", quantity=-6, country="France"),
        row("C9", code="10002", quantity=-6),
        row("C9", quantity=-6, time="2011-02-08T10:01"),
    ],
    ids=["part of the line", "another customer", "another country", "another item", "35 days later"],
)
def test_what_does_not_match_is_a_return(credit: tuple[str, str, int, str, float, int | None, str]) -> None:
    """A credit cancels only a line of the same customer, country, item and quantity of the last 35 days."""
    assert kinds(clean_retail(rows_of(row(quantity=6), credit))) == ["order.placed", "order.returned"]


def test_credits_without_customer_are_returns() -> None:
    """A cancellation without a customer is not matched with an order without a customer."""
    retail = clean_retail(rows_of(row(quantity=6, customer=None), row("C9", quantity=-6, customer=None)))

    assert kinds(retail) == ["order.placed", "order.returned"]


def test_giant_orders_are_cancelled(winter: Retail, autumn: Retail) -> None:
    """The two giant orders are cancelled minutes later, by the credit notes that say so."""
    pairs = []
    for retail in (winter, autumn):
        large = retail.lines.take(retail.lines.quantity > 50_000)
        pairs += list(zip(event_ids(large), large.order.tolist(), kinds(retail._replace(lines=large)), strict=True))

    assert pairs == [
        ("541431-1", "541431", "order.placed"),
        ("C541433-1", "541431", "order.cancelled"),
        ("581483-1", "581483", "order.placed"),
        ("C581484-1", "581483", "order.cancelled"),
    ]


def test_events_fit_the_contract(winter: Retail) -> None:
    """Every line of the file decodes as an order event, in event-time order, with what the columns hold."""
    decoder = msgspec.json.Decoder(OrderEvent)
    events = [decoder.decode(line) for line in order_ndjson(winter.lines).splitlines()]

    times = [event.event_time for event in events]
    assert times == sorted(times)
    assert [event.event_id for event in events] == event_ids(winter.lines)
    assert [event.quantity for event in events] == winter.lines.quantity.tolist()
    assert {event.currency for event in events} == {"GBP"}
    assert all(
        (event.customer is None) == (number == 0) for event, number in zip(events, winter.lines.customer, strict=True)
    )


def test_conversion_is_deterministic(winter: Retail) -> None:
    """The same rows give the same bytes."""
    again = clean_retail(read_retail(49, until="2011-02-01"))

    assert order_ndjson(again.lines) == order_ndjson(winter.lines)


def test_summer_time_is_an_hour_ahead() -> None:
    """Wall-clock readings of the shop get London's offset of their day."""
    winter_day, summer_day = (
        int(np.datetime64(text, "m").astype(np.int64)) for text in ("2011-03-26T12:00", "2011-03-27T12:00")
    )

    assert rfc3339(np.array([winter_day, summer_day])) == ["2011-03-26T12:00:00+00:00", "2011-03-27T12:00:00+01:00"]
    assert local_time(summer_day).timestamp() - local_time(winter_day).timestamp() == 23 * 3600


def test_whole_days_are_read() -> None:
    """``days`` and ``until`` cut at midnight of the shop's clock."""
    table = read_retail(2, until="2011-01-20")
    days = {time.date().isoformat() for time in table["InvoiceDate"].to_pylist()}

    assert days == {"2011-01-18", "2011-01-19"}
    assert orjson.loads(order_ndjson(clean_retail(table).lines).splitlines()[0])["event_time"][:10] == "2011-01-18"
