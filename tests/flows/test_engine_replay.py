"""The real machines through the whole flow."""

import functools
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from flows import replay_job
from flows.replay_job import replay
from flows.runtime.execute import execute
from sensing.machine_settings import Settings
from tests.flows.counting import outputs_of, shuffled_lines
from tests.flows.events import MAKERS, MONDAY, order, write

pytestmark = pytest.mark.slow

DAYS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of orders, counts and purchase orders with late lines, repeats and dead letters.

    Some orders of the second day name a location whose record takes effect on the third. One item passes over to
    another one on the second day, a second one behind the last event.
    """
    top = tmp_path_factory.mktemp("engine") / "in"
    for topic, step in (("orders", 600_000), ("inventory", 7_200_000), ("suppliers", 3_600_000)):
        lines = shuffled_lines(MAKERS[topic], DAYS * 86_400_000 // step, MONDAY, step)
        lines[5::40] = [b"nonsense"] * len(lines[5::40])
        if topic == "orders":
            day = range(144, 288, 12)
            lines[144:288:12] = [order(number, MONDAY + number * step, location="L2") for number in day]
        write(top, topic, [*lines[:20], *lines[3:7], *lines[20:]])
    known: dict[str, Any] = {"event_type": "location.updated", "time_zone": "Asia/Tokyo"}
    later = known | {"event_id": "r2", "location": "L2", "event_time": MONDAY + 2 * 86_400_000}
    switches = [
        {"event_id": f"s{old}", "event_type": "item.updated", "sku": f"sku-{old}", "successor": f"sku-{new}",
         "successor_from": MONDAY + int(day * 86_400_000)}
        for old, new, day in ((1, 2, 1.4), (3, 4, 2.999))
    ]  # fmt: skip
    records = [known | {"event_id": "r", "location": "L1"}, later, *switches]
    write(top, "reference", list(map(orjson.dumps, records)))
    return top


@pytest.fixture(scope="module")
def expected(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Outputs of the plain run."""
    out = tmp_path_factory.mktemp("engine-out") / "out"
    replay(folder, out)
    return outputs_of(out)


@pytest.mark.parametrize(
    "options", [{"batch_messages": 1}, {"batch_messages": 7}, {"workers": 2}, {"workers": 3, "batch_messages": 50}]
)
def test_outputs_of_the_engine_are_the_same_bytes(
    folder: Path, expected: dict[str, bytes], tmp_path: Path, options: Any
) -> None:
    """Neither blocks nor processes show in any output of the real machines."""
    replay(folder, tmp_path / "out", **options)

    assert outputs_of(tmp_path / "out") == expected


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_of_bytewax_do_not_show(
    folder: Path, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    """Spread over several workers, which exchange items as those of a cluster do, the flow writes the same bytes."""
    monkeypatch.setattr(replay_job, "execute", functools.partial(execute, workers=threads))
    replay(folder, tmp_path / "out", batch_messages=50)

    assert outputs_of(tmp_path / "out") == expected


@pytest.mark.parametrize("shards", [1, 5])
def test_a_name_has_one_exception_over_all_shards(
    folder: Path, expected: dict[str, bytes], tmp_path: Path, shards: int
) -> None:
    """The states of the unknown location are the same bytes for any number of shards."""
    replay(folder, tmp_path / "out", Settings(shards=shards))

    def states(files: dict[str, bytes]) -> list[Any]:
        found = [orjson.loads(line)["data"] for line in files["exceptions.ndjson"].splitlines()]
        return [state for state in found if state["exception_type"] == "master_data"]

    assert states(outputs_of(tmp_path / "out")) == states(expected)
    last = states(expected)[-1]
    assert (last["status"], last["reason"]) == ("resolved", "Location L2 is known now: released 12 events.")


def test_every_event_is_accounted_for(folder: Path, expected: dict[str, bytes]) -> None:
    """Per topic, lines read are the sum of the outcomes; dead letters are those on the topic of dead letters."""
    totals = {}
    for line in expected["audit.ndjson"].splitlines():
        event = orjson.loads(line)
        if event["type"] == "control.totals":
            totals[event["data"]["topic"]] = event["data"]
    dead = [orjson.loads(line)["data"]["topic"] for line in expected["dead-letters.ndjson"].splitlines()]

    assert sorted(totals) == ["inventory", "orders", "reference", "suppliers"]
    for topic, data in totals.items():
        outcomes = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")
        assert data["read"] == sum(data[outcome] for outcome in outcomes)
        assert data["read"] == len((folder / f"{topic}.ndjson").read_bytes().splitlines())
        assert data["dead_letter"] == dead.count(topic)


def test_items_pass_over(expected: dict[str, bytes]) -> None:
    """Each once, also behind the last event."""
    events = map(orjson.loads, expected["audit.ndjson"].splitlines())
    decisions = [event["data"] for event in events if event["type"] == "decision.automatic"]
    found = [(each["prior"], each["value"]) for each in decisions if each["rule"] == "supersede_item"]
    assert found == [("sku-1", "sku-2"), ("sku-3", "sku-4")]


def test_every_row_is_in_the_table(folder: Path, tmp_path: Path) -> None:
    """parameters.parquet has one row per SKU-location, as of the last local day that closed."""
    replay(folder, tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "parameters.parquet")

    names = zip(table["sku"].to_pylist(), table["location"].to_pylist(), strict=True)
    assert [sku for sku, location in names if location == "L1"] == [f"sku-{i}" for i in range(7)]
    assert {day.isoformat() for day in table["as_of"].to_pylist()} == {"2010-01-07"}
