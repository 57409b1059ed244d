"""Reads all settings: flags over environment over TOML file. Commands call `load`.

pydantic reports every invalid value at once; this file turns its reports into sentences with the origin of each.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from pydantic import ValidationError

from flows.service import client_settings
from flows.service.secrets import has_password, masked
from flows.service.settings import RunSettings
from flows.service.settings_section import Refusal, required
from flows.service.settings_sources import (
    CONFIG_VARIABLE,
    FIELDS,
    TABLES,
    Given,
    Path,
    dotted,
    from_environment,
    from_file,
    from_flags,
    known,
    nearest,
    variable_of,
)
from sinks.errors import UsageError

SHOWN_MAX = 80


class Resolved(NamedTuple):
    """Settings, and the origin of every one that is not a default."""

    settings: RunSettings
    origins: dict[Path, str]


class Problem(NamedTuple):
    """An error in one setting."""

    name: str
    origin: str
    text: str


def load(config: FilePath | None = None, flags: Iterable[tuple[str, str, str]] = ()) -> Resolved:
    """Read the file (``config``, else the one that TIDEGAUGE_CONFIG names, else none), the environment and flags.

    Parameters
    ----------
    flags
        Each as (flag, dotted name of the setting, value).

    Raises
    ------
    UsageError
        Names every wrong setting with its origin, what is legal and what was got.
    """
    given = [*_file(config), *from_environment(), *from_flags(flags)]
    problems = [*_misnamed(), *(problem for value in given for problem in _unfit(value))]
    usable = {value.path: value for value in given if known(value.path) and value.path not in TABLES}
    origins = {path: value.origin for path, value in usable.items()}
    try:
        settings = RunSettings.model_validate(_nested(usable.values()))
    except ValidationError as error:
        problems += _wrong(error, origins)
    else:
        refused = client_settings.refusals(settings)
        problems += [Problem(dotted(path), origins.get(path, "settings"), text) for path, text in refused]
    if problems:
        raise UsageError(_report(problems))
    return Resolved(settings, origins)


def _file(config: FilePath | None) -> list[Given]:
    if config is not None:
        return from_file(config, "--config")
    named = os.environ.get(CONFIG_VARIABLE, "")
    return from_file(FilePath(named), CONFIG_VARIABLE) if named else []


def _misnamed() -> Iterator[Problem]:
    """Environment variables with one underscore too few. Values such as ``tcp://`` are set by Kubernetes; skip them."""
    for path in FIELDS:
        variable = variable_of(path)
        near = variable.replace("__", "_")
        if near in os.environ and not os.environ[near].startswith(("tcp://", "udp://", "sctp://")):
            text = f"required two underscores after the section, got one; name it {variable}"
            yield Problem(dotted(path), f"environment {near}", text)


def _unfit(given: Given) -> Iterator[Problem]:
    """Errors of one value that do not depend on others. Values of unknown settings are not shown."""
    if given.path in TABLES:
        if given.value != {}:
            text = f"required {required(FIELDS[given.path])}, got a {type(given.value).__name__}"
            yield Problem(dotted(given.path), given.origin, text)
    elif not known(given.path):
        if len(given.path) == 1 and given.path[0] in RunSettings.model_fields:
            if given.value != {}:
                yield Problem(given.path[0], given.origin, "required a section with settings in it, got a value")
        else:
            yield Problem(dotted(given.path), given.origin, f"there is no such setting; {nearest(given.path)}")
    elif given.exposed and isinstance(given.value, str) and has_password(given.value):
        fix = f"give it as {variable_of(given.path)}"
        if given.path[0] == "redis":
            fix += ', or the password alone as redis.secrets.password = "env:NAME" or "file:PATH"'
        text = f"required no password in a file of settings or a flag, got {masked(given.value)}; {fix}"
        yield Problem(dotted(given.path), given.origin, text)


def _nested(given: Iterable[Given]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for value in given:
        at = values
        for key in value.path[:-1]:
            at = at.setdefault(key, {})
        at[value.path[-1]] = value.value
    return values


def _wrong(error: ValidationError, origins: dict[Path, str]) -> Iterator[Problem]:
    for found in error.errors(include_url=False):
        # pydantic appends "[key]" or a union tag to ``loc``; keep three parts.
        path = tuple(str(part) for part in found["loc"])[:3]
        cause = found.get("ctx", {}).get("error")
        if isinstance(cause, Refusal):
            refusal = cause
        else:
            refusal = Refusal(required(FIELDS[path[:2]]), repr(found["input"]))
        got = "" if refusal.got is None else f", got {_shown(refusal.got)}"
        fix = f"; {refusal.fix}" if refusal.fix else ""
        yield Problem(dotted(path), origins.get(path, "settings"), f"required {refusal.required}{got}{fix}")


def _shown(got: str) -> str:
    text = masked(got)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."


def _report(problems: list[Problem]) -> str:
    lines = [f"{problem.name} ({problem.origin}): {problem.text}" for problem in sorted(set(problems))]
    if len(lines) == 1:
        return lines[0]
    return "\n  ".join([f"{len(lines)} settings cannot be used:", *lines])
