"""Lines of a file in chunks, with their numbers; plain or gzip."""

import gzip
import zlib
from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import IO, NamedTuple, cast

from flows.errors import TidegaugeError

LINE_BYTES_MAX = (
    4 << 20
)  # Of a longer line only the beginning is kept, so that one file without line ends cannot fill the memory.


class Lines(NamedTuple):
    """Lines without their line ends, and the number of each, counted from 0 over all lines of the file."""

    values: list[bytes]
    numbers: Sequence[int]


class LineReader:
    """Reads a file once, front to back.

    Parameters
    ----------
    path
        An NDJSON file; gzip where the name ends in ``.gz``.
    chunk_bytes
        How much is read at once; lines in chunks do not depend on it, only how many come together.
    start
        Number of the first line wanted.
    """

    def __init__(self, path: Path, chunk_bytes: int, start: int = 0) -> None:
        self._path = path
        self._chunk_bytes = chunk_bytes
        self._start = start
        self._raw: IO[bytes] = path.open("rb")
        zipped = path.suffix == ".gz"
        self._file: IO[bytes] = cast(IO[bytes], gzip.GzipFile(fileobj=self._raw)) if zipped else self._raw
        self._next = 0
        self._tail = b""
        self._ended = False

    @property
    def bytes_read(self) -> int:
        """Bytes of the file on disk that are behind us."""
        return self._raw.tell() if not self._raw.closed else self._path.stat().st_size

    def read(self) -> Lines | None:
        """The next lines that are not blank (perhaps none of a chunk), or None at the end of the file."""
        if self._ended:
            return None
        data = self._read_chunk()
        if data:
            values = (self._tail + data).split(b"\n")
            self._tail = values.pop()[: LINE_BYTES_MAX + 1]
        else:
            values = [self._tail] if self._tail else []
            self.close()
        first = self._next
        self._next += len(values)
        return _wanted(values, range(first, self._next), self._start)

    def close(self) -> None:
        """Close the file; further reads give None."""
        self._ended = True
        self._file.close()
        self._raw.close()

    def _read_chunk(self) -> bytes:
        try:
            return self._file.read(self._chunk_bytes)
        except (EOFError, zlib.error, OSError) as error:
            self.close()
            where = f"input {self._path}, after line {self._next}"
            msg = f"{where}: required a readable file, got {error}; repair or replace it"
            raise TidegaugeError(msg) from error


def _wanted(values: list[bytes], numbers: range, start: int) -> Lines:
    """Leave out blank lines and lines before ``start``."""
    if all(values) and not any(map(bytes.isspace, values)) and numbers.start >= start:
        return Lines(values, numbers)
    keep = [bool(value.strip()) and number >= start for value, number in zip(values, numbers, strict=True)]
    return Lines(list(compress(values, keep)), list(compress(numbers, keep)))
