"""A function call in a process of its own, so that its processor time is not that of the benchmark."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Found = TypeVar("Found")


def call_in_child(work: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
    """Call a function of a module in a new process and return what it returns."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, *given, **named).result()
