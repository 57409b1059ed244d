"""Oracle of the view: a plain consumer reads the topics, and a plain client reads all keys of Redis."""

import json
from typing import Any

from sensing.contracts.exceptions import SEVERITIES
from sensing.outputs import EXCEPTIONS, PARAMETERS
from tests.sinks.live import headers_of, messages

Documents = dict[str, Any]


def in_topic(address: str, topic: str) -> Documents:
    """Latest document per key of a topic: the latest version of the latest run. A later tombstone removes it."""
    found: dict[str, tuple[tuple[str, int], Any]] = {}
    for message in messages(address, topic):
        headers, value = dict(headers_of(message)), message.value()
        key = (message.key() or b"").decode()
        order = (headers["ce_lineage"].decode(), int(headers["ce_id"].decode().split("#")[-1]))
        if key in found and found[key][1] is not None and order < found[key][0]:
            continue
        found[key] = (order, None if value is None else json.loads(value))
    return {key: document for key, (_, document) in found.items() if document is not None}


def in_redis(client: Any, prefix: str) -> tuple[Documents, Documents, list[str]]:
    """Documents of exceptions and of parameters by id, and ids of the open exceptions in the order of the view."""
    found: tuple[Documents, Documents] = ({}, {})
    for at, name in enumerate(("exception:", "parameters:")):
        for key in client.scan_iter(match=f"{prefix}{name}*", count=1000):
            fields = {field.decode(): value.decode() for field, value in client.hgetall(key).items()}
            document = json.loads(fields["document"])
            assert fields["version"] == str(document["version"])
            assert fields["sku"] == document["sku"]
            found[at][key.decode().removeprefix(prefix + name)] = document
    return *found, [member.decode() for member in client.zrevrange(f"{prefix}exceptions:open", 0, -1)]


def open_in_order(exceptions: Documents) -> list[str]:
    """Ids of open exceptions, by severity, money (in tests it differs by enough to count), deadline, id."""
    rank = {severity: place for place, severity in enumerate(SEVERITIES)}
    living = [state for state in exceptions.values() if state["status"] not in ("resolved", "expired")]
    living.sort(key=lambda state: state["exception_id"], reverse=True)
    living.sort(key=lambda state: state["deadline"] or "9999")
    living.sort(key=lambda state: (rank[state["severity"]], state["money_base"] or 0.0), reverse=True)
    return [state["exception_id"] for state in living]


def check_equal(address: str, topics: str, client: Any, keys: str) -> int:
    """Assert that the view equals the topics; returns the number of its documents."""
    exceptions, parameters = in_topic(address, topics + EXCEPTIONS), in_topic(address, topics + PARAMETERS)
    seen_exceptions, seen_parameters, seen_open = in_redis(client, keys)

    assert seen_exceptions == exceptions
    assert seen_parameters == parameters
    assert seen_open == open_in_order(exceptions)
    check_queues(exceptions, client, keys)
    return len(exceptions) + len(parameters)


def check_queues(exceptions: Documents, client: Any, keys: str) -> None:
    """Assert that there is a queue for every route and owner with open exceptions, in order, and no other."""
    expected: dict[str, list[str]] = {}
    for name in open_in_order(exceptions):
        state = exceptions[name]
        for queue in ("open", f"route:{state['route']}", *([f"owner:{state['owner']}"] if state.get("owner") else [])):
            expected.setdefault(queue, []).append(name)
    start = f"{keys}exceptions:"
    seen = {key.decode().removeprefix(start): key for key in client.scan_iter(match=f"{start}*", count=1000)}
    found = {queue: [name.decode() for name in client.zrevrange(key, 0, -1)] for queue, key in seen.items()}
    assert found == expected
