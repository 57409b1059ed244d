"""Table of planning parameters: one Arrow file per machine while the flow runs, one Parquet file at its end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sinks.parquet_file import write_parquet

_NUMBERS = pa.list_(pa.float64())

SCHEMA = pa.schema(
    [
        ("sku", pa.string()),
        ("location", pa.string()),
        ("as_of", pa.date32()),
        ("demand_class", pa.string()),
        ("method", pa.string()),
        ("forecast_mean", _NUMBERS),
        ("forecast_quantiles", pa.list_(_NUMBERS)),
        ("lead_time_days_mean", pa.float64()),
        ("lead_time_days_sd", pa.float64()),
        ("safety_stock", pa.float64()),
        ("reorder_point", pa.float64()),
        ("order_up_to", pa.float64()),
        ("order_quantity", pa.float64()),
    ]
)
ROWS_AT_ONCE = 8192


def write_rows(path: Path, columns: Mapping[str, Any]) -> None:
    """Write one machine's rows.

    Parameters
    ----------
    columns
        Lists, or arrays of one, two (rows, days) or three (rows, days, levels) dimensions; dates as texts.

    Raises
    ------
    ValueError
        When a column of the schema is missing or an unknown one is given.
    """
    if set(columns) != set(SCHEMA.names):
        msg = f"parameter rows: required columns {', '.join(SCHEMA.names)}, got {', '.join(columns)}"
        raise ValueError(msg)
    table = pa.table([_column(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
        writer.write_table(table)


def assemble_rows(parts: list[Path], path: Path) -> int:
    """Write one Parquet file of all machines' rows, sorted by (sku, location), and return their number.

    The parts are memory-mapped. Only a block of rows is in memory at a time.
    """
    tables = [pa.ipc.open_file(pa.memory_map(str(part))).read_all() for part in parts]
    keys = pa.concat_tables([SCHEMA.empty_table(), *tables]).select(["sku", "location"])
    order = pc.sort_indices(keys, [("sku", "ascending"), ("location", "ascending")]).to_numpy()
    starts = np.cumsum([0, *(len(table) for table in tables)])

    def block(places: Any) -> Any:
        part_of = np.searchsorted(starts, places, "right") - 1
        by_part = np.argsort(part_of, kind="stable")
        pieces = [table.take(places[part_of == at] - starts[at]) for at, table in enumerate(tables)]
        return pa.concat_tables(pieces).take(np.argsort(by_part)).combine_chunks()

    blocks = (order[start : start + ROWS_AT_ONCE].astype(np.int64) for start in range(0, len(order), ROWS_AT_ONCE))
    return write_parquet(path, SCHEMA, map(block, blocks))


def _column(values: Any, kind: Any) -> Any:
    """An Arrow array of one column."""
    if isinstance(values, np.ndarray) and values.ndim > 1:
        rows, width = values.shape[:2]
        offsets = pa.array(np.arange(0, rows * width + 1, width), pa.int32())
        return pa.ListArray.from_arrays(
            offsets, _column(values.reshape(rows * width, *values.shape[2:]), kind.value_type)
        )
    if pa.types.is_date(kind):
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)
