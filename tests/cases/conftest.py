"""The fixture ``case``: what came out of a case, run once per test process.

How to use it::

    def test_the_order_stays_open(case: Case) -> None:
        result = case("open-order-forgotten")          # folder in tests/cases, settings as `tidegauge replay` has them
        result.totals["orders"]["absorbed"]            # control totals by topic and outcome
        result.reasons()                               # {"version_conflict": 1, ...}: dead letters by reason
        result.dead_letters                            # list of DeadLetter
        result.of_type("order_surge")                  # lives of exceptions: lists of ExceptionState, oldest first
        result.exceptions                              # the same by exception id
        result.row("P2", "WH")                         # PlanningParameters at the end, with .stock and .forecast
        result.rows["P2", "WH"].receipts               # receipts due by date; .demand by date; .stored (Parquet)
        result.published["P2", "WH"]                   # published PlanningParameters, oldest first
        result.events["audit"]                         # all records of a topic as they are in the file

``result.row(...)`` is made at the end of the input as a publication would then be made, also if nothing was published
since the last change beyond the dead band. A test that changes a case writes files to ``tmp_path`` and calls
`benchmarks.case_results.run_case` with that folder; `lines_of` reads the events of a case.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.case_results import CaseResult, run_case

Case = Callable[[str], CaseResult]
FOLDER = Path(__file__).parent


@cache
def _result(name: str) -> CaseResult:
    return run_case(FOLDER / name)


@pytest.fixture(scope="session")
def case() -> Case:
    """A function from the name of a case to its result."""
    return _result


def lines_of(name: str, topic: str) -> list[dict[str, Any]]:
    """Events of a case's file, in order."""
    return [orjson.loads(line) for line in (FOLDER / name / f"{topic}.ndjson").read_bytes().splitlines()]
