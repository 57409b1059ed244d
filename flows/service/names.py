"""Names of settings: which there are, how they are written in files, in the environment and in flags."""

import difflib
from collections.abc import Iterator
from typing import get_origin

from pydantic.fields import FieldInfo

from flows.service.section import Section
from flows.service.settings import RunSettings

Path = tuple[str, ...]
PREFIX = RunSettings.model_config["env_prefix"]


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
    """Path of a setting: what is inside a table has one name, dots and all, however it was nested."""
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
    """What may have been meant, to end a sentence with."""
    sections = list(RunSettings.model_fields)
    close = difflib.get_close_matches(dotted(path), [*map(dotted, FIELDS), *sections], n=2, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    there = section(path[0]).model_fields if path[0] in sections else sections
    return f"there are {', '.join(there)}"
