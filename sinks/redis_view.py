"""View in Redis: open exceptions and current planning parameters, read with one command.

A thread consumes the compacted output topics and upserts their records. The service job starts it. An outage of Redis
does not delay Kafka. If the view is missing, emptied, rewound or made of other topics, the thread rebuilds it from the
topics; the engine does not publish again.

Keys, with a prefix before each
-------------------------------
``parameters:{sku}/{location}``
    Hash: ``sku``, ``location``, ``status``, ``as_of``, ``decimals``, ``demand_class``, ``lead_time_days_mean``,
    ``lead_time_days_sd``, ``service_target``, ``safety_stock``, ``reorder_point``, ``order_up_to``, ``order_quantity``,
    ``lead_time_days_p50``, ``lead_time_days_p90``, ``on_hand``, ``on_order``, ``open_demand``, ``stockout_date``,
    ``cover_days``, ``forecast_start``, ``forecast_mean`` (JSON), ``method``, ``reason``; where a person has decided
    ``decision``, ``decided_by``, ``decided_role``, ``decided_at``, ``decision_reason``, ``overrides`` (JSON);
    ``version`` and ``lineage``; ``document``, the whole record in JSON.
``exception:{id}``
    Hash: the fields of the exception, lists in JSON, ``details`` in ``document`` only; ``priority``; ``version``,
    ``lineage``, ``document``. After its end it stays for some days.
``exceptions:open``, ``exceptions:route:{route}``, ``exceptions:owner:{owner}``
    Sorted sets, called queues: ids of all open exceptions, those of a route and those of an owner by priority, see
    ``sinks.priority``: ``ZRANGE ... 0 9 REV`` is what to do next.
``view``
    Hash: position in the topics with the owner of the view, when it was written, and the sizes of all queues.

Fields without a value are absent. The field ``build`` of a hash is the id of the build that wrote it.

Changes are published on the Pub/Sub channels ``changes:exceptions`` and ``changes:parameters``: JSON with ``id``,
``type``, ``severity`` (exceptions) and ``version``. The type is ``deleted`` for a deletion, and ``view.rebuilt`` when
any entry may have changed. There is no Redis stream: it would be a second log beside the topics, which needs trimming
and is incomplete after every loss of data. Consumers that must see every change read the topic.

Supported is one Redis, also with replicas behind one address, but not a cluster. Its ``maxmemory-policy`` must be
``noeviction``: evicted entries are missing until the next rebuild.

A view belongs to the topics of one prefix on one cluster. An engine of other topics leaves it alone and says so, until
it is 12 hours old or somebody deletes the key ``view``. A queue that somebody deletes or changes is found within a
minute, and the view is rebuilt. A key of another type under one of the view's names is replaced and counted.

Invariants
----------
- A batch of at most ``BATCH`` records and the position behind it are written atomically, in order.
- Within a build a record of an older run, or of an older version of the same run, is refused and counted.
- After a build, and after every later batch, the view equals a build from the beginning of the topics, except that
  hashes of ended exceptions expire.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError

from sensing.contracts.topic_registry import viewed
from sinks.errors import RefusedError, TidegaugeError
from sinks.redis_store import MovedError, Store
from sinks.status import KAFKA_VIEW, REDIS, VIEW, Status
from sinks.topic_tail import Tail, TailLostError
from sinks.view_entries import Layout
from sinks.view_position import OwnedError
from sinks.view_updater import Hooks, ViewCounts, ViewUpdater

BACKOFF = EqualJitterBackoff(cap=5.0, base=0.1)
BACKOFF_DOUBLINGS_MAX = 6
ENDED_DAYS = 30
WAIT_SECONDS = 0.1


class RedisView:
    """Keeps a view of the topics ``exceptions`` and ``planning-parameters`` in Redis, in a thread of its own.

    The thread never ends by itself. While Kafka or Redis is unavailable it reports so and retries.

    Parameters
    ----------
    client
        Settings of librdkafka for any client.
    topic_prefix
        Prefix of the topic names.
    redis
        ``url`` and any other keyword of ``redis.Redis.from_url``.
    key_prefix
        Prefix of all keys and channels.
    note
        Called with sentences for the operator's log.
    on_written
        Called with the number of records that Redis acknowledged; must be cheap.
    ended_days
        Days that an exception is kept after its end, unless its tombstone comes earlier.

    Attributes
    ----------
    refused
        Why another engine's view is left alone; empty if it is this engine's.

    Raises
    ------
    TidegaugeError
        A client refuses the settings.
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
        self._updater = ViewUpdater(self._tail, self._store, layout, status, Hooks(note, on_written), ended_days)
        self._status = status
        self._stop = threading.Event()
        self._stepped = threading.Condition()
        self.refused = ""
        self._thread = threading.Thread(target=self._run, name="redis-view", daemon=True)

    @property
    def counts(self) -> ViewCounts:
        """Counters of the updater."""
        return self._updater.counts

    def check_owner(self) -> None:
        """Check, before `start`, that no other engine owns the view. If Kafka or Redis is away, `start` goes on anyway.

        Raises
        ------
        RefusedError
            Another engine owns it.
        """
        try:
            self._updater.check_owner()
        except OwnedError as error:
            raise RefusedError(str(error)) from error
        except (RedisError, KafkaException, TidegaugeError):
            return

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, within the time-outs of the clients. The next start continues where it stopped."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._tail.close()
        self._store.close()

    def drain(self, timeout_s: float) -> bool:
        """Wait until the view has all records that are in the topics now; returns whether it has."""
        asked_at = time.monotonic()
        deadline = asked_at + timeout_s
        ends: dict[str, list[int]] | None = None
        while (left := deadline - time.monotonic()) > 0 and not self._stop.is_set() and not self.refused:
            if ends is None:
                ends = self._ends()
            if ends is not None and self._updater.has(ends, asked_at):
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
                self._updater.resume()
                self.refused = ""
                while not self._stop.is_set():
                    self._updater.step()
                    failures = 0
                    with self._stepped:
                        self._stepped.notify_all()
            except Exception as error:
                self._pause(error, BACKOFF.compute(min(failures, BACKOFF_DOUBLINGS_MAX)))
                failures += 1

    def _pause(self, error: Exception, seconds: float) -> None:
        part = REDIS if isinstance(error, RedisError | MovedError) else KAFKA_VIEW
        if isinstance(error, OwnedError):
            self.refused = str(error)
            self._status.failing(VIEW, self.refused)
            self._stop.wait(seconds)
            return
        # A view that somebody else changed is not a failure: `resume` reads its position again.
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
