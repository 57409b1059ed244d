"""The comparison of the parity benchmark fails if outputs differ."""

from pathlib import Path

import msgspec
import orjson
import pytest
from redis import Redis

from benchmarks import parity
from benchmarks.parity import BAD_EVERY, Last, Outputs
from benchmarks.servers.use import Place
from sensing.contracts.audit import ControlTotals
from sensing.outputs import AUDIT, DEAD_LETTERS, EXCEPTIONS

TOTALS = ControlTotals(
    topic="orders", partition=0, read=3, absorbed=2, absorbed_late=0, duplicate=0, superseded=0, held=1, dead_letter=0
)


def outputs(data: bytes = b'{"a": 1}', totals: ControlTotals = TOTALS, **about: str) -> Outputs:
    """One exception, and control totals."""
    made = Outputs()
    made.add(EXCEPTIONS, {"id": "e#1", "type": "exception.opened", "severity": "low", "lineage": "x", **about}, data)
    made.add(AUDIT, {"id": "t", "type": "control.totals"}, msgspec.json.encode(totals))
    return made


def test_the_same_is_the_same() -> None:
    """Who recorded it when does not count."""
    parity.compare(outputs(), outputs(lineage="y", recordedtime="later"))
    assert outputs().answer() == outputs(lineage="y").answer() != outputs(b"{}").answer()


@pytest.mark.parametrize("other", [outputs(b'{"a":1}'), outputs(severity="high")])
def test_a_byte_or_an_attribute_that_differs_is_told(other: Outputs) -> None:
    """The text names topic and record."""
    with pytest.raises(AssertionError, match=r"exceptions: .* 0 missing \[\], 0 more \[\], 1 different \['e#1'\]"):
        parity.compare(outputs(), other)


def test_a_record_too_few_or_too_many_is_told() -> None:
    """Either way round."""
    with pytest.raises(AssertionError, match=r"exceptions: .* 1 missing \['e#1'\], 1 more \['e#2'\]"):
        parity.compare(outputs(), outputs(id="e#2"))


def test_a_record_that_comes_twice_is_the_same_twice() -> None:
    """At least once means repeats, but none that differ."""
    made = outputs()
    made.add(EXCEPTIONS, {"id": "e#1", "type": "exception.opened", "severity": "low"}, b'{"a": 1}')
    with pytest.raises(AssertionError, match=r"exceptions: e#1 came twice, with different contents"):
        made.add(EXCEPTIONS, {"id": "e#1", "type": "exception.opened", "severity": "low"}, b"{}")


def test_totals_must_balance_and_agree() -> None:
    """A line that is lost shows in the sum, one that went another way in the comparison."""
    lost = msgspec.structs.replace(TOTALS, absorbed=1)
    with pytest.raises(AssertionError, match=r"control totals of \('orders', 0\): required a sum of 3 read"):
        parity.compare(outputs(totals=lost), outputs(totals=lost))
    other = msgspec.structs.replace(TOTALS, absorbed=1, held=2)
    with pytest.raises(AssertionError, match="the replay ControlTotals"):
        parity.compare(outputs(), outputs(totals=other))
    foreign = outputs()
    foreign.totals["shipments", 0] = msgspec.structs.replace(TOTALS, topic="shipments")
    with pytest.raises(AssertionError, match="required nothing read"):
        parity.compare(outputs(), foreign)


def test_bad_lines_stand_among_good_ones(tmp_path: Path) -> None:
    """One after so many lines, of six kinds in turn; the lines themselves stay."""
    file = tmp_path / "orders.ndjson"
    line = {"event_id": "1-1", "event_type": "order.placed", "event_time": 0, "sku": "A", "quantity": 1}
    lines = [orjson.dumps(line)] * (6 * BAD_EVERY)
    file.write_bytes(b"\n".join(lines) + b"\n")
    assert parity.plant(file) == 6
    found = file.read_bytes().splitlines()
    assert len({text for text in found if text != lines[0]}) == 6
    assert found.count(lines[0]) == len(lines)


def test_a_dead_letter_is_the_same_in_both_forms(tmp_path: Path) -> None:
    """What a file says in JSON, a topic says in headers."""
    about = {"specversion": "1.0", "id": "dead/1#1", "source": "tidegauge", "type": "dead.letter", "time": "t"}
    letter = {"topic": "orders", "partition": 0, "offset": 7, "reason": "not_json", "field": None}
    letter |= {"required": "JSON", "got": "no", "value_base64": "Kg=="}
    for topic in parity.TOPICS:
        (tmp_path / f"{topic}.ndjson").write_bytes(b"")
    event = {**about, "datacontenttype": "application/json", "recordedtime": "now", "data": letter}
    (tmp_path / "dead-letters.ndjson").write_bytes(orjson.dumps(event) + b"\n")

    headers = {"__connect.errors.topic": "orders", "__connect.errors.partition": "0", "__connect.errors.offset": "7"}
    own = {"id": "dead/1#1", "type": "dead.letter", "time": "t", "reason": "not_json", "required": "JSON", "got": "no"}
    own |= {"source": "tidegauge"}
    headers |= {f"tidegauge_{name}": value for name, value in {**own, "original": "true", "lineage": "x"}.items()}
    made = Outputs()
    made.add(DEAD_LETTERS, parity._letter_of_topic(headers), b"*")
    parity.compare(parity.of_files(tmp_path), made)


def test_a_view_that_differs_is_told(redis: str, keys: str, tmp_path: Path) -> None:
    """A document, a key too many, an exception that is not among the open ones."""
    place = Place("", redis, keys, tmp_path)
    last = {(EXCEPTIONS, "e"): Last("x", "1", None), ("planning-parameters", "a/b"): Last("x", "2", b"{}")}
    with Redis.from_url(redis) as store:
        store.hset(f"{keys}parameters:a/b", mapping={"document": "{}", "lineage": "x", "version": "2"})
        assert parity.compare_view(place, last) == {"hashes_in_redis": 1, "open_exceptions": 0}

        store.zadd(f"{keys}exceptions:open", {"e": 1})
        with pytest.raises(AssertionError, match=r"redis: required open 0, got \['e'\]"):
            parity.compare_view(place, last)
        store.hset(f"{keys}exception:e", "document", "{}")
        with pytest.raises(AssertionError, match="redis: required no other keys"):
            parity.compare_view(place, last)
        store.hset(f"{keys}parameters:a/b", "document", "{ }")
        with pytest.raises(AssertionError, match=r"redis .*parameters:a/b: required"):
            parity.compare_view(place, last)
