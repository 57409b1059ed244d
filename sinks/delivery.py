"""Idempotent producer of one sink partition: sends messages and waits until all are acknowledged.

`sinks.kafka_sink` calls it. Records are never dropped: librdkafka retries without limit, in order and without
duplicates. An error that a retry cannot fix ends the sink with a `TidegaugeError` at its next call. The producer's
queue bounds the memory; when it is full, sending blocks, and with it the flow.

There is one exception: a dead letter that is too large for its topic is sent again without its value, since bad input
must not stop the flow. The original message is still in the input topic.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Answer

from sensing.outputs import DEAD_LETTERS, OutputRecord
from sinks.dead_letter_messages import without_value
from sinks.errors import TidegaugeError
from sinks.kafka_client import PARTITIONER, PRODUCER, QUIET, fixed, make_client
from sinks.kafka_errors import PURGED, TOO_LARGE, is_final, refusal
from sinks.kafka_messages import Message
from sinks.own_offsets import OwnOffsets
from sinks.status import KAFKA_PRODUCER, Status

DEFAULTS: dict[str, Any] = {
    **QUIET,
    "linger.ms": 5,
    # Half the bytes of lz4 for a fifth more CPU, on the documents of planning parameters.
    "compression.type": "zstd",
    "compression.level": 1,
    # Batches stay well below the brokers' default limit. So a batch is too large only if a single record is.
    "batch.size": 256 << 10,
    "message.max.bytes": 8 << 20,
    "queue.buffering.max.messages": 50_000,
    "queue.buffering.max.kbytes": 64 << 10,
    "reconnect.backoff.max.ms": 2_000,
}
"""Settings that a user may change."""
FIXED: dict[str, Any] = {**fixed(PRODUCER), **PARTITIONER, "message.timeout.ms": 0}
POLL_SECONDS = 0.1
POLL_RECORDS = 256
TELL_AFTER_SECONDS = 2.0
"""The status becomes failing after so long without any acknowledgement."""

OnDelivered = Callable[[OutputRecord, float], None]
"""Called with a record and the wall clock (s since 1970) at which its acknowledgement was seen, at the latest at the
end of its epoch; must be cheap."""


class ProducerStatus:
    """Combines the status of several producers: the part works if all producers work."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._problems: dict[str, str] = {}
        self._lock = threading.Lock()

    def ok(self, name: str) -> None:
        """Report that one producer works."""
        with self._lock:
            self._problems.pop(name, None)
            if not self._problems:
                self._status.ok(KAFKA_PRODUCER)

    def failing(self, name: str, problem: str) -> None:
        """Report that one producer does not work."""
        with self._lock:
            self._problems[name] = problem
            self._status.failing(KAFKA_PRODUCER, f"{name}: {problem}")

    def error(self, kind: str) -> None:
        """Report an error of one producer."""
        with self._lock:
            self._status.error(KAFKA_PRODUCER, kind)


class Patience:
    """Time limit for waits of all producers together.

    There is no limit until ``stop()`` is true; then they wait at most ``stop_timeout_s`` more. Once ``abandon()`` is
    true they do not wait at all.
    """

    def __init__(self, stop: Callable[[], bool], stop_timeout_s: float, abandon: Callable[[], bool]) -> None:
        self._stop = stop
        self._stop_timeout_s = stop_timeout_s
        self._abandon = abandon
        self._stopping: float | None = None

    def over(self) -> str | None:
        """Why the wait has ended, for an error message; None while it may go on."""
        if self._abandon():
            return "and the order to end at once"
        if not self._stop():
            return None
        now = time.monotonic()
        self._stopping = self._stopping or now
        return f"after {self._stop_timeout_s:g} s more" if now - self._stopping > self._stop_timeout_s else None


