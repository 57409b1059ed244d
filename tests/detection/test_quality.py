"""data_quality: the two tails of order sizes, held and accepted lines, sentences."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.detection.finding import Finding
from sensing.detection.quality import (
    BUCKETS,
    COUNT,
    DATA_QUALITY,
    DEVIATIONS,
    SIZE_BINS,
    STREAM_LINES_MAX,
    TAIL_SHARE,
    HeldLine,
    ReleasedLine,
    is_impossible,
    learn_row_size,
    learn_stream_size,
    size_deviations,
    stream_quantity,
)
from sensing.jit import kernel
from tests.detection import oracles
from tests.detection.contexts import context

SIZES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60)
Row = tuple[float, float, float, float]


def row_of(quantities: Sequence[float]) -> Row:
    """Statistics of a row that had these lines."""
    row: Row = (0.0, 0.0, 0.0, 0.0)
    for quantity in quantities:
        row = learn_row_size(*row, quantity)
    return row


def stream_of(quantities: Sequence[float]) -> NDArray[np.float64]:
    """Statistics of a stream that had these lines, each the first of its row."""
    stream = np.zeros(SIZE_BINS)
    for quantity in quantities:
        learn_stream_size(stream, quantity, 0.0, 0.0)
    return stream


WHOLESALE = tuple(float(n) for n in np.random.default_rng(1).lognormal(1.7, 1.3, 3000).round().clip(1, 700))
NARROW = tuple(float(n) for n in np.random.default_rng(2).normal(10, 5, 40).round().clip(1, 25))


@given(SIZES)
def test_row_statistics_are_plain_moments(quantities: list[float]) -> None:
    """Up to 64 lines mean and variance are those of all logarithms; the maximum has lost next to nothing."""
    count, mean, variance, maximum = row_of(quantities)
    own = oracles.size_statistics(quantities)

    assert count == len(quantities)
    assert mean == pytest.approx(own[0], abs=1e-9)
    assert variance == pytest.approx(own[1], abs=1e-6)
    assert own[2] - 0.06 * (own[2] - min(np.log(quantities))) - 1e-9 <= maximum <= own[2] + 1e-9


def test_row_forgets() -> None:
    """After many lines the statistics are those of the latest ones, and an old maximum has faded."""
    count, mean, variance, maximum = row_of([1000.0, *[10.0] * 3000])

    assert count == 64.0
    assert mean == pytest.approx(np.log(10.0))
    assert variance < 1e-6
    assert maximum == pytest.approx(np.log(10.0), abs=0.3)


@given(SIZES, st.floats(0.0, 0.5))
def test_stream_quantile_is_the_bucket_of_the_sorted_one(quantities: list[float], share: float) -> None:
    """At most the share of lines is above the edge, more are above the next lower one."""
    stream = stream_of(quantities)

    edge = stream_quantity(stream, share)

    inside = np.clip(quantities, 2.0**-10, 2.0**29.9)
    assert (inside >= edge * (1 + 1e-9)).sum() <= share * len(quantities)
    assert (inside >= edge / 2**0.5 * (1 - 1e-9)).sum() > share * len(quantities)


def test_empty_stream_knows_no_quantile() -> None:
    """Without a line there is no quantity."""
    assert stream_quantity(np.zeros(SIZE_BINS), 0.001) == 0.0


def test_stream_halves_at_its_bound() -> None:
    """The counts never exceed their bound and keep their shape."""
    stream = np.zeros(SIZE_BINS)
    stream[40] = stream[COUNT] = STREAM_LINES_MAX - 1
    learn_stream_size(stream, 1e9, 5.0, 0.0)

    assert stream[COUNT] == STREAM_LINES_MAX / 2
    assert stream[40] == (STREAM_LINES_MAX - 1) / 2
    assert stream[BUCKETS - 1 : COUNT].tolist() == [0.5]
    assert stream[DEVIATIONS] == 0.5


@given(SIZES, st.floats(1.0, 1e8))
def test_deviations_are_shrunk(quantities: list[float], quantity: float) -> None:
    """A row's variance counts for its lines, that within rows for twenty."""
    count, mean, variance, _ = row_of(quantities)

    found = size_deviations(quantity, count, mean, variance, np.zeros(SIZE_BINS))

    assert found == pytest.approx(oracles.deviations(quantity, quantities, 1.0), abs=1e-6)


