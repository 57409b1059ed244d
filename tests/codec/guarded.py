"""Memory-bounds check of the scanner. ``test_scan_bounds`` runs it in a process of its own, which dies on a violation.

Mode ``pages`` puts messages directly before and after protected memory pages. Mode ``interpreted`` runs the kernels as
plain Python, which checks every index, on an array that holds only the message. The second argument is a canary: it
makes the end of a message wrong by this many bytes, and the process must die.
"""

import ctypes
import mmap
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, TOPICS
from sensing.codec.keys import SPANS
from sensing.codec.message_block import Block
from sensing.codec.scan import NAMES_MAX, scan, scan_block
from sensing.codec.scan_table import Table, table_of
from sensing.codec.swar import WORD
from tests.codec.near import near_lines

SEED = 7
LINES = {"pages": 20_000, "interpreted": 200}
PAGE = mmap.PAGESIZE
NONE, ALL = 0, mmap.PROT_READ | mmap.PROT_WRITE


def lines(mode: str) -> Iterator[tuple[Table, bytes]]:
    """Lines of `near_lines` that fit a page, with their scan tables."""
    tables = {topic: table_of(topic) for topic in TOPICS}
    for topic, line in near_lines(SEED, LINES[mode]):
        table = tables[topic]
        if table is not None and len(line) <= PAGE:
            yield table, line


def guarded_page() -> NDArray[np.uint8]:
    """Three pages of memory. The first and the last are protected."""
    memory = mmap.mmap(-1, 3 * PAGE)
    pages = np.frombuffer(memory, np.uint8)
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    for page in (0, 2):
        address = ctypes.c_void_p(pages.ctypes.data + page * PAGE)
        if protect(address, ctypes.c_size_t(PAGE), ctypes.c_int(NONE)):
            raise OSError(ctypes.get_errno(), "mprotect")
    return pages


def one(data: NDArray[np.uint8], start: int, end: int, table: Table) -> bool:
    """Scan one message. Start and end are arguments, so that a canary can make them wrong."""
    row = np.zeros((1, EVENT.itemsize // 8), np.uint64)
    empty, plain = np.zeros(EVENT.itemsize // 8, np.uint64), np.zeros(1, np.bool_)
    first, last, offset = (np.array([at], np.int64) for at in (start, end, 0))
    data = data.view()
    data.flags.writeable = False
    texts = np.empty(max(end - start, 0) + WORD, np.uint8)
    scan_block(
        data, first, last, offset, table.fields, table.kinds, table.multiplier, True, empty, row,
        row.view(np.int64), row.view(np.float64), plain, np.zeros(SPANS, np.int64), np.zeros(NAMES_MAX, np.uint64),
        texts, np.zeros(1, np.uint32),
    )  # fmt: skip
    return bool(plain[0])


def check(data: NDArray[np.uint8], at: int, line: bytes, table: Table, beyond: int) -> bool:
    """Scan a line placed at ``at``, and assert that the verdict is the same as for the line alone."""
    data[at : at + len(line)] = np.frombuffer(line, np.uint8)
    found = one(data, at, at + len(line) + beyond, table)
    alone = Block.of([line], np.zeros(1, np.int64))
    assert found == scan(alone, table, (0, 0), np.empty(1, EVENT)).plain[0], line
    return found


def main() -> None:
    """Scan all lines; print y or n for each: whether it is plain."""
    mode, beyond = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    plain = []
    pages = guarded_page()
    for table, line in lines(mode):
        if mode == "interpreted":
            plain.append(check(np.empty(len(line), np.uint8), 0, line, table, beyond))
            continue
        plain.append(check(pages, 2 * PAGE - len(line), line, table, beyond))
        check(pages, PAGE, line, table, 0)
    sys.stdout.write("".join("ny"[each] for each in plain))


if __name__ == "__main__":
    with np.errstate(over="ignore"):  # Interpreted kernels overflow like compiled ones, but numpy warns.
        main()
