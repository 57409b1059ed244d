"""Replays one case, a small folder of NDJSON files, and collects what came out in the types of the contracts.

`benchmarks.cases` prints it; the fixture of tests in `tests/cases/` gives access to it. The case goes through the
replay job, so it takes the way of `tidegauge replay`. The published planning parameters of a SKU-location may be some
days old at the end of the input, because changes within the dead band are not published. So the machines are kept, and
each row is planned once more as of the last instant: the result is what a publication then would say.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow.parquet as pq

from flows.replay_job import replay
from flows.runtime.machine_logic import Machine
from flows.runtime.machines import machines
from flows.runtime.roles import MachineId
from sensing.codec.event_record import THOUSANDTHS
from sensing.codec.instants import local_date
from sensing.contracts.audit import AutomaticDecision, DecisionAnswer
from sensing.contracts.dead_letters import DeadLetter
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.parameters import PlanningParameters
from sensing.machine_settings import Settings
from sensing.machines.call_budget import REPLAY
from sensing.machines.forecast_and_plan import forecast_and_plan_of_row, forecast_summary
from sensing.machines.shard import ShardMachine
from sensing.machines.shard_state import ShardState
from sensing.outputs import AUDIT, DEAD_LETTERS, EXCEPTIONS, PARAMETERS
from sensing.state.rows import DAYS_KEPT
from sensing.supply.plan import has_figures
from sensing.supply.publication_causes import Causes
from sinks.finished_files import PARAMETERS_FILE

RowName = tuple[str, str]
"""SKU and location."""
TOTALS = "control.totals"


class FinalRow(NamedTuple):
    """One SKU-location at the end of the input. Days are local dates (YYYY-MM-DD), quantities base units."""

    parameters: PlanningParameters | None
    """What a publication would say at the end; None without a forecast."""
    receipts: dict[str, float]
    """Receipts due in the next 28 days."""
    demand: dict[str, float]
    """Demand of the days that the row's ring still holds, days without demand left out."""
    stored: dict[str, Any] | None
    """The row of ``parameters.parquet``."""


class CaseResult(NamedTuple):
    """Everything that a case gave."""

    totals: dict[str, dict[str, int]]
    """Control totals by topic: read, and every outcome, also those of zero."""
    dead_letters: list[DeadLetter]
    exceptions: dict[str, list[ExceptionState]]
    """The life of every exception by id: its states in order, the first from its opening, the last its latest."""
    published: dict[RowName, list[PlanningParameters]]
    """Planning parameters as published, oldest first."""
    answers: list[DecisionAnswer]
    decisions: list[AutomaticDecision]
    rows: dict[RowName, FinalRow]
    """Every active SKU-location at the end."""
    events: dict[str, list[dict[str, Any]]]
    """All records by topic as they are in the files: CloudEvents in JSON, with ``data``."""

    def of_type(self, exception_type: str) -> list[list[ExceptionState]]:
        """Lives of all exceptions of a type, in order of opening."""
        return [life for life in self.exceptions.values() if life[0].exception_type == exception_type]

    def reasons(self) -> dict[str, int]:
        """Number of dead letters by reason."""
        found: dict[str, int] = {}
        for letter in self.dead_letters:
            found[letter.reason] = found.get(letter.reason, 0) + 1
        return found

    def row(self, sku: str, location: str) -> PlanningParameters:
        """Planning parameters of a SKU-location at the end; its ``stock`` has on hand, on order and open demand."""
        document = self.rows[sku, location].parameters
        assert document is not None, f"{sku}/{location} has no forecast at the end"
        return document


