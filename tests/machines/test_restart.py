"""A run without saved state that begins where an earlier one has left exceptions in the topic."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.input.earlier_exceptions import as_notices
from sensing.codec.event_record import EVENT, Batch
from sensing.contracts.exceptions import ENDED, ExceptionState
from sensing.machine_settings import DAY_MS, Settings
from sensing.outputs import EXCEPTIONS, OutputRecord
from tests.machines.business import young_stream
from tests.machines.streams import MONDAY, Result, Run, Stream
from tests.searches import examples

SHARDS = Settings(shards=3)
GONE: dict[str, Any] = {
    "exception_id": "surge:GONE|LON:20260201", "exception_type": "order_surge", "version": 3, "status": "opened",
    "severity": "low", "sku": "GONE", "location": "LON", "opened_at": "2026-02-01T10:00:00.000Z",
    "updated_at": "2026-02-01T10:00:00.000Z", "reason": "Many orders.",
}  # fmt: skip
"""An open exception that no run finds again."""
GONE_NAME = GONE | {
    "exception_id": "master_data:GONE|location:20260201", "exception_type": "master_data", "sku": None,
    "location": "GONE",
}  # fmt: skip
"""The same of the roll-up."""


def topic_of(outputs: Iterable[Sequence[OutputRecord]], before: dict[str, ExceptionState]) -> dict[str, ExceptionState]:
    """The compacted topic after some outputs."""
    topic = dict(before)
    for records in outputs:
        for record in records:
            if record.topic == EXCEPTIONS:
                topic.pop(record.subject, None)
                if record.data:
                    topic[record.subject] = msgspec.json.decode(record.data, type=ExceptionState)
    return topic


def open_ids(topic: dict[str, ExceptionState]) -> set[str]:
    """Ids of open exceptions."""
    return {exception_id for exception_id, state in topic.items() if state.status not in ENDED}


def begin(known: Iterable[ExceptionState], chosen: Settings, *, dumped: bool = False) -> Run:
    """A run that has read the topic."""
    engine = Run(chosen)
    engine.apply(Batch(np.empty(0, EVENT), [(0, notice) for notice in as_notices(list(known))], 0))
    if dumped:
        engine.restart()
    return engine


def finish(engine: Run, stream: Stream, cuts: Iterable[int] = ()) -> Result:
    """The rest of a stream, from its beginning."""
    at = 0
    for stop in [*cuts, len(stream)]:
        engine.apply(stream.cut(at, stop), stream.books(at, stop))
        at = stop
    engine.end(stream)
    return engine.result()


def until(stream: Stream, cut: int, chosen: Settings = SHARDS) -> dict[str, ExceptionState]:
    """The topic that a run leaves which is stopped after ``cut`` messages."""
    engine = Run(chosen)
    engine.apply(stream.cut(0, cut), stream.books(0, cut))
    return topic_of(engine.outputs, {})


@given(st.integers(0, 10**6), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans())
@settings(max_examples=examples(3))
def test_a_run_that_was_stopped_anywhere_finds_the_same(seed: int, cut: float, other: float, dumped: bool) -> None:
    """What the topic has changes no output of the run that begins again; what no run finds ends in it."""
    stream = young_stream(seed)
    known = until(stream, round(cut * len(stream)))
    first = finish(Run(SHARDS), stream)
    gone = [msgspec.convert(each, ExceptionState) for each in (GONE, GONE_NAME)]
    again = finish(begin([*known.values(), *gone], SHARDS, dumped=dumped), stream, [round(other * len(stream))])
    ends: list[OutputRecord] = []
    for records, expected in zip(again.outputs, first.outputs, strict=True):
        more = [record for record in records if record.subject in (GONE["exception_id"], GONE_NAME["exception_id"])]
        ends += more
        if records is not again.outputs[-2]:  # the ledger's instants depend on cuts
            rest = [record for record in records if record not in more]
            assert [each._replace(number=0) for each in rest] == [each._replace(number=0) for each in expected]
    told = {record.subject: record for record in ends if record.data}
    assert len(told) == 2
    for record in told.values():
        state = msgspec.json.decode(record.data, type=ExceptionState)
        assert (record.type, state.version, state.resolution) == ("exception.resolved", 4, "not_found_again")
    topic = topic_of(again.outputs, known | {state.exception_id: state for state in gone})
    assert open_ids(topic) == open_ids(topic_of(first.outputs, {}))


@given(st.integers(0, 10**6), st.integers(2, 10))
@settings(max_examples=examples(2))
def test_a_backfill_goes_on_with_what_is_known(seed: int, day: int) -> None:
    """Nothing that subscribers know is opened again; versions go on; in the end the same problems are open."""
    stream = young_stream(seed)
    end = MONDAY + day * DAY_MS
    cut = int(np.searchsorted(stream.watermarks, end))
    known = until(stream, cut)
    again = finish(begin(known.values(), msgspec.structs.replace(SHARDS, quiet_until=end)), stream)
    versions = {exception_id: state.version for exception_id, state in known.items()}
    for records in again.outputs:
        for record in records:
            if record.topic != EXCEPTIONS:
                continue
            version = int(record.id.rpartition("#")[2])
            assert (record.type == "exception.opened") == (record.subject not in versions)
            assert version == versions.get(record.subject, 0) + 1
            versions[record.subject] = version
    loud = topic_of(finish(Run(SHARDS), stream).outputs, {})
    assert open_ids(topic_of(again.outputs, known)) == open_ids(loud)


@pytest.mark.parametrize("shards", [1, 4])
def test_the_roll_up_gets_its_own_once(shards: int) -> None:
    """Whichever shard hears of it."""
    engine = begin([msgspec.convert(GONE_NAME, ExceptionState)], Settings(shards=shards))
    assert [len(shard.state.problems.earlier) for shard in engine.shards] == [0] * shards
    engine.tick(MONDAY)
    engine.tick(MONDAY + DAY_MS)
    (record,) = engine.outputs[-1]
    assert (record.type, record.id) == ("exception.resolved", f"{GONE_NAME['exception_id']}#4")
