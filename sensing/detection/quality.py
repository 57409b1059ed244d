"""Detector data_quality: holds an order line of an impossible quantity, such as a typing error or a wrong unit.

Two tails are tested. *The row's*: how many standard deviations the logarithm of the quantity lies above the row's
lines, whose variance is shrunk to that of all rows, and its ratio to the largest line so far. *The stream's* (one per
shard): its ratio to the .999 quantile of all lines. The rarer a quantity is in the stream, the lower is the threshold
for the row:

    times the stream's .999 quantile    >= 48   >= 16   >= 4   any
    standard deviations in the row         -       5      7     10

and it is at least 8 times the row's largest line (30 times in the last column, which needs 20 lines), in the first
column also 4 times the stream's. A stream of fewer than 500 lines has no quantiles yet: then only the row is tested,
and from 20 lines on 1,000 times the stream's largest line is held.

Figures, 16 shards by hash of the SKU. Held in a year of Online Retail (528,886 lines, 19,510 item-countries, quantities
of 1 to 12,540 but for the two): 80,995 of 23843 (invoice 581483) and 74,215 of 23166 (541431), both the first line of
their row, 158 and 72 times the .999 quantile. Next to them is 12,540 of 84826: 35 times at 4.5 standard deviations,
where 5 would hold it. M5 (5.1 million item-store-days): none. Complete Journey (454,207 lines): 51, all of two
miscellaneous codes (6534166, 6544236) with quantities around 12,000 and 26,000 among groceries in ones and twos. Twelve
random splits of Online Retail's SKUs into 1, 4 and 16 shards and one row per SKU hold the same two; of four splits into
64 shards, one held another line twice and missed a giant: its shards were too small to know their tail. Lines
multiplied by 1,000 (by 100) that were held, of rows with 8 lines or more: M5 99.8 % (43 %), Complete Journey 91 % (86
%), Online Retail 42 % (2 %), where wholesale and single pieces share the rows and 12,540 is a true order.
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.detection.detector import DAY_MINUTES, Detector, Evaluation, Hysteresis
from sensing.detection.finding import Detail, DetectionContext
from sensing.detection.sentences import number
from sensing.detection.severity import lift_points
from sensing.jit import kernel, lean_kernel
from sensing.machine_settings import DAY_MS
from sensing.state.decision_record import DecisionRecord

BUCKETS = 80
"""Half octaves from 2^-10 to 2^30 units."""
COUNT = 80
SQUARES = 81
DEVIATIONS = 82
SIZE_BINS = 83
"""Stream statistics, float64: lines per bucket, lines in all, sum of squared deviations from the rows' means, and their
number.
"""
STREAM_LINES_MAX = 200_000.0
"""At this many lines all counts are halved, so that the statistics forget slowly and keep their shape."""

ROW_LINES_MAX = 64.0
"""A row's mean and variance of the logarithm cover about this many lines."""
MAX_KEPT = 0.999
"""The row's largest line moves towards the mean by a thousandth of their distance (in logarithms) per line."""

STREAM_LINES_MIN = 500.0
STREAM_LINES_ABSURD = 20.0
ABSURD_TIMES = 1_000.0
TAIL_SHARE = 1e-3
TIMES_STEPS = np.array([48.0, 16.0, 4.0, 0.0])
DEVIATION_STEPS = np.array([-math.inf, 5.0, 7.0, 10.0])
STREAM_MAX_TIMES = 4.0
ROW_MAX_TIMES = 8.0
ROW_MAX_TIMES_ALONE = 30.0
ROW_LINES_ALONE = 20.0
VARIANCE_PRIOR = 1.0
"""Variance of the logarithm within a row where the stream knows too little; Online Retail 1.14, M5 .32, Complete
Journey .10.
"""
VARIANCE_PRIOR_LINES = 20.0
VARIANCE_PRIOR_MIN = 0.25
DEVIATION_MIN = 0.3
CHECK = "impossible_quantity"