class Delivery:
    """A producer of one sink partition.

    Parameters
    ----------
    name
        Name in errors and status.
    client
        Settings of librdkafka, brokers and credentials included. They override ``DEFAULTS``; ``FIXED`` overrides them.
    """

    def __init__(
        self,
        name: str,
        client: Mapping[str, Any],
        status: ProducerStatus,
        patience: Patience,
        on_delivered: OnDelivered,
        offsets: OwnOffsets,
    ) -> None:
        self.name = name
        self.pending = 0
        self._status = status
        self._patience = patience
        self._on_delivered = on_delivered
        self._offsets = offsets
        self._failure: str | None = None
        self._trouble = ""
        self._proven = False
        self._again: list[Message] = []
        self._heard = time.monotonic()
        self._producer = make_client(Producer, {**DEFAULTS, **client, **FIXED, "error_cb": self._on_error})

    def send(self, messages: Iterable[Message]) -> None:
        """Pass messages to the producer; blocks while its queue is full.

        Raises
        ------
        TidegaugeError
            A record sent earlier was refused for good, or the time limit for waits is over.
        """
        if not self.pending:
            self._heard = time.monotonic()
        for count, message in enumerate(messages):
            self._produce(message)
            if count % POLL_RECORDS == POLL_RECORDS - 1:
                self._poll(0)
        self._poll(0)

    @property
    def idle(self) -> bool:
        """Whether everything sent is acknowledged."""
        return not self.pending and not self._again

    def wait(self) -> None:
        """Wait until everything sent is acknowledged; raises as `send` does."""
        while not self.idle:
            self._hold_out()
        self._poll(0)
        self._status.ok(self.name)

    def drop(self) -> None:
        """Discard unacknowledged records, so that a failed run ends at once."""
        self._producer.purge()
        self._producer.flush(POLL_SECONDS)

    def _produce(self, message: Message) -> None:
        answered = partial(self._answered, message)
        while True:
            try:
                self._producer.produce(
                    message.topic, message.value, message.key, headers=message.headers, on_delivery=answered
                )
            except BufferError:
                self._hold_out()
            except KafkaException as error:
                self._refused(message, error.args[0])
                return
            else:
                self.pending += 1
                return

    def _hold_out(self) -> None:
        """Wait a little for acknowledgements."""
        self._poll(POLL_SECONDS)
        again, self._again = self._again, []
        for message in again:
            self._produce(message)
        now = time.monotonic()
        if now - self._heard > TELL_AFTER_SECONDS:
            self._status.failing(self.name, f"{self._waiting()} for {now - self._heard:.0f} s{self._last_words()}")
        if (ended := self._patience.over()) is not None:
            msg = f"output {self.name}: required the acknowledgement of every record before the stop, got "
            msg += f"{self._waiting()} {ended}{self._last_words()}; "
            msg += "check the brokers and start again: what was not delivered is produced again"
            raise TidegaugeError(msg)

    def _waiting(self) -> str:
        return f"{self.pending + len(self._again)} records without one"

    def _last_words(self) -> str:
        return f" (Kafka last said: {self._trouble})" if self._trouble else ""

    def _poll(self, timeout_s: float) -> None:
        self._producer.poll(timeout_s)
        if self._failure is not None:
            raise TidegaugeError(self._failure)

    def _answered(self, message: Message, error: KafkaError | None, answer: Answer) -> None:
        self.pending -= 1
        if error is not None:
            self._refused(message, error)
            return
        self._proven = True
        self._trouble = ""
        self._heard = time.monotonic()
        self._offsets.take(message.topic, *_place(answer))
        self._on_delivered(message.record, time.time())

    def _refused(self, message: Message, error: KafkaError) -> None:
        if error.code() in PURGED:
            return
        if error.code() in TOO_LARGE and message.record.topic == DEAD_LETTERS and message.value:
            headers = without_value(message.headers, len(message.value))
            self._again.append(message._replace(value=None, headers=headers))
            return
        where = f"output {self.name}, topic {message.topic}, record {message.record.id}"
        self._failure = self._failure or refusal(where, error)

    def _on_error(self, error: KafkaError) -> None:
        """Note an error of a connection. librdkafka reconnects by itself unless the error is fatal."""
        self._trouble = error.str()
        self._status.error(error.name())
        if is_final(error, proven=self._proven):
            self._failure = self._failure or refusal(f"output {self.name}", error)


def _place(answer: Answer) -> tuple[int, int]:
    """Partition and offset of an acknowledged record."""
    partition, offset = answer.partition(), answer.offset()
    assert partition is not None
    assert offset is not None
    return partition, offset
