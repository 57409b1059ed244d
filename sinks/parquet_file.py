"""Parquet writer of replays (`sinks.parameter_table`) and exports (`flows.export`)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def write_parquet(path: Path, schema: Any, tables: Iterable[Any]) -> int:
    """Write Arrow tables of one schema, each as a row group; returns the number of rows."""
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
            rows += len(table)
    return rows
