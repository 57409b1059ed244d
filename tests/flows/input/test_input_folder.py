"""Files of an input folder: which are read, and the messages about the others."""

import re
from pathlib import Path

import pytest

from flows.input.input_folder import InputFile, find_inputs
from sinks.errors import UsageError
from tests.flows.events import write


def test_inputs_are_found_by_their_names(tmp_path: Path) -> None:
    """Files named after topics come in the order of the topics, plain or zipped; other files are left alone."""
    orders = write(tmp_path, "orders", [])
    decisions = write(tmp_path, "decisions", [], zipped=True)
    (tmp_path / "truth.json").write_text("{}")

    assert find_inputs(tmp_path) == [InputFile("decisions", decisions), InputFile("orders", orders)]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "required at least one of decisions.ndjson.*got none; put the events there"),
        (["order.ndjson"], "required a name of decisions.ndjson.*got order.ndjson; rename it"),
        (["orders.ndjson", "orders.ndjson.gz"], "required one file for orders, got orders.ndjson and .*; keep one"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, names: list[str], message: str) -> None:
    """No file, an unknown name, a topic twice: each error names the fix."""
    for name in names:
        (tmp_path / name).touch()

    with pytest.raises(UsageError, match=message):
        find_inputs(tmp_path)


def test_the_input_is_a_folder(tmp_path: Path) -> None:
    """A missing folder and a file are refused by name."""
    path = write(tmp_path, "orders", [])

    with pytest.raises(
        UsageError, match=re.escape(f"input {path}: required a folder") + ".*got a file; give the folder"
    ):
        find_inputs(path)
    with pytest.raises(UsageError, match="got nothing; give the folder"):
        find_inputs(tmp_path / "none")