def test_scatter_within_rows_is_the_streams() -> None:
    """From 500 lines on the stream says how much lines of a row differ, at least a quarter."""
    stream = np.zeros(SIZE_BINS)
    for _ in range(500):
        learn_stream_size(stream, np.exp(2.0), 3.0, 0.0)

    assert size_deviations(np.exp(6.0), 5.0, 0.0, 4.0, stream) == pytest.approx(6.0 / (4.0 * 1.2) ** 0.5)


@pytest.mark.parametrize("factor", [1000.0, 10_000.0])
def test_key_pressed_too_often_is_held(factor: float) -> None:
    """A row of 10 +- 5 that is asked for 10,000 holds the line, among wholesale orders as among narrow ones."""
    row = row_of(NARROW)

    assert is_impossible(10.0 * factor, *row, stream_of(WHOLESALE))
    assert is_impossible(10.0 * factor, *row, stream_of(NARROW * 20))
    assert is_impossible(10.0 * factor, *row_of([10.0] * 40), np.zeros(SIZE_BINS))


def test_well_known_narrow_row_holds_a_hundredfold() -> None:
    """Two zeros too many are seen where the row has always ordered alike."""
    assert is_impossible(1000.0, *row_of([9.0, 10.0, 11.0] * 20), stream_of(NARROW * 20))


def test_bulk_order_passes() -> None:
    """What a wholesale row has had, eight times that, and a large first line are ordinary."""
    stream = stream_of(WHOLESALE)
    row = row_of(WHOLESALE[:200])
    largest = max(WHOLESALE[:200])

    assert not is_impossible(largest, *row, stream)
    assert not is_impossible(7.0 * largest, *row, stream)
    assert not is_impossible(5_000.0, 0.0, 0.0, 0.0, 0.0, stream)


def test_first_line_is_judged_by_the_stream() -> None:
    """A new row's line is held when it is 48 times what one line in a thousand exceeds."""
    stream = stream_of(WHOLESALE)
    edge = stream_quantity(stream, 1e-3)

    assert is_impossible(49.0 * edge, 0.0, 0.0, 0.0, 0.0, stream)
    assert not is_impossible(47.0 * edge, 0.0, 0.0, 0.0, 0.0, stream)


def test_first_lines_ever_are_believed() -> None:
    """A stream that knows next to nothing holds nothing, then only the absurd."""
    assert not is_impossible(1e9, 0.0, 0.0, 0.0, 0.0, np.zeros(SIZE_BINS))
    assert not is_impossible(1e9, 0.0, 0.0, 0.0, 0.0, stream_of([10.0] * 19))
    young = stream_of([10.0] * 20)
    assert not is_impossible(9_000.0, 0.0, 0.0, 0.0, 0.0, young)
    assert is_impossible(20_000.0, 0.0, 0.0, 0.0, 0.0, young)


@given(st.floats(-1e9, 0.0))
def test_nothing_at_or_below_zero_is_held(quantity: float) -> None:
    """An emptied line is no impossible one."""
    assert not is_impossible(quantity, *row_of(NARROW), stream_of(NARROW * 20))


@given(SIZES, st.floats(1.0, 1e9), st.floats(1.0, 100.0))
def test_more_is_never_more_possible(quantities: list[float], quantity: float, factor: float) -> None:
    """Whatever exceeds an impossible quantity is impossible."""
    row, stream = row_of(quantities), stream_of(WHOLESALE[:600])

    assert not is_impossible(quantity, *row, stream) or is_impossible(quantity * factor, *row, stream)


