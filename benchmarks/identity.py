"""Identity: hashes of the outputs of replays, recorded at one revision and compared at another.

`python -m benchmarks.identity --record FILE` replays the standard inputs and writes a hash per topic. They are
the demo's year, and a part of it with hostile lines added. `--compare FILE` replays them again and fails if a hash
differs. The hash of a topic covers the sequence of attributes and data of every key. It leaves out the time of
recording and, in dead letters, the text of the requirement. Tables are compared by their values. `--folder` replaces
the standard inputs by a folder of event files. `benchmarks/identity.json` has the hashes of revision cad5bcd.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import orjson
import pyarrow.parquet as pq

from flows.demo.demo_job import SETTINGS
from flows.demo.inputs import write_inputs
from flows.demo.retail import read_retail
from flows.replay_job import replay
from sensing.machine_settings import DAY_MS, Settings
from sensing.outputs import DEAD_LETTERS
from sinks.finished_files import PARAMETERS_FILE

SEED = 7
HOSTILE_DAYS = 60
HOSTILE_EVERY = 23
VALUES: tuple[object, ...] = (None, -1, 0, 1e300, "", "x" * 200, "12", True, [], {}, 2.0**53, "\u0000", "K\u00f6ln")
HOSTILE_SETTINGS = Settings(time_zone="Europe/London")

Hashes = dict[str, dict[str, dict[str, int | str]]]
"""Number of records, number of keys, and hash of all records, by input and topic."""


def hashes_of(folder: Path) -> dict[str, dict[str, int | str]]:
    """Hashes of all files of an output folder."""
    found = {path.stem: _hash_of_topic(path) for path in sorted(folder.glob("*.ndjson"))}
    table = pq.read_table(folder / PARAMETERS_FILE)
    digest = sha256(repr(table.schema.names).encode())
    for column in table.columns:
        digest.update(repr(column.to_pylist()).encode())
    found[PARAMETERS_FILE] = {"records": table.num_rows, "keys": table.num_rows, "sha256": digest.hexdigest()}
    return found


def _hash_of_topic(path: Path) -> dict[str, int | str]:
    by_key: dict[str, Any] = {}
    records = 0
    with path.open("rb") as file:
        for line in file:
            event = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            del event["recordedtime"]
            if path.stem == DEAD_LETTERS:
                event["data"] = _without_required(event["data"])
            key = bytes(event.get("subject", b"")).decode()
            by_key.setdefault(key, sha256()).update(b"\0".join([*map(str.encode, event), *map(bytes, event.values())]))
            records += 1
    whole = sha256()
    for key in sorted(by_key):
        whole.update(key.encode() + by_key[key].digest())
    return {"records": records, "keys": len(by_key), "sha256": whole.hexdigest()}


def _without_required(data: msgspec.Raw) -> msgspec.Raw:
    letter = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    del letter["required"]
    return msgspec.Raw(b"\0".join(map(bytes, letter.values())))


def standard_inputs(folder: Path) -> Iterator[tuple[str, Path, Settings]]:
    """Name, folder and settings of every standard input."""
    demo, hostile = folder / "demo", folder / "hostile"
    for target, days in ((demo, None), (hostile, HOSTILE_DAYS)):
        target.mkdir()
        write_inputs(read_retail(days), target, folder / "truth.json")
    random = Random(SEED)
    for path in sorted(hostile.iterdir()):
        path.write_bytes(b"\n".join(_attacked(random, path.read_bytes().splitlines())) + b"\n")
    yield "demo", demo, SETTINGS
    yield "hostile", hostile, HOSTILE_SETTINGS


def _attacked(random: Random, lines: list[bytes]) -> Iterator[bytes]:
    """All lines, some of them followed by a broken copy, at fixed distances."""
    for at, line in enumerate(lines):
        yield line
        if at % HOSTILE_EVERY == HOSTILE_EVERY - 1:
            yield random.choice(ATTACKS)(random, line)


def _truncated(random: Random, line: bytes) -> bytes:
    return line[: random.randint(0, len(line))]


def _flipped(random: Random, line: bytes) -> bytes:
    broken = bytearray(line)
    broken[random.randrange(len(line))] ^= 1 << random.randrange(8)
    return bytes(broken).replace(b"\n", b"?")


def _repeated(_random: Random, line: bytes) -> bytes:
    return line


def _shifted(random: Random, line: bytes) -> bytes:
    """Copy of an event with another id, hours to years earlier or later."""
    event = orjson.loads(line)
    event["event_id"] = f"shifted-{random.getrandbits(40)}"
    if isinstance(event.get("event_time"), int):
        event["event_time"] += random.choice((-400, -9, -3, -0.1, 0.02, 2, 500)) * DAY_MS // 1
    else:
        event["event_time"] = random.choice(("1900-01-01", "2011-10-30T01:30:00", "2062-01-01T00:00:00Z", 17, None))
    return orjson.dumps(event)


def _changed(random: Random, line: bytes) -> bytes:
    """Copy of an event with another id and one field replaced."""
    event = orjson.loads(line)
    event["event_id"] = f"changed-{random.getrandbits(40)}"
    event[random.choice(list(event))] = random.choice(VALUES)
    return orjson.dumps(event)


ATTACKS: tuple[Callable[[Random, bytes], bytes], ...] = (_truncated, _flipped, _repeated, _shifted, _changed, _changed)


def measured(given: Path | None) -> Hashes:
    """Replay every input and hash its outputs."""
    with tempfile.TemporaryDirectory() as name:
        inputs = [(given.name, given, Settings())] if given is not None else standard_inputs(Path(name))
        found = {}
        for about, source, settings in inputs:
            target = Path(name) / f"{about}-out"
            replay(source, target, settings)
            found[about] = hashes_of(target)
        return found


def differences(recorded: Hashes, found: Hashes) -> list[str]:
    """Differences, one line each."""
    return [
        f"{name}, {topic}: required {recorded.get(name, {}).get(topic)}, got {found.get(name, {}).get(topic)}"
        for name in sorted(recorded.keys() | found.keys())
        for topic in sorted(recorded.get(name, {}).keys() | found.get(name, {}).keys())
        if recorded.get(name, {}).get(topic) != found.get(name, {}).get(topic)
    ]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity", description="Compare outputs of replays.")
    parser.add_argument("--folder", type=Path, help="Replay this folder instead of the standard inputs.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--record", type=Path, metavar="FILE", help="Write the hashes to a file.")
    mode.add_argument("--compare", type=Path, metavar="FILE", help="Fail where hashes differ from those of a file.")
    given = parser.parse_args()
    found = measured(given.folder)
    if given.record is not None:
        given.record.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
        return
    different = differences(orjson.loads(given.compare.read_bytes()), found)
    print("\n".join(different) or "identical")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
