"""The view with a Redis user that has only the required rights."""

import re
from pathlib import Path

from redis import Redis

from benchmarks.servers.redis import RedisServer
from sinks.status import KAFKA_VIEW, REDIS, VIEW
from tests.sinks.documents import exception, planning
from tests.sinks.live import Told, publish
from tests.sinks.view_oracle import check_equal
from tests.sinks.viewing import drain, make_view_topics, viewing


def test_the_documented_rights_suffice(kafka: str, topics: str, own_redis: RedisServer, root: Path) -> None:
    """A user with the rule that sinks/README.md names keeps the view, from the first build to a sweep."""
    (rule,) = re.findall(r"ACL SETUSER tidegauge on >PASSWORD ([^`\n]+)", (root / "sinks" / "README.md").read_text())
    make_view_topics(kafka, topics)
    publish(kafka, topics, exception("x"), planning())
    told = Told()
    with Redis.from_url(own_redis.address) as client:
        client.execute_command("ACL", "SETUSER", "tidegauge", "on", ">secret", *rule.split())
        client.hset("tidegauge:parameters:old", "build", "old")
        login = {"username": "tidegauge", "password": "secret"}
        with viewing(kafka, topics, own_redis.address, "tidegauge:", told, redis_config=login) as view:
            drain(view)
            assert check_equal(kafka, topics, client, "tidegauge:") == 2
            assert view.counts.swept == 1

    assert set(told.history) == {(REDIS, None), (KAFKA_VIEW, None), (VIEW, None)}
