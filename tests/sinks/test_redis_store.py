"""The script that writes the view, against a real Redis."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError

from sinks.errors import TidegaugeError
from sinks.kafka_messages import to_message
from sinks.redis_store import MovedError, Store
from sinks.topic_tail import Record
from sinks.view_entries import Entry, Layout, entry
from tests.sinks.documents import exception, planning, tombstone
from tests.sinks.viewing import heard


@pytest.fixture
def client(redis: str) -> Iterator[Any]:
    """A plain client."""
    with Redis.from_url(redis) as plain:
        yield plain


@pytest.fixture
def store(redis: str, keys: str) -> Iterator[Store]:
    """A store with the test's own keys."""
    made = Store({"url": redis}, Layout(keys))
    yield made
    made.close()


def upsert(keys: str, record: object, run_id: str = "0001", ended_days: int = 30) -> Entry:
    """The entry of a record of a run."""
    message = to_message(record, "", run_id, "")  # type: ignore[arg-type]  # an output record
    headers = {name: value.encode() if isinstance(value, str) else value or b"" for name, value in message.headers}
    read = Record(message.topic, 0, 0, message.key, message.value, headers)
    return entry(read, Layout(keys), ended_days)


def write(store: Store, *entries: Entry, build: str = "b", tell: bool = False) -> tuple[int, ...]:
    """Write entries wherever the view is; returns the numbers applied, deleted and refused."""
    kept, _ = store.position()
    return store.apply(kept, b"p" + kept, build, entries, tell=tell)[:3]


def test_a_hash_is_what_its_record_says_and_nothing_else(store: Store, keys: str, client: Any) -> None:
    """Fields of an earlier version that the later has no value for are gone."""
    write(store, upsert(keys, exception("x", 1)), upsert(keys, planning("A", "DC", 3)))
    write(store, upsert(keys, exception("x", 2, money=None, currency=None)))

    found = {name.decode() for name in client.hkeys(f"{keys}exception:x")}
    assert {"money", "currency"} & found == set()
    assert client.hmget(f"{keys}exception:x", "version", "lineage", "build", "status") == [
        b"2",
        b"0001",
        b"b",
        b"opened",
    ]
    assert client.hget(f"{keys}parameters:A/DC", "reorder_point") == b"55.0"


def test_what_is_older_is_refused_and_counted(store: Store, keys: str, client: Any) -> None:
    """A lower version of the same run and any version of an older run change nothing; repeats are harmless."""
    assert write(store, upsert(keys, planning(version=9), "0002")) == (1, 0, 0)
    older = [upsert(keys, planning(version=8), "0002"), upsert(keys, planning(version=99), "0001")]
    older += [upsert(keys, tombstone(planning(version=3)), "0002"), upsert(keys, planning(version=99), "00019")]
    before = client.hgetall(f"{keys}parameters:A/DC")

    assert write(store, *older) == (0, 0, 4)
    assert write(store, upsert(keys, planning(version=9), "0002")) == (1, 0, 0)
    assert client.hgetall(f"{keys}parameters:A/DC") == before
    assert write(store, upsert(keys, planning(version=1), "0003")) == (1, 0, 0)
    assert client.hmget(f"{keys}parameters:A/DC", "lineage", "version") == [b"0003", b"1"]


def test_versions_are_numbers_and_runs_are_bytes(store: Store, keys: str) -> None:
    """Version 10 follows 9; runs are ordered byte by byte, whatever the server's locale makes of letters."""
    assert write(store, upsert(keys, planning(version=9)), upsert(keys, planning(version=10))) == (2, 0, 0)
    assert write(store, upsert(keys, planning("B"), "0a"), upsert(keys, planning("B"), "0B")) == (1, 0, 1)


def test_what_another_build_left_does_not_count(store: Store, keys: str) -> None:
    """In a new build the topic decides, even where Redis had a later run: it may be another cluster's."""
    write(store, upsert(keys, planning(version=9), "0009"), build="old")

    assert write(store, upsert(keys, planning(version=1), "0001"), build="new") == (1, 0, 0)


def test_open_exceptions_are_sorted_and_ended_ones_leave(store: Store, keys: str, client: Any) -> None:
    """The sorted set holds what is open by priority; an ended exception's hash is left for some days."""
    write(
        store, upsert(keys, exception("low", severity="low")), upsert(keys, exception("worst", severity="critical")),
        upsert(keys, exception("middle")), upsert(keys, exception("gone", severity="critical", money=9e9)),
    )  # fmt: skip
    write(store, upsert(keys, exception("gone", 2, status="resolved"), ended_days=2))

    assert client.zrevrange(f"{keys}exceptions:open", 0, -1) == [b"worst", b"middle", b"low"]
    assert client.hget(f"{keys}exception:gone", "status") == b"resolved"
    assert 2 * 86_400 - 60 < client.ttl(f"{keys}exception:gone") <= 2 * 86_400
    write(store, upsert(keys, exception("gone", 3)))
    assert client.ttl(f"{keys}exception:gone") == -1
    assert client.zscore(f"{keys}exceptions:open", "gone") is not None