@lean_kernel
def learn_row_size(
    count: float, log_mean: float, log_variance: float, log_max: float, quantity: float
) -> tuple[float, float, float, float]:
    """Statistics of a row's order sizes after one more line of ``quantity`` > 0 units; all zero before the first.

    Returns
    -------
    tuple
        Lines (at most ROW_LINES_MAX), mean and variance of the natural logarithm of the quantity, logarithm of the
        decayed maximum. Made to be kept in four f4.
    """
    x = math.log(quantity)
    if count <= 0.0:
        return 1.0, x, 0.0, x
    lines = min(count + 1.0, ROW_LINES_MAX)
    gain = 1.0 / lines
    deviation = x - log_mean
    mean = log_mean + gain * deviation
    variance = (1.0 - gain) * (log_variance + gain * deviation * deviation)
    return lines, mean, variance, max(x, mean + (log_max - mean) * MAX_KEPT)


@lean_kernel
def learn_stream_size(stream: NDArray[np.float64], quantity: float, count: float, log_mean: float) -> None:
    """Count a line in the stream's statistics (SIZE_BINS,); ``count`` and ``log_mean`` are the row's before this
    line.
    """
    x = math.log(quantity)
    stream[min(max(int((x / math.log(2.0) + 10.0) * 2.0), 0), BUCKETS - 1)] += 1.0
    stream[COUNT] += 1.0
    if count >= 3.0:
        stream[SQUARES] += (x - log_mean) ** 2
        stream[DEVIATIONS] += 1.0
    if stream[COUNT] >= STREAM_LINES_MAX:
        for slot in range(SIZE_BINS):
            stream[slot] *= 0.5


@kernel
def stream_quantity(stream: NDArray[np.float64], share: float) -> float:
    """Units that at most ``share`` of the stream's lines exceed (0: none), as the upper edge of a bucket; 0 for an
    empty stream.
    """
    above = 0.0
    for bucket in range(BUCKETS - 1, -1, -1):
        above += stream[bucket]
        if above > share * stream[COUNT]:
            return math.pow(2.0, 0.5 * (bucket + 1) - 10.0)
    return 0.0


@kernel
def size_deviations(
    quantity: float, count: float, log_mean: float, log_variance: float, stream: NDArray[np.float64]
) -> float:
    """Standard deviations by which the logarithm of ``quantity`` exceeds the row's mean, for a row of ``count`` >= 1
    lines.

    The row's variance counts for its lines and the stream's variance within rows for VARIANCE_PRIOR_LINES; the error of
    the mean is added.
    """
    prior = VARIANCE_PRIOR
    if stream[DEVIATIONS] >= STREAM_LINES_MIN:
        prior = max(stream[SQUARES] / stream[DEVIATIONS], VARIANCE_PRIOR_MIN)
    variance = (count * log_variance + VARIANCE_PRIOR_LINES * prior) / (count + VARIANCE_PRIOR_LINES)
    deviation = math.sqrt(variance * (1.0 + 1.0 / count))
    return (math.log(quantity) - log_mean) / max(deviation, DEVIATION_MIN)


@kernel
def is_impossible(
    quantity: float, count: float, log_mean: float, log_variance: float, log_max: float, stream: NDArray[np.float64]
) -> bool:
    """Whether a line of ``quantity`` units is to be held; the statistics are those before it.

    Parameters
    ----------
    quantity
        Units; nothing at or below zero is held.
    count, log_mean, log_variance, log_max
        The row's order sizes as `learn_row_size` keeps them.
    stream
        (SIZE_BINS,) statistics of the shard as `learn_stream_size` keeps them.
    """
    if quantity <= 0.0:
        return False
    # Most lines return here, at the cost of one logarithm: the row has had a similar line.
    if count > 0.0 and math.log(quantity) < log_max + math.log(ROW_MAX_TIMES):
        return False
    large = stream_quantity(stream, 0.0)
    if stream[COUNT] >= STREAM_LINES_MIN:
        times = quantity / stream_quantity(stream, TAIL_SHARE)
    elif stream[COUNT] >= STREAM_LINES_ABSURD and quantity >= ABSURD_TIMES * large:
        return True
    else:
        times = 0.0
    if times >= TIMES_STEPS[0] and quantity >= STREAM_MAX_TIMES * large:
        return True
    if count < 1.0:
        return False
    deviations = size_deviations(quantity, count, log_mean, log_variance, stream)
    for step in (1, 2):
        if times >= TIMES_STEPS[step] and deviations >= DEVIATION_STEPS[step]:
            return True
    alone = math.log(quantity) >= log_max + math.log(ROW_MAX_TIMES_ALONE) and count >= ROW_LINES_ALONE
    return alone and deviations >= DEVIATION_STEPS[3]


