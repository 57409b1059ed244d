"""An event that fails in a machine: it is named, ends the run with exit code 3, and can be skipped as a dead letter."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from flows import replay_job
from flows.cli.main import main
from flows.input import decoding
from flows.input.skipping import NO_SKIPS, is_position, read_skips
from flows.input.topic_partition import TopicPartition
from flows.replay_job import replay
from sensing.codec.decode_options import DEFAULTS, DecodeOptions
from sensing.codec.message_block import Block
from sensing.machines.failure import EventPlace, MachineFailure
from sinks.errors import EventError
from tests.machines.poison import POISON, make_poisoned
from tests.machines.streams import MONDAY

MINUTE_MS = 60_000


def order(number: int, **fields: object) -> dict[str, object]:
    """The order of a minute."""
    event = {"event_id": f"e{number}", "event_type": "order.placed", "event_time": MONDAY + number * MINUTE_MS}
    return event | {"sku": "AB"[number % 2], "location": "L", "quantity": 1} | fields


def purchase(number: int, po_id: str) -> dict[str, object]:
    """A purchase order of a minute."""
    event = {"event_id": f"p{number}", "event_type": "po.placed", "event_time": MONDAY + number * MINUTE_MS}
    return event | {"sku": "A", "location": "L", "quantity": 1, "po_id": po_id}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixty orders with a blank line, the poisoned one in line 31, and a poisoned purchase order in line 1."""
    lines = [orjson.dumps(order(n, **({"order_id": POISON} if n == 30 else {}))) for n in range(60)]
    lines.insert(5, b"")
    purchases = [orjson.dumps(purchase(n, POISON if n == 50 else "P")) for n in (10, 50)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "orders.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    (tmp_path / "in" / "suppliers.ndjson").write_bytes(b"\n".join(purchases) + b"\n")
    return tmp_path / "in"


def letters(folder: Path) -> list[dict[str, Any]]:
    """Data of all dead letters."""
    return [orjson.loads(line)["data"] for line in (folder / "dead-letters.ndjson").read_bytes().splitlines()]


def totals(folder: Path) -> dict[str, dict[str, Any]]:
    """Control totals by topic."""
    events = [orjson.loads(line) for line in (folder / "audit.ndjson").read_bytes().splitlines()]
    return {event["data"]["topic"]: event["data"] for event in events if event["type"] == "control.totals"}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_the_failure_names_the_event_and_skipping_it_ends_the_run(folder: Path, tmp_path: Path, workers: int) -> None:
    """Each failure names the next event to skip, in worker processes as well; with both skipped the replay ends."""
    with pytest.raises(EventError) as caught:
        replay(folder, tmp_path / "out", make_machine=make_poisoned, workers=workers)
    assert caught.value.positions == ("orders:0:31",)
    assert str(caught.value) == (
        "shard 10: orders:0:31 (event_id 'e30') failed: OverflowError: year 10000 is out of range. A restart fails at "
        'the same event. To pass it over as a dead letter: engine.skip = ["orders:0:31"] in the settings of tidegauge '
        "run, --skip orders:0:31 for tidegauge replay"
    )
    assert "in _absorb" in caught.value.trace
    assert not (tmp_path / "out").exists()
    skips = read_skips(["orders:0:31"])
    with pytest.raises(EventError, match=r"suppliers:0:1 \(event_id 'p50'\) failed"):
        replay(folder, tmp_path / "out", make_machine=make_poisoned, workers=workers, skips=skips)
    skips = read_skips(["suppliers:0:1", "orders:0:31", "orders:0:7777"])
    replay(folder, tmp_path / "out", make_machine=make_poisoned, workers=workers, skips=skips)
    found = letters(tmp_path / "out")
    assert [(letter["topic"], letter["offset"], letter["reason"]) for letter in found] == [
        ("orders", 31, "skipped"), ("suppliers", 1, "skipped"),
    ]  # fmt: skip
    assert [letter["got"] for letter in found] == ["orders:0:31", "suppliers:0:1"]
    assert {letter["required"] for letter in found} == {"an event that engine.skip does not name"}
    assert orjson.loads(base64.b64decode(found[0]["value_base64"])) == order(30, order_id=POISON)
    assert all(letter["original"] for letter in found)
    books = totals(tmp_path / "out")
    assert (books["orders"]["read"], books["orders"]["absorbed"], books["orders"]["dead_letter"]) == (60, 59, 1)
    assert (books["suppliers"]["read"], books["suppliers"]["dead_letter"]) == (2, 1)


@pytest.mark.slow
def test_what_is_skipped_has_no_effect(folder: Path, tmp_path: Path) -> None:
    """Parameters and exceptions are those of a file without the line, whatever bytes the line has."""
    lines = (folder / "orders.ndjson").read_bytes().splitlines()
    wild = orjson.dumps(order(10, event_id="x", quantity=1e9, event_time=MONDAY + 3_000 * MINUTE_MS))
    for name, more in (("with", [wild]), ("unreadable", [b"\x80{"]), ("without", [])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "orders.ndjson").write_bytes(b"\n".join([*lines, *more]) + b"\n")
    skips = read_skips(["orders:0:61"])
    for name in ("with", "unreadable", "without"):
        replay(tmp_path / name, tmp_path / f"{name}-out", skips=skips)
    expected = (tmp_path / "without-out" / "parameters.parquet").read_bytes()
    for name in ("with", "unreadable"):
        assert (tmp_path / f"{name}-out" / "parameters.parquet").read_bytes() == expected
        [letter] = letters(tmp_path / f"{name}-out")
        assert letter["reason"] == "skipped"


@pytest.mark.slow
def test_the_command_ends_with_code_3_and_skips(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The traceback comes first, then the sentence with the option to give; with it the command succeeds."""
    monkeypatch.setattr(replay_job, "machines", lambda _settings, _bounds: make_poisoned)
    arguments = ["replay", "--input", str(folder), "--output", str(tmp_path / "out")]
    failed = CliRunner().invoke(main, arguments)
    assert failed.exit_code == 3
    assert failed.stderr.startswith("Traceback (most recent call last)")
    assert "--skip orders:0:31 for tidegauge replay" in failed.stderr.splitlines()[-1]
    done = CliRunner().invoke(main, [*arguments, "--skip", "orders:0:31", "--skip", "suppliers:0:1"])
    assert (done.exit_code, "dead letters: 2" in done.stderr) == (0, True)


def test_a_wrong_position_is_refused(tmp_path: Path) -> None:
    """The command says what a position is."""
    result = CliRunner().invoke(main, ["replay", "--input", "a", "--output", "b", "--skip", "order:1"])
    assert result.exit_code == 2
    assert "required topic:partition:offset, such as orders:0:1234" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("orders:0:0", True), ("reference:3:999999999999", True), ("orders:99999:1", False), ("orders:0", False),
        ("orders:0:-1", False), ("exceptions:0:1", False), (" orders:0:1", False), ("orders:0:1:2", False),
    ],
)  # fmt: skip
def test_positions(text: str, legal: bool) -> None:
    """A position is an input topic without prefix, a partition and an offset."""
    assert is_position(text) == legal


def test_positions_are_grouped_by_partition() -> None:
    """The same position may be named twice."""
    found = read_skips(["orders:0:1", "orders:0:2", "orders:0:1", "orders:1:1"])
    assert found == {TopicPartition("orders", 0): {1, 2}, TopicPartition("orders", 1): {1}}
    assert read_skips([]) == NO_SKIPS


@pytest.mark.parametrize("alone", [True, False])
def test_a_defect_of_the_decoder_names_the_message(monkeypatch: pytest.MonkeyPatch, alone: bool) -> None:
    """The message that fails alone is named, else the range."""

    def broken(topic: str, partition: int, block: Block, _options: DecodeOptions) -> None:
        if b"poison" in block.values() and (alone or len(block) > 1):
            msg = "no"
            raise ValueError(msg)

    monkeypatch.setattr(decoding, "decode", broken)
    block = Block.of([b"a", b"poison", b"c"], np.arange(5, 8))
    with pytest.raises(MachineFailure) as caught:
        decoding.decode_block("orders", 2, block, DEFAULTS)
    expected = [6] if alone else [5, 7]
    assert caught.value.events == tuple(EventPlace("orders", 2, offset) for offset in expected)
