"""The latest record per key of the compacted topics, as they are at one moment.

A record replaces another of its key unless it is of an older run, or of an older version of the same run, as in the
view in Redis. Values are kept in a file; in memory is a place per key, about 300 bytes.
"""

import time
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

from confluent_kafka import KafkaException

from sinks.errors import TidegaugeError
from sinks.kafka_client import text_of
from sinks.topic_tail import Record, Tail

READ_RECORDS = 1_000
READ_SECONDS = 0.5
SILENCE_SECONDS_MAX = 30.0


class Latest(NamedTuple):
    """The latest record of a key."""

    key: bytes
    run_id: str
    value: bytes


class _Kept(NamedTuple):
    run_id: str
    version: int
    start: int
    size: int


class Spool:
    """Latest records by topic and key. Values are stored in ``file``, which is open for reading and writing."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = 0
        self._kept: dict[str, dict[bytes, _Kept]] = {}
        self.foreign = 0

    def take(self, record: Record) -> None:
        """Add one record of a topic. Records of a key must come in order."""
        kept = self._kept.setdefault(record.topic, {})
        try:
            run_id, version = _run_and_version(record)
        except ValueError:
            self.foreign += 1
            return
        key = record.key or b""
        had = kept.get(key)
        if had is not None and run_id and (run_id, version) < had[:2]:
            return
        if record.value is None:
            kept.pop(key, None)
            return
        self._file.write(record.value)
        kept[key] = _Kept(run_id, version, self._end, len(record.value))
        self._end += len(record.value)

    def of(self, topic: str) -> Iterator[Latest]:
        """Latest records of a topic in order of their keys. Call it after the last `take`."""
        for key, kept in sorted(self._kept.get(topic, {}).items()):
            self._file.seek(kept.start)
            yield Latest(key, kept.run_id, self._file.read(kept.size))


def read_latest(client: Mapping[str, Any], prefix: str, topics: tuple[str, ...], file: IO[bytes]) -> Spool:
    """Read topics to the ends that they have now.

    Raises
    ------
    TidegaugeError
        There is no such topic, it must not be read, the settings do not fit, or the brokers do not answer.
    """
    spool = Spool(file)
    tail = Tail(client, prefix, topics)
    try:
        found = tail.cluster.ask(lambda _admin: tail.look())
        tail.start({topic: state.low for topic, state in found.items()})
        ends = {topic: state.high for topic, state in found.items()}
        last_record_at = time.monotonic()
        while any(at < end for topic in topics for at, end in zip(tail.next[topic], ends[topic], strict=True)):
            before = [list(offsets) for offsets in tail.next.values()]
            for record in tail.read(READ_RECORDS, READ_SECONDS):
                if record.offset < ends[record.topic][record.partition]:
                    spool.take(record)
            if before != list(tail.next.values()):
                last_record_at = time.monotonic()
            elif time.monotonic() - last_record_at > SILENCE_SECONDS_MAX:
                raise TidegaugeError(_silent(tail.trouble or f"nothing for {SILENCE_SECONDS_MAX:.0f} s"))
    except KafkaException as error:
        raise TidegaugeError(_silent(text_of(error))) from error
    finally:
        tail.close()
    return spool


def _silent(got: str) -> str:
    return f"kafka: required brokers that answer, got {got}; check them, the addresses and the client settings"


def _run_and_version(record: Record) -> tuple[str, int]:
    """Run id and version of a record; an empty run id for a tombstone without one."""
    if record.value is None and "ce_lineage" not in record.headers:
        return "", 0
    return record.headers.get("ce_lineage", b"").decode(), int(record.headers.get("ce_id", b"").rpartition(b"#")[2])
