"""The streams of the surge benchmark are what they say: repeatable, stationary, with the surges that are planted."""

import numpy as np
from numpy.typing import NDArray

from benchmarks import surge_streams
from benchmarks.surge_streams import FIRST_PLANT, KINDS, MONDAY, PLANTS_APART, SURGE_DAYS, Plant, Retail, Stream
from benchmarks.workloads import DAY_MS

DAYS = 126


def counts(stream: Stream) -> NDArray[np.int64]:
    """Lines by row and day."""
    found = np.zeros((stream.rows, stream.stop - stream.first), np.int64)
    np.add.at(found, (stream.lines["sku"], stream.lines["time_ms"] // DAY_MS - stream.first), 1)
    return found


def test_the_same_seed_makes_the_same_lines() -> None:
    """Two streams of a seed are equal, and those of another seed are not."""
    first, again = (surge_streams.synthetic(4, DAYS, 3.0, 5).lines for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != surge_streams.synthetic(4, DAYS, 3.0, 6).lines.tobytes()


def test_rows_are_stationary_around_their_level() -> None:
    """Each week sells the level, nothing comes on closed Sundays, and days scatter between Poisson and twice that."""
    stream = surge_streams.synthetic(200, DAYS, 10.0, 5)
    found = counts(stream)
    weeks = found.reshape(200, -1, 7)
    assert np.allclose(weeks.mean(axis=(0, 2)), 10.0, rtol=0.05)
    assert weeks[1::2, :, 6].sum() == 0
    assert weeks[::2, :, 6].sum() > 0
    ratio = weeks[:, :, :6].var(axis=1, ddof=1) / weeks[:, :, :6].mean(axis=1)
    assert 1.3 < ratio.mean() < 1.7
    assert (np.diff(stream.lines["time_ms"]) >= 0).all()
    assert all(np.array_equal(times, np.sort(times)) for times in stream.times())
    assert [len(times) for times in stream.times()] == found.sum(axis=1).tolist()


def test_surges_multiply_lines_or_units_of_three_days() -> None:
    """Outside its days a stream with a surge is about the one without."""
    surge = [Plant(row, MONDAY + 98, 5.0, 1.0) for row in range(0, 50, 2)]
    surge += [Plant(row, MONDAY + 98, 1.0, 20.0) for row in range(1, 50, 2)]
    stream = surge_streams.synthetic(50, DAYS, 10.0, 5, surge, MONDAY + 112)
    found = counts(stream)
    days = slice(98, 98 + SURGE_DAYS)
    assert 4.0 < found[::2, days].mean() / found[::2, 84:87].mean() < 6.0
    assert 0.8 < found[1::2, days].mean() / found[1::2, 84:87].mean() < 1.2
    inside = (stream.lines["time_ms"] // DAY_MS - MONDAY - 98) // SURGE_DAYS == 0
    odd = stream.lines["sku"] % 2 == 1
    size = stream.lines["quantity"]
    assert 15.0 < size[inside & odd].mean() / size[~inside & odd].mean() < 25.0
    assert found[::4, 112:].sum() == 0
    assert (found[1::4, 112:].sum(axis=1) > 0).all()


def test_plants_lie_apart_and_take_turns() -> None:
    """A row's surges begin early in a week, at least three weeks apart, and their kinds take turns."""
    found = surge_streams.plants(5, MONDAY, MONDAY + 350, KINDS, 3)
    assert {(plant.lines, plant.units) for plant in found} == set(KINDS)
    assert all((plant.day + 3) % 7 in surge_streams.FIRST_WEEKDAYS for plant in found)
    for row in range(5):
        days = [plant.day for plant in found if plant.row == row]
        assert days[0] >= MONDAY + FIRST_PLANT
        assert min(np.diff(days)) >= PLANTS_APART // 2


def shop() -> Retail:
    """Two items of 6 lines a day and four of 1, on weekdays."""
    day = np.array([day for day in range(200) if day % 7 < 5])
    rates = (6, 1, 1, 1, 1, 6)
    time = np.concatenate([np.repeat((MONDAY + day) * DAY_MS, rate) for rate in rates])
    item = np.concatenate([np.full(rate * len(day), number) for number, rate in enumerate(rates)])
    order = np.argsort(time, kind="stable")
    return Retail(time[order], item[order], np.ones(len(time), np.int64), item[order] * 0, len(day))


def test_real_rows_are_busy_items_or_neighbours_together() -> None:
    """Items with two thirds of the level are rows of their own; merged rows sell about the level."""
    assert surge_streams.rows_of(shop(), 6.0, merged=False).tolist() == [0, -1, -1, -1, -1, 1]
    assert surge_streams.rows_of(shop(), 8.0, merged=True).tolist() == [0, 0, 0, 1, 1, 1]


def test_real_surges_copy_lines_of_rows_at_their_level() -> None:
    """A surge of 3 triples three days; days that are closed, and rows far from their level, get none."""
    found = shop()
    row_of = surge_streams.rows_of(found, 6.0, merged=False)
    calm = surge_streams.retail_stream(found, row_of, [], 1)
    assert counts(calm)[0, :7].tolist() == [6, 6, 6, 6, 6, 0, 0]
    monday, friday = Plant(0, MONDAY + 98, 3.0, 1.0), Plant(0, MONDAY + 102, 3.0, 1.0)
    assert surge_streams.usual(calm, 6.0, [monday, friday]) == [monday]
    assert surge_streams.usual(calm, 20.0, [monday]) == []
    moved = counts(surge_streams.retail_stream(found, row_of, [monday], 1))
    extra = moved - counts(calm)
    assert (extra[:, 98:101].sum(axis=1) > 0).tolist() == [True, False]
    assert extra.sum() == extra[0, 98:101].sum()
    assert 2.0 < moved[0, 98:101].mean() / 6.0 < 4.0


def test_retail_reads_the_shop() -> None:
    """The lines are those of the British customers, in order of time."""
    found = surge_streams.retail()
    assert len(found.time) == len(found.item) == len(found.quantity) > 400_000
    assert (np.diff(found.time) >= 0).all()
    assert found.quantity.min() > 0
    assert found.days == 305
