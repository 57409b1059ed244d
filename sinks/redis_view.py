"""Redis as a view of the output topics: what is open and what to plan with, one look-up away.

The view is fed by the compacted topics, not by the machines: a thread reads them as any consumer does and upserts. So
Redis away never holds Kafka back; and a view that is missing, emptied, rewound or another topic's is built again from
what the topics hold, without the engine having to publish anything anew.

Keys, with a prefix before each
-------------------------------
``parameters:{sku}/{location}``
    Hash: ``sku``, ``location``, ``status``, ``as_of``, ``expires``, ``demand_class``, ``lead_time_days_mean``,
    ``lead_time_days_sd``, ``service_target``, ``safety_stock``, ``reorder_point``, ``order_up_to``, ``order_quantity``,
    ``on_hand``, ``on_order``, ``open_demand``, ``stockout_date``, ``cover_days``, ``forecast_start``, ``forecast_mean``
    (JSON), ``method``, ``reason``; where a person has decided ``decision``, ``decided_by``, ``decided_role``,
    ``decided_at``, ``decision_reason``, ``overrides`` (JSON); ``version`` and ``lineage``; ``document``, the whole
    record in JSON.
``exception:{id}``
    Hash: the fields of the exception, lists in JSON, ``details`` in ``document`` only; ``priority``; ``version``,
    ``lineage``, ``document``. After its end it stays for some days.
``exceptions:open``
    Sorted set: ids of open exceptions by priority, see ``sinks.priority``: ``ZRANGE ... 0 9 REV`` is what to do next.
``view``
    Hash: position in the topics, and when it was written.

Fields without a value are absent. ``build`` marks in every hash which pass over the topics has seen it last.

Changes are told on the Pub/Sub channels ``changes:exceptions`` and ``changes:parameters``: JSON with ``id``, ``type``,
``severity`` (exceptions), ``version``; type ``deleted``, or ``view.rebuilt`` when everything may have changed. Pub/Sub
and not a stream: a stream would be a second log beside the topics, to be trimmed and to be found incomplete after every
loss of Redis. Who must not miss a change reads the topic; who shows what is true now looks again when told so.

One Redis, or one behind a single address with replicas; no cluster. Its ``maxmemory-policy`` must be ``noeviction``:
what Redis evicts is missing until the view is built again.

Invariants
----------
- A batch and the position behind it are written in one step, at most ``BATCH`` records, in order.
- Within a build a record of an older run, or of an older version of the same run, is refused and counted.
- After a build, and after every batch that follows, the view holds for each key what a build from the beginning of the
  topics would hold, hashes of ended exceptions excepted whose days are over.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError

from sensing.contracts.topics import viewed
from sinks.entries import Layout
from sinks.errors import TidegaugeError
from sinks.follower import Follower, Hooks, ViewCounts
from sinks.redis_store import MovedError, Store
from sinks.status import KAFKA_VIEW, REDIS, Status
from sinks.tail import Tail, TailLostError

BACKOFF = EqualJitterBackoff(cap=5.0, base=0.1)
BACKOFF_DOUBLINGS_MAX = 6
ENDED_DAYS = 30
WAIT_SECONDS = 0.1


class RedisView:
    """Keeps a view of the topics ``exceptions`` and ``planning-parameters`` in Redis, in a thread of its own.

    It never ends by itself: while Kafka or Redis is away it says so and tries again.

    Parameters
    ----------
    client
        Settings of librdkafka for any client.
    topic_prefix
        Put before the names of the topics.
    redis
        ``url`` and any other keyword of ``redis.Redis.from_url``.
    key_prefix
        Put before the name of every key and channel.
    note
        Told what an operator wants to read in the log, in a sentence.
    on_written
        Told how many records Redis has acknowledged; must be cheap.
    ended_days
        For how long an exception is kept after its end, if its tombstone does not come before.

    Raises
    ------
    TidegaugeError
        The settings are not what the clients take.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        topic_prefix: str,
        redis: Mapping[str, Any],
        key_prefix: str,
        status: Status,
        *,
        note: Callable[[str], None] = lambda _sentence: None,
        on_written: Callable[[int], None] = lambda _records: None,
        ended_days: int = ENDED_DAYS,
    ) -> None:
        layout = Layout(key_prefix)
        self._store = Store(redis, layout)
        self._tail = Tail(client, topic_prefix, tuple(spec.name for spec in viewed()))
        self._follower = Follower(self._tail, self._store, layout, status, Hooks(note, on_written), ended_days)
        self._status = status
        self._stop = threading.Event()
        self._stepped = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="redis-view", daemon=True)

    @property
    def counts(self) -> ViewCounts:
        """What became of records so far."""
        return self._follower.counts

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, within the time-outs of the clients; what is not in the view yet comes at the next start."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._tail.close()
        self._store.close()

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything that is in the topics now is in the view; returns whether it is."""
        asked_at = time.monotonic()
        deadline = asked_at + timeout_s
        ends: dict[str, list[int]] | None = None
        while (left := deadline - time.monotonic()) > 0 and not self._stop.is_set():
            if ends is None:
                ends = self._ends()
            if ends is not None and self._follower.has(ends, asked_at):
                return True
            with self._stepped:
                self._stepped.wait(min(left, WAIT_SECONDS))
        return False

    def _ends(self) -> dict[str, list[int]] | None:
        try:
            return {topic: state.high for topic, state in self._tail.look().items()}
        except (KafkaException, TidegaugeError):
            return None

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                self._follower.resume()
                while not self._stop.is_set():
                    self._follower.step()
                    failures = 0
                    with self._stepped:
                        self._stepped.notify_all()
            except Exception as error:
                self._pause(error, BACKOFF.compute(min(failures, BACKOFF_DOUBLINGS_MAX)))
                failures += 1

    def _pause(self, error: Exception, seconds: float) -> None:
        part = REDIS if isinstance(error, RedisError | MovedError) else KAFKA_VIEW
        # Where the view is not what it was left as, the next look says what to do; that is no failure.
        if not isinstance(error, MovedError | TailLostError):
            self._status.failing(part, _in_words(error))
            self._status.error(
                part, error.args[0].name() if isinstance(error, KafkaException) else type(error).__name__
            )
        self._status.backoff(part, seconds)
        self._stop.wait(seconds)


def _in_words(error: Exception) -> str:
    if isinstance(error, KafkaException):
        return str(error.args[0].str())
    return str(error) if isinstance(error, TidegaugeError) else f"{type(error).__name__}: {error}"
