"""Subjects of published records, and reading the SKU from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.common import SUBJECT_BYTES_MAX
from sensing.contracts.decisions import DecisionMade, ExecutionConfirmed
from sensing.contracts.subjects import exception_of, exception_subject, parameters_subject, problem_key, sku_of

STAMP = "20260105"
NAME = f"surge:A|L:{STAMP}"

identifiers = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1)
skus = identifiers.filter(lambda text: len(text.encode()) <= 64)
places = identifiers.filter(lambda text: len(text.encode()) <= 40)
plain = skus.filter(lambda text: text.count("%") + text.count("|") <= 9)


def made(subject: str, **fields: object) -> DecisionMade:
    """An acknowledgement."""
    return DecisionMade(
        event_id="e", event_time=0, subject=subject, decision="acknowledge", decider="ann", role="planner",
        **fields,  # type: ignore[arg-type]  # fields differ by test
    )  # fmt: skip


@given(plain, places, st.lists(identifiers, max_size=2), st.sampled_from(("quality", "delay", "surge")))
def test_an_exception_names_its_sku(sku: str, location: str, parts: list[str], kind: str) -> None:
    """However long the key is and whatever its parts hold, the SKU can be read back, but for one full of separators."""
    name = exception_subject(kind, problem_key(sku, location, *parts), STAMP)
    assert len(name.encode()) <= SUBJECT_BYTES_MAX
    assert sku_of(made(name)) == sku
    assert sku_of(made("ignored", exception_id=name)) == sku
    assert exception_of(made(name)) == name


@given(skus, places.filter(lambda text: "/" not in text))
def test_parameters_name_their_sku(sku: str, location: str) -> None:
    """A SKU may hold slashes; of a location with slashes the decision has to say the SKU."""
    subject = parameters_subject(sku, location)
    assert sku_of(made(subject, parameters_version=1)) == sku
    assert sku_of(ExecutionConfirmed(event_id="e", event_time=0, subject=subject)) == sku
    assert sku_of(made(parameters_subject(sku, "a/b"), sku=sku)) == sku


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (made(NAME), NAME),
        (made("A/L", exception_id="anything"), "anything"),
        (made(NAME, parameters_version=1), None),
        (made("A/L"), None),
        (made("surge:A|L:2026"), None),
        (ExecutionConfirmed(event_id="e", event_time=0, subject=NAME), None),
    ],
)
def test_what_a_decision_is_about(event: DecisionMade | ExecutionConfirmed, expected: str | None) -> None:
    """An exception where it names one and no version of parameters; an execution never is about one."""
    assert exception_of(event) == expected


@given(st.text(min_size=1, max_size=128))
def test_every_subject_goes_somewhere(subject: str) -> None:
    """Whatever a decision names, one SKU comes of it, so that one shard answers."""
    assert isinstance(sku_of(made(subject)), str)
    assert isinstance(sku_of(made("x", exception_id=subject)), str)
