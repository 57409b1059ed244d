"""Planted surges agree with the truth file, and no other line changes."""

from pathlib import Path

import numpy as np
import orjson
import pytest

from flows.demo.clock import DAY_MINUTES, local_time
from flows.demo.inputs import LOCATION, SEED, write_inputs
from flows.demo.order_lines import Lines, never_cancelled, order_ndjson
from flows.demo.retail import Retail, read_retail
from flows.demo.surges import SURGE_DAYS, SURGES_MAX, USUAL_LINES_MIN, Surge, plant_surges, trading_days
from tests.demo.conftest import event_ids


def test_surges_only_add(autumn: Retail, planted: tuple[Lines, list[Surge]]) -> None:
    """The real lines are all there in their order; what was added says that it is simulated."""
    lines = planted[0]
    simulated = np.array([document.startswith("SIM-") for document in lines.document.tolist()])

    assert order_ndjson(lines.take(~simulated)) == order_ndjson(autumn.lines)
    assert simulated.sum() == sum(surge.added_lines for surge in planted[1]) > 0
    assert len(set(event_ids(lines))) == lines.size()


def test_five_times_the_lines_for_three_trading_days(autumn: Retail, planted: tuple[Lines, list[Surge]]) -> None:
    """Each surge adds four times the item's usual lines on three trading days in a row, all within the shop's hours of
    those days.
    """
    lines, surges = planted
    days = trading_days(autumn.lines.take(never_cancelled(autumn.lines))).tolist()
    assert len(surges) >= SURGES_MAX - 2
    assert len({surge.item for surge in surges}) == len(surges)
    for number, surge in enumerate(surges, start=1):
        first = days.index(surge.days[0])
        assert surge.days == days[first : first + SURGE_DAYS]
        assert surge.usual >= USUAL_LINES_MIN
        mine = np.array([document.startswith(f"SIM-SURGE-{number:02d}-") for document in lines.document.tolist()])
        added = lines.take(mine)
        per_day = np.bincount(np.searchsorted(surge.days, added.minute // DAY_MINUTES), minlength=SURGE_DAYS)
        assert per_day.tolist() == [round(4 * surge.usual)] * SURGE_DAYS
        assert set(added.item.tolist()) == {surge.item}
        assert np.isin(added.minute, autumn.lines.minute).all()


def test_short_slices_have_no_surges(winter: Retail) -> None:
    """Where there is no history to surge from, nothing is planted."""
    lines, surges = plant_surges(winter.lines, LOCATION, SEED)

    assert surges == []
    assert lines.size() == winter.lines.size()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two folders into which the same slice was written."""
    folders = [tmp_path_factory.mktemp("input") for _ in range(2)]
    for folder in folders:
        write_inputs(read_retail(150), folder, folder / "truth.json")
    return folders


def test_same_rows_same_bytes(written: list[Path]) -> None:
    """Writing twice gives the same files, truth included."""
    first, second = ({file.name: file.read_bytes() for file in sorted(folder.iterdir())} for folder in written)

    assert list(first) == [
        "inventory.ndjson",
        "orders.ndjson",
        "reference.ndjson",
        "shipments.ndjson",
        "suppliers.ndjson",
        "truth.json",
    ]
    assert first == second


def test_truth_tells_what_is_in_the_files(written: list[Path], planted: tuple[Lines, list[Surge]]) -> None:
    """Every entry of the truth file can be pointed at in the events: surge lines and announcements."""
    truth = orjson.loads((written[0] / "truth.json").read_bytes())
    orders = [orjson.loads(line) for line in (written[0] / "orders.ndjson").read_bytes().splitlines()]
    announced = [orjson.loads(line) for line in (written[0] / "suppliers.ndjson").read_bytes().splitlines()]
    delayed = {event["event_id"]: event for event in announced if event["event_type"] == "po.delayed"}

    assert len(truth["surges"]) == len(planted[1])
    for number, surge in enumerate(truth["surges"], start=1):
        mine = [event for event in orders if event["order_id"].startswith(f"SIM-SURGE-{number:02d}-")]
        assert len(mine) == surge["added_lines"]
        assert mine[0]["event_time"] == surge["start"]
        assert mine[-1]["event_time"] < surge["end"]
        assert {event["event_time"][:10] for event in mine} == set(surge["days"])
        assert {(event["sku"], event["location"]) for event in mine} == {(surge["sku"], surge["location"])}
    (delay,) = truth["supplier_delays"]
    assert {line["event_id"]: line["delayed_to"] for line in delay["lines"]} == {
        event_id: event["promised_date"] for event_id, event in delayed.items()
    }
    assert truth.keys() == {"simulated", "seed", "surges", "supplier_delays"}


def test_truth_times_have_an_offset(written: list[Path]) -> None:
    """Times of the truth file are RFC 3339 with offset, on the shop's clock."""
    truth = orjson.loads((written[0] / "truth.json").read_bytes())

    times = [entry[name] for entry in (*truth["surges"], *truth["supplier_delays"]) for name in ("start", "end")]
    assert {text[-6:] for text in times} <= {"+00:00", "+01:00"}
    assert (
        local_time(int(np.datetime64("2011-12-09T09:15", "m").astype(np.int64))).isoformat()
        == "2011-12-09T09:15:00+00:00"
    )
