"""The three places that settings come from, each read into values by path, with the exact origin of each."""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import orjson

from flows.service.names import PREFIX, TABLES, Path, canonical, of_variable
from flows.service.secrets import is_secret
from sinks.errors import UsageError

CONFIG_VARIABLE = f"{PREFIX}CONFIG"
REDIS_KEYWORDS = ("redis", "client")
SECRETS = {("kafka", "client"), ("kafka", "consumer"), ("kafka", "producer"), REDIS_KEYWORDS}
_KEY = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_KEY_LINE = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")
_HEADER_LINE = re.compile(r"\s*(\[[^\[\]]+\])\s*(#.*)?$")


class Given(NamedTuple):
    """A value that somebody gave. ``exposed``: it stands where others may read it, so that it may be no secret."""

    path: Path
    value: object
    origin: str
    exposed: bool


def from_file(file: FilePath, named_by: str) -> list[Given]:
    """Read a TOML file; ``named_by`` is the flag or variable that names it.

    Raises
    ------
    UsageError
        It cannot be read, or is no TOML.
    """
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        msg = f"{named_by} {file}: required a file of settings, got {error.strerror}; give the path of one"
        raise UsageError(msg) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{named_by} {file}: required TOML (toml.io), got {error}; mend the file there"
        raise UsageError(msg) from error
    lines = _lines(text)
    return [Given(canonical(path), value, _origin(file, lines, path), True) for path, value in _leaves(content)]


def from_environment() -> list[Given]:
    """Read all variables ``TIDEGAUGE_SECTION__NAME``. A secret among the client settings becomes a reference to it."""
    given = []
    for variable, value in sorted(os.environ.items()):
        if not variable.startswith(PREFIX) or "__" not in variable:
            continue
        path, origin = of_variable(variable), f"environment {variable}"
        if path[:2] in SECRETS and len(path) == 3 and is_secret(path[2]):
            given.append(Given((path[0], "secrets", path[2]), f"env:{variable}", origin, False))
        else:
            given.append(Given(path, _typed(path, value), origin, False))
    return given


def from_flags(flags: Iterable[tuple[str, str, str]]) -> list[Given]:
    """Read flags, each as (flag, dotted name, value)."""
    paths = [(flag, canonical(tuple(name.split("."))), value) for flag, name, value in flags]
    return [Given(path, _typed(path, value), flag, True) for flag, path, value in paths]


def _typed(path: Path, text: str) -> Any:
    """Texts of the environment and of flags; keywords of redis-py have types, which only their look can tell."""
    if path[:2] == REDIS_KEYWORDS and re.fullmatch(r"true|false|-?\d+(\.\d+)?", text):
        return orjson.loads(text)
    return text


def _leaves(content: Mapping[str, Any], at: Path = ()) -> Iterator[tuple[Path, object]]:
    for key, value in content.items():
        path = (*at, key)
        # An empty section or table says nothing, but its name may be a misspelt one.
        if isinstance(value, dict) and (value or len(path) == 1 or path in TABLES):
            yield from _leaves(value, path) if value else [(path, value)]
        else:
            yield path, value


def _origin(file: FilePath, lines: dict[Path, int], path: Path) -> str:
    """File and line; of what stands inside an inline table, the table's line."""
    found = next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), None)
    return str(file) if found is None else f"{file}:{found}"


def _lines(text: str) -> dict[Path, int]:
    """Line of every key. A line inside a text of several lines may be taken for one, which no value then has."""
    lines: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER_LINE.match(line)
        key = _KEY_LINE.match(line)
        if header:
            table = _path(header[1])
            lines.setdefault(table, number)
        elif key:
            lines.setdefault((*table, *_path(f"{key[1]} = 0")), number)
    return lines


def _path(line: str) -> Path:
    """Path that a single line of TOML names."""
    try:
        content: object = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while isinstance(content, dict) and content:
        (key,) = content
        path.append(key)
        content = content[key]
    return tuple(path)
