"""Exit codes tell a supervisor whether a restart can help; the documents say the same."""

import re
from pathlib import Path

import click
import pytest

from flows.cli.options import readable_errors
from flows.input.kafka_log_errors import log_moved, more_partitions, recreated
from sinks.errors import EXIT_CODES, EventError, RefusedError, TidegaugeError, UsageError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TidegaugeError("a broker is away"), 1),
        (KeyboardInterrupt(), 1),
        (UsageError("engine.skip: required a position"), 2),
        (EventError("orders:0:1 failed"), 3),
        (RefusedError("topic orders: required it, got none"), 4),
        (recreated("orders", "id", None), 4),
        (log_moved("orders", 0, 5, 9, 12), 4),
        (more_partitions("orders", 2, 3), 1),
    ],
)
def test_every_error_has_its_code(error: BaseException, code: int) -> None:
    """A click error carries the code, and the code has a meaning."""
    with pytest.raises(click.ClickException) as caught, readable_errors():
        raise error
    assert caught.value.exit_code == code
    assert code in EXIT_CODES


def test_the_table_in_the_document_is_that_of_the_code(root: Path) -> None:
    """flows/README.md has a row for every code with its meaning."""
    text = (root / "flows" / "README.md").read_text()
    rows = {int(code): meaning for code, meaning in re.findall(r"^\| `(\d+)` \| (.+?) \|", text, re.MULTILINE)}
    assert rows == EXIT_CODES


def test_a_supervisor_is_told_what_not_to_restart(root: Path) -> None:
    """The unit in the document prevents restarts after exactly the codes that a restart cannot help."""
    text = (root / "flows" / "README.md").read_text()
    [prevented] = re.findall(r"^RestartPreventExitStatus=(.+)$", text, re.MULTILINE)
    assert [int(code) for code in prevented.split()] == [code for code in EXIT_CODES if code > 1]
