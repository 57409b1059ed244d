"""Slices of the shipped data that several tests share. Tests must not change them."""

import pytest

from flows.demo.delays import load_delays
from flows.demo.inputs import LOCATION, SEED
from flows.demo.order_lines import Lines
from flows.demo.retail import Retail, clean_retail, read_retail
from flows.demo.supply_side import Supply, simulate_supply
from flows.demo.surges import Surge, plant_surges


def event_ids(lines: Lines) -> list[str]:
    """Event id of every event: its document and the position in it."""
    return [f"{document}-{n}" for document, n in zip(lines.document.tolist(), lines.position.tolist(), strict=True)]


@pytest.fixture(scope="session")
def winter() -> Retail:
    """Seven weeks around Christmas 2010 and the giant order of 18 January 2011."""
    return clean_retail(read_retail(49, until="2011-02-01"))


@pytest.fixture(scope="session")
def autumn() -> Retail:
    """The last 150 days of the data, to the giant order of 9 December 2011."""
    return clean_retail(read_retail(150))


@pytest.fixture(scope="session")
def planted(autumn: Retail) -> tuple[Lines, list[Surge]]:
    """Autumn with surges."""
    return plant_surges(autumn.lines, LOCATION, SEED)


@pytest.fixture(scope="session")
def supply(planted: tuple[Lines, list[Surge]]) -> Supply:
    """The supply side of autumn with surges."""
    return simulate_supply(planted[0], LOCATION, load_delays(), SEED)
