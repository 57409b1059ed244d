"""Table mappings of the operator: a TOML file with a table per database table. Settings and commands call it.

`sensing.codec.table_mapping` says what is in it.
"""

import tomllib
from pathlib import Path
from typing import Any

from sensing.codec.table_mapping import read_mappings
from sinks.errors import UsageError

TABLES_TEXT = "a TOML file that maps database tables to events"


def read_tables(path: Path) -> dict[str, Any]:
    """The mappings of a file, checked, as plain objects.

    Raises
    ------
    UsageError
        The file cannot be read, is no TOML, or has a mapping that is none.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"tables {path}: required {TABLES_TEXT}, got {error}; correct it"
        raise UsageError(msg) from error
    try:
        read_mappings(found)
    except ValueError as error:
        msg = f"tables {path}, {error}; correct it"
        raise UsageError(msg) from error
    return found
