"""State of a shard: all its tables, and their dump and restore. Whatever is not dumped is derived from the dump."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import BEFORE_ALL, NO_DAY, TOPICS
from sensing.codec.shard_split import shard_of
from sensing.contracts.parameters import Trigger
from sensing.contracts.reference import CalendarUpdated
from sensing.demand.baseline_plans import BaselinePlans
from sensing.demand.models import DemandModels
from sensing.demand.opportunities import Opportunities
from sensing.demand.promotion_uplift import PromotionUplifts
from sensing.demand.signal_table import SignalTable
from sensing.detection.lifecycle import Problems
from sensing.detection.order_size import Judgement
from sensing.machine_settings import DAY_MS, Settings
from sensing.machines.changed_rows import NO_SEVERITY, ChangedRows
from sensing.machines.close_schedule import NEVER, CloseSchedule
from sensing.machines.hand_overs import HandOvers
from sensing.machines.input_queue import InputQueue
from sensing.machines.kernel_tables import Tables
from sensing.machines.machine_messages import OUTCOMES
from sensing.machines.outbox import Outbox
from sensing.machines.reference_queue import ReferenceQueue
from sensing.machines.reports import Reports
from sensing.state.calendar import Calendars
from sensing.state.customers import Customers
from sensing.state.late_lines import LateLines
from sensing.state.line_table import LineTable
from sensing.state.locations import Locations
from sensing.state.promotions import Promotions
from sensing.state.quarantine import Quarantine
from sensing.state.row_index import RowIndex
from sensing.state.rows import Rows
from sensing.state.signal_values import Signals
from sensing.state.snapshot import Encoded, Part, Snapshot, pack_snapshot, unpack_snapshot
from sensing.state.text_codes import TextCodes
from sensing.state.watermark_tracker import WatermarkTracker
from sensing.state.zones import Zones
from sensing.supply.allocations import Allocations
from sensing.supply.backlog import open_days
from sensing.supply.supply_state import SupplyState

UNIT = np.dtype("S8")


class ShardState:
    """All tables of a shard. ``clock`` is the shard's watermark (UTC ms), BEFORE_ALL before the first event."""

    def __init__(self, shard: int, settings: Settings) -> None:
        self.shard = shard
        self.settings = settings
        self.clock = BEFORE_ALL
        self.next_housekeeping = NEVER
        self.quiet_until = settings.quiet_until
        self.backfilling = settings.quiet_until is not None
        self.outbox = Outbox(shard)
        self.groups = WatermarkTracker(settings.source_groups)
        self.zones = Zones(settings.time_zone)
        self.locations = Locations(self.zones)
        self.schedule = CloseSchedule(self.zones)
        self.calendars = Calendars()
        self.promotions = Promotions()
        self.uplifts = PromotionUplifts()
        self.customers = Customers()
        self.pending = ReferenceQueue()
        self.queue = InputQueue()
        self.quarantine = Quarantine(settings.quarantine_max)
        self.reports = Reports(shard)
        self.hand_overs = HandOvers()
        self.changed = ChangedRows()
        self.outputs_per_row = 1.0  # of the rows planned last; the call budget expects as many of the next ones
        self.rows = Rows(settings.rows_max)
        self.row_index = RowIndex()
        self.lines = LineTable(settings.lines_max)
        self.allocations = Allocations(settings.lines_max)
        self.units = TextCodes()
        self.currencies = TextCodes()
        self.demand = DemandModels()
        self.baselines = BaselinePlans(settings.rows_max)
        self.opportunities = Opportunities()
        self.signals = Signals()
        self.signal_table = SignalTable()
        self.supply = SupplyState(settings, self.lines, self.allocations, self.names_of)
        self.late_lines = LateLines(settings.open_problems_max)
        self.problems = Problems(settings.open_problems_max, backfilling=self.backfilling)
        self.counts = np.zeros((len(TOPICS), 1, len(OUTCOMES)), np.int64)
        self.to_plan = np.zeros(64, np.bool_)  # by row; a reference record changed its inputs, see `schedule_plans`
        self.base_units = np.zeros(64, UNIT)  # by row; empty: no master data name the item, any unit is accepted
        self.summed_until = np.full(64, NO_DAY, np.int32)  # by row; newest local day whose demand was given as a sum
        self.newest_sum = np.full(1, NO_DAY, np.int32)  # newest of ``summed_until``
        self.items_known = False
        self.lost_lines_reported = 0  # open lines forgotten, as of the last report
        self.ignores_orders = np.zeros(0, np.bool_)
        """By row: only transfers are demand. It ends with the highest such row that there ever was, since most
        installations have none."""
        self.judgement: Judgement | None = None  # of the record that was judged last, for its callback
        self.cancelled_large: dict[tuple[int, int], int] = {}
        """Event time at which a row's customer (bits of its hash) last cancelled a large line, oldest entry first."""

    def tables(self) -> Tables:
        """All arrays, in the form that kernels take."""
        return Tables(
            self.rows.hot, self.demand.demand, self.demand.pool, self.supply.supply, self.lines.lines, self.lines.index,
            self.lines.state, self.units.codes, self.currencies.codes, self.zones.starts, self.zones.offsets,
            self.locations.zone, self.locations.ships, self.locations.reports, self.locations.lines,
            self.locations.unobserved, self.ignores_orders, self.summed_until, self.newest_sum, self.counts,
        )  # fmt: skip

    def start_clock(self, watermark: int) -> None:
        """Start the clock at the first watermark: from now on timers run."""
        self.clock = watermark
        self.next_housekeeping = (watermark // DAY_MS + 1) * DAY_MS
        for zone in range(len(self.zones.names)):
            self.schedule.open(zone, watermark)

    def count(self, topic: int, partition: int, outcome: int) -> None:
        """Count the outcome of one event."""
        self.ensure_partition(partition)
        self.counts[topic, partition, outcome] += 1

    def ensure_partition(self, partition: int) -> None:
        """Make room for the counts of a partition number."""
        if partition >= self.counts.shape[1]:
            more = np.zeros((len(TOPICS), partition + 1 - self.counts.shape[1], len(OUTCOMES)), np.int64)
            self.counts = np.concatenate((self.counts, more), axis=1)

    def begin_backfill(self, until: int) -> bool:
        """Begin a backfill that ends at ``until`` (UTC ms), or prolong it; False once events were published."""
        if not self.backfilling and self.clock > BEFORE_ALL:
            return False
        self.backfilling = self.problems.backfilling = True
        self.quiet_until = max(self.quiet_until or until, until)
        return True

    def ensure_rows(self) -> None:
        """Grow the columns by row to the number of rows, and add new rows to the row index."""
        if len(self.base_units) < self.rows.count:
            self.base_units = np.concatenate((self.base_units, np.zeros_like(self.base_units)))
            self.to_plan = np.concatenate((self.to_plan, np.zeros_like(self.to_plan)))
            self.summed_until = np.concatenate((self.summed_until, np.full_like(self.summed_until, NO_DAY)))
        self.row_index.extend(self.rows.hot, self.rows.count)

    def resolve_demand(self, row: int) -> None:
        """Note whether policy makes transfers the only demand of a row."""
        if not self.supply.master.any_dependent:
            return
        ignores = self.supply.master.demand(*self.names_of(row)) == "dependent"
        if row < len(self.ignores_orders):
            self.ignores_orders[row] = ignores
        elif ignores:
            more = np.zeros(row + 1 - len(self.ignores_orders), np.bool_)
            more[-1] = True
            self.ignores_orders = np.concatenate((self.ignores_orders, more))

    def schedule_plans(self, rows: NDArray[np.int64] | None = None) -> None:
        """Plan rows that a reference record concerns (None: all) at their next close.

        All rows of a shard may be concerned at once, so the mark has a compact column of its own: one byte per row.
        """
        if rows is None:
            self.to_plan[: self.rows.count] = True
        else:
            self.to_plan[rows] = True

    def plan_on_event(
        self, row: int, trigger: Trigger, event_id: str | None, event_time: int, rank: int = NO_SEVERITY
    ) -> None:
        """Plan a published row again, since an event has changed what it should plan with.

        A row that was never published waits for its day close. ``rank`` is that of a severity that the event raised.
        """
        if self.backfilling or not self.supply.supply["version"][row]:
            return
        if not self.changed.mark(row, trigger, event_id, event_time, self.clock, rank):
            self.to_plan[row] = True

    def totals(self) -> list[tuple[str, int, tuple[int, ...]]]:
        """Outcomes per topic and partition, without partitions that have no counts."""
        return [
            (TOPICS[topic], partition, tuple(self.counts[topic, partition].tolist()))
            for topic in range(len(TOPICS))
            for partition in range(self.counts.shape[1])
            if self.counts[topic, partition].any()
        ]

    def open_days(self, row: int) -> dict[int, float]:
        """Open units of a row by requested local day."""
        return open_days(self.supply.supply, self.lines.lines, row)

    def owns(self, sku: str) -> bool:
        """Whether an item belongs to this shard."""
        return shard_of(sku, self.settings.shards) == self.shard

    def sku_of(self, row: int) -> str:
        """SKU of a row."""
        return self.rows.sku_of(row)

    def location_of(self, row: int) -> str:
        """Location of a row."""
        return self.locations.records[int(self.rows.hot["location"][row])].name

    def names_of(self, row: int) -> tuple[str, str]:
        """SKU and location of a row."""
        return self.sku_of(row), self.location_of(row)

    def category_of(self, row: int) -> str:
        """Category of a row's item; empty if it has none."""
        item = self.supply.master.item(self.sku_of(row))
        return "" if item is None or item.category is None else item.category

    def last_line_day(self, row: int) -> int:
        """Local day of a row's newest order line."""
        return self.zones.local_hour(self.zone_of(row), int(self.rows.hot["last_order"][row])) // 24

    def zone_of(self, row: int) -> int:
        """Time zone of a row."""
        return int(self.locations.zone[self.rows.hot["location"][row]])


class _Head(msgspec.Struct):
    """The small parts of a dump."""

    clock: int
    next_housekeeping: int
    backfilling: bool
    quiet_until: int | None
    items_known: bool
    outputs_per_row: float
    number: int
    zones: list[str]
    positions: dict[int, tuple[int, int]]
    calendars: dict[str, CalendarUpdated]
    cancelled_large: list[tuple[int, int, int]]
    lost_lines_reported: int
    not_finite: int


def dump_state(s: ShardState, under_way: bytes) -> bytes:
    """The whole shard as bytes; ``under_way`` is the dump of the timer under way."""
    hot = s.rows.hot[: s.rows.count]
    hot["dirty"] |= s.to_plan[: s.rows.count]
    s.to_plan[:] = False
    head = _Head(
        s.clock, s.next_housekeeping, s.backfilling, s.quiet_until, s.items_known, s.outputs_per_row, s.outbox.number,
        s.zones.names, s.schedule.positions, s.calendars.records,
        [(*key, time) for key, time in s.cancelled_large.items()], s.lost_lines_reported,
        s.outbox.not_finite,
    )  # fmt: skip
    tables: dict[str, Part] = {
        "head": Encoded(head, _Head),
        "under_way": under_way,
        "counts": s.counts,
        "base_units": s.base_units[: s.rows.count],
        "ignores_orders": s.ignores_orders,
        "summed_until": s.summed_until[: s.rows.count],
    }
    parts = {name: part.dump() for name, part in _parts(s).items()}
    return pack_snapshot(tables | parts, _owner(s), msgspec.structs.asdict(s.settings))


def load_state(s: ShardState, block: bytes) -> bytes:
    """Restore a dump into a new shard with the same settings.

    Returns the dump of the timer under way.
    """
    tables = {
        "head": _Head, "counts": s.counts.dtype, "base_units": UNIT, "ignores_orders": s.ignores_orders.dtype,
        "summed_until": s.summed_until.dtype,
    }  # fmt: skip
    found = unpack_snapshot(block, _owner(s), msgspec.structs.asdict(s.settings), tables)
    head = found["head"]
    s.clock, s.next_housekeeping, s.outbox.number = head.clock, head.next_housekeeping, head.number
    s.backfilling, s.items_known, s.outputs_per_row = head.backfilling, head.items_known, head.outputs_per_row
    s.quiet_until = head.quiet_until
    for name in head.zones:
        s.zones.number(name)
    s.calendars.records = head.calendars
    s.lost_lines_reported, s.outbox.not_finite = head.lost_lines_reported, head.not_finite
    s.cancelled_large = {(row, customer): time for row, customer, time in head.cancelled_large}
    for name, part in _parts(s).items():
        part.load(found[name])
    s.counts = found["counts"]
    s.locations.accept_unknown(s.supply.master.unknown.location == "accept")
    s.base_units, s.to_plan = np.zeros(len(s.rows.hot), UNIT), np.zeros(len(s.rows.hot), np.bool_)
    s.base_units[: s.rows.count] = found["base_units"]
    s.summed_until = np.full(len(s.rows.hot), NO_DAY, np.int32)
    s.summed_until[: s.rows.count] = found["summed_until"]
    s.newest_sum[0] = s.summed_until.max()
    s.ignores_orders = found["ignores_orders"]
    s.ensure_rows()
    for row in range(s.rows.count):
        s.schedule.add(s.zone_of(row), int(s.rows.hot["slot"][row]), row, s.clock)
    s.schedule.restore(head.positions)
    under_way: bytes = found["under_way"]
    return under_way


def _parts(s: ShardState) -> dict[str, Snapshot]:
    return {
        "pending": s.pending,
        "promotions": s.promotions,
        "uplifts": s.uplifts,
        "customers": s.customers,
        "rows": s.rows,
        "lines": s.lines,
        "allocations": s.allocations,
        "units": s.units,
        "currencies": s.currencies,
        "demand": s.demand,
        "baselines": s.baselines,
        "opportunities": s.opportunities,
        "signals": s.signals,
        "signal_table": s.signal_table,
        "supply": s.supply,
        "late_lines": s.late_lines,
        "problems": s.problems,
        "locations": s.locations,
        "groups": s.groups,
        "queue": s.queue,
        "quarantine": s.quarantine,
        "hand_overs": s.hand_overs,
        "changed": s.changed,
    }


def _owner(s: ShardState) -> str:
    return f"shard {s.shard}"
