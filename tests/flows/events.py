"""Event lines for tests of the flow: orders, counts and purchase orders of a few SKUs."""

import gzip
from pathlib import Path
from typing import Any

import orjson

MONDAY = 1_262_563_200_000  # 2010-01-04T00:00:00Z


def order(number: int, time: int, **more: Any) -> bytes:
    """A line of orders.ndjson."""
    event = {
        "event_id": f"o{number}", "event_type": "order.placed", "event_time": time,
        "sku": f"sku-{number % 7}", "location": "L1", "quantity": 1 + number % 5,
    }  # fmt: skip
    return orjson.dumps(event | more)


def count(number: int, time: int) -> bytes:
    """A line of inventory.ndjson."""
    return orjson.dumps(
        {
            "event_id": f"i{number}", "event_type": "inventory.counted", "event_time": time,
            "sku": f"sku-{number % 7}", "location": "L1", "quantity": 100,
        }
    )  # fmt: skip


def purchase(number: int, time: int) -> bytes:
    """A line of suppliers.ndjson."""
    return orjson.dumps(
        {
            "event_id": f"p{number}", "event_type": "po.placed", "event_time": time, "po_id": f"po{number}",
            "supplier": "S", "sku": f"sku-{number % 7}", "location": "L1", "quantity": 10,
        }
    )  # fmt: skip


MAKERS = {"orders": order, "inventory": count, "suppliers": purchase}


def write(folder: Path, topic: str, lines: list[bytes], *, zipped: bool = False) -> Path:
    """Write the file of a topic."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{topic}.ndjson{'.gz' if zipped else ''}"
    body = b"".join(line + b"\n" for line in lines)
    path.write_bytes(gzip.compress(body, mtime=0) if zipped else body)
    return path
