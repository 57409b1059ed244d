"""Quantities, instants and hashes as whole numbers."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.identifiers import column, hash_texts, text_hashes
from sensing.codec.instants import days, instant, instants
from sensing.codec.keys import MULTIPLIER, SEED
from sensing.codec.thousandths import exact_thousandths, thousandths
from tests.codec import oracle
from tests.codec.test_swar import memory

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MS = dt.timedelta(milliseconds=1)

quantities = st.floats(-1e9, 1e9)
halves = st.integers(-(10**12), 10**12).map(lambda thousandth: (10 * thousandth + 5) / 10_000)


@given(st.lists(st.one_of(quantities, halves, st.integers(-(10**9), 10**9).map(float)), max_size=50))
def test_quantities_round_half_to_even_on_the_decimal(values: list[float]) -> None:
    """Thousandths are those of the decimal number as written, half to even, for any quantity in range."""
    expected = [oracle.thousandths(value) for value in values]
    assert thousandths(np.array(values, np.float64)).tolist() == expected
    assert [exact_thousandths(value) for value in values] == expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (0.0005, 0),
        (0.00050001, 1),
        (0.0015, 2),
        (0.0025, 2),
        (1.0005, 1000),
        (1.0015, 1002),
        (2.0045, 2004),
        (-1.0005, -1000),
    ],
)
def test_halves(quantity: float, expected: int) -> None:
    """Halves go to the even neighbour, also where the nearest double lies to one side of the half."""
    assert thousandths(np.array([quantity])).tolist() == [expected]


ZONES = [dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=45)), dt.timezone(-dt.timedelta(hours=9, minutes=30))]
FIRST, LAST = (dt.datetime.fromisoformat(text) for text in ("1970-01-01T00:00:00", "9999-12-31T00:00:00"))
times = st.datetimes(FIRST, LAST, timezones=st.sampled_from(ZONES))


@given(st.one_of(st.lists(times), st.lists(st.one_of(times, st.integers(0, 253402300799999), st.none()))))
def test_instants_are_exact(values: list[dt.datetime | int | None]) -> None:
    """Milliseconds are exact in every century and zone; parts of a millisecond are cut off, towards the past."""
    expected = [value or 0 if not isinstance(value, dt.datetime) else (value - EPOCH) // MS for value in values]
    assert instants(values).tolist() == expected
    assert [instant(value) for value in values] == expected


def test_instants_before_the_epoch_are_cut_towards_the_past() -> None:
    """No rounding towards zero."""
    before = EPOCH - dt.timedelta(microseconds=1)
    assert instant(before) == -1
    assert instants([before]).tolist() == [-1]


def test_days() -> None:
    """Days since 1970, on both sides, and none."""
    dates = [dt.date(1970, 1, 1), dt.date(1969, 12, 31), dt.date(9999, 12, 31), None]
    assert days(dates).tolist() == [0, -1, 2932896, -(2**31)]


def hash_by_hand(text: str) -> int:
    """The hash in plain integers: every word of eight bytes is mixed in, then the end."""
    data, state = text.encode(), int(SEED)
    words = [int.from_bytes(data[i : i + 8].ljust(8, b"\0"), "little") for i in range(0, len(data), 8)]
    for word in [*words, int(SEED)]:
        state = (state ^ word) * int(MULTIPLIER) % 2**64
        state ^= state >> 32
    return max(state, 1) if data else 0


identifiers = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=16)


@given(st.lists(identifiers, max_size=20))
def test_customers_hash_like_by_hand(customers: list[str]) -> None:
    """Hashes are those of plain integer arithmetic; 0 is the empty text and nothing else."""
    expected = [hash_by_hand(customer) for customer in customers]
    assert text_hashes(customers).tolist() == expected
    assert [found == 0 for found in expected] == [not customer for customer in customers]
    encoded = [customer.encode() for customer in customers]
    hashes = np.zeros(len(customers), np.uint64)
    hash_texts(memory(b"".join(encoded) + bytes(8)), np.array([*map(len, encoded)], np.int64), hashes)
    assert hashes.tolist() == expected


def test_customers_differ() -> None:
    """Many alike ids have as many hashes."""
    customers = [f"C-{number}" for number in range(20_000)]
    assert len(set(text_hashes(customers).tolist())) == len(customers)


@given(st.lists(identifiers, max_size=20))
def test_columns_hold_what_they_are_given(texts: list[str]) -> None:
    """A column is the UTF-8 of its texts, ASCII or not."""
    assert column(texts, 64).tolist() == [text.encode() for text in texts]