def test_a_tombstone_removes_hash_and_place(store: Store, keys: str, client: Any) -> None:
    """After it nothing is known of the key; the same again deletes nothing and does no harm."""
    write(store, upsert(keys, exception("x")), upsert(keys, planning()))
    gone = [upsert(keys, tombstone(exception("x"))), upsert(keys, tombstone(planning()))]

    assert write(store, *gone) == (0, 2, 0)
    assert not client.exists(f"{keys}exception:x", f"{keys}parameters:A/DC", f"{keys}exceptions:open")
    assert write(store, *gone) == (0, 2, 0)


def test_nothing_is_written_where_the_position_moved(store: Store, keys: str, client: Any) -> None:
    """Emptied, rewound or another's: the whole batch is left alone and the caller is told."""
    write(store, upsert(keys, planning(version=1)))
    (kept, age_s), before = store.position(), client.hgetall(f"{keys}parameters:A/DC")

    for expected in (b"", b"other", kept + b"x"):
        with pytest.raises(MovedError):
            store.apply(expected, b"new", "b", [upsert(keys, planning(version=2))], tell=True)
        with pytest.raises(MovedError):
            store.sweep(expected, "other")
    assert store.position()[0] == kept
    assert 0 <= age_s < 60
    assert client.hgetall(f"{keys}parameters:A/DC") == before


def test_the_age_of_a_position_is_told_by_redis(store: Store, keys: str, client: Any) -> None:
    """Of no position there is none; else it is the seconds since it was written."""
    assert store.position() == (b"", client.time()[0])
    write(store)
    client.hset(f"{keys}view", "at", client.time()[0] - 5_000)

    assert 5_000 <= store.position()[1] < 5_060


def test_a_sweep_removes_what_a_build_has_not_seen(store: Store, keys: str, client: Any) -> None:
    """Hashes of other builds and places without a hash go; other keys, of whatever like names, stay."""
    stale = [upsert(keys, exception(f"stale{n}")) for n in range(700)] + [upsert(keys, planning("S"))]
    write(store, *stale, build="old")
    write(store, upsert(keys, exception("kept")), upsert(keys, planning("K")), build="new")
    client.zadd(f"{keys}exceptions:open", {"lost": 1.0})
    others = [f"{keys}x:parameters:A", f"{keys[:-1]}parameters:A", f"{keys}exceptional", f"{keys}parametersA"]
    for other in others:
        client.hset(other, "build", "old")

    assert store.sweep(store.position()[0], "new") == 701
    assert client.zrange(f"{keys}exceptions:open", 0, -1) == [b"kept"]
    assert client.exists(f"{keys}exception:kept", f"{keys}parameters:K/DC", *others) == 6
    assert store.sweep(store.position()[0], "new") == 0
    client.delete(f"{keys[:-1]}parameters:A")


def test_a_prefix_may_look_like_a_pattern(redis: str, keys: str, client: Any) -> None:
    """A sweep takes the prefix by the letter."""
    odd = Store({"url": redis}, Layout(f"{keys}[a*]?\\:"))
    client.hset(f"{keys}a1x\\:parameters:A", "build", "old")
    client.hset(f"{keys}[a*]?\\:parameters:A", "build", "old")
    odd.apply(b"", b"p", "new", [], tell=False)

    assert odd.sweep(b"p", "new") == 1
    assert client.exists(f"{keys}a1x\\:parameters:A")
    odd.close()


def test_changes_are_told(store: Store, keys: str, client: Any) -> None:
    """Upserts and deletions, each on its channel; not what was refused, repeated, or written in silence."""
    subscribed = client.pubsub(ignore_subscribe_messages=True)
    subscribed.subscribe(f"{keys}changes:exceptions", f"{keys}changes:parameters")
    write(store, upsert(keys, exception("x", 1)), tell=False)
    write(store, upsert(keys, exception("x", 1)), upsert(keys, exception("x", 2)), tell=True)
    write(store, upsert(keys, exception("x", 1)), upsert(keys, planning(version=4)), tell=True)
    write(store, upsert(keys, tombstone(exception("x", 2))), tell=True)
    store.tell(b"all")

    got = [(channel.removeprefix(keys), text) for channel, text in heard(subscribed, 5)]
    subscribed.close()
    assert got == [
        ("changes:exceptions", '{"id":"x","type":"exception.opened","version":2,"severity":"high"}'),
        ("changes:parameters", '{"id":"A/DC","type":"parameters.proposed","version":4}'),
        ("changes:exceptions", '{"id":"x","type":"deleted","version":3}'),
        ("changes:parameters", "all"),
        ("changes:exceptions", "all"),
    ]


def test_a_store_whose_server_is_away_says_so() -> None:
    """Nothing is tried twice here: whoever waits must be able to stop waiting."""
    with pytest.raises(ConnectionError):
        Store({"url": "redis://127.0.0.1:1/0"}, Layout("t:")).position()


