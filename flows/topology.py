"""The dataflow of the whole system on one page; the jobs build it.

    input --- batches ---> shard (a machine per set of SKUs) --- outputs ----+
      |                      |                                               |
      |                      +--- reports ---------> roll-up --- outputs ----+---> deliver (partitions of machines)
      |                      |                                               |
      |                      +--- totals, when asked ---+                    |
      |                      |                          v                    |
      +--- rejects, read counts --------------------> ledger --- outputs ----+
      |                      |
      +<---- way back -------+   what an item hands over to its successor, for the successor's shard

The source reads, decodes, orders and routes (`flows.input`). Every item of the flow is a batch for one machine under
that machine's key. Machines are pure (`sensing.machines`). Sinks keep no state (`sinks`). Steps exchange data only in
items, but for the way back. Step ids are part of the format of saved state: renaming a step discards its state.
"""

from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource
from bytewax.outputs import FixedPartitionedSink

from flows.durability.store import Store
from flows.input.routing import from_shard
from flows.runtime.context import RunContext
from flows.runtime.error_boundary import BoundedSink, BoundedSource
from flows.runtime.machine_logic import MachineLogic
from flows.runtime.machine_processes import MachineHosts
from flows.runtime.roles import Item, Role
from sensing.machines.machine_messages import HandOver
from sensing.outputs import Produced


def build(
    shards: int,
    source: FixedPartitionedSource[Item, Any],
    hosts: MachineHosts,
    sink: FixedPartitionedSink[Any, Any],
    context: RunContext,
    store: Store | None = None,
) -> Dataflow:
    """Wire source, machines and sink; with a store machines keep journals."""
    flow = Dataflow("tidegauge")

    def logic(saved: bytes | None) -> MachineLogic:
        return MachineLogic(hosts.make, context, store, saved)

    def submit(item: Item) -> Item:
        assert hosts.submit is not None, "there is such a step only with a function for it"
        with context.errors.capture(str(item[1].machine)):
            return hosts.submit(item)

    read = op.input("input", flow, BoundedSource(source, context.errors))
    by_role = op.branch("role", read, lambda item: item[1].machine.role is Role.SHARD)
    for_shards = by_role.trues if hosts.submit is None else op.map("submit", by_role.trues, submit)
    sensed = op.stateful_batch(Role.SHARD, for_shards, logic)
    found = op.branch("found", sensed, lambda item: isinstance(item[1], Produced))
    said = op.branch("said", found.falses, lambda item: isinstance(item[1], HandOver))
    # A flow has no loops, so the source takes what comes back from a queue.
    op.inspect("way back", said.trues, lambda _step, item: context.way_back.append(item[1]))
    messages = op.map("messages", said.falses, lambda item: from_shard(item[1], shards))
    fed = op.branch("fed", messages, lambda item: item[1].machine.role is Role.ROLL_UP)
    rolled_up = op.stateful_batch(Role.ROLL_UP, fed.trues, logic)
    booked = op.stateful_batch(Role.LEDGER, op.merge("books", by_role.falses, fed.falses), logic)
    op.output("deliver", op.merge("outputs", found.trues, rolled_up, booked), BoundedSink(sink, context.errors))
    return flow
