"""Composed kernels, each of which calls the kernels of a list. Mixture, day learning and feature values use them.

They are composed at import from the registries of members and features. Compiled code cannot loop over kernels, since
each kernel has its own type. So a composed kernel calls the first of its list, then a kernel composed of the rest.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sensing.jit import inner_kernel

Kernel = Callable[..., Any]


def in_turn(kernels: Sequence[Kernel]) -> Kernel:
    """Kernel that calls all kernels in order with its arguments. They must return nothing."""
    first, *others = kernels
    if not others:
        return first
    rest = in_turn(others)

    @inner_kernel
    def all_of_them(*arguments: Any) -> None:
        first(*arguments)
        rest(*arguments)

    return all_of_them


def numbered(kernels: Sequence[Kernel]) -> Kernel:
    """Kernel ``(number, *arguments)`` that calls the kernel of this number, from 0, and returns its result."""
    first, *others = kernels
    if not others:

        @inner_kernel
        def last(_number: int, *arguments: Any) -> Any:
            return first(*arguments)

        return last
    rest = numbered(others)

    @inner_kernel
    def one_of_them(number: int, *arguments: Any) -> Any:
        if number == 0:
            return first(*arguments)
        return rest(number - 1, *arguments)

    return one_of_them


def filling(kernels: Sequence[Kernel], start: int = 0) -> Kernel:
    """Kernel ``(out, *arguments)`` that writes the result of each kernel to ``out``, from index ``start`` on."""
    first, *others = kernels
    if not others:

        @inner_kernel
        def fill_last(out: Any, *arguments: Any) -> None:
            out[start] = first(*arguments)

        return fill_last
    rest = filling(others, start + 1)

    @inner_kernel
    def fill(out: Any, *arguments: Any) -> None:
        out[start] = first(*arguments)
        rest(out, *arguments)

    return fill
