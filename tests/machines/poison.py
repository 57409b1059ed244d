"""Machines that raise at certain events, as a defect would: in the middle of a batch, at one event, at a close."""

from flows.runtime.machine_logic import Machine
from flows.runtime.machines import machines
from flows.runtime.roles import MachineId, Role
from sensing.codec.event_record import InfrequentEvent
from sensing.machine_settings import Settings
from sensing.machines.call_budget import REPLAY, CallBudget
from sensing.machines.input_queue import BatchCursor
from sensing.machines.shard import ShardMachine

POISON = "poison"


class PoisonedShard(ShardMachine):
    """Raises if an order line has the poison as order id, or a purchase order has it as its id.

    A piece of a batch fails as a whole, before any record of it is absorbed, as where a kernel raises.
    """

    def _absorb(self, cursor: BatchCursor, stop: int, budget: CallBudget) -> None:
        records = cursor.batch.records[cursor.records : stop]
        poisoned = [record for record in records if cursor.texts.one(record).order_id == POISON]
        start = cursor.records
        if not poisoned:
            super()._absorb(cursor, stop, budget)
            return
        super()._absorb(cursor, start + 1, budget)  # the shard notes what it works on
        self._current = self._current._replace(start=start, stop=stop)
        msg = "year 10000 is out of range"
        raise OverflowError(msg)

    def _take(self, message: InfrequentEvent) -> None:
        super()._take(message)
        if getattr(message.event, "po_id", None) == POISON:
            msg = "year 10000 is out of range"
            raise OverflowError(msg)


def make_poisoned(machine: MachineId) -> Machine:
    """Poisoned shards, and a plain ledger; can be pickled."""
    settings = Settings()
    if machine.role is Role.SHARD:
        return PoisonedShard(machine.number, settings, REPLAY)
    return machines(settings, REPLAY)(machine)
