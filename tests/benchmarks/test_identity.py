"""Identity of outputs: the same input gives the same hashes, and differences are reported by name."""

from pathlib import Path
from random import Random

import orjson
import pytest

from benchmarks import identity
from flows.replay_job import replay
from tests.flows.events import MONDAY, order, write


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Outputs of some orders, bad ones among them."""
    write(tmp_path / "in", "orders", [order(n, MONDAY + n * 3_600_000) for n in range(80)] + [b"bad", b"worse"])
    replay(tmp_path / "in", tmp_path / "out")
    return tmp_path / "out"


def test_what_differs_is_named(output: Path) -> None:
    """A changed value and another order within a key; the time of recording and the order of keys do not count."""
    recorded = {"in": identity.hashes_of(output)}
    assert recorded["in"]["dead-letters"]["records"] == 2
    letters = output / "dead-letters.ndjson"
    first, second = letters.read_bytes().splitlines(keepends=True)
    letters.write_bytes(orjson.dumps(orjson.loads(first) | {"recordedtime": "2099"}) + b"\n" + second)
    assert identity.differences(recorded, {"in": identity.hashes_of(output)}) == []
    letters.write_bytes(second + first)
    (difference,) = identity.differences(recorded, {"in": identity.hashes_of(output)})
    assert difference.startswith("in, dead-letters: required {'records': 2")
    assert len(identity.differences(recorded, {})) == len(recorded["in"])


def test_hostile_lines_are_the_same_every_time() -> None:
    """Each line stays, with a broken one behind every so many."""
    lines = [order(n, MONDAY) for n in range(100)]
    found = [list(identity._attacked(Random(1), lines)) for _ in range(2)]
    assert found[0] == found[1]
    assert [line for line in found[0] if line in lines][: len(lines)]
    assert len(found[0]) == 100 + 100 // identity.HOSTILE_EVERY
