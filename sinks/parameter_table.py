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
        ("lead_time_days_p50", pa.float64()),
        ("lead_time_days_p90", pa.float64()),
        ("safety_stock", pa.float64()),
        ("reorder_point", pa.float64()),
        ("order_up_to", pa.float64()),
        ("order_quantity", pa.float64()),
        ("status", pa.string()),
        ("version", pa.int64()),
        ("decimals", pa.int64()),
        ("on_hand", pa.float64()),
        ("on_order", pa.float64()),
        ("in_transit", pa.float64()),
        ("open_demand", pa.float64()),
        ("owed", pa.float64()),
        ("allocated", pa.float64()),
        ("free", pa.float64()),
        ("stockout_date", pa.date32()),
    ]
)
KEYS = pa.schema([SCHEMA.field("sku"), SCHEMA.field("location")])
SORTED = [(name, "ascending") for name in KEYS.names]
ROWS_AT_ONCE = 8192
PART_ROWS = 512
"""Rows read from a part at once. With 16 parts a block has about this many rows of each."""


def write_rows(path: Path, columns: Mapping[str, Any]) -> None:
    """Write one machine's rows.

    Parameters
    ----------
    columns
        Lists, or arrays of one, two (rows, days) or three (rows, days, levels) dimensions; dates as texts.

    Raises
    ------
    ValueError
        A column of the schema is missing, or a column is unknown.
    """
    if set(columns) != set(SCHEMA.names):
        msg = f"parameter rows: required columns {', '.join(SCHEMA.names)}, got {', '.join(columns)}"
        raise ValueError(msg)
    table = pa.table([_column(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
        writer.write_table(table.sort_by(SORTED), max_chunksize=PART_ROWS)


def assemble_rows(parts: list[Path], path: Path) -> int:
    """Write one Parquet file of all machines' rows, sorted by (sku, location), and return their number.

    Each part is sorted. The keys of all rows are in memory; the other columns are read block by block.
    """
    only_keys = pa.ipc.IpcReadOptions(included_fields=[SCHEMA.get_field_index(name) for name in KEYS.names])
    # A column as read keeps the bytes of all columns in memory. Combining its chunks copies it and releases them.
    tables = [pa.ipc.open_file(pa.OSFile(str(part)), options=only_keys).read_all().combine_chunks() for part in parts]
    keys = pa.concat_tables([KEYS.empty_table(), *tables])
    order = pc.sort_indices(keys, SORTED).to_numpy()
    starts = np.cumsum([0, *(len(table) for table in tables)])
    readers = [pa.ipc.open_file(pa.OSFile(str(part))) for part in parts]

    def block(places: Any) -> Any:
        part_of = np.searchsorted(starts, places, "right") - 1
        by_part = np.argsort(part_of, kind="stable")
        pieces = [
            _rows(readers[at], int(within[0]), int(within[-1]) + 1)
            for at in np.unique(part_of).tolist()
            for within in [places[part_of == at] - starts[at]]
        ]
        return pa.concat_tables(pieces).take(np.argsort(by_part)).combine_chunks()

    blocks = (order[start : start + ROWS_AT_ONCE].astype(np.int64) for start in range(0, len(order), ROWS_AT_ONCE))
    return write_parquet(path, SCHEMA, map(block, blocks))


def _rows(reader: Any, start: int, stop: int) -> Any:
    """Rows ``start`` to ``stop`` (exclusive) of a part."""
    first, last = start // PART_ROWS, (stop - 1) // PART_ROWS
    batches = [reader.get_batch(at) for at in range(first, last + 1)]
    return pa.Table.from_batches(batches).slice(start - first * PART_ROWS, stop - start)


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
