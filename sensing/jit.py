"""Compilation of kernels: the decorators `kernel` and `lean_kernel`.

Fast-math is off: NaN means "missing" in our arrays, and results must not depend on how a loop was vectorised. Compiled
code is cached on disk (`sensing.kernel_cache`), so that a second start does not compile.

With NUMBA_DISABLE_JIT=1, numba's own switch, kernels run as plain Python, so that debuggers and coverage see them.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from sensing.interpreted import interpreted
from sensing.kernel_cache import KernelLocator, cache_folder

Function = TypeVar("Function", bound=Callable[..., object])


# Must be set before the first kernel is decorated: numba reads it then.
numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]  # numba fills its settings at run time
numba.config.CACHE_LOCATOR_CLASSES = (  # type: ignore[attr-defined]  # the same
    f"{KernelLocator.__module__}.{KernelLocator.__name__},UserProvidedCacheLocator"
)

COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]  # the same
"""Whether kernels are compiled."""


def kernel(function: Function) -> Function:
    """Decorator: compiles ``function`` with the project's options at its first call. Type checkers see its own type."""
    return _compiled(function)


def lean_kernel(function: Function) -> Function:
    """Decorator for kernels that make no arrays and count no references. They are inlined into every caller.

    It is for small steps of hot loops. There reference counting dominates, and a call passes each array of a tuple as
    seven words: without it, absorbing an order took five times as long and scanning a message 1.5 times. Inlining costs
    compile time, so large or rarely called functions are a :func:`kernel`.
    """
    return _compiled(function, forceinline=True, _nrt=False)


def inner_kernel(function: Function) -> Function:
    """A kernel that is made inside a function and uses variables of it; every kernel that calls it gets a copy.

    It is not kept on disk by itself: where it closes over kernels, numba does not recognise it in another process. The
    kernels of modules that call it are kept, with their copies.
    """
    return _compiled(function, forceinline=True, cache=False)


def _compiled(function: Function, **options: bool) -> Function:
    if not COMPILED:
        return cast(Function, interpreted(function))
    options = {"cache": True, "fastmath": False, "nogil": True} | options
    compiler = cast(Callable[..., Any], numba.njit)  # Its types know only some of its options.
    return cast(Function, compiler(error_model="numpy", **options)(function))
