"""Finished output files: merges the part files of all machines in order, when the flow has ended."""

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from sensing.outputs import DEAD_LETTERS
from sinks.parameter_table import assemble_rows
from sinks.part_files import key_width, output_topics

PARAMETERS_FILE = "parameters.parquet"


class Finished(NamedTuple):
    """Number of rows of the parameter table, and of lines of every output file by topic."""

    rows: int
    lines: dict[str, int]


def assemble(parts: Path, folder: Path, keys: list[str]) -> Finished:
    """Write the finished files from the part files of the machines ``keys``.

    Files are written beside the parts and moved together at the end, so ``folder`` never holds an incomplete file.
    """
    lines = {}
    for topic in output_topics():
        files = [path for key in keys if (path := parts / f"{topic}.{key}").exists()]
        with (parts / f"{topic}.ndjson").open("wb") as out:
            lines[topic] = (
                _sort(files, out, key_width(topic)) if topic == DEAD_LETTERS else _merge(files, out, key_width(topic))
            )
    tables = [path for key in keys if (path := parts / f"rows.{key}").exists()]
    rows = assemble_rows(tables, parts / PARAMETERS_FILE)
    for name in [*(f"{topic}.ndjson" for topic in lines), PARAMETERS_FILE]:
        (parts / name).replace(folder / name)
    return Finished(rows, lines)


def _merge(files: list[Path], out: IO[bytes], width: int) -> int:
    """Merge files of keyed lines, each in order of its keys; returns the number of lines."""
    opened = [file.open("rb") for file in files]
    count = 0
    for line in heapq.merge(*opened):
        out.write(line[width:])
        count += 1
    for file in opened:
        file.close()
    return count


def _sort(files: list[Path], out: IO[bytes], width: int) -> int:
    """Write the lines of all files in order of their keys. Only keys are kept in memory, about 100 bytes a line."""
    opened = [file.open("rb") for file in files]
    found = (entry for at, file in enumerate(opened) for entry in _index(at, file, width))
    index = np.fromiter(found, np.dtype([("key", f"S{width}"), ("file", "i4"), ("start", "i8")]))
    for _, at, start in np.sort(index, order="key").tolist():
        opened[at].seek(start)
        out.write(opened[at].readline()[width:])
    for file in opened:
        file.close()
    return len(index)


def _index(at: int, file: IO[bytes], width: int) -> Iterator[tuple[bytes, int, int]]:
    start = 0
    for line in file:
        yield line[:width], at, start
        start += len(line)
