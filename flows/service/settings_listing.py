"""Settings listing of ``tidegauge run --check``: all settings with their origins, as valid TOML."""

from collections.abc import Iterator

import orjson
from pydantic import SecretStr

from flows.service.secrets import MASK, Secret, has_password, masked
from flows.service.settings_load import Resolved
from flows.service.settings_sources import FIELDS, TABLES, Path

COLUMN_MAX = 44


def listing(resolved: Resolved) -> str:
    """All settings, secrets masked."""
    lines: list[str] = []
    for section in type(resolved.settings).model_fields:
        lines += ["", f"[{section}]"]
        paths = [path for path in FIELDS if path[0] == section]
        for path in paths:
            if path not in TABLES:
                lines.append(_line(path, _value(resolved, path), resolved))
        for path in paths:
            if path in TABLES and (table := _value(resolved, path)):
                lines += ["", f"[{'.'.join(path)}]", *_table(path, table, resolved)]
    return "\n".join(lines[1:])


def _value(resolved: Resolved, path: Path) -> object:
    return getattr(getattr(resolved.settings, path[0]), path[1])


def _table(path: Path, table: object, resolved: Resolved) -> Iterator[str]:
    assert isinstance(table, dict), "only tables are listed as such"
    for name, value in table.items():
        yield _line((*path, name), value, resolved)


def _line(path: Path, value: object, resolved: Resolved) -> str:
    origin = resolved.origins.get(path, "default")
    key = _text(path[-1]) if len(path) > 2 else path[-1]
    match value:
        case None:
            return _aligned(f"# {key} is not set", origin)
        case Secret():
            return _aligned(f"{key} = {_text(value.reference)}", f"{MASK}, {origin}")
        case SecretStr():
            # A URL with a password must not be in a file, so the line is a comment.
            text = value.get_secret_value()
            return _aligned(f"{'# ' if has_password(text) else ''}{key} = {_text(masked(text))}", origin)
    return _aligned(f"{key} = {_text(value)}", origin)


def _text(value: object) -> str:
    """A text, number or boolean in TOML, which is the same as JSON for them."""
    return orjson.dumps(value).decode().replace("\x7f", "\\u007f")


def _aligned(text: str, origin: str) -> str:
    return f"{text:<{COLUMN_MAX}}  # {origin}"
