"""Kernels as plain Python, for line coverage and debuggers. :mod:`sensing.jit` uses it if NUMBA_DISABLE_JIT is set.

The arithmetic is that of compiled code: numba computes with 64 bits whatever the width in memory, overflows silently,
and reads fields of records as attributes. Plain numpy does not. So arguments of kernels are replaced by views of the
same memory that behave like numba's.
"""

import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

_nested: ContextVar[bool] = ContextVar("nested", default=False)
"""Whether the caller is a kernel; one value per thread."""


class _Record(np.void):  # type: ignore[misc]  # final to its types only
    """One record of a :class:`_Wide` array; its fields are attributes."""

    def __getitem__(self, name: Any) -> Any:
        """Return a field, a number with 64 bits."""
        return _wide(super().__getitem__(name))

    def __getattribute__(self, name: str) -> Any:
        """Return a field, or an attribute of numpy's scalar if there is no such field."""
        get = super().__getattribute__
        fields = get("dtype").fields
        return self[name] if fields and name in fields else get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Write a field."""
        self[name] = value


class _Wide(np.ndarray[Any, Any]):
    """An array whose elements are read with 64 bits."""

    def __getitem__(self, index: Any) -> Any:
        """Return an element, or a view of the same class."""
        return _wide(super().__getitem__(index))

    def __iter__(self) -> Iterator[Any]:
        """Iterate over elements, as returned by indexing."""
        return (self[i] for i in range(len(self)))


def interpreted(function: Callable[..., object]) -> Callable[..., object]:
    """Wrap a kernel so that it runs as Python and returns the same as the compiled kernel."""

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
    """Convert ``value`` for a kernel. Arrays, records and tuples of them share memory with the original."""
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
        # Like numba, treat Python integers beyond int64 as unsigned.
        return value if isinstance(value, np.uint64) else np.int64(value) if value < 1 << 63 else np.uint64(value)
    if isinstance(value, float | np.floating):
        return np.float64(value)
    return value


def _plain(value: Any) -> Any:
    """Convert a result back to plain Python and numpy types."""
    if isinstance(value, _Wide):
        array: NDArray[Any] = value.view(np.ndarray)
        return array.view(_with_scalars(array.dtype, np.void)) if array.dtype.names else array
    if isinstance(value, tuple):
        parts = [_plain(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value.item() if isinstance(value, np.generic) and not isinstance(value, np.void) else value


@functools.cache
def _with_scalars(dtype: np.dtype[Any], kind: type[np.void]) -> np.dtype[Any]:
    """The same record dtype with scalars of the class ``kind``."""
    return np.dtype((kind, dtype))
