"""Kafka sink: delivers outputs at least once. All brokers acknowledge every record before its epoch ends.

All outputs of a machine leave through one sink partition, in order. Repeats after a crash have the same ``ce_id``.

A batch goes through four functions: collect the records, convert them to messages, send them, await their
acknowledgement. The first three run when a batch arrives, the last one at the end of the epoch.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from sensing.codec.instants import rfc3339
from sensing.outputs import OutputRecord, Produced
from sinks.delivery import Delivery, OnDelivered, Patience, ProducerStatus
from sinks.envelope import SOURCE
from sinks.kafka_messages import Message, to_message
from sinks.own_offsets import OwnOffsets
from sinks.status import Status

PARTITIONS_MAX = 100
STOP_TIMEOUT_S = 10.0


class KafkaSink(FixedPartitionedSink[Produced, None]):
    """Delivers output records of all machines to Kafka. Tables of rows are for files; this sink ignores them.

    Parameters
    ----------
    client
        Settings of librdkafka for producers.
    machines
        Keys of the machines in the order of their numbers.
    partitions
        Sink partitions, each with a producer of its own, 1 to 100. Machine ``m`` leaves through ``m % partitions``.
    prefix
        Prefix of all topic names.
    run_id
        Id of the run. Ids of later runs sort behind it.
    source
        The CloudEvents attribute ``source`` of all records.
    stop
        Returns whether the run must end. Then all waits together last at most ``stop_timeout_s``.
    abandon
        Returns whether the run must end at once, even with undelivered records.
    on_delivered
        Called with every acknowledged record.
    on_durable
        Called at the first write to a partition after its snapshot: then the epoch of that snapshot is durable.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        *,
        machines: Sequence[str],
        partitions: int,
        prefix: str,
        run_id: str,
        source: str = SOURCE,
        status: Status,
        stop: Callable[[], bool],
        stop_timeout_s: float = STOP_TIMEOUT_S,
        abandon: Callable[[], bool] = lambda: False,
        on_delivered: OnDelivered = lambda _record, _at: None,
        on_durable: Callable[[], None] = lambda: None,
    ) -> None:
        assert 1 <= partitions <= PARTITIONS_MAX, "names of partitions have two digits"
        self._client = dict(client)
        self._partitions = partitions
        self._partition_of = {key: number % partitions for number, key in enumerate(machines)}
        self._prefix = prefix
        self._run_id = run_id
        self._source = source
        self._status = ProducerStatus(status)
        self._patience = Patience(stop, stop_timeout_s, abandon)
        self._on_delivered = on_delivered
        self._on_durable = on_durable
        self._offsets = OwnOffsets(status)
        self._built: list[Delivery] = []

    def list_parts(self) -> list[str]:
        """Names of the partitions."""
        return [f"deliver-{number:02d}" for number in range(self._partitions)]

    def part_fn(self, item_key: str) -> int:
        """Partition of a machine."""
        return self._partition_of[item_key]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "KafkaPart":
        """Create a producer. It connects in the background."""
        delivery = Delivery(
            for_part, self._client, self._status, self._patience, self._on_delivered, self._offsets
        )  # fmt: skip
        self._built.append(delivery)
        return KafkaPart(delivery, self._prefix, self._run_id, self._source, self._on_durable, self._check)

    def _check(self) -> None:
        """Look for records of others if no partition waits for an acknowledgement."""
        if all(delivery.idle for delivery in self._built):
            self._offsets.check()

    def close(self) -> None:
        """Close all producers. A run that ended well has its acknowledgements by then."""
        for delivery in self._built:
            delivery.drop()


class KafkaPart(StatefulSinkPartition[Produced, None]):
    """Outputs of some machines."""

    def __init__(
        self, delivery: Delivery, prefix: str, run_id: str, source: str, on_durable: Callable[[], None],
        on_acknowledged: Callable[[], None],
    ) -> None:  # fmt: skip
        self._delivery = delivery
        self._prefix = prefix
        self._run_id = run_id
        self._source = source
        self._on_durable = on_durable
        self._on_acknowledged = on_acknowledged
        self._snapshot_taken = False

    def write_batch(self, values: list[Produced]) -> None:
        """Send all records of some items; waits while the producer's queue is full."""
        if self._snapshot_taken:
            self._snapshot_taken = False
            self._on_durable()
        self._delivery.send(self._to_messages(_collect(values)))

    def snapshot(self) -> None:
        """Wait, at the end of an epoch, until everything is acknowledged; nothing is to be remembered then."""
        self._delivery.wait()
        self._on_acknowledged()
        self._snapshot_taken = True

    def close(self) -> None:
        """Wait, at the end of the flow, until everything is acknowledged."""
        self._delivery.wait()

    def _to_messages(self, records: Iterable[OutputRecord]) -> Iterable[Message]:
        recorded = rfc3339(int(dt.datetime.now(dt.UTC).timestamp() * 1000))
        return (to_message(record, self._prefix, self._run_id, recorded, self._source) for record in records)


def _collect(values: list[Produced]) -> Iterable[OutputRecord]:
    return (output for produced in values for output in produced.outputs if isinstance(output, OutputRecord))
