"""What a detector is: one spec of rule, sentence, hysteresis, deadlines and recipients.

A detector's file defines its evidence (a struct), ``judge`` (evidence -> judgement), ``sentence`` (evidence and
judgement -> reason) and one `Detector`. The way from evidence to a finding is `Detector.finding`, for all detectors.
The registry lists all of them; the life cycle, the closes of shards, the schemas and the README read it there.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.contracts.exceptions import SEVERITIES, ExceptionType, Route, Severity
from sensing.contracts.subjects import problem_key
from sensing.demand.models import DemandModels
from sensing.detection.finding import CAUSES_MAX, Detail, DetectionContext, Finding
from sensing.settings import HOUR_MS
from sensing.state.locations import Locations
from sensing.state.rows import Rows
from sensing.supply.book import SupplyBook
from sensing.supply.plan import Plan

DAY_MINUTES = 24 * 60

Evidence = TypeVar("Evidence")


class Hysteresis(NamedTuple):
    """How much evidence a problem takes to open and to resolve, and when it is forgotten.

    A problem opens at the ``findings_to_open``-th active finding in a row. It resolves after ``findings_to_clear``
    cleared findings in a row, the last at least ``clear_ms`` after the first. It expires when no finding came for
    ``silence_ms``. Within ``cool_down_ms`` after its end it recurs as the same object.
    """

    findings_to_open: int
    findings_to_clear: int
    clear_ms: int
    cool_down_ms: int
    silence_ms: int


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says of its evidence; the fields are those of `Finding`, NaN where a number is unknown.

    ``key`` names the problem within its SKU-location, such as order and line. ``window_hours`` is the window that ends
    with the event. ``money_units`` are the units at stake. ``route`` and ``inform`` replace those of the detector.
    """

    active: bool
    cleared: bool
    final: bool = False
    strength: float
    key: tuple[str, ...] = ()
    expected: float = math.nan
    observed: float = math.nan
    probability: float = math.nan
    window_hours: int | None = None
    money_units: float = math.nan
    route: Route | None = None
    inform: tuple[Route, ...] | None = None
    marker: str = ""
    details: dict[str, Detail] = {}


class OpenProblems(Protocol):
    """What detectors ask about problems that are known already."""

    def open_findings(self, row: int, exception_type: ExceptionType) -> list[Finding]:
        """Newest findings of a row's open problems and candidates of one type, oldest problem first."""

    def latest(self, exception_type: ExceptionType, key: str) -> Finding | None:
        """The newest finding of a problem that is open."""


class ShardParts(Protocol):
    """The parts of a shard from which detectors read their evidence."""

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
    def supply(self) -> SupplyBook:
        """Stock, purchase orders and lead times."""

    @property
    def problems(self) -> OpenProblems:
        """Problems known so far."""

    def names_of(self, row: int) -> tuple[str, str]:
        """SKU and location of a row."""


class Closing(NamedTuple):
    """Rows that closed the same local day and were planned; one entry per row in every part."""

    plan: Plan
    windows: NDArray[Any]
    """Windows of order lines that end with the closed day, see `sensing.machines.windows`."""
    demand_class: NDArray[np.uint8]


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
        Who decides and who is told, where a judgement does not say otherwise.
    deadline_minutes
        Minutes from the event to the deadline, for low, medium, high, critical.
    reserved
        Whether the last tenth of the places for problems is kept for this type.
    judge
        The rule.
    sentence
        The reason, from context, evidence and judgement.
    triggers
        (n,) closing rows at which to look although no problem of this type is open; None: no row.
    at_close
        Evidence of the row at one position of a closing, for rows that trigger and rows with an open problem of this
        type; None: the detector runs on events only.
    """

    name: ExceptionType
    prefix: str
    opens: str
    ends: str
    route: Route
    inform: tuple[Route, ...] = ()
    hysteresis: Hysteresis
    deadline_minutes: tuple[int, int, int, int]
    reserved: bool = False
    judge: Callable[[Evidence], Judgement]
    sentence: Callable[[DetectionContext, Evidence, Judgement], str]
    triggers: Callable[[ShardParts, Closing], NDArray[np.bool_]] | None = None
    at_close: Callable[[ShardParts, Closing, int], Sequence[Evidence]] | None = None

    def finding(self, context: DetectionContext, evidence: Evidence) -> Finding:
        """Judge evidence about one SKU-location; NaN becomes absent."""
        judgement = self.judge(evidence)
        money = context.money(judgement.money_units)
        hours = judgement.window_hours
        return Finding(
            exception_type=self.name,
            key=problem_key(context.sku, context.location, *judgement.key),
            sku=context.sku,
            location=context.location,
            row=context.row,
            active=judgement.active,
            cleared=judgement.cleared,
            final=judgement.final,
            instant=context.instant,
            event_time=context.event_time,
            strength=judgement.strength,
            expected=_known(judgement.expected),
            observed=_known(judgement.observed),
            probability=_known(judgement.probability),
            window_start=None if hours is None else context.event_time - hours * HOUR_MS,
            window_end=None if hours is None else context.event_time,
            money=money,
            currency=None if money is None else context.currency,
            reason=self.sentence(context, evidence, judgement),
            route=judgement.route or self.route,
            inform=self.inform if judgement.inform is None else judgement.inform,
            marker=judgement.marker,
            cause_event_ids=context.cause_event_ids[-CAUSES_MAX:],
            details=judgement.details,
        )

    def deadline(self, severity: Severity, event_time: int) -> int:
        """Event time (UTC ms) by which somebody should have acted."""
        return event_time + self.deadline_minutes[SEVERITIES.index(severity)] * 60_000


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
