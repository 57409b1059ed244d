"""``tidegauge exceptions``: the same list from Redis and from Kafka, as a table and as lines of JSON."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from flows.cli.exceptions import COLUMNS, lines
from flows.cli.main import main
from sensing.contracts.exceptions import SEVERITIES, ExceptionState
from sensing.outputs import OutputRecord
from tests.sinks.documents import exception, tombstone
from tests.sinks.live import publish
from tests.sinks.view_oracle import in_topic, open_in_order
from tests.sinks.viewing import drain, make_view_topics, viewing

RECORDS: list[OutputRecord] = [
    *(
        exception(
            f"surge:S{n}|DC:{n}", severity=SEVERITIES[n % 4], money=float(1 + n * n), sku=f"S{n % 5}",
            location=("DC", "NY")[n % 2], route=("buyer", "planner", "data_steward")[n % 3],
            owner=(None, "ann", "bob")[n % 3],
            exception_type=("order_surge", "demand_drop")[n % 2],
        )
        for n in range(24)
    ),
    exception("equal:a", money=5.0), exception("equal:b", money=5.0), exception("ended", 2, status="resolved"),
    exception("gone"), tombstone(exception("gone")),
]  # fmt: skip


def call(*arguments: object) -> Any:
    """Result of a command."""
    return CliRunner().invoke(main, ["exceptions", *(str(argument) for argument in arguments)])


@pytest.fixture
def filled(kafka: str, topics: str) -> str:
    """Prefix of topics with exceptions."""
    make_view_topics(kafka, topics)
    publish(kafka, topics, *RECORDS)
    return topics


FILTERS = [
    [], ["--route", "buyer"], ["--severity", "high"], ["--type", "demand_drop"], ["--owner", "ann"], ["--sku", "S3"],
    ["--location", "NY"], ["--owner", "bob", "--severity", "low"], ["--route", "data_steward", "--sku", "S1"],
    ["--owner", "nobody"],
]  # fmt: skip


def test_both_sources_give_one_list(kafka: str, filled: str, redis: str, keys: str) -> None:
    """By priority, with every filter, from the view and from the topic; an oracle sorts and filters the topic."""
    at = ["--bootstrap-servers", kafka, "--prefix", filled]
    in_redis = ["--redis-url", redis, "--set", f"redis.key_prefix={keys}"]
    exceptions = in_topic(kafka, f"{filled}exceptions")
    order = open_in_order(exceptions)
    with viewing(kafka, filled, redis, keys) as view:
        drain(view)
        for chosen in FILTERS:
            names = [name[2:].replace("type", "exception_type") for name in chosen[::2]]
            wanted = dict(zip(names, chosen[1::2], strict=True))
            expected = [n for n in order if all(exceptions[n][field] == value for field, value in wanted.items())]
            for source in (at, at + in_redis):
                result = call("list", "--json", *chosen, *source)
                assert (result.exit_code, result.stderr) == (0, "")
                found = [json.loads(line) for line in result.stdout.splitlines()]
                assert found == [exceptions[name] for name in expected]
        assert len(order) == 26
        for source in (at, at + in_redis):
            result = call("list", *source)
            assert result.stderr == "26 open exceptions\n"
            assert max(map(len, result.stdout.splitlines())) <= COLUMNS
            ids = [
                line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ") and "(opened," in line
            ]
            assert ids == order
            assert json.loads(call("show", "ended", *source).stdout) == exceptions["ended"]
            missing = call("show", "gone", *source)
            assert (missing.exit_code, "see tidegauge exceptions list" in missing.stderr) == (2, True)


def test_a_view_that_is_not_ours_is_refused(kafka: str, filled: str, redis: str, keys: str) -> None:
    """None, one that is being built, one of other topics, a Redis that is away: each is said with the way out."""
    at = ["list", "--prefix", filled, "--set", f"redis.key_prefix={keys}", "--redis-url"]
    result = call(*at, redis)
    assert (result.exit_code, "got none; start tidegauge run with this redis.key_prefix" in result.stderr) == (1, True)
    with viewing(kafka, filled, redis, keys) as view:
        drain(view)
    result = call("list", "--prefix", "other.", "--set", f"redis.key_prefix={keys}", "--redis-url", redis)
    assert (result.exit_code, f"got one of topics {filled}* of Kafka cluster" in result.stderr) == (2, True)
    result = call(*at, "redis://127.0.0.1:1/0")
    assert (result.exit_code, "required a Redis that answers, got" in result.stderr) == (1, True)
    assert len(result.stderr.splitlines()) == 1


def state(**fields: Any) -> ExceptionState:
    """An exception."""
    given: dict[str, Any] = {
        "exception_id": "stockout:85123A|UK:20111104", "exception_type": "stockout_projected", "version": 3,
        "status": "escalated", "severity": "critical", "sku": "85123A", "location": "UK", "money_base": 1234.5,
        "base_currency": "GBP", "deadline": "2011-11-05T15:52:00.000Z", "route": "buyer", "owner": "ann",
        "opened_at": "", "updated_at": "", "reason": "Oversold by 14 since 28 Sep; next receipt 1 Oct.",
    }  # fmt: skip
    return ExceptionState(**(given | fields))


def test_an_exception_is_three_lines() -> None:
    """The row, the id with status, route and owner, and the reason."""
    assert lines(state()) == [
        "critical  stockout_projected  85123A/UK             2011-11-05 15:52    1234 GBP",
        "  stockout:85123A|UK:20111104 (escalated, buyer, ann)",
        "  Oversold by 14 since 28 Sep; next receipt 1 Oct.",
    ]
    bare = lines(state(sku=None, location=None, money_base=None, deadline=None, owner=None))
    assert bare[0] == "critical  stockout_projected  -                     -                          -"


@pytest.mark.parametrize(
    ("money", "shown"),
    [(0.4, "0"), (9999.4, "9999"), (12_345, "12.35k"), (999_900, "999.9k"), (5e6, "5M"), (2.5e9, "2.5G")],
)
def test_money_is_short(money: float, shown: str) -> None:
    """Four digits and a unit."""
    assert lines(state(money_base=money))[0].endswith(f" {shown} GBP")


@given(st.text(max_size=300), st.text(max_size=200), st.text(max_size=60))
def test_whatever_names_there_are_a_line_fits(reason: str, name: str, sku: str) -> None:
    """No line is longer than the terminal, and nothing reaches it that it would obey."""
    for line in lines(state(reason=reason, exception_id=name, sku=sku)):
        assert len(line) <= COLUMNS
        assert line.isprintable()
