"""Subjects of published records, and reading the SKU from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.common import SUBJECT_BYTES_MAX
from sensing.contracts.decisions import DecisionMade, ExecutionConfirmed
from sensing.contracts.subjects import (
    exception_of,
    exception_subject,
    parameters_names,
    parameters_subject,
    problem_key,
    sku_of,
)

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


@given(skus, places)
def test_parameters_name_their_sku_and_location(sku: str, location: str) -> None:
    """Both can be read back, whatever they hold."""
    subject = parameters_subject(sku, location)
    for event in (made(subject), made(subject, sku=sku), made(subject, parameters_version=1)):
        assert parameters_names(event) == (sku, location)
        assert sku_of(event) == sku
    assert sku_of(ExecutionConfirmed(event_id="e", event_time=0, subject=subject)) == sku


@given(skus, places, skus, places)
def test_pairs_have_subjects_of_their_own(sku: str, location: str, other: str, place: str) -> None:
    """No two SKU-locations share a key."""
    assert (parameters_subject(sku, location) == parameters_subject(other, place)) == (
        (sku, location) == (other, place)
    )


def test_separators_are_escaped() -> None:
    """Plain names are readable as they are; a slash and the mark of an escape are not."""
    assert parameters_subject("85123A", "UK") == "85123A/UK"
    assert parameters_subject("a|b c", "L-1") == "a|b c/L-1"
    assert (parameters_subject("a/b", "c"), parameters_subject("a", "b/c")) == ("a%2Fb/c", "a/b%2Fc")
    assert parameters_subject("a%2Fb", "50%") == "a%252Fb/50%25"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (made("a/b/c"), ("a/b", "c")),  # as text before the last slash
        (made("a/b/c", sku="a"), ("a", "b/c")),
        (made("a/b/c", sku="a/b"), ("a/b", "c")),
        (made("50%/c"), ("50%", "c")),
        (made("50%/c", sku="50%"), ("50%", "c")),
        (made("a"), ("a", "")),
        (made("a/b", sku="other"), ("other", "")),
    ],
)
def test_subjects_without_escapes_are_understood(event: DecisionMade, expected: tuple[str, str]) -> None:
    """As published before there were escapes, where it is clear what they name."""
    assert parameters_names(event) == expected


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
