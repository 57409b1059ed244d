"""Number of usable processors; the demo and benchmarks use it."""

import os
import sys


def processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
