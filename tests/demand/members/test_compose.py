"""Kernels that call each kernel of a list."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.members.compose import Kernel, filling, in_turn, numbered
from sensing.jit import inner_kernel


def adding(amount: float) -> Kernel:
    """Kernel that adds an amount to an element and returns the element."""

    @inner_kernel
    def add(values: NDArray[Any], at: int) -> float:
        values[at] += amount
        found: float = values[at]
        return found

    return add


def test_in_turn_calls_all_in_order() -> None:
    """Each kernel sees what those before it did."""

    @inner_kernel
    def double(values: NDArray[Any], at: int) -> None:
        values[at] *= 2.0

    @inner_kernel
    def increment(values: NDArray[Any], at: int) -> None:
        values[at] += 1.0

    values = np.ones(2)
    in_turn([double, increment, double])(values, 1)
    assert values.tolist() == [1.0, 6.0]


def test_numbered_calls_the_one_of_a_number() -> None:
    """The others are not called."""
    values = np.zeros(1)
    chosen = numbered([adding(1.0), adding(10.0), adding(100.0)])
    assert [chosen(number, values, 0) for number in (1, 0, 2)] == [10.0, 11.0, 111.0]


def test_filling_writes_all_results() -> None:
    """Results stand in the order of the kernels, from the first position on."""
    values, out = np.zeros(1), np.full(4, -1.0)
    filling([adding(1.0), adding(10.0)], start=1)(out, values, 0)
    assert out.tolist() == [-1.0, 1.0, 11.0, -1.0]
