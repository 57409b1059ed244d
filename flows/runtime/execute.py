"""Executes a flow in this process; the jobs call it. It raises the run's first failure after the flow has ended."""

import contextlib
import gc
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from types import FrameType

from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.run import cli_main

from flows.runtime.context import RunContext

COLLECT_AFTER = (50_000, 20, 20)
"""Thresholds of the garbage collector while a flow runs."""


def execute(flow: Dataflow, context: RunContext, *, epoch: timedelta, workers: int = 1) -> None:
    """Execute ``flow`` to its end.

    Parameters
    ----------
    epoch
        Time between two barriers. With zero every batch of a source is an epoch of its own.
    workers
        Worker threads of Bytewax.

    Raises
    ------
    KeyboardInterrupt
        When the run was interrupted.
    TidegaugeError
        When a step failed.
    """
    with signals_to(context), _rare_collections(), context.errors.hidden_panic():
        try:
            cli_main(  # type: ignore[no-untyped-call]  # built without types
                flow, workers_per_process=workers, epoch_interval=epoch
            )
        except (BytewaxRuntimeError, KeyboardInterrupt):
            if context.errors.failure is None:
                raise
    if context.errors.failure is not None:
        raise context.errors.failure


@contextlib.contextmanager
def signals_to(context: RunContext) -> Iterator[None]:
    """Pass SIGINT and SIGTERM to the run context; Python delivers signals only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        context.interrupt()

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Collect garbage less often: a batch makes tens of thousands of objects without cycles, and scans cost 12 %."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
