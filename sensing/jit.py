"""The one place that says how kernels are compiled.

Fast-math stays off: NaN means "missing" in our arrays, and results must not depend on how a loop was vectorised.
Compiled code is kept on disk, so that a second start does not compile. Numba tells a stale entry by the kernel's own
file only, although kernels of other files are compiled into it; so the folder is named after the source of the whole
package, and a changed engine never loads another engine's code. Processor and numba version are part of numba's key.

Where NUMBA_DISABLE_JIT=1 is set, numba's own switch, kernels run as plain Python: a debugger stops in them and their
lines are counted by coverage.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from sensing.interpreted import interpreted

Function = TypeVar("Function", bound=Callable[..., object])


def cache_folder() -> Path:
    """Folder of the compiled kernels of exactly this source.

    It is below NUMBA_CACHE_DIR where that is set, else in the user's cache.
    """
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    told = os.environ.get("NUMBA_CACHE_DIR")
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(told) if told else user / "tidegauge") / f"kernels-{digest.hexdigest()[:16]}"


# Before the first kernel is decorated: numba picks the place at decoration.
numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]  # numba fills its settings at run time


COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]  # the same
"""Whether kernels are compiled."""


def kernel(function: Function) -> Function:
    """Compile ``function`` with the project's options on its first call and keep its type for the type checker."""
    return _compiled(function)


def lean_kernel(function: Function) -> Function:
    """A kernel that makes no arrays and counts no references; every kernel that calls it gets a copy.

    For the small steps of a hot loop, where counting is most of the work and a call hands over each array of a tuple as
    seven words: absorbing an order took five times as long, scanning a message one and a half times. A copy costs
    compile time instead, so what is large or rarely called stays a :func:`kernel`.
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
