"""Writes the demo's input folder for ``tidegauge replay``, and a truth file that lists the planted problems. The demo
job and the Kafka sample call it.
"""

from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from flows.demo.clock import DAY_MINUTES, date_of, local_time
from flows.demo.delays import load_delays
from flows.demo.order_lines import EVENT_TYPES, Lines, order_ndjson
from flows.demo.retail import clean_retail
from flows.demo.supply_events import (
    delay_event_id,
    inventory_ndjson,
    purchase_name,
    reference_ndjson,
    shipment_ndjson,
    supplier_name,
    supplier_ndjson,
)
from flows.demo.supply_side import DELAY_DAYS, Supply, SupplyDelay, simulate_supply
from flows.demo.surges import Surge, plant_surges

LOCATION = "UK"
SEED = 20101201


class Inputs(NamedTuple):
    """Counts of the input: source rows, rows dropped by rule, order events by type, planted lines, lines per file.

    ``lines`` and ``supply`` are what the files were made from.
    """

    rows: int
    dropped: dict[str, int]
    order_events: dict[str, int]
    surge_lines: int
    file_lines: dict[str, int]
    lines: Lines
    supply: Supply


def write_inputs(table: pa.Table, folder: Path, truth_file: Path) -> Inputs:
    """Write rows of Online Retail and the simulated supply side to ``folder``, which must exist. Equal rows give equal
    bytes.
    """
    retail = clean_retail(table)
    lines, surges = plant_surges(retail.lines, LOCATION, SEED)
    supply = simulate_supply(lines, LOCATION, load_delays(), SEED)
    files = {
        "orders": order_ndjson(lines),
        "shipments": shipment_ndjson(supply),
        "suppliers": supplier_ndjson(supply),
        "inventory": inventory_ndjson(supply),
        "reference": reference_ndjson(lines, supply),
    }
    for topic, content in files.items():
        (folder / f"{topic}.ndjson").write_bytes(content)
    truth_file.write_bytes(orjson.dumps(truth(lines, surges, supply), option=orjson.OPT_INDENT_2))
    events = {name: int((retail.lines.kind == kind).sum()) for kind, name in enumerate(EVENT_TYPES)}
    counts = {topic: content.count(b"\n") for topic, content in files.items()}
    return Inputs(retail.rows, retail.dropped, events, lines.size() - retail.lines.size(), counts, lines, supply)


def truth(lines: Lines, surges: list[Surge], supply: Supply) -> dict[str, Any]:
    """Truth file: planted problems; times are RFC 3339, ends are exclusive."""
    return {
        "simulated": "surges, supplier delay, and all shipments, purchase orders and stock counts",
        "seed": SEED,
        "surges": [_surge(lines, surge) for surge in surges],
        "supplier_delays": [_delay(supply, supply.delay)] if supply.delay is not None else [],
    }


def _time(minute: int) -> str:
    return local_time(minute).isoformat()


def _surge(lines: Lines, surge: Surge) -> dict[str, Any]:
    return {
        "type": "order_surge",
        "sku": lines.skus[surge.item],
        "location": lines.locations[surge.place],
        "start": _time(surge.first_minute),
        "first_day_end": _time((surge.days[0] + 1) * DAY_MINUTES),
        "end": _time((surge.days[-1] + 1) * DAY_MINUTES),
        "days": [str(date_of(day)) for day in surge.days],
        "usual_lines_per_day": round(surge.usual, 2),
        "added_lines": surge.added_lines,
        "added_units": surge.added_units,
    }


def _delay(supply: Supply, delay: SupplyDelay) -> dict[str, Any]:
    location = supply.shippable.locations[supply.rows.place]
    return {
        "type": "supplier_delay",
        "supplier": supplier_name(delay.supplier),
        "start": _time(delay.day * DAY_MINUTES),
        "end": _time((max(p.delayed_to_day or 0 for p in delay.purchases) + 1) * DAY_MINUTES),
        "delay_days": DELAY_DAYS,
        "lines": [
            {
                "po_id": purchase_name(purchase),
                "event_id": delay_event_id(purchase),
                "sku": supply.shippable.skus[supply.rows.item[purchase.row]],
                "location": location,
                "promised_date": str(date_of(purchase.promised_day)),
                "delayed_to": str(date_of(purchase.delayed_to_day or 0)),
                "quantity": purchase.quantity,
            }
            for purchase in delay.purchases
        ],
    }
