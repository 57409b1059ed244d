"""The whole system on one page.

    input --- batches ---> sense (a machine per shard of SKUs) --- outputs ---+
      |                      |                                                |
      |                      +--- totals, at the end ---+                     +---> deliver (a partition per machine)
      |                                                 v                     |
      +--- rejects, read counts --------------------> ledger --- outputs -----+

The source reads, decodes, merges and splits; every item of the flow is a batch for one machine under that machine's
key. Machines are pure; sinks keep nothing. Step ids are part of the format of saved state: a renamed step forgets.
"""

from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource
from bytewax.outputs import FixedPartitionedSink

from flows.addresses import Item, machine_keys, to_ledger
from flows.control import Control
from flows.guard import GuardedSink, GuardedSource
from flows.machines import MachineLogic, MakeMachine
from sensing.machines.messages import Totals


def build(
    shards: int,
    source: FixedPartitionedSource[Item, Any],
    make_machine: MakeMachine,
    sink: FixedPartitionedSink[Any, Any],
    control: Control,
) -> Dataflow:
    """Wire source, machines and sink.

    Parameters
    ----------
    shards
        Number of shard machines; the ledger's number is the next one.
    make_machine
        Makes the machine of a number.
    """
    keys = machine_keys(shards)
    flow = Dataflow("tidegauge")

    def logic(_saved: None) -> MachineLogic:
        return MachineLogic(make_machine, control)

    read = op.branch("route", op.input("input", flow, GuardedSource(source, control)), lambda item: item[0] != keys[-1])
    sensed = op.stateful_batch("sense", read.trues, logic)
    found = op.branch("account", sensed, lambda item: isinstance(item[1], Totals))
    totals = op.map("totals", found.trues, lambda item: to_ledger(item[1], keys))
    books = op.merge("books", read.falses, totals)
    booked = op.stateful_batch("ledger", books, logic)
    op.output("deliver", op.merge("outputs", found.falses, booked), GuardedSink(sink, control))
    return flow
