"""Runs a flow in this process; whatever goes wrong in it is raised when it has ended."""

import contextlib
import gc
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from types import FrameType

from bytewax.dataflow import Dataflow
from bytewax.testing import run_main

from flows.control import Control

# Nothing is restored after a replay, so an epoch that is never over saves the snapshots that nobody would read.
EPOCH_REPLAY = timedelta(days=1)
COLLECT_AFTER = (50_000, 20, 20)


def run(flow: Dataflow, control: Control, *, epoch: timedelta = EPOCH_REPLAY) -> None:
    """Run ``flow`` to its end.

    What Ctrl-C and a termination signal do is the control's to say.

    Raises
    ------
    KeyboardInterrupt
        When the run was interrupted; the flow has then ended in good order, without its end being reached.
    TidegaugeError
        When a step failed.
    """
    with _interrupts(control), _calm_collector():
        run_main(flow, epoch_interval=epoch)  # type: ignore[no-untyped-call]  # built without types
    if control.failure is not None:
        raise control.failure


@contextlib.contextmanager
def _interrupts(control: Control) -> Iterator[None]:
    """Let signals end the flow at the next block instead of tearing it down."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        control.interrupt()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _calm_collector() -> Iterator[None]:
    """Look for cycles less often: a block makes tens of thousands of objects without one; looking costs an eighth."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
