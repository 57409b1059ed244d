"""Judgement of order lines far outside their row's sizes: a slip is held, anything else is a large order.

The shard calls it for a record that the kernel did not apply. Callbacks report what became of the line.
"""

import math
from typing import Any

import numpy as np

from sensing.codec.event_record import NO_DAY, THOUSANDTHS
from sensing.codec.instants import date
from sensing.codec.text_table import EventTexts
from sensing.contracts.exception_details import LargeOrderDetails, LargeOutcome, Sign
from sensing.contracts.subjects import problem_key
from sensing.detection.finding import Finding, LineName
from sensing.detection.large_order import LARGE_ORDER, LargeLine
from sensing.detection.order_size import SIGNS_MIN, TWIN_MS, Judgement, is_multiple, price_fits_another
from sensing.machine_settings import DAY_MINUTES
from sensing.machines.exception_outputs import observe
from sensing.machines.kernel_tables import JUDGED_IMPOSSIBLE, JUDGED_LARGE
from sensing.machines.shard_outputs import context_of
from sensing.machines.shard_state import ShardState
from sensing.state.line_table import CLOSED, LARGE, SETTLED, find_line, open_quantity

TWINS_MAX = 10_000
"""Cancelled large lines that are remembered; the oldest go first."""


def judge(s: ShardState, row: int, event: Any) -> int:
    """Verdict on a record's quantity: JUDGED_IMPOSSIBLE with enough signs of a slip, else JUDGED_LARGE.

    The judgement is left in the state for the callback of the record.
    """
    s.judgement = judgement(s, row, event, signs_of(s, row, event))
    return JUDGED_IMPOSSIBLE if len(s.judgement.signs) >= SIGNS_MIN else JUDGED_LARGE


def judgement(s: ShardState, row: int, event: Any, signs: tuple[Sign, ...] = ()) -> Judgement:
    """What is known of a record before it teaches its size."""
    hot = s.rows.hot[row]
    return Judgement(_place(event), signs, math.exp(float(hot["size_mean"])), math.exp(float(hot["size_max"])))


def _place(event: Any) -> tuple[int, int, int]:
    return int(event["topic"]), int(event["partition"]), int(event["offset"])


def signs_of(s: ShardState, row: int, event: Any) -> tuple[Sign, ...]:
    """Signs that a record's quantity is a slip."""
    hot, units = s.rows.hot[row], int(event["quantity"]) / THOUSANDTHS
    item = s.supply.master.item(s.sku_of(row))
    factors = () if item is None else tuple(max(factor, 1.0 / factor) for factor in item.units.values())
    slot = find_line(s.lines.lines, s.lines.index, event["line_hi"], event["line_lo"])
    before = float(s.lines.lines["quantity"][slot]) / THOUSANDTHS if slot >= 0 else 0.0
    found: list[Sign] = []
    if is_multiple(units, float(hot["size_mode"]), factors) or is_multiple(units, before, factors):
        found.append("multiple")
    same_currency = bytes(event["currency"]) == bytes(hot["currency"])
    usual_price = float(hot["price"]) if same_currency else math.nan
    if price_fits_another(units, float(event["price"]), usual_price, math.exp(float(hot["size_max"]))):
        found.append("price")
    if _has_twin(s, row, event):
        found.append("cancelled_twin")
    return tuple(found)


def report_large_line(s: ShardState, row: int, slot: int, event: Any, texts: EventTexts) -> None:
    """Report a line that a record has made large, or what became of one; ``row`` is the line's."""
    line = s.lines.lines[slot]
    flags = int(line["flags"])
    if flags & CLOSED and flags & LARGE:
        _remember_twin(s, row, line, int(event["time"]))
    units_open = open_quantity(line) / THOUSANDTHS if flags & LARGE else 0.0
    hot = s.rows.hot[row]
    facts = facts_of(event) | {"customer": texts.customer or None}
    priced, customer = event, int(event["party"])
    judged = s.judgement
    if judged is None or judged.place != _place(event):  # a change of a line that was judged before
        judged = judgement(s, row, event)
    typical, largest = judged.typical, judged.largest
    opened = s.problems.latest(LARGE_ORDER.name, problem_key(*s.names_of(row), texts.document, texts.line_or_sku))
    if opened is not None:
        before = opened.details
        assert isinstance(before, LargeOrderDetails)
        typical, largest = opened.expected or typical, before.largest_usual
        if units_open == 0.0:
            # The event that ends it is another one, maybe a shipment: the facts are those of the line that opened it.
            facts, priced, customer = {name: getattr(before, name) for name in facts}, _priced(opened, before), 0
        facts["customer"] = facts["customer"] or before.customer
    context = context_of(
        s, row, s.clock, int(event["time"]), (texts.event_id,), customer=customer, line=priced, orders=line_of(texts)
    )
    on_hand = float(hot["stock"])
    evidence = LargeLine(
        order_id=texts.document,
        line=texts.line_or_sku,
        quantity=int(line["quantity"]) / THOUSANDTHS,
        units_open=units_open,
        typical=typical,
        largest=largest,
        on_hand=on_hand,
        free=on_hand - due_units(s, row, int(line["requested_day"])),
        order_day=int(line["minute"]) // DAY_MINUTES,
        outcome=None if units_open > 0.0 else _outcome(flags),
        **facts,
    )
    observe(s, LARGE_ORDER.finding(context, evidence))


def line_of(texts: EventTexts) -> tuple[LineName, ...]:
    """The order line of an event, if it names an order."""
    return ((texts.order_id, texts.line_or_sku),) if texts.order_id else ()


def due_units(s: ShardState, row: int, day: int) -> float:
    """Open units of a row that are due by a local day."""
    return math.fsum(units for due, units in s.open_days(row).items() if due <= day)


def _outcome(flags: int) -> LargeOutcome:
    if not flags & LARGE:
        return "changed"
    return "cancelled" if flags & CLOSED else "settled" if flags & SETTLED else "shipped"


def facts_of(event: Any) -> dict[str, Any]:
    """Date and price of an order event, as evidence about its line states them."""
    asked, price = int(event["requested_day"]), float(event["price"])
    return {
        "requested_date": None if asked == NO_DAY else date(asked),
        "unit_price": None if math.isnan(price) else price,
    }


def _priced(opened: Finding, details: LargeOrderDetails) -> dict[str, Any]:
    """Price and currency of the line that opened a problem, as fields of a record."""
    price = math.nan if details.unit_price is None else details.unit_price
    return {"price": price, "currency": (opened.currency or "").encode()}


def _remember_twin(s: ShardState, row: int, line: Any, time: int) -> None:
    """Remember the time at which a customer's large line was cancelled."""
    if not line["customer"]:
        return
    if len(s.cancelled_large) >= TWINS_MAX:
        del s.cancelled_large[next(iter(s.cancelled_large))]
    s.cancelled_large[row, int(line["customer"])] = time


def _has_twin(s: ShardState, row: int, event: Any) -> bool:
    customer = int(np.uint64(event["party"]) >> np.uint64(32))
    cancelled = s.cancelled_large.get((row, customer)) if customer else None
    return cancelled is not None and abs(int(event["time"]) - cancelled) <= TWIN_MS
