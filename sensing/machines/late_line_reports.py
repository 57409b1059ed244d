"""Reports of late purchase-order lines that open no exception to the roll-up, which lists them per supplier.

`note_late_line` is called with every finding of `supplier_delay`: a line becomes such a line, changes, or is none any
more. `drop_ended_lines` runs once a day for lines that ended without a finding, since they were evicted or their item
has passed over.
"""

import msgspec

from sensing.contracts.exception_details import DelayDetails
from sensing.detection.delay import SUPPLIER_DELAY
from sensing.detection.finding import Finding
from sensing.machines.machine_messages import LateLineEnded
from sensing.machines.shard_state import ShardState
from sensing.state.late_lines import LateLine, LineKey


def note_late_line(s: ShardState, finding: Finding) -> None:
    """Tell the roll-up what a finding means for the digest of its supplier; call it after the problem has observed it.

    A line is listed if it is late and no exception: not one of its own, none below the money floor, none that a person
    has rejected. The report has the instant of the finding: rows that close together close at instants of their own.
    """
    details = finding.details
    assert isinstance(details, DelayDetails)
    key = details.po_id, details.line
    own = finding.active or s.problems.is_tracked(SUPPLIER_DELAY.name, finding.key)
    if own or details.outcome is not None or details.promised_date is None or details.expected_date is None:
        _end(s, finding.row, key, finding.instant)
        return
    line = LateLine(
        supplier=details.supplier, sku=finding.sku, location=finding.location, po_id=details.po_id, line=details.line,
        units=details.units_late, first_date=details.promised_date, expected_date=details.expected_date,
        usual_days_late=details.usual_days_late, money_base=finding.money_base, base_currency=finding.base_currency,
    )  # fmt: skip
    known = s.late_lines.get(finding.row, key)
    if known is not None:
        # Price and usual lateness move a little with every order and receipt, which is no news.
        moved = msgspec.structs.replace(
            known, money_base=line.money_base, base_currency=line.base_currency, usual_days_late=line.usual_days_late
        )
        if moved == line:
            return
        if known.supplier != line.supplier:
            _end(s, finding.row, key, finding.instant)
    if s.late_lines.put(finding.row, key, line):
        s.reports.put(finding.instant, line)


def drop_ended_lines(s: ShardState) -> None:
    """End the lines that are not open any more, or that are another row's now."""
    for row, key in s.late_lines.all_keys():
        line = s.supply.purchases.find(key)
        if line is None or line.row != row or not line.schedule:
            _end(s, row, key, s.clock)


def _end(s: ShardState, row: int, key: LineKey, instant: int) -> None:
    line = s.late_lines.take(row, key)
    if line is not None:
        ended = LateLineEnded(
            supplier=line.supplier, sku=line.sku, location=line.location, po_id=line.po_id, line=line.line
        )
        s.reports.put(instant, ended)
