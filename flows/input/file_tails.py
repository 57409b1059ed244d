"""Tails of input files: how late the inputs of a folder end together. `file_source` reads them before all else.

A sparse file may pause for longer than one input can tell. Another file then shows that time went on. Only the last
64 KiB of each file are read; of compressed files only those that are not longer than that.
"""

import gzip
import zlib
from collections.abc import Sequence

import numpy as np

from flows.input.input_folder import InputFile
from flows.input.timestamps import LATEST, SUPPORT, TIMES_MIN, WINDOW, EndOfInputs, Times
from sensing.codec.decode import decode
from sensing.codec.decode_options import DEFAULTS, DecodeOptions
from sensing.codec.message_block import Block

TAIL_BYTES = 1 << 16


def end_of_inputs(files: Sequence[InputFile], options: DecodeOptions = DEFAULTS) -> EndOfInputs | None:
    """How late the inputs end together; None if they have too few event times to say it."""
    tails = [_last_times(file, options) for file in files]
    times = np.sort(np.concatenate([np.empty(0, np.int64), *(tail[-WINDOW:] for tail, _ in tails)]))
    if len(times) < TIMES_MIN:
        return None
    small = all(whole and len(tail) < WINDOW for tail, whole in tails)
    return EndOfInputs(int(times[-SUPPORT]), small=small)


def _last_times(file: InputFile, options: DecodeOptions) -> tuple[Times, bool]:
    """Event times of the last lines of a file up to the year 2099, and whether these are all of its lines."""
    data, whole = _tail(file)
    if not whole:
        data = data.partition(b"\n")[2]  # the first line is cut
    lines = [line for line in data.splitlines() if line.strip()]
    decoded = decode(file.topic, 0, Block.of(lines, np.arange(len(lines))), options)
    times = np.full(len(lines), -1, np.int64)
    times[decoded.positions] = decoded.records["time"]
    times[decoded.infrequent_positions] = [message.time for _, message in decoded.infrequent]
    return times[(times >= 0) & (times <= LATEST)], whole


def _tail(file: InputFile) -> tuple[bytes, bool]:
    """The last bytes of a file, and whether it is not longer."""
    if file.path.suffix == ".gz":
        try:
            with gzip.open(file.path) as unpacked:
                found = unpacked.read(TAIL_BYTES + 1)
        except (EOFError, zlib.error, OSError):
            return b"", False  # the line reader says what is wrong
        return (found, True) if len(found) <= TAIL_BYTES else (b"", False)
    size = file.path.stat().st_size
    with file.path.open("rb") as raw:
        raw.seek(max(size - TAIL_BYTES, 0))
        return raw.read(TAIL_BYTES), size <= TAIL_BYTES
