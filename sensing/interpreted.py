"""Kernels as plain Python: what :mod:`sensing.jit` returns where NUMBA_DISABLE_JIT is set.

For line coverage, and for a debugger that stops inside a kernel. The arithmetic is that of compiled code: numba
computes with 64 bits whatever the width in memory, wraps around without a word, and reads fields of records as
attributes. Plain numpy does none of it, so arguments of kernels become views of the same memory that do.
"""

import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

_nested: ContextVar[bool] = ContextVar("nested", default=False)
"""Whether a kernel called this one; each thread has its own answer."""


class _Record(np.void):  # type: ignore[misc]  # final to its types only
    """One record of a :class:`_Wide` array; its fields are attributes."""

    def __getitem__(self, name: Any) -> Any:
        """Return a field, a number with 64 bits."""
        return _wide(super().__getitem__(name))

    def __getattribute__(self, name: str) -> Any:
        """Return a field, or where there is none of the name what every numpy scalar has."""
        get = super().__getattribute__
        fields = get("dtype").fields
        return self[name] if fields and name in fields else get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Write a field."""
        self[name] = value


class _Wide(np.ndarray[Any, Any]):
    """An array whose elements are read with 64 bits."""

    def __getitem__(self, index: Any) -> Any:
        """Return an element, or a view that is wide as well."""
        return _wide(super().__getitem__(index))

    def __iter__(self) -> Iterator[Any]:
        """Iterate over elements as indexing returns them."""
        return (self[i] for i in range(len(self)))


def interpreted(function: Callable[..., object]) -> Callable[..., object]:
    """Wrap a kernel so that it runs as Python and returns what the compiled one does."""

    @functools.wraps(function)
    def run(*arguments: object, **named: object) -> object:
        given = [_wide(value) for value in arguments]
        given_named = {name: _wide(value) for name, value in named.items()}
        if _nested.get():
            return function(*given, **given_named)
        token = _nested.set(True)
        try:
            with np.errstate(all="ignore"):
                return _plain(function(*given, **given_named))
        finally:
            _nested.reset(token)

    return run


def _wide(value: Any) -> Any:
    """Return ``value`` as a kernel sees it: arrays, records and tuples of them share memory with the original."""
    if isinstance(value, _Wide | _Record | np.bool_ | bool | str | bytes | None):
        return value
    if isinstance(value, np.ndarray):
        return value.view(_with_scalars(value.dtype, _Record)).view(_Wide) if value.dtype.names else value.view(_Wide)
    if isinstance(value, np.void):
        return value.view(_with_scalars(value.dtype, _Record))
    if isinstance(value, tuple):
        parts = [_wide(part) for part in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, int | np.integer):
        # Beyond int64 a Python integer is unsigned to numba as well.
        return value if isinstance(value, np.uint64) else np.int64(value) if value < 1 << 63 else np.uint64(value)
    if isinstance(value, float | np.floating):
        return np.float64(value)
    return value


def _plain(value: Any) -> Any:
    """Return a result as Python and numpy have it."""
    if isinstance(value, _Wide):
        array: NDArray[Any] = value.view(np.ndarray)
        return array.view(_with_scalars(array.dtype, np.void)) if array.dtype.names else array
    if isinstance(value, tuple):
        parts = [_plain(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value.item() if isinstance(value, np.generic) and not isinstance(value, np.void) else value


@functools.cache
def _with_scalars(dtype: np.dtype[Any], kind: type[np.void]) -> np.dtype[Any]:
    """Return the dtype of the same records whose scalars are of ``kind``."""
    return np.dtype((kind, dtype))
