"""W3C trace contexts pass from an event to the outputs that it causes, and to no others."""

from typing import Any

import numpy as np

from sensing.codec.event_record import EVENT, Batch, Reject, Topic
from sensing.codec.shard_split import split
from sensing.machine_settings import HOUR_MS, Settings
from sensing.machines.ledger import LedgerMachine
from sensing.machines.machine_messages import LedgerBatch
from sensing.machines.shard import ShardMachine
from sensing.outputs import OutputRecord
from tests.machines.streams import MONDAY, Line, Stream, line

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = TRACE[:-1] + "0"
KEYS = {"sku": "A", "location": "L"}


def outputs(lines: list[Line], traced: dict[int, str], **options: Any) -> list[OutputRecord]:
    """What one shard puts out of lines, some of which come with a trace, until the end of their day."""
    stream = Stream(lines, end=MONDAY + 24 * HOUR_MS)
    batch = stream.cut(0, len(lines))
    places = [
        (int(stream.topics[at]), 0, int((stream.topics[:at] == stream.topics[at]).sum())) for at in range(len(lines))
    ]
    infrequent = [
        (before, item._replace(trace=traced.get(at)))
        for (at, _), (before, item) in zip(stream.infrequent, batch.infrequent, strict=True)
    ]
    traces = {places[at]: trace for at, trace in traced.items()}
    (part,) = split(batch._replace(infrequent=infrequent, traces=traces), 1)
    machine = ShardMachine(0, Settings(shards=1, **options))
    found = machine.apply(part) + machine.apply(stream.last())
    return [output for output in found if isinstance(output, OutputRecord)]


def usual_and_giant() -> list[Line]:
    """Sixty small orders, then one that two signs show to be a slip, so that it is held."""
    lines = [
        line("order.placed", f"o{n}", MONDAY + HOUR_MS + n, order_id=f"o{n}", quantity=1, unit_price=1.0, **KEYS)
        for n in range(60)
    ]
    slip = {"order_id": "g", "quantity": 10_000, "unit_price": 1e-4}
    return [*lines, line("order.placed", "giant", MONDAY + 2 * HOUR_MS, **slip, **KEYS)]


def test_an_order_hands_its_trace_to_the_exception_and_its_audit() -> None:
    """What the event of a record gives rise to carries its trace; what the clock does has none."""
    lines = usual_and_giant()
    found = outputs(lines, {5: OTHER, len(lines) - 1: TRACE})
    traces = {record.type: record.attributes.get("traceparent") for record in found}
    assert (traces["exception.opened"], traces["decision.automatic"]) == (TRACE, None)  # the last one is of the close
    assert [record.type for record in found if record.attributes.get("traceparent")] == [
        "decision.automatic", "exception.opened",
    ]  # fmt: skip
    assert all(record.attributes.get("traceparent") != OTHER for record in found)


def test_a_rare_event_and_a_refused_one_hand_their_traces_on() -> None:
    """A delay carries the trace of the promise that made it; the decisions to hold a record and an event, and a dead
    letter, carry theirs.
    """
    po = {"po_id": "P", **KEYS}
    lines = [
        line("location.updated", "l", None, location="L"),
        line("po.placed", "p", MONDAY, quantity=5, promised_date="2026-02-05", **po),
        line("po.delayed", "d", MONDAY + HOUR_MS, promised_date="2026-02-20", **po),
        line("order.placed", "x", MONDAY + HOUR_MS, sku="A", location="NOWHERE", quantity=1),
        line("po.placed", "y", MONDAY + HOUR_MS, sku="A", location="NOWHERE", po_id="Q", quantity=1),
        line("location.updated", "z", None, location="M", time_zone="Mars/Phobos"),
    ]
    traces = {at: f"{TRACE[:-2]}{at:02d}" for at in range(len(lines))}
    found = [(record.type, record.attributes.get("traceparent")) for record in outputs(lines, traces)]
    assert found == [
        ("exception.opened", traces[2]), ("decision.automatic", traces[3]), ("decision.automatic", traces[4]),
        ("dead.letter", traces[5]),
    ]  # fmt: skip


def test_dead_letters_of_the_decoder_carry_the_trace_of_their_headers() -> None:
    """The ledger reads it from the original headers; a broken one is left out."""
    rejects = [
        Reject(value=b"", headers={"traceparent": value}, topic="orders", partition=0, offset=at, time=0,
               reason="not_json", field=None, required="JSON", got="")
        for at, value in enumerate((TRACE.encode(), b"\xff"))
    ]  # fmt: skip
    found = LedgerMachine(1, 1).apply(LedgerBatch(rejects, [("orders", 0, 2)], 5))
    assert [record.attributes.get("traceparent") for record in found] == [TRACE, None]


def test_an_untraced_batch_has_no_table_of_traces() -> None:
    """The usual batch costs nothing: it shares one empty table."""
    empty = Batch(np.empty(0, EVENT), [], 5)
    assert split(empty, 2)[0].traces is empty.traces
    assert not empty.traces
    assert Topic.ORDERS not in {place[0] for place in empty.traces}
