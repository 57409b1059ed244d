"""Where compiled kernels are kept, so that a change of the engine compiles only what it can have changed.

Numba detects a stale cache entry by the kernel's own file only, although kernels and constants of other files are
compiled into it. So each module with kernels has a folder named after a hash of its source and of all modules of the
package that it imports, directly or through others. Nothing else can change its kernels. Several versions of the
engine may share the parent folder, whatever their paths. Processor and numba version are part of numba's key.
"""

import functools
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from numba.core.caching import _CacheLocator

PACKAGE = Path(__file__).parent
IMPORT = re.compile(
    rf"^[ \t]*(?:from ({PACKAGE.name}[\w.]*) import (\([^)]*\)|.*)|import ({PACKAGE.name}[\w.]*))", re.M
)


def parent_folder() -> Path:
    """Folder of the compiled kernels of all versions.

    It is NUMBA_CACHE_DIR if that is set, else in the virtual environment if there is one that we may write to, else in
    the user's cache. So every command of an installation uses the same kernels.
    """
    configured = os.environ.get("NUMBA_CACHE_DIR")
    if configured:
        return Path(configured)
    if sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK):
        return Path(sys.prefix) / "kernels"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidegauge"


def cache_folder() -> Path:
    """Folder of this version, named after a hash of the whole package: for kernels that are not in the package."""
    return parent_folder() / f"version-{_digest(_sources())}"


def module_folder(module: str) -> Path:
    """Folder of the compiled kernels of a module of the package."""
    return parent_folder() / f"{module}-{_version(module)}"


def compiled_kernels() -> int:
    """Number of kernels of this version that are compiled, of the package's modules."""
    return sum(1 for module in _sources() for _ in module_folder(module).glob("*.nbi"))


def used_modules(module: str) -> set[str]:
    """A module of the package and all modules of the package that it imports, directly or through others."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports()[name]
    return found


@functools.cache
def _version(module: str) -> str:
    """Hash of a module and all that it uses. Every kernel of the module asks for it."""
    return _digest(used_modules(module))


def _digest(modules: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(modules):
        digest.update(name.encode() + b"\0" + _sources()[name] + b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def _sources() -> dict[str, bytes]:
    """Source of each module of the package by its name; of a package it is that of its ``__init__``."""
    return {_module_name(path): path.read_bytes() for path in PACKAGE.rglob("*.py")}


def _module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def _imports() -> dict[str, list[str]]:
    """Modules of the package that each module imports; what a package imports counts for what is imported from it."""
    found = {}
    for module, source in _sources().items():
        named = set()
        for package, names, alone in IMPORT.findall(source.decode()):
            named |= {alone or package} | {f"{package}.{name}" for name in re.findall(r"\w+", names)}
        found[module] = sorted(named & _sources().keys())
    return found


class KernelLocator(_CacheLocator):
    """Tells numba where it keeps a kernel of the package; for other functions numba's own locators are asked."""

    def __init__(self, function: Callable[..., Any], path: str) -> None:
        self._folder = str(module_folder(_module_name(Path(path))))
        self._line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "KernelLocator | None":
        """Locator of a function in a file; None if the file is not one of the package."""
        if not Path(py_file).is_relative_to(PACKAGE):
            return None
        locator = cls(py_func, py_file)
        Path(locator.get_cache_path()).mkdir(parents=True, exist_ok=True)
        return locator

    def get_cache_path(self) -> str:
        """Folder of the kernel's module."""
        return self._folder

    def get_source_stamp(self) -> str:
        """Version of the source: that of the folder."""
        return self._folder.rpartition("-")[2]

    def get_disambiguator(self) -> str:
        """What tells kernels of one name in a module apart."""
        return str(self._line)
