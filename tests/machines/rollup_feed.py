"""Reports of shards to a roll-up, in any order and cut anywhere. Tests of what the roll-up makes of them call it."""

import random
from collections.abc import Sequence

from sensing.machine_settings import Settings
from sensing.machines.machine_messages import RollUpMessage, ShardReport
from sensing.machines.rollup import RollUpMachine
from sensing.outputs import OutputRecord

Queue = Sequence[tuple[int, RollUpMessage]]


def fed(queues: Sequence[Queue], end: int, order: random.Random, *, restarts: bool = False) -> list[OutputRecord]:
    """Outputs for the messages of each shard, which come in portions as ``order`` draws them; all end at ``end``.

    With ``restarts`` the machine is restored from its dump after every report.
    """
    settings = Settings(shards=len(queues))
    machine, outputs = RollUpMachine(9, settings), list[OutputRecord]()
    waiting = [list(queue) for queue in queues]
    while any(waiting):
        shard = order.choice([at for at, queue in enumerate(waiting) if queue])
        count = order.randint(1, len(waiting[shard]))
        part, waiting[shard] = waiting[shard][:count], waiting[shard][count:]
        outputs += machine.apply(ShardReport(shard, part[-1][0], part))
        if restarts:
            block = machine.dump()
            machine = RollUpMachine(9, settings)
            machine.load(block)
            assert machine.dump() == block
    for shard in range(len(queues)):
        outputs += machine.apply(ShardReport(shard, end, [], final=True))
    return outputs