def test_another_kind_of_key_in_the_way_is_replaced_and_counted(store: Store, keys: str, client: Any) -> None:
    """Position, hash and queue under our names: none of them stops the view, and the caller is told how many."""
    for name in ("view", "exception:x", "exceptions:open", "parameters:A/DC"):
        client.set(f"{keys}{name}", "mine")
    assert store.position() == (b"", 0)
    assert store.apply(b"", b"p", "b", [upsert(keys, exception("x")), upsert(keys, planning())], tell=False)[3] == 4
    assert client.hget(f"{keys}exception:x", "status") == b"opened"
    assert client.zrange(f"{keys}exceptions:open", 0, -1) == [b"x"]
    assert store.position()[0] == b"p"


def test_a_wrong_position_is_left_where_another_was_expected(store: Store, keys: str, client: Any) -> None:
    """The caller is told first, and begins anew."""
    client.set(f"{keys}view", "mine")
    with pytest.raises(MovedError):
        store.apply(b"old", b"p", "b", [], tell=False)
    assert client.get(f"{keys}view") == b"mine"


def queues(keys: str, client: Any) -> dict[str, list[str]]:
    """Ids in every queue, the most urgent first."""
    start = f"{keys}exceptions:"
    names = [key.decode() for key in client.scan_iter(match=f"{start}*", count=1000)]
    return {name.removeprefix(start): [i.decode() for i in client.zrevrange(name, 0, -1)] for name in names}


def test_an_exception_is_in_the_queues_of_its_route_and_owner(store: Store, keys: str, client: Any) -> None:
    """It moves with them, in the step that writes it, and leaves all when it ends or is forgotten."""
    write(
        store, upsert(keys, exception("a", route="buyer", owner="Jo Ann")), upsert(keys, exception("b", route="buyer")),
        upsert(keys, exception("c", severity="critical", owner="Jo Ann")),
    )  # fmt: skip
    assert queues(keys, client) == {
        "open": ["c", "b", "a"], "route:buyer": ["b", "a"], "route:planner": ["c"], "owner:Jo Ann": ["c", "a"],
    }  # fmt: skip
    write(store, upsert(keys, exception("a", 2, route="planner", owner="bob")))
    assert queues(keys, client) == {
        "open": ["c", "b", "a"], "route:buyer": ["b"], "route:planner": ["c", "a"], "owner:Jo Ann": ["c"],
        "owner:bob": ["a"],
    }  # fmt: skip
    write(
        store, upsert(keys, exception("a", 3, status="resolved", owner="bob")), upsert(keys, tombstone(exception("c")))
    )
    assert queues(keys, client) == {"open": ["b"], "route:buyer": ["b"]}
    assert store.lost_queues() == []


def test_a_queue_that_somebody_changes_is_noticed(store: Store, keys: str, client: Any) -> None:
    """Deleted, shorter, longer or of another type; later records do not hide it."""
    write(store, *(upsert(keys, exception(f"x{n}", route="buyer", owner="ann")) for n in range(3)))
    name = f"{keys}exceptions:route:buyer"
    dumped = client.dump(name)
    changes: list[Callable[[], Any]] = [
        lambda: client.delete(name), lambda: client.zrem(name, "x1"), lambda: client.zadd(name, {"y": 1}),
        lambda: client.set(name, "mine"),
    ]  # fmt: skip
    for change in changes:
        change()
        assert store.lost_queues() == ["route:buyer"]
        client.restore(name, 0, dumped, replace=True)
        assert store.lost_queues() == []
    client.delete(name)
    write(
        store, upsert(keys, exception("x1", 2, route="buyer", owner="ann")), upsert(keys, exception("n", owner="ann"))
    )
    assert store.lost_queues() == ["route:buyer"]


def test_a_sweep_mends_queues(store: Store, keys: str, client: Any) -> None:
    """Ids of other builds, ids in a wrong queue and queues of another type go; sizes are right again."""
    write(store, upsert(keys, exception("stale", route="data_steward", owner="ann")), build="old")
    write(store, *(upsert(keys, exception(f"x{n}", route="buyer", owner="ann")) for n in range(3)), build="new")
    client.zadd(f"{keys}exceptions:route:planner", {"x1": 5})
    client.zadd(f"{keys}exceptions:owner:ghost", {"lost": 5})
    client.set(f"{keys}exceptions:owner:odd", "mine")
    assert store.sweep(store.position()[0], "new") == 1
    assert queues(keys, client) == {queue: ["x2", "x1", "x0"] for queue in ("open", "route:buyer", "owner:ann")}
    assert store.lost_queues() == []


@pytest.mark.parametrize("config", [{"url": "http://x"}, {"url": "redis://x", "nonsense": 1}])
def test_settings_that_redis_does_not_take_are_refused(config: dict[str, object]) -> None:
    """The error comes when the store is made, before anything is connected to."""
    with pytest.raises(TidegaugeError, match=r"redis: required settings that redis-py takes, got .*; correct them"):
        Store(config, Layout("t:"))
