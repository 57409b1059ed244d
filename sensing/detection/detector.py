"""Detector spec: rule, sentence, hysteresis, deadlines and recipients of one exception type.

The file of a detector defines its evidence (a struct), ``evaluate`` (evidence -> evaluation), ``sentence`` (evidence
and evaluation -> reason) and one `Detector`. `Detector.finding` turns evidence into a finding, for all detectors. The
registry lists the specs; the life cycle, the closes of shards, the schemas and the README read them there.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.contracts.exception_details import Details
from sensing.contracts.exceptions import SEVERITIES, ExceptionType, Informed, Resolution, Route, Severity
from sensing.contracts.output_fields import CAUSES_MAX
from sensing.contracts.subjects import problem_key
from sensing.demand.baseline_plans import BaselineColumns
from sensing.demand.models import DemandModels
from sensing.demand.promotion_uplift import PromotionUplifts
from sensing.detection.finding import DetectionContext, Finding, LineName, informed
from sensing.machine_settings import DAY_MINUTES, HOUR_MS, MINUTE_MS
from sensing.state.late_lines import LateLines
from sensing.state.locations import Locations
from sensing.state.promotions import Promotions
from sensing.state.rows import Rows
from sensing.supply.plan import Plan
from sensing.supply.supply_state import SupplyState

Evidence = TypeVar("Evidence")


class Hysteresis(NamedTuple):
    """Hysteresis policy: how many findings open and resolve a problem, and when it expires.

    A problem opens at the ``findings_to_open``-th active finding in a row. It resolves after ``findings_to_clear``
    cleared findings in a row, the last at least ``clear_ms`` after the first. It expires when no finding came for
    ``silence_ms``. If it recurs within ``cool_down_ms`` after its end, it is the same problem again.
    """

    findings_to_open: int
    findings_to_clear: int
    clear_ms: int
    cool_down_ms: int
    silence_ms: int


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a detector's rule for its evidence. The fields are those of `Finding`; unknown numbers are NaN.

    ``key`` names the problem within its SKU-location, such as order and line. ``window_hours`` is the window that ends
    with the event. ``money_units`` are the units at stake. ``route`` and ``inform`` replace those of the detector.
    ``start`` is the local day on which the episode began; None: the day of the context.
    """

    active: bool
    cleared: bool
    final: bool = False
    resolution: Resolution = "back_to_normal"
    harmless: bool = False
    start: int | None = None
    severity_points: float
    key: tuple[str, ...] = ()
    expected: float = math.nan
    observed: float = math.nan
    probability: float = math.nan
    window_hours: int | None = None
    money_units: float = math.nan
    route: Route | None = None
    inform: tuple[Informed, ...] | None = None
    marker: str = ""
    purchase_order: LineName | None = None
    details: Details | None = None


class OpenProblems(Protocol):
    """Queries of detectors about known problems."""

    def open_findings(self, row: int, exception_type: ExceptionType) -> list[Finding]:
        """Newest findings of a row's open problems and candidates of one type, oldest problem first."""

    def latest(self, exception_type: ExceptionType, key: str) -> Finding | None:
        """Newest finding of an open problem; None if it is not open."""


class ShardParts(Protocol):
    """Parts of a shard that detectors read their evidence from."""

    @property
    def rows(self) -> Rows:
        """Frequently changed state of every SKU-location."""

    @property
    def locations(self) -> Locations:
        """Locations and the hours in which they were not observed."""

    @property
    def demand(self) -> DemandModels:
        """Learned demand of every SKU-location."""

    @property
    def supply(self) -> SupplyState:
        """Stock, purchase orders and lead times."""

    @property
    def late_lines(self) -> LateLines:
        """Late purchase-order lines that open no exception."""

    @property
    def problems(self) -> OpenProblems:
        """Known problems."""

    @property
    def promotions(self) -> Promotions:
        """Approved promotions."""

    @property
    def uplifts(self) -> PromotionUplifts:
        """Learned uplifts of promotions."""

    def names_of(self, row: int) -> tuple[str, str]:
        """SKU and location of a row."""

    def category_of(self, row: int) -> str:
        """Category of a row's item."""

    def last_line_day(self, row: int) -> int:
        """Local day of a row's newest order line."""


