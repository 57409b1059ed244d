"""Valid events with the most extreme values: none stops a machine, every one is counted, every number is finite.

``make fuzz`` runs thousands of seeds: ``FUZZ_SEEDS`` is their number, ``FUZZ_FIRST`` the first one.
"""

import os
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from sensing.codec.instants import DAY_MAX, DAY_MIN, INSTANT_MAX, local_date, rfc3339
from sensing.contracts.input_types import INPUT_TYPES
from sensing.contracts.topic_registry import SPECS
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from tests.machines.extreme_events import STRUCTS, Extremes
from tests.machines.streams import MONDAY, Line, Result, Run, Stream, line, run

SEEDS = int(os.environ.get("FUZZ_SEEDS", "50"))
FIRST = int(os.environ.get("FUZZ_FIRST", "0"))
AT_ONCE = 25
OUTCOMES = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")
TYPES = {kind: struct for spec in SPECS.values() if not spec.is_input for kind, struct in spec.events.items()}


def counted(result: Result, lines: list[Line]) -> None:
    """Every event was absorbed, or is a dead letter."""
    books = [data for data in result.data("audit") if "read" in data]
    read = sum(data["read"] for data in books)
    assert read == len(lines) == sum(data[name] for data in books for name in OUTCOMES)


def finite(result: Result) -> None:
    """Every record fits its type, where a NaN, which JSON has as null, does not; so does every column of the table."""
    for record in (record for machine in result.outputs for record in machine if record.data):
        msgspec.json.decode(record.data, type=TYPES[record.type])
    for columns in result.columns:
        for name, column in columns.items():
            numbers = column if isinstance(column, np.ndarray) else [each for each in column if isinstance(each, float)]
            assert np.isfinite(np.asarray(numbers, np.float64)).all(), name


def survive(seed: int, count: int = 60) -> None:
    """Machines take two blocks of extreme events; decisions of the second are about records published in the first."""
    events = Extremes(seed)
    engine = Run(Settings(shards=1))
    lines: list[Line] = []
    for _ in range(2):
        block = events.lines(count)
        lines += block
        stream = Stream(block)
        engine.apply(stream.cut(0, len(stream)), stream.books(0, len(stream)))
        events.subjects = subjects(engine)
        if seed % 3 == 0:
            engine.restart()
    engine.end(stream)
    result = engine.result()
    counted(result, lines)
    finite(result)


def subjects(engine: Run) -> list[dict[str, Any]]:
    """Subjects of decisions about what has been published."""
    found: list[dict[str, Any]] = []
    for record in (record for machine in engine.outputs for record in machine if record.data):
        if record.topic in ("exceptions", "planning-parameters"):
            version = orjson.loads(record.data)["version"]
            name = "exception" if record.topic == "exceptions" else "parameters"
            found.append({"subject": record.subject, f"{name}_version": version})
            if name == "exception":
                found[-1]["exception_id"] = record.subject
    return found


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=[pytest.mark.slow] if first > FIRST else [])
        for first in range(FIRST, FIRST + SEEDS, AT_ONCE)
    ],
)
def test_no_valid_event_stops_a_machine(first: int) -> None:
    """Whatever dates, numbers and texts valid events of all types have."""
    for seed in range(first, min(first + AT_ONCE, FIRST + SEEDS)):
        try:
            survive(seed)
        except Exception as error:
            error.add_note(f"seed {seed}: FUZZ_FIRST={seed} FUZZ_SEEDS=1 runs it alone")
            raise


def test_the_generator_makes_every_type() -> None:
    """Among the events of a few seeds each input type is accepted by the decoder at least once."""
    accepted = set()
    for kind in STRUCTS:
        for seed in range(20):
            stream = Stream([Extremes(seed).event(kind)])
            if not stream.rejects:
                accepted.add(kind)
    assert accepted == INPUT_TYPES.keys()


@pytest.mark.parametrize("promised", ["9999-12-31", "9999-06-01", "0001-01-01"])
def test_a_disruption_of_an_order_promised_at_the_end_of_time(promised: str) -> None:
    """The order is expected on the last day there is, and the machine goes on."""
    keys = {"sku": "A", "location": "L"}
    lines = [
        line("order.placed", "o", MONDAY, quantity=1, **keys),
        line("po.placed", "p", MONDAY + HOUR_MS, po_id="P", supplier="S", quantity=5, promised_date=promised, **keys),
        line("supplier.disrupted", "d", MONDAY + 2 * HOUR_MS, supplier="S", delay_days=3660, until="9999-12-31"),
        line("order.placed", "n", MONDAY + 3 * DAY_MS, quantity=1, **keys),
    ]
    result = run(Stream(lines), Settings(shards=1))
    counted(result, lines)
    finite(result)


def test_a_row_whose_figures_are_not_finite_is_not_published() -> None:
    """If all else fails and the state of a row is not finite, neither topic nor table gets a figure of it."""
    keys = {"sku": "A", "location": "L"}
    stream = Stream([line("order.placed", f"o{day}", MONDAY + day * DAY_MS, quantity=5, **keys) for day in range(5)])
    engine = Run(Settings(shards=1))
    engine.apply(stream.cut(0, len(stream)), stream.books(0, len(stream)))
    engine.shards[0].state.demand.demand["level_0_04"][0] = np.inf
    before = len(engine.outputs[0])
    engine.end(stream)
    result = engine.result()
    finite(result)
    assert "planning-parameters" not in {record.topic for record in engine.outputs[0][before:]}
    assert result.table() == {}


def test_dates_and_instants_have_bounds() -> None:
    """A day or instant outside the calendar is written as the first or last one of it."""
    assert (local_date(DAY_MIN), local_date(DAY_MAX)) == ("0001-01-01", "9999-12-31")
    assert (local_date(DAY_MIN - 1), local_date(DAY_MAX + 3660)) == ("0001-01-01", "9999-12-31")
    assert rfc3339(INSTANT_MAX + DAY_MS) == rfc3339(INSTANT_MAX) == "9999-12-31T23:59:59.999Z"
