"""The picture and the records in README.md equal those that the current code makes of the example."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from benchmarks import example, harness, picture, readme
from benchmarks.__main__ import main
from benchmarks.example import Example, replay_example

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
PIXELS_MAX = 1.0
STALE = "is stale. Fix: python -m benchmarks example"


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """One replay for all tests."""
    return replay_example(tmp_path_factory.mktemp("example"))


def test_the_picture_is_current(replayed: Example, root: Path) -> None:
    """Nothing in the committed picture is further than a pixel from where the code draws it."""
    committed, drawn = (root / readme.PICTURE).read_text(), picture.draw(replayed)

    assert NUMBER.sub("#", committed) == NUMBER.sub("#", drawn), f"{readme.PICTURE} {STALE}"
    before, now = (np.array(NUMBER.findall(text), dtype=float) for text in (committed, drawn))
    assert np.abs(before - now).max() <= PIXELS_MAX, f"{readme.PICTURE} {STALE}"


def test_the_records_are_current(replayed: Example, root: Path) -> None:
    """README.md shows the exception and the parameters as they come out, and both blocks are JSON."""
    text = (root / readme.README).read_text()
    assert text == example.with_records(text, replayed), f"{readme.README} {STALE}"
    exception, parameters = map(orjson.loads, re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    assert (exception["exception_type"], exception["sku"]) == ("order_surge", example.SKU)
    assert parameters["change"]["sentence"].startswith("Reorder point ")


def test_the_picture_shows_what_its_text_says(replayed: Example) -> None:
    """The surge is found on its first day, and the forecast of a day was published before it."""
    opened = replayed.exceptions[0]["data"]["opened_at"]
    assert opened[:10] == replayed.surge["days"][0]
    for record in replayed.parameters:
        assert record["data"]["forecast"]["start"] > record["data"]["as_of"]


def test_the_picture_is_readable_in_light_and_dark(replayed: Example) -> None:
    """It is well-formed, brings its own background, and every coloured class has a colour in both schemes."""
    drawn = picture.draw(replayed)
    tree = ElementTree.fromstring(drawn)
    used = {name for element in tree.iter() for name in element.get("class", "").split()} - {"title"}
    light, dark = picture.style().split("@media (prefers-color-scheme: dark)")
    assert used == set(picture.COLOURS)
    for name in used:
        assert f".{name} {{" in light, name
        assert f".{name} {{" in dark, name
    assert all(element.get("class") for element in tree.iter() if element.tag.endswith(("}text", "}rect", "}path")))


def test_the_command_writes_picture_and_records(
    replayed: Example, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``example`` puts both where they are shown."""
    monkeypatch.setattr(harness, "ROOT", tmp_path)
    monkeypatch.setattr(example, "replay_example", lambda _folder: replayed)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / readme.README).write_text((root / readme.README).read_text())
    assert CliRunner().invoke(main, ["example"]).exit_code == 0
    assert (tmp_path / readme.PICTURE).read_text() == picture.draw(replayed)
    assert "```json" in (tmp_path / readme.README).read_text()
