"""The lines of the latency benchmark have the documented properties."""

import numpy as np

from benchmarks.live import traffic
from benchmarks.live.traffic import BURST, BURST_MS, GIANT_UNITS, Phase, Rows
from benchmarks.workloads import DAY_MS, Lines, order_lines

ROWS = Rows(established=30, young=170)
PHASE = Phase(number=2, lines_per_second=300, seconds=6, first_row=10, surges=8)
END_MS = 1_795_000_000_000


def test_a_history_is_even_and_ends_when_it_should() -> None:
    """In order of time; every established row sells ten lines a day, one more or less, all sixteen days long."""
    lines = traffic.history(ROWS, END_MS, seed=1)
    assert (np.diff(lines["time_ms"]) >= 0).all()
    assert lines["time_ms"].max() <= END_MS
    row = ROWS.of(lines)
    assert np.bincount(row).tolist() == [160] * ROWS.established + [3] * ROWS.young
    day = (END_MS - lines["time_ms"]) // DAY_MS
    counts = np.zeros((ROWS.established, 17), np.int64)
    np.add.at(counts, (row[row < ROWS.established], day[row < ROWS.established]), 1)
    assert ((counts[:, :16] >= 9) & (counts[:, :16] <= 11)).all()


def test_established_rows_have_skus_of_their_own() -> None:
    """So that they are spread over the shards; and no two rows are one SKU-location."""
    lines = traffic.history(ROWS, END_MS, seed=1)
    assert len(np.unique(lines["sku"][ROWS.of(lines) < 20])) == 20
    assert len({(int(line["sku"]), int(line["location"])) for line in lines}) == ROWS.count


def live() -> Lines:
    """Lines of the phase."""
    return traffic.live(ROWS, PHASE, seed=1)


def test_live_lines_come_at_a_fixed_rate() -> None:
    """Evenly, second by second; the same seed gives the same lines."""
    lines = live()
    assert np.bincount(lines["time_ms"] // 1000).tolist() == [300] * 6
    assert (lines == live()).all()


def test_triggers_are_where_they_are_said_to_be() -> None:
    """A giant per surge among the young rows; a surge is a burst of two seconds on a row that nothing else is on."""
    lines = live()
    giants, surging = traffic.planted(lines, ROWS)
    row = ROWS.of(lines)
    assert surging == list(range(10, 18))
    assert len(giants) == PHASE.surges
    assert (row[giants] >= ROWS.established).all()
    for of_row in surging:
        burst = lines[row == of_row]
        assert len(burst) == BURST
        assert np.ptp(burst["time_ms"]) <= BURST_MS
        assert (burst["quantity"] < GIANT_UNITS).all()


def test_an_event_id_names_its_line() -> None:
    """The id in a message gives the line back; one of another phase, or of the history, is none of this one."""
    lines = live()
    ids = [
        text.partition(b'"event_id":"')[2].partition(b'"')[0].decode()
        for page in order_lines(lines)
        for text in page.splitlines()
    ]
    assert [traffic.index_of(name, PHASE) for name in ids] == list(range(PHASE.size))
    other = Phase(number=1, lines_per_second=300, seconds=6, first_row=0, surges=0)
    assert traffic.index_of(ids[0], other) is None
    assert traffic.index_of("SO0000000007-1-1", PHASE) is None
