"""Kernels that call each kernel of a list, composed at import from the registries of members and features.

Compiled code cannot loop over kernels, as each is a type of its own. So every composed kernel calls the first of its
list and a kernel composed of the others.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sensing.jit import inner_kernel

Kernel = Callable[..., Any]


def in_turn(kernels: Sequence[Kernel]) -> Kernel:
    """Kernel that calls all kernels, which return nothing, with its arguments."""
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
    """Kernel ``(number, *arguments)`` that returns what the kernel of that number, from 0, returns."""
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
    """Kernel ``(out, *arguments)`` that writes what each kernel returns to ``out``, from position ``start`` on."""
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
