"""The README of the contracts explains every event type and every resolution of exceptions, and the topic has them."""

from pathlib import Path
from typing import get_args

from sensing.contracts.exceptions import ENDED, SPEC, Change, Resolution, Status

README = (Path(__file__).resolve().parents[2] / "sensing/contracts/README.md").read_text()


def test_every_event_type_is_explained() -> None:
    """In the table, tombstones included; the topic has no other types."""
    types = [f"exception.{change}" for change in get_args(Change)]
    assert list(SPEC.events) == types
    assert [name for name in (*types, "exception.forgotten") if f"| `{name}` |" not in README] == []


def test_every_resolution_is_explained() -> None:
    """And what has ended is told by the status alone."""
    listed = README.partition("<!-- code:resolutions -->")[2].partition("<!-- /code -->")[0]
    assert [name for name in get_args(Resolution) if f"| `{name}` |" not in listed] == []
    assert set(ENDED) < set(get_args(Status))
