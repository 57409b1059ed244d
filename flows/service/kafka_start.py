"""The first contact with Kafka: waits for a broker and finds the logs of all topics. `flows.service_job` calls it.

A service that starts before Kafka says so once, in one line, and waits with growing pauses until a broker answers or a
signal stops it. A run to the end of the topics is a command and does not wait for long.
"""

import time

from flows.runtime.context import RunContext
from flows.service.kafka_settings import KafkaSettings
from flows.service.observer import FlowObserver
from sensing.codec.event_record import TOPICS
from sensing.contracts.topic_registry import published
from sinks.kafka_client import Cluster, Log, find_logs
from sinks.status import KAFKA

START_SECONDS_MAX = 30.0
"""How long a broker that has answered may take until all topics are found."""
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.5, 10.0
STOP_CHECK_SECONDS = 0.1


def find_topics(kafka: KafkaSettings, context: RunContext, observer: FlowObserver) -> list[Log] | None:
    """All partitions of the input topics; None if a signal came first.

    Raises
    ------
    TidegaugeError
        A topic is missing, the login is refused, or a command has found no broker.
    """
    inputs = {topic: kafka.topic_prefix + topic for topic in TOPICS}
    outputs = [kafka.topic_prefix + spec.name for spec in published()]
    cluster = Cluster(kafka.client_config())
    observer.stage("a Kafka broker is asked for the topics")
    if context.is_service and not _await_broker(cluster, context, observer):
        return None
    logs = cluster.ask(lambda admin: find_logs(admin, inputs, outputs), START_SECONDS_MAX)
    observer.ok(KAFKA)
    observer.stage("the first epoch has not ended yet")
    for log in logs:
        observer.log_begins(log.topic, log.partition, log.start)
    return logs


def _await_broker(cluster: Cluster, context: RunContext, observer: FlowObserver) -> bool:
    """Wait until a broker answers; false if a signal came first."""
    pause = PAUSE_SECONDS_MIN
    while (problem := cluster.problem()) is not None:
        observer.failing(KAFKA, problem)
        observer.stage(problem)
        observer.backoff(KAFKA, pause)
        until = time.monotonic() + pause
        while time.monotonic() < until and not context.stopping:
            time.sleep(STOP_CHECK_SECONDS)
        if context.stopping:
            return False
        pause = min(2 * pause, PAUSE_SECONDS_MAX)
    return not context.stopping
