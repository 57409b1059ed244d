"""The Kafka source: divides the input partitions among source groups. `flows.service_job` uses it.

Partitions with equal numbers are in one group. All groups read the reference topic; group 0 sends it on and guards the
topics. A run without saved state starts at the first message of every topic.

With ``until_end`` there is one group, only event times move the watermark, and the input ends at the present ends of
the topics. The outputs then equal those of a replay of the same lines.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bytewax.inputs import FixedPartitionedSource

from flows.input.earlier_exceptions import as_notices
from flows.input.group_progress import GroupProgress
from flows.input.input_observer import InputObserver
from flows.input.kafka_log_errors import log_moved, recreated
from flows.input.kafka_reader import KafkaReader
from flows.input.ordered_merge import BATCH_MESSAGES, OrderedMerge
from flows.input.partition_buffer import PartitionBuffer
from flows.input.record_timestamps import RecordTimestamps
from flows.input.skipping import NO_SKIPS, Skips
from flows.input.source_group import CLOCKS, REFERENCE, Clocks, EndOfInput, GroupState, Milestones, SourceGroup
from flows.input.timestamps import FollowingTimestamps, NoTimestamps
from flows.input.topic_guard import TopicGuard
from flows.input.topic_partition import TopicPartition
from flows.runtime.context import RunContext
from flows.runtime.roles import Item
from sensing.contracts.exceptions import ExceptionState
from sensing.machine_settings import Settings
from sinks.kafka_client import Log


class KafkaSource(FixedPartitionedSource[Item, GroupState]):
    """Reads input topics as they grow.

    Parameters
    ----------
    consumer, admin
        librdkafka settings of the consumers and of the admin client.
    logs
        All partitions of the input topics, in the order of `sinks.kafka_client.find_logs`.
    skips
        Positions of messages that become dead letters.
    earlier
        Exceptions that an earlier run has left in the topic. A run with a saved state knows them.
    """

    def __init__(
        self, consumer: Mapping[str, Any], admin: Mapping[str, Any], logs: Sequence[Log], settings: Settings,
        context: RunContext, observer: InputObserver, *, until_end: bool = False, clocks: Clocks = CLOCKS,
        skips: Skips = NO_SKIPS, earlier: Sequence[ExceptionState] = (),
    ) -> None:  # fmt: skip
        assert not until_end or settings.source_groups == 1, "one merge needs all heads"
        self._until_end = until_end
        self._skips = skips
        self._earlier = earlier
        self._consumer = consumer
        self._admin = admin
        self._logs = logs
        self._settings = settings
        self._context = context
        self._observer = observer
        self._clocks = clocks
        self._progress = GroupProgress()
        self._built: list[tuple[SourceGroup, KafkaReader]] = []

    def list_parts(self) -> list[str]:
        """The groups."""
        return [f"group-{group:02d}" for group in range(self._settings.source_groups)]

    def build_part(self, step_id: str, for_part: str, resume_state: GroupState | None) -> SourceGroup:
        """Connect a group; with a saved state it continues at the consumed offsets."""
        number = self.list_parts().index(for_part)
        groups = self._settings.source_groups
        logs = [log for log in self._logs if log.topic == REFERENCE or log.partition % groups == number]
        buffers = [self._buffer(at, log, resume_offset(log, resume_state)) for at, log in enumerate(logs)]
        guard = None if number else TopicGuard(self._admin, self._logs, self._clocks.monotonic)
        reader = KafkaReader(
            self._consumer, buffers, self._observer, self._clocks.monotonic, guard=guard,
            shared=[REFERENCE] if number else [],
        )  # fmt: skip
        events = [buffer for buffer in buffers if buffer.log.topic != REFERENCE]
        merge = OrderedMerge(
            events, self._settings, reader.is_away, event_time=self._until_end, batch_messages=BATCH_MESSAGES
        )  # fmt: skip
        if resume_state is not None:
            merge.watermark = resume_state.watermark
        observer = self._observer
        milestones = Milestones(observer.reference_read, observer.inputs_read)
        if not self._built:
            milestones = milestones._replace(epoch=observer.epoch)
        group = SourceGroup(
            number, buffers, reader, merge, self._settings, self._context, self._progress,
            end=EndOfInput() if self._until_end else None, clocks=self._clocks, milestones=milestones,
            learned=b"" if resume_state is None else resume_state.learned,
            notices=() if number or resume_state is not None else as_notices(self._earlier), has_metrics=True,
        )  # fmt: skip
        self._built.append((group, reader))
        return group

    def epoch_durable(self) -> None:
        """Note that the epoch before the present one is durable; a sink partition of this process calls it."""
        for group, _ in self._built:
            group.epoch_durable()

    def finish(self) -> None:
        """Commit the last consumed offsets after a run has ended and delivered all outputs."""
        for _, reader in self._built:
            reader.finish()

    def close(self) -> None:
        """Close all consumers."""
        for _, reader in self._built:
            reader.close()

    def _buffer(self, number: int, log: Log, offset: int) -> PartitionBuffer:
        settings, bounded = self._settings, False
        timestamps: NoTimestamps = RecordTimestamps(settings.skew_ms, self._clocks.wall_ms)
        if log.topic == REFERENCE:
            timestamps = NoTimestamps()
        elif self._until_end:
            timestamps, bounded = FollowingTimestamps(settings.skew_ms, late_ms=settings.lateness_ms), True
        return PartitionBuffer(number, log, offset, settings, timestamps, bounded=bounded, skips=self._skips)


def resume_offset(log: Log, state: GroupState | None) -> int:
    """The offset at which to resume.

    Raises
    ------
    TidegaugeError
        When the topic was recreated since the state was saved, or no longer holds the offset.
    """
    if state is None:
        return log.start
    # A partition that the state does not know was added later: it is read from its start.
    offset, topic_id = state.offsets.get(TopicPartition(log.topic, log.partition), (log.start, log.topic_id))
    if topic_id != log.topic_id:
        raise recreated(log.name, topic_id, log.topic_id)
    if not log.start <= offset <= log.end:
        raise log_moved(log.name, log.partition, offset, log.start, log.end)
    return offset
