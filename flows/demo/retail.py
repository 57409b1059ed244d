"""Cleans Online Retail (see data/SOURCES.txt) into order events. Every source row becomes one event or is dropped by
one named rule.

A row is dropped by the first rule that applies (number of rows in the whole year):

- ``adjustment`` (3): invoices starting with A settle bad debt.
- ``not_goods`` (3,042): postage, carriage, fees, vouchers, discounts, samples, manual entries. A stock code of goods
  has five digits and maybe letters, or is a party bag or kit (DCGS...) or a cushion pad (PADS). Three five-digit codes
  are no goods: a carriage, a packing charge and a voucher.
- ``write_off`` (1,336): negative quantities that are no cancellation (damages, count corrections), all without price.
- ``no_price`` (1,160): prices of zero or less: gifts, samples and found stock.

Kept unchanged: exact repeats (an invoice may list an item twice), lines without customer, outliers.

- Ids: the event id is ``<invoice>-<position>``, the order is the invoice, the line is the row's position in it. The
  position counts from 1 over all rows of the source, dropped ones included.
- Stock codes that differ only by letter case (112 pairs with equal descriptions) are one SKU, in capitals.
- The only location in the data is the customer's country. The shop ships from Britain, and half of the 37 other
  countries order less than once a week. So there are two locations: UK and EXPORT. The clock is that of the shop:
  Europe/London, to the minute.
- Invoices starting with C are credit notes. A credit line becomes ``order.cancelled`` of the order line that it
  matches: the latest earlier line with the same customer, stock code, location and quantity that no other credit line
  has matched, at most 35 days old (the horizon of the engine's line table). Credit lines without a match (parts of a
  line, older lines, unknown customers) become ``order.returned``.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from flows.demo.clock import DAY_MINUTES
from flows.demo.order_lines import CANCELLED, PLACED, RETURNED, Lines

RETAIL_FILE = Path(__file__).parent / "data" / "online_retail.parquet"
MATCH_DAYS_MAX = 35

_GOODS = re.compile(r"\d{5}[A-Z]*|DCGS[0-9A-Z]+|PADS")
_SERVICES = frozenset({"23444", "23574", "22016"})  # next-day carriage, packing charge, gift voucher

HOME_COUNTRY = "United Kingdom"
HOME, EXPORT = "UK", "EXPORT"
LOCATIONS = [EXPORT, HOME]

Codes = NDArray[np.int64]


class Retail(NamedTuple):
    """Order events of a span of the source, and the counts of its rows: ``rows == lines.size() +
    sum(dropped.values())``.
    """

    lines: Lines
    rows: int
    dropped: dict[str, int]


def read_retail(days: int | None = None, until: str | None = None) -> pa.Table:
    """Rows of the source in their order: all, or those of the ``days`` days before date ``until`` (exclusive; None: the
    end).
    """
    table = pq.read_table(RETAIL_FILE)
    minute = _minutes(table)
    end = minute[-1] // DAY_MINUTES + 1 if until is None else np.datetime64(until, "D").astype(np.int64)
    start = minute[0] // DAY_MINUTES if days is None else end - days
    return table.filter(pa.array((minute >= start * DAY_MINUTES) & (minute < end * DAY_MINUTES)))


def location_of(country: str) -> str:
    """Location that serves a country of the source."""
    return HOME if country == HOME_COUNTRY else EXPORT


def clean_retail(table: pa.Table) -> Retail:
    """Order events of the rows of ``table``, by the rules of the module docstring; rows must be in order of time."""
    invoice, invoices = _dictionary(table, "InvoiceNo")
    credit = np.array([number.startswith("C") for number in invoices], dtype=bool)[invoice]
    quantity = table["Quantity"].to_numpy().astype(np.int64)
    price = table["UnitPrice"].to_numpy()
    item, skus, goods = _items(table)
    adjustment = np.array([number.startswith("A") for number in invoices], dtype=bool)[invoice]
    rules = {
        "adjustment": adjustment,
        "not_goods": ~goods,
        "write_off": (quantity < 0) & ~credit,
        "no_price": price <= 0,
    }
    kept = np.ones(table.num_rows, dtype=bool)
    dropped = {}
    for name, applies in rules.items():
        dropped[name] = int(np.count_nonzero(applies & kept))
        kept &= ~applies
    countries, country_names = _dictionary(table, "Country")
    place_of_country = [LOCATIONS.index(location_of(name)) for name in country_names]
    position = _positions(invoice)
    document = np.array(invoices, dtype=object)[invoice]
    lines = Lines(
        kind=np.where(quantity < 0, RETURNED, PLACED),
        minute=_minutes(table),
        item=item,
        place=np.array(place_of_country, dtype=np.int64)[countries],
        quantity=np.abs(quantity),
        price=price,
        customer=pc.fill_null(table["CustomerID"], 0).to_numpy().astype(np.int64),
        document=document,
        position=position,
        order=document.copy(),
        line=position.copy(),
        skus=skus,
        locations=LOCATIONS,
    ).take(np.flatnonzero(kept))
    _match_credits(lines)
    return Retail(lines, table.num_rows, dropped)


def _minutes(table: pa.Table) -> NDArray[np.int64]:
    minutes: NDArray[np.int64] = table["InvoiceDate"].to_numpy().astype("datetime64[m]").astype(np.int64)
    return minutes


def _dictionary(table: pa.Table, column: str) -> tuple[Codes, list[str]]:
    """Codes of a text column and the distinct texts, in order of first appearance."""
    encoded: Any = table[column].combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _items(table: pa.Table) -> tuple[Codes, list[str], NDArray[np.bool_]]:
    """SKU index per row, the sorted SKUs, and whether each row is about goods."""
    codes, texts = _dictionary(table, "StockCode")
    upper = [text.upper() for text in texts]
    goods = np.array([_GOODS.fullmatch(text) is not None and text not in _SERVICES for text in upper], dtype=bool)
    skus = sorted(set(upper))
    index_of_sku = {sku: index for index, sku in enumerate(skus)}
    return np.array([index_of_sku[text] for text in upper], dtype=np.int64)[codes], skus, goods[codes]


def _positions(invoice: Codes) -> NDArray[np.int64]:
    """Position of every row in its invoice, from 1, in source order; one invoice is not contiguous there."""
    order = np.argsort(invoice, kind="stable")
    ordered = invoice[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    position = np.empty(len(invoice), dtype=np.int64)
    position[order] = np.arange(len(invoice)) - np.repeat(starts, np.diff(starts, append=len(invoice))) + 1
    return position


def _match_credits(lines: Lines) -> None:
    """Turn returns that match an order line into its cancellation, in place."""
    key = ((lines.customer * len(lines.skus) + lines.item) * len(lines.locations) + lines.place) * 1_000_000
    key += lines.quantity
    credit = (lines.kind == RETURNED) & (lines.customer > 0)
    concerned = np.flatnonzero(np.isin(key, key[credit]) & (credit | (lines.kind == PLACED)))
    waiting: dict[int, list[int]] = {}
    for event in concerned.tolist():
        stack = waiting.setdefault(int(key[event]), [])
        if lines.kind[event] == PLACED:
            stack.append(event)
            continue
        if not stack or lines.minute[event] - lines.minute[stack[-1]] > MATCH_DAYS_MAX * DAY_MINUTES:
            continue
        placed = stack.pop()
        lines.kind[event] = CANCELLED
        lines.order[event] = lines.order[placed]
        lines.line[event] = lines.line[placed]
