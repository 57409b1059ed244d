"""Finds brokers that hang, by the statistics of librdkafka. The Kafka reader calls it once a second.

Written by hand: librdkafka reports a hanging broker only when a request has timed out, one minute later.
"""

from collections.abc import Iterable, Mapping
from typing import Any


class Brokers:
    """Compares the statistics of each broker with those of the second before.

    Parameters
    ----------
    hung_after
        Statistics in a row in which a broker owed an answer and gave none, before it counts as hanging. Its connection
        stays up until its requests time out one minute later.
    """

    def __init__(self, hung_after: int) -> None:
        self._hung_after = hung_after
        self._silent: dict[int, tuple[int, int]] = {}

    def answering(self, brokers: Iterable[Mapping[str, Any]]) -> set[int]:
        """Node ids of the brokers that answer.

        Brokers with a negative node id, such as bootstrap addresses, are left out: librdkafka reports a negative leader
        for a partition without a leader.
        """
        silent = {}
        for broker in brokers:
            node, answers = broker["nodeid"], broker["rx"]
            if node < 0 or broker["state"] != "UP":
                continue
            answers_before, times = self._silent.get(node, (-1, 0))
            mute = answers == answers_before and broker["waitresp_cnt"] > 0
            silent[node] = (answers, times + 1 if mute else 0)
        self._silent = silent
        return {node for node, (_, times) in silent.items() if times < self._hung_after}
