"""Asks the broker now and then, without waiting for the answer, whether the topics are still those that were read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from flows.sources.kafka.errors import recreated
from flows.sources.kafka.survey import REQUEST_SECONDS, Log, quiet, told

ASK_EVERY_SECONDS = 5.0


class TopicGuard:
    """Knows the ids of the topics that are read.

    Parameters
    ----------
    config
        librdkafka settings of an admin client.
    clock
        Monotonic clock, seconds.
    """

    def __init__(self, config: Mapping[str, Any], logs: Sequence[Log], clock: Callable[[], float]) -> None:
        self._admin = AdminClient(quiet(config))
        self._ids = {log.name: log.topic_id for log in logs}
        self._clock = clock
        self._asked: dict[str, Any] = {}
        self._next = clock() + ASK_EVERY_SECONDS

    def look(self) -> None:
        """Look at answers that have come, and ask again when it is time.

        Raises
        ------
        TidegaugeError
            When a topic is gone or was made anew.
        """
        self._admin.poll(0)
        if self._asked and all(future.done() for future in self._asked.values()):
            answers, self._asked = self._asked, {}
            for name, future in answers.items():
                self._check(name, future)
        if not self._asked and self._clock() >= self._next:
            self._next = self._clock() + ASK_EVERY_SECONDS
            topics = TopicCollection(list(self._ids))
            self._asked = self._admin.describe_topics(topics, request_timeout=REQUEST_SECONDS)

    def _check(self, name: str, future: Any) -> None:
        try:
            described = told(future)
        except KafkaException:
            return  # Nobody answered: that is the consumer's to tell.
        found = None if described is None else described[0]
        if found != self._ids[name]:
            raise recreated(name, self._ids[name], found)
