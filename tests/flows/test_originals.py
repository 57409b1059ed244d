"""Lines of a folder in the order of a replay: every line as it is, once, with its key."""

from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sources.folder import find_inputs
from flows.sources.original import Originals, key_of, originals
from sensing.settings import HOUR_MS, Settings
from tests.contracts.examples import EXAMPLES
from tests.flows.events import MAKERS, MONDAY, order, write
from tests.flows.oracles import merge

HOURS = st.lists(st.integers(0, 90).map(lambda hour: MONDAY + hour * HOUR_MS), max_size=130)
LOCATION = {"event_id": "r1", "event_type": "location.updated", "location": "L1"}


def together(folder: Path) -> Originals:
    """All lines of a folder."""
    found = Originals([], [], [], [], None, 0)
    for block in originals(find_inputs(folder), Settings()):
        assert block.values
        found = Originals(*(one + more for one, more in zip(found[:4], block[:4], strict=True)), *block[4:])
    return found


@given(files=st.dictionaries(st.sampled_from(list(MAKERS)), HOURS, min_size=1))
def test_the_order_is_that_of_a_replay(files: dict[str, list[int]]) -> None:
    """Lines come in the order of a merge one by one, late ones where they stood, each with its bytes and number."""
    lines = {topic: [MAKERS[topic](i, time) for i, time in enumerate(times)] for topic, times in files.items()}
    with TemporaryDirectory() as name:
        for topic, values in lines.items():
            write(Path(name), topic, values)
        found = together(Path(name))

    expected = [(message.topic, message.line) for message in merge(files, Settings())]
    assert list(zip(found.topics, found.numbers, strict=True)) == expected
    assert found.values == [lines[topic][line] for topic, line in expected]
    assert found.keys == [orjson.loads(value)["sku"].encode() for value in found.values]