class HeldLine(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: an order line that is held. The last cause of the context is its event.

    Parameters
    ----------
    count, log_mean, log_max
        The row's order sizes as `learn_row_size` keeps them, before this line.
    stream_tail
        Units that one line in 1,000 of the stream exceeds; 0 for an empty stream.
    version
        Further fields of the event, needed to book the line when a person releases it.
    """

    order_id: str
    line: str
    quantity: float
    count: float
    log_mean: float
    log_max: float
    stream_tail: float
    version: dict[str, Detail] = {}

    @property
    def typical(self) -> float:
        """Units of a usual line of the row; for a row without lines the tail of the stream."""
        return math.exp(self.log_mean) if self.count > 0.0 else self.stream_tail


class ReleasedLine(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: a held line of ``quantity`` that ended. It was changed to ``changed_to``, released by a person's
    ``decision_record``, or, if both are None, cancelled.
    """

    order_id: str
    line: str
    quantity: float
    changed_to: float | None = None
    decision_record: DecisionRecord | None = None

    @property
    def outcome(self) -> str:
        """How the line ended."""
        if self.decision_record is not None:
            return "released"
        return "cancelled" if self.changed_to is None else "changed"


QualityEvidence = HeldLine | ReleasedLine


def evaluate_quality(evidence: QualityEvidence) -> Evaluation:
    """A held line opens a problem; a released one ends it at once."""
    details: dict[str, Detail] = {
        "order_id": evidence.order_id,
        "line": evidence.line,
        "quantity": evidence.quantity,
        "check": CHECK,
    }
    key = (evidence.order_id, evidence.line)
    if isinstance(evidence, ReleasedLine):
        return Evaluation(
            active=False,
            cleared=True,
            final=True,
            severity_points=0.0,
            key=key,
            observed=evidence.quantity,
            money_units=evidence.quantity,
            details=details | {"outcome": evidence.outcome},
        )
    return Evaluation(
        active=True,
        cleared=False,
        severity_points=lift_points(evidence.quantity / max(evidence.typical, 1e-3), math.nan),
        key=key,
        expected=evidence.typical,
        observed=evidence.quantity,
        money_units=evidence.quantity,
        details=details | evidence.version,
    )


def quality_sentence(context: DetectionContext, evidence: QualityEvidence, _: Evaluation) -> str:
    """Sentence: the quantity and what is usual, or how the held line ended."""
    if isinstance(evidence, HeldLine):
        return _held_sentence(context, evidence)
    what = f"Held line {evidence.line} of order {evidence.order_id} ({number(evidence.quantity)} of {context.sku})"
    if evidence.decision_record is not None:
        return f"{what} counts from now on: released {evidence.decision_record.as_text()}"
    if evidence.changed_to is None:
        return f"{what} was cancelled: it never counted."
    return f"{what} was changed to {number(evidence.changed_to)}, which counts."


def _held_sentence(context: DetectionContext, evidence: HeldLine) -> str:
    usual = evidence.stream_tail
    among = f"one line in 1,000 of all items exceeds {number(usual)}" if usual else "no other item has been ordered yet"
    own = "it is the item's first line here"
    if evidence.count > 0.0:
        largest = number(math.exp(evidence.log_max))
        own = f"its lines are around {number(evidence.typical)} and were at most {largest}"
    return (
        f"Order {evidence.order_id} line {evidence.line} asks for {number(evidence.quantity)} of {context.sku}"
        f" at {context.location}: {own}, and {among}."
        " It counts for nothing until it is released, changed to a sane quantity or cancelled."
    )


DATA_QUALITY = Detector(
    name="data_quality",
    prefix="quality",
    opens="an order line asks for an impossible quantity; it is held and counts for nothing",
    ends="the line is released by a person, changed to a sane quantity or cancelled",
    route="data_steward",
    inform=("planner",),
    hysteresis=Hysteresis(1, 1, 0, 1 * DAY_MS, 30 * DAY_MS),
    deadline_minutes=(DAY_MINUTES, 8 * 60, 4 * 60, 60),
    reserved=True,
    evaluate=evaluate_quality,
    sentence=quality_sentence,
)
