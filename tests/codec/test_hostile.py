"""Hostile input: only records, infrequent events and rejects, never an exception, always the verdict of the slow
oracle.
"""

import json
from collections import Counter, defaultdict
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sensing.codec.careful_decoder import GOT_CHARACTERS_MAX
from sensing.codec.decode import Decoded
from sensing.codec.event_record import EVENT, Kind
from sensing.contracts.dead_letters import Reason
from tests.codec import oracle
from tests.codec.blocks import decode_lines, plain, texts_of
from tests.codec.hostile import hostile_lines
from tests.contracts.examples import EXAMPLES
from tests.searches import examples

LINES = 100_000
COMPARED = 20_000


def by_topic(lines: list[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    """Lines of every topic, in their order."""
    topics = defaultdict(list)
    for topic, line in lines:
        topics[topic].append(line)
    return topics


def check(lines: list[bytes], decoded: Decoded) -> None:
    """Every line became one thing, and each of them is well-formed."""
    positions = [*decoded.positions.tolist(), *decoded.infrequent_positions, *decoded.reject_positions]
    assert sorted(positions) == list(range(len(lines)))
    records = decoded.records
    assert records["offset"].tolist() == decoded.positions.tolist()
    assert np.isin(records["kind"], list(Kind)).all()
    assert all(texts.sku and texts.location and texts.event_id for texts in texts_of(decoded))
    assert (records["unit"] != b"").all()
    assert (np.abs(records["quantity"]) <= 10**12).all()
    assert ((records["time"] >= 0) & (records["version"] >= 1)).all()
    for position, reject in zip(decoded.reject_positions, decoded.rejects, strict=True):
        assert reject.value == lines[position]
        assert reject.reason in get_args(Reason)
        assert reject.required
        assert 0 < len(reject.got) <= GOT_CHARACTERS_MAX
        assert reject.got.isprintable()


@pytest.mark.slow
def test_a_hundred_thousand_hostile_lines() -> None:
    """None raises or stops a block, and the counts add up. Nearly every reason and many good events are among them."""
    counts: Counter[str] = Counter()
    for topic, lines in by_topic(list(hostile_lines(seed=20260105, count=LINES))).items():
        decoded = decode_lines(topic, lines)
        check(lines, decoded)
        counts.update(reject.reason for reject in decoded.rejects)
        counts["taken"] += len(decoded.records) + len(decoded.infrequent)

    assert counts.total() == LINES
    assert min(counts.values()) > 100
    assert len(counts) == 12


def verdicts(decoded: Decoded) -> list[tuple[str, Any]]:
    """Reason and field of every line, or "taken" and its record with its texts."""
    found: dict[int, tuple[str, Any]] = dict.fromkeys(decoded.infrequent_positions, ("taken", None))
    taken = zip(decoded.positions.tolist(), decoded.records, texts_of(decoded), strict=True)
    found |= {at: ("taken", (record, texts)) for at, record, texts in taken}
    for at, reject in zip(decoded.reject_positions, decoded.rejects, strict=True):
        found[at] = (reject.reason, reject.field and reject.field.partition("[")[0])
    return [found[at] for at in range(len(found))]


def compare(topic: str, lines: list[bytes]) -> None:
    """The codec gives the verdict and the values of the oracle."""
    for line, (reason, found) in zip(lines, verdicts(decode_lines(topic, lines)), strict=True):
        expected_reason, expected = oracle.judge(topic, line)
        assert (expected_reason, line) == (reason, line)
        if reason != "taken":
            assert (expected, line) == (found, line)
        elif (values := oracle.record(expected)) is None:
            assert found is None
        else:
            assert values == plain(*found, *values)


@pytest.mark.compiled
def test_verdicts_are_those_of_the_oracle() -> None:
    """Reason, field and values are those that ``json.loads`` and checks by hand give."""
    for topic, lines in by_topic(list(hostile_lines(seed=3, count=COMPARED))).items():
        compare(topic, lines)


@pytest.mark.compiled
def test_a_bad_line_changes_nothing_for_its_neighbours() -> None:
    """Good lines among hostile ones come out as they do alone."""
    for topic, lines in by_topic(list(hostile_lines(seed=4, count=3000))).items():
        found = verdicts(decode_lines(topic, lines))
        alone = [verdicts(decode_lines(topic, [line]))[0] for line in lines]
        for (reason, what), (reason_alone, what_alone) in zip(found, alone, strict=True):
            assert reason == reason_alone
            if reason == "taken" and what is not None:
                (record, texts), (record_alone, texts_alone) = what, what_alone
                record["offset"] = 0
                assert (record.tobytes(), texts) == (record_alone.tobytes(), texts_alone)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def patched(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An event of any type with any values in up to three fields."""
    topic, event = draw(st.sampled_from(EXAMPLES))
    return topic, event | draw(st.dictionaries(st.sampled_from([*event, "x"]), json_values, max_size=3))


LONE = (
    "reference",
    {"event_id": "1", "event_type": "calendar.updated", "event_time": "2026-01-05T09:30:00Z", "calendar": "DE"},
)


@settings(max_examples=examples(100))
@given(patched())
@example((LONE[0], LONE[1] | {"closed_weekdays": [1, "\ud800"]}))
@example((LONE[0], LONE[1] | {"holidays": ["\ud800"]}))
def test_any_values_in_any_field(case: tuple[str, dict[str, Any]]) -> None:
    """Any JSON value in any field gets the verdict of the oracle, written with and without escapes."""
    topic, event = case
    written = [json.dumps(event), json.dumps(event, ensure_ascii=False)]
    compare(topic, [text.encode("utf-8", "surrogatepass") for text in written])


@settings(max_examples=examples(80))
@given(st.sampled_from(sorted({topic for topic, _ in EXAMPLES})), st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes(topic: str, lines: list[bytes]) -> None:
    """Any bytes at all become rejects."""
    decoded = decode_lines(topic, lines)
    check(lines, decoded)
    assert len(decoded.rejects) == len(lines)
    assert decoded.records.dtype == EVENT
