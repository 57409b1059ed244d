"""Reports of a shard to the roll-up: messages of the present call, and how far the shard's clock has come."""

from sensing.codec.event_record import BEFORE_ALL
from sensing.machines.machine_messages import RollUpMessage, ShardReport

CLOCK_STEP_MS = 1_000
"""A report without messages is due once the clock has moved by so much; the roll-up waits for the slowest shard."""


class Reports:
    """Collects the messages of one call. It is empty between calls, so it is no part of a dump."""

    def __init__(self, shard: int) -> None:
        self._shard = shard
        self._messages: list[tuple[int, RollUpMessage]] = []
        self._clock = BEFORE_ALL

    def put(self, instant: int, message: RollUpMessage) -> None:
        """Add a message, of an instant that no earlier report of the clock has passed."""
        self._messages.append((instant, message))

    def take(self, clock: int, *, final: bool) -> ShardReport | None:
        """The report that is due at the end of a call; None if the roll-up needs none.

        At the end of the input (``final``) rows close at instants behind the clock. What they tell is as of the clock.
        """
        if not self._messages and not final and clock < self._clock + CLOCK_STEP_MS:
            return None
        messages, self._messages, self._clock = self._messages, [], clock
        if final:
            messages = [(min(instant, clock), message) for instant, message in messages]
        return ShardReport(self._shard, clock, messages, final)
