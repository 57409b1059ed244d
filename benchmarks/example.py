"""Example of the documents: a short replay with one item of the demo before, during and after a planted surge.

The last 150 days of Online Retail with their planted surges and simulated supply side, cut down to the items that got a
surge. `python -m benchmarks example` runs it and writes the picture and the two records of README.md.
"""

import datetime as dt
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from benchmarks.readme import PICTURE, README, fill
from benchmarks.workloads import DAY_MS
from flows.cli.main import main
from flows.demo.inputs import LOCATION, write_inputs
from flows.demo.retail import read_retail

DAYS = 150
SKU = "35970"
SHOWN_FROM = dt.date(2011, 10, 3)
Event = dict[str, Any]

EXCEPTION_FIELDS = (
    ("exception_id", "exception_type", "version"),
    ("status", "severity", "sku", "location"),
    ("opened_at", "route", "deadline"),
    ("window_start", "window_end"),
    ("expected", "observed", "probability", "money", "currency"),
    ("reason",),
    ("cause_event_ids",),
)
"""Fields of an exception that README.md shows, line by line."""
PARAMETER_FIELDS = (
    ("sku", "location", "version", "status", "as_of", "demand_class"),
    ("proposed",),
    ("forecast",),
    ("stock",),
    ("change",),
)
"""Fields of planning parameters that README.md shows, line by line."""
LEFT_OUT = frozenset(
    {"lead_time_days_sd", "lead_time_demand_mean", "lead_time_demand_sd", "lead_time_demand_quantile"}
    | {"service_target", "levels", "quantiles", "open_demand", "open_demand_by_day"}
    | {"demand_mean", "demand_spread", "lead_time_mean", "lead_time_spread", "override"}
)
LIST_MAX = 3


class Example(NamedTuple):
    """Orders of one item and the records published about it, all in event-time order.

    ``units`` maps a local day to the units ordered. ``surge`` is the planted surge, ``exceptions`` are the records of
    the ``order_surge`` that detected it, ``parameters`` are all records of planning parameters.
    """

    units: dict[dt.date, float]
    surge: Event
    exceptions: list[Event]
    parameters: list[Event]


def replay_example(folder: Path) -> Example:
    """Make the input in ``folder``, replay it, and read orders and outputs of the item."""
    whole, few, output = folder / "whole", folder / "input", folder / "output"
    whole.mkdir()
    few.mkdir()
    write_inputs(read_retail(DAYS), whole, folder / "truth.json")
    surges = orjson.loads((folder / "truth.json").read_bytes())["surges"]
    items = {surge["sku"] for surge in surges}
    for file in whole.iterdir():
        kept = [line for line in file.read_bytes().splitlines(keepends=True) if _concerns(line, items)]
        (few / file.name).write_bytes(b"".join(kept))
    main.main(["replay", "--input", str(few), "--output", str(output)], standalone_mode=False)
    (surge,) = (surge for surge in surges if surge["sku"] == SKU)
    raised = [
        record
        for record in _records(output / "exceptions.ndjson")
        if record["data"]["exception_type"] == "order_surge" and record["data"]["opened_at"] >= surge["days"][0]
    ]
    return Example(_units(few / "orders.ndjson"), surge, raised, _records(output / "planning-parameters.ndjson"))


def write_example(example: Example, root: Path, picture: str) -> None:
    """Write the picture, and the two records in README.md."""
    (root / PICTURE).write_text(picture)
    (root / README).write_text(with_records((root / README).read_text(), example))


def with_records(text: str, example: Example) -> str:
    """Return the text of README.md with its two records as ``example`` has them."""
    exception = next(record for record in example.exceptions if record["type"] == "exception.escalated")
    parameters = next(record for record in example.parameters if record["time"] > exception["time"])
    text = fill(text, README, "run", "exception", _block(exception["data"], EXCEPTION_FIELDS))
    return fill(text, README, "run", "parameters", _block(parameters["data"], PARAMETER_FIELDS))


def local_day(time: str) -> dt.date:
    """Local date of an order, from its RFC 3339 time with the shop's offset."""
    return dt.datetime.fromisoformat(time).date()


def days_from(start: dt.date, time: str) -> float:
    """Days from the start of a date to a time, both in UTC: the position of a time in the picture."""
    milliseconds = dt.datetime.fromisoformat(time).timestamp() * 1000
    return milliseconds / DAY_MS - (start - dt.date(1970, 1, 1)).days


def _concerns(line: bytes, items: set[str]) -> bool:
    sku = orjson.loads(line).get("sku")
    return sku is None or sku in items


def _records(file: Path) -> list[Event]:
    records = map(orjson.loads, file.read_bytes().splitlines())
    return [r for r in records if (r["data"]["sku"], r["data"]["location"]) == (SKU, LOCATION)]


def _units(file: Path) -> dict[dt.date, float]:
    units: dict[dt.date, float] = {}
    for order in map(orjson.loads, file.read_bytes().splitlines()):
        if (order["event_type"], order["sku"], order["location"]) == ("order.placed", SKU, LOCATION):
            day = local_day(order["event_time"])
            units[day] = units.get(day, 0.0) + order["quantity"]
    return units


def _block(data: Event, lines: tuple[tuple[str, ...], ...]) -> str:
    """A record as a block of JSON: the named fields, lists cut, numbers to four digits."""
    rows = (", ".join(f'"{name}": {_json(data[name])}' for name in line) for line in lines)
    return "\n```json\n{" + ",\n ".join(rows) + "}\n```\n\n"


def _json(value: object) -> str:
    match value:
        case dict():
            kept = (f'"{name}": {_json(each)}' for name, each in value.items() if name not in LEFT_OUT)
            return "{" + ", ".join(kept) + "}"
        case list():
            return "[" + ", ".join(map(_json, value[:LIST_MAX])) + "]"
        case float():
            return f"{value:.4g}"
    return orjson.dumps(value).decode()