def cases_in(folder: Path) -> list[Path]:
    """The sub-folders of a folder that hold NDJSON files, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and any(path.glob("*.ndjson*")))


def run_case(folder: Path, settings: Settings | None = None, **options: Any) -> CaseResult:
    """Replay a folder of NDJSON files named after topics into a temporary folder; returns what came out.

    Parameters
    ----------
    settings
        Settings of the machines; None: the defaults, as `tidegauge replay` has them.
    options
        Further arguments of `flows.replay_job.replay`, such as ``until``.
    """
    settings = settings or Settings()
    make_machine = machines(settings, REPLAY)
    shards: list[ShardMachine] = []

    def make(machine: MachineId) -> Machine:
        made = make_machine(machine)
        if isinstance(made, ShardMachine):
            shards.append(made)
        return made

    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "out"
        replay(folder, output, settings, make_machine=make, **options)
        stored = {(row["sku"], row["location"]): row for row in pq.read_table(output / PARAMETERS_FILE).to_pylist()}
        events = {path.stem: _events(path) for path in sorted(output.glob("*.ndjson"))}
    rows = {name: row for shard in shards for name, row in final_rows(shard.state, stored)}
    return _collected(events, dict(sorted(rows.items())))


def _events(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def _collected(events: dict[str, list[dict[str, Any]]], rows: dict[RowName, FinalRow]) -> CaseResult:
    totals: dict[str, dict[str, int]] = {}
    exceptions: dict[str, list[ExceptionState]] = {}
    published: dict[RowName, list[PlanningParameters]] = {}
    for event in events[EXCEPTIONS]:
        state = msgspec.convert(event["data"], ExceptionState)
        exceptions.setdefault(state.exception_id, []).append(state)
    for event in events[PARAMETERS]:
        document = msgspec.convert(event["data"], PlanningParameters)
        published.setdefault((document.sku, document.location), []).append(document)
    for event in events[AUDIT]:
        if event["type"] == TOTALS:
            counts = {name: value for name, value in event["data"].items() if name not in ("topic", "partition")}
            totals[event["data"]["topic"]] = counts
    answered = [event["data"] for event in events[AUDIT] if event["type"] in ("decision.accepted", "decision.rejected")]
    automatic = [event["data"] for event in events[AUDIT] if event["type"] == "decision.automatic"]
    return CaseResult(
        totals, [msgspec.convert(event["data"], DeadLetter) for event in events[DEAD_LETTERS]], exceptions, published,
        msgspec.convert(answered, list[DecisionAnswer]), msgspec.convert(automatic, list[AutomaticDecision]), rows,
        events,
    )  # fmt: skip


def final_rows(s: ShardState, stored: dict[RowName, dict[str, Any]]) -> Iterator[tuple[RowName, FinalRow]]:
    """Every active row of a shard at the end of its input. The shard must not be used afterwards."""
    for row in np.flatnonzero(s.rows.hot["active"][: s.rows.count] == 1).tolist():
        name = s.names_of(row)
        found = forecast_and_plan_of_row(s, row, s.clock)
        plan, at = found.plan, np.zeros(1, np.int64)
        document = None
        if has_figures(plan)[0]:
            (published,) = s.supply.publish(plan, at, forecast_summary(s, found, at), [Causes.of("day_close")])
            document = published.document
        due = np.flatnonzero(plan.receipts[0])
        receipts = {local_date(plan.day + 1 + t): float(plan.receipts[0, t]) for t in due.tolist()}
        yield name, FinalRow(document, receipts, _daily_demand(s, row), stored.get(name))


def _daily_demand(s: ShardState, row: int) -> dict[str, float]:
    """Demand by local day, as far back as the ring of the row goes."""
    hot = s.rows.hot[row]
    newest = int(hot["day"])
    days = range(newest - DAYS_KEPT + 1, newest + 1)
    quantities = {day: int(hot["day_quantity"][day % DAYS_KEPT]) / THOUSANDTHS for day in days}
    return {local_date(day): quantity for day, quantity in quantities.items() if quantity}


def ended(life: list[ExceptionState]) -> bool:
    """Whether an exception is over at the end of the input."""
    return life[-1].status in ("resolved", "expired")
