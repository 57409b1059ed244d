"""Every message is counted once: read = absorbed + absorbed_late + duplicate + superseded + held + dead_letter."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.replay_job import replay
from sensing.machine_settings import Settings
from tests.codec.hostile import hostile_lines
from tests.machines.business import business, usual, usual_stream, young_stream
from tests.machines.streams import Line, Stream, run, sizes
from tests.searches import examples

pytestmark = pytest.mark.compiled

OUTCOMES = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")


def check_books(totals: list[dict[str, Any]], letters: list[dict[str, Any]], read: Counter[str]) -> None:
    """Control totals balance and count all messages read and all dead letters. No message has two dead letters.

    A held event stays counted as held, so its dead letter is counted as released only.
    """
    assert {books["topic"]: books["read"] for books in totals} == dict(read)
    assert all(books["read"] == sum(books[outcome] for outcome in OUTCOMES) for books in totals)
    places = Counter((letter["topic"], letter["partition"], letter["offset"]) for letter in letters)
    assert set(places.values()) <= {1}
    dead = Counter(letter["topic"] for letter in letters)
    for books in totals:
        assert books["dead_letter"] <= dead[books["topic"]] <= books["dead_letter"] + books["released"]


def mixed(lines: list[Line], seed: int, count: int) -> list[Line]:
    """A stream with hostile lines at random places."""
    places = random.Random(seed)
    found = list(lines)
    for topic, value in hostile_lines(seed, count):
        found.insert(places.randrange(len(found) + 1), Line(topic, value))
    return found


def test_three_months_are_accounted_for() -> None:
    """The books of the usual stream balance."""
    found = usual()
    totals = [data for data in found.data("audit") if "read" in data]
    check_books(totals, found.data("dead-letters"), Counter(message.topic for message in usual_stream().lines))


@pytest.mark.slow
@given(st.integers(0, 10**6), st.sampled_from([1, 3]), st.sampled_from([7, 500]))
@example(98, 1, 7)  # an event is released from quarantine and becomes a dead letter, since its unit is unknown
@settings(max_examples=examples(3))
def test_any_stream_is_accounted_for(seed: int, shards: int, size: int) -> None:
    """Books balance with hostile lines mixed in, for any number of shards and any blocks."""
    stream = Stream(mixed(list(young_stream(seed).lines), seed, 200))
    found = run(stream, Settings(shards=shards), sizes(stream, size))
    totals = [data for data in found.data("audit") if "read" in data]
    check_books(totals, found.data("dead-letters"), Counter(message.topic for message in stream.lines))


def test_a_replay_is_accounted_for(tmp_path: Path) -> None:
    """Control totals of a replay of files with hostile lines balance and say how many lines there were."""
    lines = mixed(business(13, 11), 13, 400)
    folder = tmp_path / "in"
    folder.mkdir()
    read: Counter[str] = Counter()
    for topic in sorted({message.topic for message in lines}):
        # What a line may hold is a matter for the decoder's tests: here every message is one line.
        values = [message.value.replace(b"\n", b" ") for message in lines if message.topic == topic]
        (folder / f"{topic}.ndjson").write_bytes(b"\n".join(values) + b"\n")
        read[topic] = sum(bool(value.strip()) for value in values)
    replay(folder, tmp_path / "out", Settings(shards=3), batch_messages=100)
    audit = [orjson.loads(text) for text in (tmp_path / "out" / "audit.ndjson").read_bytes().splitlines()]
    letters = [orjson.loads(text) for text in (tmp_path / "out" / "dead-letters.ndjson").read_bytes().splitlines()]
    totals = [event["data"] for event in audit if event["type"] == "control.totals"]
    check_books(totals, [event["data"] for event in letters], read)
    places = [(event["data"]["topic"], event["data"]["partition"], event["data"]["offset"]) for event in letters]
    assert places == sorted(places)
    assert {event["data"]["original"] for event in letters} == {True, False}
