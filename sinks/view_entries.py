"""View entries: converts records of output topics to conditional upserts of Redis hashes.

The view calls `entry` for every record. A hash has flat fields and the field ``document``, the whole JSON of the
record. Fields without a value are absent.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from sensing.contracts.exceptions import ENDED, ExceptionState
from sensing.contracts.topic_registry import SPECS
from sensing.contracts.topic_spec import View
from sensing.outputs import EXCEPTIONS, PARAMETERS
from sinks.priority import priority
from sinks.topic_tail import Record

DAY_MS = 86_400_000
OPEN, ROUTE, OWNER = "open", "route:", "owner:"
"""Names of queues; a route and an owner follow the last two."""

Value = str | int | float | None


class Layout(NamedTuple):
    """Names of keys and channels, all with one prefix."""

    prefix: str

    @property
    def position(self) -> str:
        """Hash with the position of the view in its topics."""
        return f"{self.prefix}view"

    @property
    def queues(self) -> str:
        """Start of the names of all queues. A queue is a sorted set: ids of open exceptions by priority."""
        return f"{self.prefix}exceptions:"

    def queue(self, name: str) -> str:
        """A queue: all open exceptions (``OPEN``), those of a route or those of an owner."""
        return f"{self.queues}{name}"

    def hash(self, topic: str, key: str) -> str:
        """Hash of one record, for example of one exception."""
        return f"{self.prefix}{_view(topic).hash}:{key}"

    def channel(self, topic: str) -> str:
        """Pub/Sub channel for changes of a topic's records."""
        return f"{self.prefix}changes:{_view(topic).channel}"


def _view(topic: str) -> View:
    view = SPECS[topic].view
    assert view is not None, "only topics in the view are read for it"
    return view


class Entry(NamedTuple):
    """One conditional upsert, an argument of the script in ``sinks.redis_store``.

    ``member`` is the id of an exception (empty: not an exception), ``score`` its score in ``queues``, the names of the
    queues that it is in (none: not open). ``run_id`` is the id of the run. It is empty for a tombstone without a run,
    which deletes any record. Without ``fields`` the hash is deleted. All texts are ``str``, since MessagePack in Redis
    has no byte strings.
    """

    hash: str
    member: str
    run_id: str
    version: int
    score: str
    queues: list[str]
    ttl_ms: int
    channel: str
    message: str
    fields: list[str]


class UnreadableError(Exception):
    """The record was not written by this engine, so it is not in the view."""


class _Forecast(msgspec.Struct):
    start: str
    method: str
    mean: msgspec.Raw


class _Proposed(msgspec.Struct):
    lead_time_days_mean: float
    lead_time_days_sd: float
    service_target: float
    safety_stock: float
    reorder_point: float
    order_up_to: float
    order_quantity: float
    lead_time_days_p50: float | None = None
    lead_time_days_p90: float | None = None


class _Stock(msgspec.Struct):
    on_hand: float | None
    on_order: float
    open_demand: float
    stockout_date: str | None
    cover_days: float | None


class _Change(msgspec.Struct):
    sentence: str


class _Parameters(msgspec.Struct):
    """Fields of `PlanningParameters` that the hash needs. The rest, mostly quantiles, is not decoded."""

    sku: str
    location: str
    status: str
    as_of: str
    demand_class: str
    proposed: _Proposed
    forecast: _Forecast
    stock: _Stock
    change: _Change
    decimals: int
    overrides: msgspec.Raw = msgspec.Raw(b"[]")
    item_name: str | None = None
    family: str | None = None
    category: str | None = None
    strategic: bool = False
    regulated: bool = False
    region: str | None = None
    supplier: str | None = None
    buyer: str | None = None
    decision: str | None = None
    decided_by: str | None = None
    decided_role: str | None = None
    decided_at: str | None = None
    decision_reason: str | None = None


_parameters = msgspec.json.Decoder(_Parameters).decode
_exception = msgspec.json.Decoder(ExceptionState).decode


