"""The one place that says how kernels are compiled.

Fast-math stays off: NaN means "missing" in our arrays, and results must not depend on how a loop was vectorised.
Compiled code is kept on disk, in a directory keyed by the kernels' own source, the numba version and the processor, so that
a second start does not compile and a changed engine never loads another engine's code.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile ``function`` with the project's options on its first call and keep its type for the type checker."""
    return cast(Function, numba.njit(cache=True, fastmath=False, error_model="numpy", nogil=True)(function))

