"""Which brokers count as answering."""

from typing import Any

from flows.input.kafka_brokers import Brokers


def broker(node: int, answers: int, *, state: str = "UP", owed: int = 0) -> dict[str, Any]:
    """What is told of a broker."""
    return {"nodeid": node, "state": state, "rx": answers, "waitresp_cnt": owed}


def test_only_nodes_with_a_connection_answer() -> None:
    """An address of the start is no node: a partition without a leader is told to be led by node -1."""
    told = [broker(-1, 5), broker(1, 5), broker(2, 5, state="INIT"), broker(3, 5, state="APIVERSION_QUERY")]
    assert Brokers(3).answering(told) == {1}


def test_one_that_owes_an_answer_for_long_does_not_answer() -> None:
    """One that owes none may be silent; an answer, or a new connection, makes it good again."""
    brokers = Brokers(2)
    for owed, expected in ((1, {1, 2}), (1, {1, 2}), (1, {2}), (1, {2})):
        assert brokers.answering([broker(1, 7, owed=owed), broker(2, 7)]) == expected
    assert brokers.answering([broker(1, 8, owed=1), broker(2, 7)]) == {1, 2}
    assert brokers.answering([broker(1, 8, owed=1)]) == {1}
    assert brokers.answering([broker(1, 8, owed=1)]) == set()
    assert brokers.answering([broker(1, 0, state="INIT")]) == set()
    assert brokers.answering([broker(1, 0, owed=1)]) == {1}