@kernel
def count_held(
    rows: NDArray[np.int64], shards: NDArray[np.int64], sizes: NDArray[np.float64], out: NDArray[np.int64]
) -> int:
    """Run a stream of lines through both statistics; positions of the held lines."""
    state = np.zeros((rows.max() + 1, 4), np.float32)
    streams = np.zeros((16, SIZE_BINS))
    found = 0
    for i in range(rows.size):
        row, stream = state[rows[i]], streams[shards[i]]
        if is_impossible(sizes[i], row[0], row[1], row[2], row[3], stream):
            out[found] = i
            found += 1
            continue
        learn_stream_size(stream, sizes[i], row[0], row[1])
        row[0], row[1], row[2], row[3] = learn_row_size(row[0], row[1], row[2], row[3], sizes[i])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("split", [1, 7, 11])
def test_year_of_online_retail_holds_its_two_giants(root: Path, split: int) -> None:
    """Of all lines with a product code, only the two orders that were cancelled minutes later are held."""
    table = pq.read_table(root / "flows/demo/data/online_retail.parquet")
    code = pc.utf8_upper(table["StockCode"])
    wanted = pc.and_(
        pc.and_(pc.greater(table["Quantity"], 0), pc.match_substring_regex(code, r"^\d{5}")),
        pc.match_substring_regex(table["InvoiceNo"], r"^\d"),
    )
    table = table.append_column("sku", code).filter(wanted)
    skus = table["sku"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    places = table["Country"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    _, rows = np.unique(skus * 100 + places, return_inverse=True)
    held_at = np.zeros(100, np.int64)

    found = count_held(rows, skus * split % 16, table["Quantity"].to_numpy().astype(np.float64), held_at)

    assert [table["InvoiceNo"][int(i)].as_py() for i in held_at[:found]] == ["541431", "581483"]


def held(count: float, mean: float, maximum: float, stream: NDArray[np.float64], price: float = math.nan) -> Finding:
    """The finding about line 3 of order A7, of 10,000 units."""
    evidence = HeldLine(
        order_id="A7", line="3", quantity=10_000.0, count=count, log_mean=mean, log_max=maximum,
        stream_tail=stream_quantity(stream, TAIL_SHARE),
    )  # fmt: skip
    return DATA_QUALITY.finding(context(price=price), evidence)


def test_held_line_says_why() -> None:
    """The sentence compares with the row, with the stream, and says what ends it."""
    count, mean, _, maximum = row_of([10.0] * 30)
    stream = stream_of([10.0] * 600)

    found = held(count, mean, maximum, stream, price=2.0)

    assert (found.exception_type, found.key) == ("data_quality", "85123A|UK|A7|3")
    assert (found.active, found.route, found.inform) == (True, "data_steward", ("planner",))
    assert (found.observed, found.money) == (10_000.0, 20_000.0)
    assert found.expected == pytest.approx(10.0)
    assert found.reason == (
        "Order A7 line 3 asks for 10,000 of 85123A at UK: its lines are around 10 and were at most 10, and one line in "
        "1,000 of all items exceeds 11.3. It counts for nothing until it is released, changed to a sane quantity or "
        "cancelled."
    )


def test_first_line_says_so() -> None:
    """A row without history, and a stream without lines, are named as such."""
    stream = stream_of([10.0] * 600)
    among = held(0.0, 0.0, 0.0, stream).reason
    alone = held(0.0, 0.0, 0.0, np.zeros(SIZE_BINS)).reason

    assert "it is the item's first line here, and one line in 1,000 of all items exceeds 11.3." in among
    assert "it is the item's first line here, and no other item has been ordered yet." in alone


@pytest.mark.parametrize(
    ("changed_to", "reason", "outcome"),
    [
        (None, "Held line 3 of order A7 (10,000 of 85123A) was cancelled: it never counted.", "cancelled"),
        (10.0, "Held line 3 of order A7 (10,000 of 85123A) was changed to 10, which counts.", "changed"),
    ],
)
def test_release_ends_it_at_once(changed_to: float | None, reason: str, outcome: str) -> None:
    """A cancellation or a sane quantity releases, and the reason says which."""
    evidence = ReleasedLine(order_id="A7", line="3", quantity=10_000.0, changed_to=changed_to)

    found = DATA_QUALITY.finding(context(), evidence)

    assert (found.key, found.active, found.final, found.reason) == ("85123A|UK|A7|3", False, True, reason)
    assert found.details["outcome"] == outcome
