"""A held order line that a person releases."""

from typing import Any

import pytest

from sensing.machine_settings import DAY_MS, Settings
from tests.claims import at, count, orders, states, world
from tests.machines.decisions.decision_messages import answers, changes, decision, outcomes
from tests.machines.streams import Line, Result, Stream, line, run, sums

pytestmark = pytest.mark.compiled

STEWARD = {"decider": "dora", "role": "data_steward"}
KEYS = {"sku": "A", "location": "L"}
USUAL = (*orders("u", range(10), 6.0, unit_price=25_000.0, currency="EUR"), count(100_000, 1))
PLACED: dict[str, Any] = {"order_id": "G", "line": "7", "quantity": 20_000, "unit_price": 2.5, "currency": "EUR"}
GIANT = line("order.placed", "giant", at(8, 9), requested_date="2026-02-14", **PLACED, **KEYS)
PRICED: dict[str, Any] = {"quantity": 20_000, "unit_price": 2.5, "currency": "EUR"}
OWN = line("order.placed", "own", at(8, 9), **PRICED, **KEYS)
LOST = line("order.lost", "lost", at(8, 9), order_id="G", **PRICED, **KEYS)
NAMES = {
    "giant": "quality:A|L|G|7:20260210", "own": "quality:A|L|own|A:20260210",
    "lost": "quality:A|L|G|A:20260210",
}  # fmt: skip
SANE = PLACED | {"quantity": 5}
DAY = at(8) // DAY_MS
BEFORE_IT = line("order.placed", "first", at(8, 7), **(SANE | {"unit_price": 25_000.0}), **KEYS)
CHANGED = line("order.changed", "giant", at(8, 9), line_version=2, **PLACED, **KEYS)


def release(name: str, day: float = 8.5, **fields: Any) -> Line:
    """The steward releases a line."""
    return decision("release", at(day), name, "release", **(STEWARD | fields))


def final(found: Result) -> Any:
    """Sums of the row, open demand by line and the table of parameters at the end."""
    return sums(found.shards[0]), found.table()


def without_versions(table: dict[tuple[str, str], dict[str, Any]]) -> Any:
    """A table of parameters without the numbers of their versions."""
    return {row: {name: value for name, value in fields.items() if name != "version"} for row, fields in table.items()}


def test_a_giant_is_held_with_what_the_steward_must_know() -> None:
    """The exception names order, line, quantity, price, requested date and the partition it came in."""
    state, *_ = states(world([*USUAL, GIANT], 9), "data_quality")
    assert state["exception_id"] == NAMES["giant"]
    assert state["details"] == {
        "type": "data_quality", "order_id": "G", "line": "7", "quantity": 20_000.0, "check": "impossible_quantity",
        "requested_date": "2026-02-14", "unit_price": 2.5, "partition": 0, "signs": ["multiple", "price"],
        "outcome": None,
    }  # fmt: skip


@pytest.mark.parametrize("giant", [GIANT, OWN, LOST], ids=["giant", "own", "lost"])
def test_a_released_line_counts_from_then_on(giant: Line) -> None:
    """It is booked in the hour in which it was ordered, is open, and is learned; the exception is resolved by whom and
    why, the line counts as released once, and the answer says so.
    """
    name = giant.value.partition(b'"event_id":"')[2].partition(b'"')[0].decode()
    found = world([*USUAL, giant, release(NAMES[name], reason="a stadium")], 10)
    held = world([*USUAL, giant], 10)
    row, before = sums(found.shards[0])["A", "L"], sums(held.shards[0])["A", "L"]
    assert row.quantity[DAY] == before.quantity[DAY] + 20_000_000
    assert row.day_lines[DAY] == before.day_lines[DAY] + 1
    assert row.hour_lines[DAY * 24 + 9] == before.hour_lines.get(DAY * 24 + 9, 0) + 1
    assert row.open == before.open + (0 if giant is LOST else 20_000_000)
    assert found.table()["A", "L"]["forecast_mean"][0] > held.table()["A", "L"]["forecast_mean"][0]
    ended = states(found, "data_quality")[-1]
    assert (ended["status"], ended["decision"], ended["decided_by"]) == ("resolved", "release", "dora")
    assert ended["reason"].endswith("counts from now on: released by dora (data_steward): a stadium.")
    assert ended["details"]["outcome"] == "released"
    assert outcomes(found) == [("release", None)]
    assert (answers(found)[0]["prior"], answers(found)[0]["value"]) == ("opened", "resolved")
    books = next(data for data in found.data("audit") if data.get("topic") == "orders")
    assert (books["held"], books["released"]) == (1, 1)


