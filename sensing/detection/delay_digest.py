"""Detector delay_digest: the late purchase-order lines of one supplier that are no exceptions of their own.

Stock covers them and they are not far later than usual, or stock is not known and they are no later than usual. So
nobody must act on any of them; together they tell how the supplier does. There is one problem per supplier over all
shards. The roll-up calls the detector once a day while a supplier has such lines, and once when the last one has gone.
Its severity is low whatever the money.
"""

import datetime as dt

import msgspec

from sensing.codec.instants import day_number
from sensing.contracts.exception_details import WORST_MAX, DigestDetails, DigestLine
from sensing.detection.detector import Detector, Evaluation, Hysteresis
from sensing.detection.finding import DetectionContext
from sensing.detection.sentences import day_name, number, plural
from sensing.machine_settings import DAY_MINUTES, DAY_MS
from sensing.state.late_lines import LateLine

LOW_POINTS = -4.0
"""Points that neither money (3) nor days (1) raise above low."""


class SupplierLines(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: the late lines of a supplier on a UTC date, in order of their names; none: the digest ends."""

    supplier: str
    lines: tuple[LateLine, ...]
    date: dt.date

    @property
    def worst(self) -> list[LateLine]:
        """Its lines, the latest and dearest first."""
        return sorted(
            self.lines, key=lambda line: (-line.days_late(self.date), -(line.money_base or 0.0), line.name)
        )  # fmt: skip


def evaluate_digest(evidence: SupplierLines) -> Evaluation:
    """Late lines are a digest; without lines it ends."""
    worst, today = evidence.worst, evidence.date
    return Evaluation(
        active=bool(worst),
        cleared=not worst,
        final=not worst,
        severity_points=LOW_POINTS,
        key=(evidence.supplier,),
        expected=0.0,
        observed=float(len(worst)),
        # The price of the context is 1: the money of the lines is known as a whole.
        money_units=sum(line.money_base or 0.0 for line in worst),
        details=DigestDetails(
            supplier=evidence.supplier,
            lines=len(worst),
            items=len({line.sku for line in worst}),
            days_late_max=worst[0].days_late(today) if worst else 0,
            lines_without_money=sum(line.money_base is None for line in worst),
            worst=[_digest_line(line, today) for line in worst[:WORST_MAX]],
        ),
    )


def _digest_line(line: LateLine, today: dt.date) -> DigestLine:
    return DigestLine(
        po_id=line.po_id, line=line.line, sku=line.sku, location=line.location, units_late=line.units,
        promised_date=line.first_date, expected_date=line.expected_date, days_late=line.days_late(today),
        money_base=line.money_base,
    )  # fmt: skip


def digest_sentence(_: DetectionContext, evidence: SupplierLines, evaluation: Evaluation) -> str:
    """Sentence: how many lines are late, and the worst of them."""
    supplier = evidence.supplier or "An unknown supplier"
    if evaluation.cleared:
        return f"{supplier} has no such late line any more: what was late came, or has an exception of its own."
    worst, today = evidence.worst[0], evidence.date
    several = len(evidence.lines) != 1
    lines = plural(len(evidence.lines), "purchase-order line")
    if several:
        lines += f" of {plural(len({line.sku for line in evidence.lines}), 'item')}"
    verb, they, late = ("are", "they are", "the latest") if several else ("is", "it is", "it")
    usual = f" ({plural(worst.usual_days_late, 'day')})" if worst.usual_days_late > 0 else ""
    first = day_name(day_number(worst.first_date), day_number(today))
    return (
        f"{lines} from {supplier} {verb} late but not urgent: stock covers the gap, or {they} no later than usual"
        f"{usual}; {late} is line"
        f" {worst.line} of purchase order {worst.po_id}, {plural(worst.days_late(today), 'day')} late:"
        f" {number(worst.units)} of {worst.sku} for {worst.location}, first due on {first}."
    )


DELAY_DIGEST = Detector(
    name="delay_digest",
    prefix="digest",
    opens="a supplier has late purchase-order lines that are no `supplier_delay`, since stock covers them; one per"
    " supplier, changed once a day at most",
    ends="no such line is left: all have come or are a `supplier_delay`",
    route="buyer",
    details=DigestDetails,
    hysteresis=Hysteresis(1, 1, 0, 7 * DAY_MS, 14 * DAY_MS),
    deadline_minutes=(30 * DAY_MINUTES, 14 * DAY_MINUTES, 7 * DAY_MINUTES, 3 * DAY_MINUTES),
    evaluate=evaluate_digest,
    sentence=digest_sentence,
)
