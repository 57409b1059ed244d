"""Line reader: reads the lines of an NDJSON file, plain or gzip, in chunks. The file source uses it."""

import gzip
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensing.codec.message_block import Block
from sensing.codec.newlines import newlines
from sinks.errors import TidegaugeError

LINE_BYTES_MAX = 4 << 20  # A longer line is cut, so that a file without line ends cannot fill the memory.
TOMBSTONE, TOMBSTONE_BYTES_MAX = b"null", 8  # blanks around it included
_MARK = np.frombuffer(b"\xef\xbb\xbf", np.uint8)
"""Byte order mark, which some programs write at the beginning of a file."""
_IS_BLANK = np.zeros(256, np.bool_)
_IS_BLANK[list(b" \t\n\r\v\f")] = True

Memory = NDArray[np.uint8]
_NOTHING: Memory = np.empty(0, np.uint8)


class LineReader:
    """Reads a file once, front to back.

    Parameters
    ----------
    path
        An NDJSON file; gzip where the name ends in ``.gz``.
    chunk_bytes
        Bytes to read at once; it sets how many lines a call returns, not their content.
    """

    def __init__(self, path: Path, chunk_bytes: int) -> None:
        self._path = path
        self._chunk_bytes = chunk_bytes
        self._raw = path.open("rb")
        self._file: BufferedIOBase = gzip.GzipFile(fileobj=self._raw) if path.suffix == ".gz" else self._raw
        self._next = 0
        self.tombstones = 0
        self._tail = _NOTHING
        self._ended = False

    @property
    def bytes_read(self) -> int:
        """Bytes of the file on disk that were read."""
        return self._raw.tell() if not self._raw.closed else self._path.stat().st_size

    def read(self) -> Block | None:
        """The next lines with a value (a chunk may have none), or None at the end of the file.

        Lines come without line ends. Their offsets are line numbers from 0, with blank lines counted.
        """
        if self._ended:
            return None
        data = self._read_chunk()
        if self._next == 0 and np.array_equal(data[: len(_MARK)], _MARK):
            data[: len(_MARK)] = ord(" ")
        ends = newlines(data)
        if len(data) == len(self._tail):
            ends = np.array([len(data)] if len(data) else [], np.int64)
            self.close()
        starts = np.concatenate(([0], ends + 1))
        # A copy, so that the unfinished line does not keep the whole chunk in memory.
        self._tail = data[starts[-1] : starts[-1] + LINE_BYTES_MAX + 1].copy()
        first = self._next
        self._next += len(ends)
        lines = _wanted(data, starts[:-1], ends, np.arange(first, self._next))
        return self._without_tombstones(lines)

    def _without_tombstones(self, lines: Block) -> Block:
        """The lines that have a value: ``null`` is a record without one, as in Kafka."""
        keep = np.ones(len(lines), np.bool_)
        for at in np.flatnonzero(lines.ends - lines.starts <= TOMBSTONE_BYTES_MAX).tolist():
            keep[at] = lines.values(slice(at, at + 1))[0].strip() != TOMBSTONE
        self.tombstones += len(keep) - int(keep.sum())
        return lines if keep.all() else Block(lines.data, lines.starts[keep], lines.ends[keep], lines.offsets[keep])

    def close(self) -> None:
        """Close the file; further reads give None."""
        self._ended = True
        self._file.close()
        self._raw.close()

    def _read_chunk(self) -> Memory:
        """The unfinished line of the previous chunk, followed by the next bytes of the file."""
        data = np.empty(len(self._tail) + self._chunk_bytes, np.uint8)
        data[: len(self._tail)] = self._tail
        try:
            count = self._file.readinto(data[len(self._tail) :].data)
        except (EOFError, zlib.error, OSError) as error:
            self.close()
            where = f"input {self._path}, after line {self._next}"
            msg = f"{where}: required a readable file, got {error}; repair or replace it"
            raise TidegaugeError(msg) from error
        return data[: len(self._tail) + count]


def _wanted(data: Memory, starts: NDArray[np.int64], ends: NDArray[np.int64], numbers: NDArray[np.int64]) -> Block:
    """The lines that are not blank."""
    lines = Block(data, starts, ends, numbers)
    blank = starts == ends
    blank[~blank] = _IS_BLANK[data[starts[~blank]]]
    for at in np.flatnonzero(blank).tolist():  # Few lines begin with a blank; most of these are blank.
        blank[at] = not lines.values(slice(at, at + 1))[0].strip()
    keep = ~blank
    return lines if keep.all() else Block(data, starts[keep], ends[keep], numbers[keep])