def test_a_released_line_is_booked_as_one_that_was_never_held() -> None:
    """But for the quantity, buckets and open demand are those of a sane order of the same time, day and price."""
    sane = world([*USUAL, line("order.placed", "s", at(8, 9), requested_date="2026-02-14", **SANE, **KEYS)], 10)
    found = world([*USUAL, GIANT, release(NAMES["giant"])], 10)
    expected, row = sums(sane.shards[0])["A", "L"], sums(found.shards[0])["A", "L"]
    more = 19_995_000
    assert row == expected._replace(
        quantity={**expected.quantity, DAY: expected.quantity[DAY] + more}, open=expected.open + more
    )
    due = [result.shards[0].state.open_days(0) for result in (found, sane)]
    assert {day: due[0].get(day, 0) - due[1].get(day, 0) for day in due[0].keys() | due[1].keys()} == {
        day: more / 1000 if day == DAY + 4 else 0.0 for day in due[1]
    }
    hot = found.shards[0].state.rows.hot[0]
    usual = sane.shards[0].state.rows.hot[0]
    assert (hot["price"], hot["currency"]) == (usual["price"], usual["currency"])
    assert hot["last_order"] == sane.shards[0].state.rows.hot[0]["last_order"]
    assert hot["size_count"] == sane.shards[0].state.rows.hot[0]["size_count"]


def test_the_price_of_a_released_line_is_the_newest() -> None:
    """If no later order has one, the row's price is that of the released line."""
    before = orders("u", range(8), 6.0, unit_price=25_000.0, currency="EUR")
    hot = world([*before, GIANT, release(NAMES["giant"])], 10).shards[0].state.rows.hot[0]
    assert (hot["price"], hot["currency"]) == (2.5, b"EUR")


def test_a_release_of_a_newer_version_replaces_the_one_before() -> None:
    """Version 1 counted, version 2 was held: after the release the line counts once, with the new quantity."""
    found = world([*USUAL, BEFORE_IT, CHANGED, release(NAMES["giant"])], 10)
    before = world([*USUAL, BEFORE_IT], 10)
    row, first = sums(found.shards[0])["A", "L"], sums(before.shards[0])["A", "L"]
    assert row.quantity[DAY] == first.quantity[DAY] + 19_995_000
    assert row.day_lines == first.day_lines


