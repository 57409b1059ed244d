"""Topic guard: checks every few seconds, without waiting, that no topic was deleted, recreated or extended.

The Kafka reader of group 0 calls it. Written by hand: a consumer does not notice that a topic was deleted and created
again under the same name.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from flows.input.kafka_log_errors import more_partitions, recreated
from sinks.kafka_client import Described, Log, ask_topics, described, logged

ASK_EVERY_SECONDS = 5.0


class TopicGuard:
    """Compares the ids and partition counts of the input topics with those found at the start.

    Parameters
    ----------
    config
        librdkafka settings of an admin client.
    logs
        All partitions of all topics that are read.
    clock
        Monotonic clock, seconds.

    Attributes
    ----------
    asked
        Pending answers, by topic.
    """

    def __init__(self, config: Mapping[str, Any], logs: Sequence[Log], clock: Callable[[], float]) -> None:
        self._admin = AdminClient(logged(config))
        counts = Counter(log.name for log in logs)
        self._known = {log.name: Described(log.topic_id, counts[log.name]) for log in logs}
        self._clock = clock
        self.asked: dict[str, Any] = {}
        self._missed: set[str] = set()
        self._next = clock() + ASK_EVERY_SECONDS

    def look(self) -> None:
        """Check answers that have arrived, and ask again every ``ASK_EVERY_SECONDS``.

        Raises
        ------
        TidegaugeError
            When a topic was deleted or recreated, or its number of partitions changed.
        """
        self._admin.poll(0)
        if self.asked and all(future.done() for future in self.asked.values()):
            answers, self.asked = self.asked, {}
            for name, future in answers.items():
                self._check(name, future)
        if not self.asked and self._clock() >= self._next:
            self._next = self._clock() + ASK_EVERY_SECONDS
            self.asked = ask_topics(self._admin, list(self._known))

    def _check(self, name: str, future: Any) -> None:
        known = self._known[name]
        try:
            found = described(future)
        except KafkaException:
            return  # No broker answered; the consumer reports that.
        if found is None and name not in self._missed:
            self._missed.add(name)  # A broker that has just started may not know all topics yet.
        elif found is None or found.id != known.id:
            raise recreated(name, known.id, None if found is None else found.id)
        elif found.partitions != known.partitions:
            raise more_partitions(name, known.partitions, found.partitions)
        else:
            self._missed.discard(name)
