"""The scanner reads nothing outside a message: checked by the memory itself, and by checked indices."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sensing.codec.message_block import Block
from tests.codec.careful import plain_count
from tests.codec.guarded import LINES, SEED
from tests.codec.near import near_lines


def run(root: Path, mode: str, *beyond: str) -> subprocess.CompletedProcess[str]:
    """Run the guarded scanner; ``interpreted`` is without the compiler."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1" if mode == "interpreted" else "0"}
    command = [sys.executable, "-m", "tests.codec.guarded", mode, *beyond]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.compiled
@pytest.mark.skipif(sys.platform == "win32", reason="needs pages that can be protected")
def test_guard_pages_are_never_touched(root: Path) -> None:
    """Messages that end before, or begin behind, memory that nobody may touch are scanned without touching it."""
    done = run(root, "pages")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("y") > 5000


@pytest.mark.compiled
def test_no_index_is_out_of_bounds(root: Path) -> None:
    """As plain Python, on memory that holds nothing but the message, no index leaves it; verdicts are the same."""
    done = run(root, "interpreted")
    assert done.returncode == 0, done.stderr
    compiled = [
        plain_count(topic, Block.of([line], np.arange(1))) for topic, line in near_lines(SEED, LINES["interpreted"])
    ]
    assert done.stdout == "".join("ny"[plain] for plain in compiled)


@pytest.mark.skipif(sys.platform == "win32", reason="needs pages that can be protected")
def test_the_checks_find_a_wrong_bound(root: Path) -> None:
    """Canaries: with ends one byte too far, the first check dies of it and the second one says so."""
    assert run(root, "pages", "1").returncode in (-signal.SIGSEGV, -signal.SIGBUS)
    assert "IndexError" in run(root, "interpreted", "1").stderr
