"""Lines of a folder in the order of a replay: every line as it is, once, with its key."""

from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.input.input_folder import find_inputs
from flows.input.original_lines import original_lines
from sensing.machine_settings import HOUR_MS, Settings
from tests.contracts.examples import EXAMPLES, Event
from tests.flows.events import MAKERS, MONDAY, order, write
from tests.flows.input.oracles import merge, too_far_ahead

HOURS = st.lists(st.integers(0, 90).map(lambda hour: MONDAY + hour * HOUR_MS), max_size=130)

KEYS = {
    "decision.made": b"SKU-1/DC-1",
    "execution.confirmed": b"SKU-1/DC-1",
    "supplier.disrupted": b"SUP-1",
    "location.updated": b"DC-1",
    "supplier.updated": b"SUP-1",
    "customer.updated": b"C-1",
    "calendar.updated": b"DE",
    "policy.updated": b"SKU-1/DC-1",
    "plan.published": b"SKU-1/DC-1",
    "parameters.in_force": b"SKU-1/DC-1",
    "promotion.approved": b"P-1",
    "signal.observed": b"S-1",
}
"""Keys of events that are about something else than one SKU, whose is SKU-1."""


def together(folder: Path) -> list[tuple[str, int, bytes, bytes | None]]:
    """Topic, number, value and key of all lines of a folder."""
    blocks = list(original_lines(find_inputs(folder), Settings()))
    assert all(block.values for block in blocks)
    return [
        line for block in blocks for line in zip(block.topics, block.numbers, block.values, block.keys, strict=True)
    ]


@given(files=st.dictionaries(st.sampled_from(list(MAKERS)), HOURS, min_size=1))
def test_the_order_is_that_of_a_replay(files: dict[str, list[int]]) -> None:
    """Lines come in the order of a merge one by one, late ones where they stood, each with its bytes and its SKU.

    A line too far in the future takes no part in the merge and stays where it stands in its file.
    """
    settings = Settings()
    lines = {topic: [MAKERS[topic](i, time) for i, time in enumerate(times)] for topic, times in files.items()}
    future = {topic: too_far_ahead(times, settings.skew_ms) for topic, times in files.items()}
    with TemporaryDirectory() as name:
        for topic, values in lines.items():
            write(Path(name), topic, values)
        found = together(Path(name))

    merged = [(message.topic, message.line) for message in merge(files, settings)]
    assert [(topic, line) for topic, line, _, _ in found if not future[topic][line]] == merged
    for topic, values in lines.items():
        mine = [(line, value, key) for name, line, value, key in found if name == topic]
        assert mine == [(i, value, orjson.loads(value)["sku"].encode()) for i, value in enumerate(values)]


@pytest.mark.parametrize(("topic", "event"), EXAMPLES, ids=lambda case: case if isinstance(case, str) else "")
def test_every_event_has_its_key(tmp_path: Path, topic: str, event: Event) -> None:
    """The key is the SKU, or what else an event is about."""
    write(tmp_path, topic, [orjson.dumps(event)])

    ((_, _, _, key),) = together(tmp_path)

    assert key == KEYS.get(event["event_type"], b"SKU-1")


def test_reference_comes_first(tmp_path: Path) -> None:
    """The whole reference comes before all else, whatever its times."""
    location = {"event_id": "r", "event_type": "location.updated", "location": "L1"}
    reference = [orjson.dumps(location | {"event_time": MONDAY + HOUR_MS}), orjson.dumps(location), b"bad"]
    write(tmp_path, "orders", [order(1, MONDAY)])
    write(tmp_path, "reference", reference)

    assert together(tmp_path) == [
        ("reference", 0, reference[0], b"L1"),
        ("reference", 1, reference[1], b"L1"),
        ("reference", 2, b"bad", None),
        ("orders", 0, order(1, MONDAY), b"sku-1"),
    ]


def test_what_is_refused_has_its_key_if_it_has_one(tmp_path: Path) -> None:
    """A line that cannot be decoded has no key, one refused for its time has; a policy for all is about no one."""
    lines = [order(1, MONDAY + 400 * 24 * HOUR_MS), b"\xff\x00bad", *(order(i, MONDAY) for i in range(9)), b" [] "]
    write(tmp_path, "orders", [lines[0], b"", *lines[1:]], zipped=True)
    policy = {"event_id": "r", "event_type": "policy.updated", "cover_days": 14}
    write(tmp_path, "reference", [orjson.dumps(policy)])

    (_, _, _, about_all), *found = together(tmp_path)

    assert about_all is None
    assert [number for _, number, _, _ in found] == [0, *range(2, 13)]
    assert [value for _, _, value, _ in found] == lines
    assert [key for _, _, _, key in found] == [b"sku-1", None, *(b"sku-%d" % (i % 7) for i in range(9)), None]


def test_how_far_it_is(tmp_path: Path) -> None:
    """The clock is the largest event time so far, none in reference; all bytes are read at the end."""
    paths = [
        write(tmp_path, "orders", [order(i, MONDAY + i) for i in range(50)]),
        write(tmp_path, "inventory", [b"bad"]),
        write(tmp_path, "reference", [b"bad"]),
    ]
    blocks = list(original_lines(find_inputs(tmp_path), Settings()))

    assert [blocks[0].clock, blocks[-1].clock] == [None, MONDAY + 49]
    assert blocks[-1].bytes_read == sum(path.stat().st_size for path in paths)
