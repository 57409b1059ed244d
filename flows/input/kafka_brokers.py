"""Which brokers answer, by the statistics of librdkafka. The reader calls it once a second.

Written by hand: librdkafka reports a hanging broker only when a request has timed out, a minute later.
"""

from collections.abc import Iterable, Mapping
from typing import Any


class Brokers:
    """Compares what is told of brokers with what was told the last time, once a second.

    Parameters
    ----------
    hung_after
        So many times in a row without any answer, while one is due, and a broker counts as hanging. Its connection is
        up nevertheless, until the time-out of its requests a minute later.
    """

    def __init__(self, hung_after: int) -> None:
        self._hung_after = hung_after
        self._silent: dict[int, tuple[int, int]] = {}

    def answering(self, brokers: Iterable[Mapping[str, Any]]) -> set[int]:
        """Node ids of the brokers that answer. Those without a node, such as the addresses of the start, do not count:
        a partition without a leader is told to have one without a node.
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
