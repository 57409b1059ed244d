"""Names of all settings, and the three sources of their values: TOML file, environment, flags.

pydantic-settings reads the environment. Hand-written are the origin of each value, which it does not keep, and the
names of client settings, which contain dots. TOML is parsed here, since an origin names the line.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, NamedTuple, get_origin

import orjson
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from flows.service.secrets import is_secret
from flows.service.settings import RunSettings
from flows.service.settings_section import Section
from sinks.errors import UsageError, words_of

Path = tuple[str, ...]
PREFIX = RunSettings.model_config["env_prefix"]
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
REDIS_KEYWORDS = ("redis", "client")
SECRETS = {("kafka", "client"), ("kafka", "consumer"), ("kafka", "producer"), REDIS_KEYWORDS}
# Names of librdkafka settings have dots, which shells do not allow in variables. This one has an underscore instead.
UNDERSCORED = "log_level"


def section(name: str) -> type[Section]:
    """Type of a section."""
    kind = RunSettings.model_fields[name].annotation
    assert isinstance(kind, type), "a section is a class"
    assert issubclass(kind, Section), "every setting is in a section"
    return kind


def fields() -> Iterator[tuple[Path, FieldInfo]]:
    """All settings in order, tables of client settings included."""
    for name in RunSettings.model_fields:
        for own, field in section(name).model_fields.items():
            yield (name, own), field


FIELDS = dict(fields())
TABLES = frozenset(path for path, field in FIELDS.items() if get_origin(field.annotation) is dict)


def canonical(path: Path) -> Path:
    """Path of a setting. An entry of a table has one name that includes its dots, however it was nested."""
    return (*path[:2], ".".join(path[2:])) if path[:2] in TABLES and len(path) > 2 else path


def dotted(path: Path) -> str:
    """Name of a setting as errors show it."""
    return ".".join(path)


def variable_of(path: Path) -> str:
    """Environment variable of a setting."""
    return PREFIX + "__".join(path).replace(".", "_").upper()


def known(path: Path) -> bool:
    """Whether there is such a setting."""
    return path in FIELDS or (len(path) == 3 and path[:2] in TABLES)


def nearest(path: Path) -> str:
    """End of an error message: settings with a similar name."""
    sections = list(RunSettings.model_fields)
    close = difflib.get_close_matches(dotted(path), [*map(dotted, FIELDS), *sections], n=2, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    there = section(path[0]).model_fields if path[0] in sections else sections
    return f"there are {', '.join(there)}"


class Given(NamedTuple):
    """A given value. ``exposed``: others can read it where it was given, so it must not be a secret."""

    path: Path
    value: object
    origin: str
    exposed: bool


def from_file(file: FilePath, named_by: str) -> list[Given]:
    """Read a TOML file; ``named_by`` is the flag or variable that names it.

    Raises
    ------
    UsageError
        The file cannot be read or is not TOML.
    """
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        msg = f"{named_by} {file}: required TOML (toml.io), got {error}; correct the file there"
        raise UsageError(msg) from error
    except OSError as error:
        msg = f"{named_by} {file}: required a file of settings, got {words_of(error)}; give the path of one"
        raise UsageError(msg) from error
    lines = _lines(text)
    return [Given(canonical(path), value, _origin(file, lines, path), True) for path, value in _leaves(content)]


def from_environment() -> list[Given]:
    """Read all variables ``TIDEGAUGE_SECTION__NAME``. A secret among the client settings becomes a reference to it."""
    source, prefix = EnvSettingsSource(RunSettings), PREFIX.lower()
    # A variable named like a section is not a setting, and would hide the settings of the section.
    source.env_vars = {name: text for name, text in source.env_vars.items() if "__" in name.removeprefix(prefix)}
    # pydantic-settings ignores variables of unknown sections; they must be refused.
    names = [tuple(name.removeprefix(prefix).split("__")) for name in source.env_vars if name.startswith(prefix)]
    strange = [(name, "") for name in names if name[0] not in RunSettings.model_fields]
    return [_of_variable(path, value) for path, value in sorted([*_leaves(source()), *strange])]


def _of_variable(named: Path, value: Any) -> Given:
    path, variable = named, variable_of(named)
    if named[0] == "kafka" and named[:2] in TABLES:
        path = (*named[:2], *(part if part == UNDERSCORED else part.replace("_", ".") for part in named[2:]))
    path = canonical(path)
    if path[:2] in SECRETS and len(path) == 3 and is_secret(path[2]):
        return Given((path[0], "secrets", path[2]), f"env:{variable}", f"environment {variable}", False)
    return Given(path, _typed(path, value), f"environment {variable}", False)


def from_flags(flags: Iterable[tuple[str, str, str]]) -> list[Given]:
    """Read flags, each as (flag, dotted name, value)."""
    paths = [(flag, canonical(tuple(name.split("."))), value) for flag, name, value in flags]
    return [Given(path, _typed(path, value), flag, True) for flag, path, value in paths]


def _typed(path: Path, text: str) -> Any:
    """Value of a text from environment or flags. Keywords of redis-py have types, which are guessed from the text."""
    if path[:2] == REDIS_KEYWORDS and re.fullmatch(r"true|false|-?\d+(\.\d+)?", text):
        return orjson.loads(text)
    return text


def _leaves(content: Mapping[str, Any], at: Path = ()) -> Iterator[tuple[Path, object]]:
    for key, value in content.items():
        path = (*at, key)
        # An empty section or table is kept, since its name may be misspelt.
        if isinstance(value, dict) and (value or len(path) == 1 or path in TABLES):
            yield from _leaves(value, path) if value else [(path, value)]
        else:
            yield path, value


def _origin(file: FilePath, lines: dict[str, int], path: Path) -> str:
    """File and line. Entries of an inline table have the line of the table."""
    names = (dotted(path[:length]) for length in range(len(path), 0, -1))
    found = next((lines[name] for name in names if name in lines), None)
    return str(file) if found is None else f"{file}:{found}"


def _lines(text: str) -> dict[str, int]:
    """Line number by dotted key. Lines of multi-line texts may be listed as keys; that does no harm."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, _value = re.sub(r"[\s\"']", "", line).partition("=")
        if name.startswith("[") and not equals:
            table = name.partition("]")[0].strip("[")
            lines.setdefault(table, number)
        elif equals:
            lines.setdefault(f"{table}.{name}".removeprefix("."), number)
    return lines