def test_what_follows_a_release_goes_by_version() -> None:
    """The version that was released is a repeat, an older one is superseded, a newer one changes the line, and a
    cancellation takes it out.
    """
    later = [
        line("order.placed", "again", at(8, 20), requested_date="2026-02-14", **PLACED, **KEYS),
        line("order.changed", "less", at(8, 21), line_version=2, **(PLACED | {"quantity": 15_000}), **KEYS),
        line("order.cancelled", "off", at(8, 22), order_id="G", line="7", **KEYS),
    ]
    found = world([*USUAL, GIANT, release(NAMES["giant"]), *later], 10)
    calm = world(USUAL, 10)
    assert sums(found.shards[0])["A", "L"].quantity == sums(calm.shards[0])["A", "L"].quantity
    books = next(data for data in found.data("audit") if data.get("topic") == "orders")
    assert (books["duplicate"], books["held"], books["released"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("fields", "reason", "words"),
    [
        ({"role": "planner"}, "wrong_role", "Required role data_steward or admin, got planner."),
        (
            {"decision": "reject"}, "not_applicable",
            "Required release, or a correction or cancellation of the order, since a held line must not be forgotten, "
            "got reject.",
        ),
    ],
)  # fmt: skip
def test_a_held_line_is_released_by_its_steward_only_and_never_rejected(
    fields: dict[str, Any], reason: str, words: str
) -> None:
    """Others may look at it; a held line cannot be made to disappear."""
    verdict = fields.pop("decision", "release")
    made = decision("d", at(8.5), NAMES["giant"], verdict, **(STEWARD | fields))
    found = world([*USUAL, GIANT, made], 10)
    assert outcomes(found) == [("d", reason)]
    assert answers(found)[0]["answer"] == words
    assert changes(found, NAMES["giant"]) == [(1, "opened"), (2, "escalated")]  # at its deadline


@pytest.mark.parametrize(
    "end",
    [
        decision("first", at(8, 11), NAMES["giant"], "release", **STEWARD),
        line("order.cancelled", "off", at(8, 10), order_id="G", line="7", **KEYS),
    ],
    ids=["released", "cancelled"],
)
def test_what_is_held_no_more_cannot_be_released(end: Line) -> None:
    """Once released or cancelled there is nothing to release: the decision is stale and changes nothing."""
    found = world([*USUAL, GIANT, end, release(NAMES["giant"])], 10)
    assert outcomes(found)[-1] == ("release", "stale")
    assert final(found) == final(world([*USUAL, GIANT, end], 10))


def test_a_held_line_is_remembered_beyond_the_horizon() -> None:
    """A line that waits for its steward is not finished, so that it can be released whatever its age."""
    late = orders("v", range(10, 22), 6.0)
    found = world([*USUAL, GIANT, *late, release(NAMES["giant"], 21.5)], 22, line_horizon_days=5)
    assert outcomes(found) == [("release", None)]
    open_days = found.shards[0].state.open_days(0)
    assert open_days[DAY + 4] >= 20_000


def test_a_line_that_was_evicted_cannot_be_released() -> None:
    """Where a full table has forgotten the held line the release is stale, says so, and changes nothing."""
    late = orders("v", range(10, 22), 6.0)
    found = world([*USUAL, GIANT, *late, release(NAMES["giant"], 21.5)], 22, lines_max=20)
    assert outcomes(found) == [("release", "stale")]
    assert answers(found)[0]["answer"].startswith("Required a line that is still remembered")
    assert sums(found.shards[0]) == sums(world([*USUAL, GIANT, *late], 22, lines_max=20).shards[0])


def test_a_release_in_quiet_time_counts_in_silence() -> None:
    """History that was released is history: only the answer comes out, and the parameters are those of a loud run.

    The loud run may have published more versions.
    """
    lines = [*USUAL, GIANT, release(NAMES["giant"])]
    quiet, loud = world(lines, 10, quiet_until=at(9.5)), world(lines, 10)
    assert states(quiet, "data_quality") == []
    assert outcomes(quiet) == [("release", None)]
    (counted, table), expected = final(quiet), final(loud)
    assert (counted, without_versions(table)) == (expected[0], without_versions(expected[1]))


def test_a_release_can_be_a_surge() -> None:
    """A line that comes to count is one line more for the windows, as any other."""
    usual = orders("u", range(40), 4.0, unit_price=25_000.0, currency="EUR")
    many = [line("order.placed", f"m{n}", at(40, 9) + n, order_id=f"m{n}", quantity=2, **KEYS) for n in range(13)]
    for extra in range(len(many) + 1):
        lines = [*usual, *many[:extra], line("order.placed", "giant", at(40, 10), **PLACED, **KEYS)]
        name = "quality:A|L|G|7:20260314"
        made = release(name, 40.45)
        found = run(Stream([*lines, made], end=at(40.5)), Settings(shards=1))
        if states(found, "order_surge"):
            break
    surge = states(found, "order_surge")[0]
    assert extra > 0
    assert surge["cause_event_ids"][-1] == "release"


UNNAMED: dict[str, Any] = {"order_id": "G", **KEYS}
SIBLING = line("order.placed", "sibling", at(8, 9), **PRICED, **UNNAMED)


@pytest.mark.parametrize("first", [4, 7])
def test_of_several_lines_without_names_the_held_one_is_released(first: int) -> None:
    """The first line of the order and SKU counts already and stays as it is; the second one is booked as it was."""
    placed = line("order.placed", "f", at(8, 8), quantity=first, unit_price=25_000.0, currency="EUR", **UNNAMED)
    name = "quality:A|L|G|A:20260210"
    before = sums(world([*USUAL, placed, SIBLING], 10).shards[0])["A", "L"]
    found = world([*USUAL, placed, SIBLING, release(name)], 10)
    assert outcomes(found) == [("release", None)]
    after = sums(found.shards[0])["A", "L"]
    assert after.open == before.open + 20_000_000
    assert after.quantity[DAY] == before.quantity[DAY] + 20_000_000


def test_of_two_held_lines_the_one_of_the_finding_is_released() -> None:
    """With its own quantity; the other one stays held."""
    other = line("order.placed", "other", at(8, 10), **UNNAMED, **(PRICED | {"quantity": 200_000, "unit_price": 0.25}))
    found = world([*USUAL, SIBLING, other, release("quality:A|L|G|A:20260210")], 10)
    before = sums(world(USUAL, 10).shards[0])["A", "L"]
    assert sums(found.shards[0])["A", "L"].open == before.open + 200_000_000