class Closing(NamedTuple):
    """Rows that closed the same local day and were planned. Every part has one entry per row."""

    plan: Plan
    windows: NDArray[Any]
    """Windows of order lines that end with the closed day, see `sensing.machines.line_windows`."""
    demand_class: NDArray[np.uint8]
    baselines: BaselineColumns | None = None
    """Baseline plans; None if no row has one."""


@dataclass(frozen=True, kw_only=True)
class Detector(Generic[Evidence]):
    """Spec of one detector.

    Parameters
    ----------
    name
        Type of its exceptions.
    prefix
        First part of the ids of its exceptions.
    opens, ends
        Rule in words, for the README.
    route, inform
        Roles that decide and that are informed, unless an evaluation names others.
    deadline_minutes
        Minutes to the deadline, for low, medium, high, critical.
    details
        Struct of its details.
    caused_by
        Types of problems of the same SKU-location that cause one of this type, unless they are harmless.
    reserved
        Whether this type may use the last tenth of the problem table, which other types may not, and opens whatever
        money is at stake.
    evaluate
        The rule.
    sentence
        The reason, from context, evidence and evaluation.
    triggers
        (n,) closing rows to evaluate although they have no open problem of this type; None: no row.
    at_close
        Evidence of one row at a close, for rows that trigger and rows with an open problem of this type; None: the
        detector runs on events only.
    """

    name: ExceptionType
    prefix: str
    opens: str
    ends: str
    route: Route
    inform: tuple[Informed, ...] = ()
    hysteresis: Hysteresis
    deadline_minutes: tuple[int, int, int, int]
    details: type[Details]
    caused_by: tuple[ExceptionType, ...] = ()
    reserved: bool = False
    evaluate: Callable[[Evidence], Evaluation]
    sentence: Callable[[DetectionContext, Evidence, Evaluation], str]
    triggers: Callable[[ShardParts, Closing], NDArray[np.bool_]] | None = None
    at_close: Callable[[ShardParts, Closing, int], Sequence[Evidence]] | None = None

    def finding(self, context: DetectionContext, evidence: Evidence) -> Finding:
        """Apply the rule to evidence about one SKU-location, or about what the context names. NaN becomes None."""
        evaluation = self.evaluate(evidence)
        known = evaluation.details is None or isinstance(evaluation.details, self.details)
        assert known, f"{self.name} has details of type {self.details.__name__}"
        names = [name for name in (context.sku, context.location) if name]
        units = evaluation.money_units
        money = context.money(units)
        hours = evaluation.window_hours
        return Finding(
            exception_type=self.name,
            key=problem_key(*names, *evaluation.key),
            sku=context.sku,
            location=context.location,
            row=context.row,
            start=context.day if evaluation.start is None else evaluation.start,
            active=evaluation.active,
            cleared=evaluation.cleared,
            final=evaluation.final,
            resolution=evaluation.resolution,
            harmless=evaluation.harmless,
            instant=context.instant,
            event_time=context.event_time,
            severity_points=evaluation.severity_points,
            expected=_known(evaluation.expected),
            observed=_known(evaluation.observed),
            probability=_known(evaluation.probability),
            window_start=None if hours is None else context.event_time - hours * HOUR_MS,
            window_end=None if hours is None else context.event_time,
            money=money,
            currency=None if money is None else context.currency,
            margin=context.margin_of(units),
            money_base=context.money_base(units),
            base_currency=context.base_currency,
            below_floor=not self.reserved and context.is_below_floor(units),
            strategic=context.strategic,
            regulated=context.regulated,
            customer=context.customer,
            reason=self.sentence(context, evidence, evaluation),
            route=evaluation.route or self.route,
            inform=informed(self.inform if evaluation.inform is None else evaluation.inform, context.customer),
            marker=evaluation.marker,
            cause_event_ids=context.cause_event_ids[-CAUSES_MAX:],
            orders=context.orders[-CAUSES_MAX:],
            purchase_order=evaluation.purchase_order,
            details=evaluation.details,
        )

    def deadline(self, severity: Severity, since: int) -> int:
        """Deadline to act (UTC ms) on a problem that has this severity since an instant; if it is a day or more ahead,
        at a whole hour, as people set deadlines.
        """
        minutes = self.deadline_minutes[SEVERITIES.index(severity)]
        due = since + minutes * MINUTE_MS
        return due if minutes < DAY_MINUTES else -(-due // HOUR_MS) * HOUR_MS


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
