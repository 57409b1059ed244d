"""Ids of exceptions: readable, short, distinct, and the same whichever event tipped the problem."""

from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.common import SUBJECT_BYTES_MAX
from sensing.contracts.subjects import problem_key
from sensing.detection.problem import name_problem
from tests.detection.contexts import finding


def test_keys_never_collide() -> None:
    """The separator within a part is escaped."""
    assert problem_key("A|B", "C") == "A%7CB|C"
    assert problem_key("A", "B|C") == "A|B%7CC"
    assert problem_key("A%7CB", "C") == "A%257CB|C"


@given(st.text(min_size=0, max_size=60), st.text(min_size=0, max_size=200))
def test_ids_are_short_and_readable(sku: str, rest: str) -> None:
    """At most 128 bytes whatever the key, whole where it fits, and different for different keys."""
    key = problem_key(sku, "UK", rest.encode(errors="ignore").decode())
    name = name_problem(finding(key=key.encode(errors="ignore").decode()))
    other = name_problem(finding(key=key.encode(errors="ignore").decode() + "x"))

    assert len(name.encode()) <= SUBJECT_BYTES_MAX
    assert name.startswith("surge:")
    assert name.endswith(":20111122")
    assert name != other
