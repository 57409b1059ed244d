"""House rules about imports: which folder may import which, and that the core does no I/O."""

import ast
from collections.abc import Iterator

from tests.tidy.sources import PACKAGES, Source

# Of our code, every room (key) may import only from itself and from the modules listed with it.
_FLOOR = ("sensing.contracts", "sensing.jit", "sensing.memory", "sensing.machine_settings")
# Modules that define records: constants, instants and days, purchases, texts.
_RECORD = (
    "sensing.codec.instants", "sensing.codec.event_record", "sensing.codec.purchase_record", "sensing.codec.text_table",
)  # fmt: skip
_SUMS = ("sensing.demand.sum_distribution", "sensing.demand.sum_variance")
_MATHS = (*_FLOOR, *_RECORD, "sensing.state", "sensing.demand.distribution", *_SUMS)
ROOMS: dict[str, tuple[str, ...]] = {
    "sensing.contracts": (),
    "sensing.interpreted": (),
    "sensing.kernel_cache": (),
    "sensing.jit": ("sensing.interpreted", "sensing.kernel_cache"),
    "sensing.memory": ("sensing.jit",),
    "sensing.machine_settings": (),
    "sensing.outputs": ("sensing.contracts",),
    "sensing.published_numbers": ("sensing.contracts", "sensing.jit"),
    "sensing.rounded_columns": ("sensing.contracts", "sensing.jit", "sensing.published_numbers"),
    "sensing.codec": _FLOOR,
    "sensing.state": (*_FLOOR, *_RECORD),
    "sensing.demand": (*_FLOOR, *_RECORD, "sensing.state"),
    "sensing.supply": (*_MATHS, "sensing.published_numbers", "sensing.rounded_columns"),
    "sensing.detection": (*_MATHS, "sensing.demand", "sensing.supply"),
    "sensing.machines": ("sensing",),
    "sinks": ("sensing.codec.instants", "sensing.contracts", "sensing.outputs"),
    "flows": ("sensing", "sinks"),
    "benchmarks": ("flows", "sensing", "sinks"),
    "tests": ("benchmarks", "flows", "sensing", "sinks"),
}

# Foreign modules that the core may import. Others may do I/O, read the clock or draw random numbers.
PURE = frozenset(
    {"array", "base64", "bisect", "calendar", "collections", "contextlib", "contextvars", "copy", "dataclasses"}
    | {"datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "itertools", "json", "math"}
    | {"operator", "re"}
    | {"string", "struct", "types", "typing", "unicodedata", "zlib", "zoneinfo"}
    | {"llvmlite", "msgspec", "numba", "numpy", "orjson", "river"}
)
# The compile cache is a directory on disk, chosen once at import.
COMPILER = ("sensing/kernel_cache.py", frozenset({"hashlib", "os", "pathlib", "sys"}))

IMPURE_NAMES = frozenset({"breakpoint", "eval", "exec", "hash", "id", "input", "open", "print"})
IMPURE_ATTRIBUTES = frozenset(
    {"now", "utcnow", "today", "random", "fromfile", "tofile", "loadtxt", "savetxt", "memmap", "savez", "genfromtxt"}
)


def within(module: str, room: str) -> bool:
    """Whether a module is the room or inside it."""
    return module == room or module.startswith(room + ".")


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Line and full name of everything a file imports, wherever in the file; ``from a import b`` is ``a.b``."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{start}.{alias.name}" if alias.name != "*" else start) for alias in node.names)


def directions(source: Source) -> list[str]:
    """Imports of a room that ROOMS does not allow."""
    house = {"sensing": ()} if source.module == "sensing" else ROOMS
    room = next((room for room in house if within(source.module, room)), None)
    if room is None:
        return [source.at(1, f"no room is named {source.module}. Fix: move the file, or give the room a line in ROOMS")]
    allowed = (*([] if room == "sensing" else [room]), *house[room])
    return [
        source.at(line, f"{room} may not know {name}. Fix: of ours it may import from ({', '.join(allowed)}) only")
        for line, name in imported(source)
        if name.split(".")[0] in ("", *PACKAGES) and not any(within(name, known) for known in allowed)
    ]


def demo(source: Source) -> list[str]:
    """Imports of the demo by modules of the product other than its commands."""
    if not within(source.module, "flows") or within(source.module, "flows.demo") or within(source.module, "flows.cli"):
        return []
    return [
        source.at(line, f"{source.module} may not know {name}. Fix: let flows.cli hand over what it needs")
        for line, name in imported(source)
        if within(name, "flows.demo")
    ]


def purity(source: Source) -> list[str]:
    """Code of ``sensing/`` that could do I/O, read the clock, or differ between runs."""
    if not within(source.module, "sensing"):
        return []
    compiler = source.path == COMPILER[0]
    allowed = PURE | {"sensing"} | (COMPILER[1] if compiler else frozenset())
    found = [
        source.at(line, f"the core is pure, and {name} is not known to be. Fix: do it in flows/, or add it to PURE")
        for line, name in imported(source)
        if name.split(".")[0] not in allowed
    ]
    for node in [] if compiler else ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_NAMES:
                found.append(source.at(node.lineno, f"{name}() in the pure core. Fix: take the value as an argument"))
            case ast.Attribute(attr=name) if name in IMPURE_ATTRIBUTES:
                found.append(source.at(node.lineno, f".{name} in the pure core. Fix: take the value as an argument"))
    return found