def entry(record: Record, layout: Layout, ended_days: int) -> Entry:
    """Upsert or deletion for one record; an exception that has ended is kept for ``ended_days``.

    Raises
    ------
    UnreadableError
        Says where the record is and what is wrong with it.
    """
    try:
        return _entry(record, layout, ended_days)
    except (ValueError, KeyError, msgspec.MsgspecError) as error:
        what = f"no header {error}" if isinstance(error, KeyError) else str(error)
        msg = f"topic {record.topic}, partition {record.partition}, offset {record.offset}: required a record of this "
        msg += f"engine, got {what}; it is not in the view"
        raise UnreadableError(msg) from error


def _entry(record: Record, layout: Layout, ended_days: int) -> Entry:
    key = _text(record.key or b"", "key")
    run_id, version = "", 0
    if record.value is not None or "ce_lineage" in record.headers:
        run_id = _text(record.headers["ce_lineage"], "ce_lineage")
        version = int(_text(record.headers["ce_id"], "ce_id").rpartition("#")[2])
    kind = _text(record.headers["ce_type"], "ce_type") if record.value is not None else "deleted"
    change: dict[str, str | int] = {"id": key, "type": kind, "version": version}
    score, queues, ttl_ms, fields = "", list[str](), 0, list[str]()
    if record.value is not None and record.topic == EXCEPTIONS:
        state = _exception(record.value)
        change["severity"] = state.severity
        rank = priority(state.severity, state.money_base, state.deadline)
        if state.status in ENDED:
            ttl_ms = ended_days * DAY_MS
        else:
            score, queues = str(rank), queues_of(state)
        fields = _flat([*_exception_fields(state, rank), ("document", record.value.decode())])
    elif record.value is not None:
        flat = _parameter_fields(_parameters(record.value)) if record.topic == PARAMETERS else ()
        fields = _flat([*flat, ("document", record.value.decode())])
    return Entry(
        layout.hash(record.topic, key), key if record.topic == EXCEPTIONS else "", run_id, version, score, queues,
        ttl_ms, layout.channel(record.topic), msgspec.json.encode(change).decode(), fields,
    )  # fmt: skip


def queues_of(state: ExceptionState) -> list[str]:
    """Names of the queues of an open exception."""
    return [OPEN, f"{ROUTE}{state.route}", *([f"{OWNER}{state.owner}"] if state.owner else [])]


def _exception_fields(state: ExceptionState, rank: int) -> Iterable[tuple[str, Value]]:
    for name in state.__struct_fields__:
        value = getattr(state, name)
        if name == "version" or value == [] or name == "details":
            continue
        if isinstance(value, bool):
            yield name, "true" if value else None
        else:
            yield name, msgspec.json.encode(value).decode() if isinstance(value, list) else value
    yield "priority", rank


def _parameter_fields(document: _Parameters) -> Iterable[tuple[str, Value]]:
    yield "sku", document.sku
    yield "location", document.location
    yield "status", document.status
    yield "as_of", document.as_of
    yield "decimals", document.decimals
    yield "demand_class", document.demand_class
    for group in (document.proposed, document.stock):
        for name in group.__struct_fields__:
            yield name, getattr(group, name)
    yield "forecast_start", document.forecast.start
    yield "forecast_mean", bytes(document.forecast.mean).decode()
    yield "method", document.forecast.method
    yield "reason", document.change.sentence
    for name in ("decision", "decided_by", "decided_role", "decided_at", "decision_reason", "item_name", "family",
                 "category", "region", "supplier", "buyer"):  # fmt: skip
        yield name, getattr(document, name)
    for name in ("strategic", "regulated"):
        yield name, "true" if getattr(document, name) else None
    yield "overrides", None if bytes(document.overrides) == b"[]" else bytes(document.overrides).decode()


def _flat(pairs: Iterable[tuple[str, Value]]) -> list[str]:
    """Alternating names and values, without fields that have no value."""
    flat: list[str] = []
    for name, value in pairs:
        if value is not None:
            flat += name, value if isinstance(value, str) else str(value)
    return flat


def _text(value: bytes, name: str) -> str:
    if not value:
        msg = f"an empty {name}"
        raise ValueError(msg)
    return value.decode()
