"""The subscriber of the contracts README, run as it is there, beside a live service."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.flows.kafka.places import produce, until
from tests.flows.kafka.service import Service, records
from tests.flows.kafka.shop import load_lines, noon_zone, now_ms, shop_days, shop_order

DAYS = 60
LINES_MAX = 30


def subscriber(root: Path) -> str:
    """Its code, as the README prints it."""
    text = (root / "sensing/contracts/README.md").read_text()
    section = text[text.index("### A subscriber in thirty lines") :]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found.group(1)


def following(tickets: Any, condition: Callable[[], Any], seconds: float = 30) -> None:
    """Follow the topic until a condition holds."""

    def holds() -> bool:
        tickets.follow(0.2)
        return bool(condition())

    until(holds, seconds=seconds)


def test_it_has_thirty_lines(root: Path) -> None:
    """Blank lines are not counted."""
    assert sum(bool(line.strip()) for line in subscriber(root).splitlines()) <= LINES_MAX


def test_it_opens_follows_decides_and_closes(kafka: str, topics: str, tmp_path: Path, root: Path) -> None:
    """From ``exceptions`` alone it has the tickets of a surge: open in the planner's queue, acknowledged, and closed.

    It is started anew in between, and again after the end: the tickets are the same.
    """
    code: dict[str, Any] = {}
    exec(subscriber(root), code)
    start: Callable[[], Any] = lambda: code["Tickets"](kafka, tmp_path / "tickets.db", topics)  # noqa: E731 - one line
    names = load_lines(kafka, topics, tmp_path / "in", shop_days(now_ms() - 60_000, DAYS))
    settings: dict[str, Any] = {"engine__lateness_minutes": 1, "engine__time_zone": noon_zone()}
    with Service(kafka, topics, tmp_path, **settings) as service:
        service.ready()
        tickets = start()
        begin = now_ms() - 30_000
        produce(kafka, names["orders"], [
            shop_order(0, begin + n * 1000, event_id=f"x{n}", order_id=f"x{n}") for n in range(30)
        ])  # fmt: skip
        following(tickets, lambda: surges(tickets))
        ((exception_id, _, reason),) = surges(tickets)
        assert "order lines in the last" in reason
        time.sleep(1.0)
        tickets.follow(0.5)

        tickets.consumer.close()
        tickets = start()
        ((same, version, _),) = surges(tickets)
        assert same == exception_id
        tickets.decide(exception_id, version, "acknowledge", "ann", "planner")
        until(lambda: any(r.headers["type"] == "decision.accepted" for r in records(kafka, f"{topics}audit")))
        following(tickets, lambda: surges(tickets)[0][1] > version)

        ((_, version, _),) = surges(tickets)
        tickets.decide(exception_id, version, "reject", "ann", "planner")
        following(tickets, lambda: not surges(tickets))
        assert service.stop() == 0
    tickets.follow(1.0)
    kept = tickets.file.execute("SELECT * FROM ticket ORDER BY id").fetchall()
    tickets.consumer.close()
    again = start()
    again.follow(1.0)
    assert again.file.execute("SELECT * FROM ticket ORDER BY id").fetchall() == kept
    again.consumer.close()
    types = [r.headers["type"] for r in records(kafka, f"{topics}exceptions") if r.key == exception_id.encode()]
    assert types[0] == "exception.opened"
    assert types[-1] == "exception.resolved"
    assert types.count("exception.opened") == types.count("exception.acknowledged") == 1


def surges(tickets: Any) -> list[tuple[str, int, str]]:
    """Surges in the planner's queue."""
    return [ticket for ticket in tickets.queue("planner") if ticket[0].startswith("surge:PUMP|LON:")]
