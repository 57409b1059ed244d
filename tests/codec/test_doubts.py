"""Messages in doubt: the kernels against a slow reading by Python's parser."""

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.doubts import DEPTH_MAX, NAMES_MAX, doubtful, find_doubts, is_doubtful
from sensing.codec.message_block import Block
from sensing.codec.scan import NAMES_MAX as OTHERS_MAX
from sensing.codec.scan import add_name

texts = st.text(st.sampled_from('ab "\\\n\N{POUND SIGN}{}[]:,'), max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(texts, inner), max_size=4).map(lambda pairs: ("object", pairs))
    ),
    max_leaves=12,
)


def written(value: Any, blank: str) -> str:
    """JSON of a value; objects are given as pairs, so that a name may come twice."""
    if isinstance(value, tuple):
        members = (f"{json.dumps(name)}{blank}:{blank}{written(inner, blank)}" for name, inner in value[1])
        return "{" + f"{blank},{blank}".join(members) + "}"
    if isinstance(value, list):
        return "[" + f",{blank}".join(written(each, blank) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def expected(value: Any) -> tuple[bool, bool]:
    """Whether a value must be in doubt, and whether it may be: names with escapes are not compared."""
    if isinstance(value, str):
        must = value[:1] == " " or value[-1:] == " "
        return must, must
    if isinstance(value, tuple):
        names = [name for name, _ in value[1]]
        repeated, escaped = len(set(names)) < len(names), any("\\" in json.dumps(name) for name in names)
        inner = [expected(each) for pair in value[1] for each in pair]
        return repeated or any(must for must, _ in inner), repeated or escaped or any(may for _, may in inner)
    inner = [expected(each) for each in value] if isinstance(value, list) else []
    return any(must for must, _ in inner), any(may for _, may in inner)


@given(st.lists(values, min_size=1, max_size=4), st.sampled_from(("", " ", "\n\t")))
def test_doubts_are_those_of_a_slow_reading(given_values: list[Any], blank: str) -> None:
    """Whatever the nesting, the spelling and the neighbours in the block."""
    lines = [f'{{"whole message":{written(value, blank)}}}'.encode() for value in given_values]
    found = doubtful(Block.of(lines, np.arange(len(lines))), np.arange(len(lines)))
    for value, flag in zip(given_values, found.tolist(), strict=True):
        must, may = expected(value)
        assert must <= flag <= may, value


def test_bounds_leave_a_message_in_doubt() -> None:
    """More levels or names than the scratch memory holds; at the bounds there is none."""
    scratch = np.zeros(NAMES_MAX, np.uint64), np.zeros(DEPTH_MAX, np.int64)
    for levels in (DEPTH_MAX, DEPTH_MAX + 1):
        data = np.frombuffer(b"[" * levels + b"]" * levels, np.uint8)
        assert is_doubtful(data, 0, len(data), *scratch) == (levels > DEPTH_MAX)
    for names in (NAMES_MAX, NAMES_MAX + 1):
        data = np.frombuffer(json.dumps({str(name): 1 for name in range(names)}).encode(), np.uint8)
        assert is_doubtful(data, 0, len(data), *scratch) == (names > NAMES_MAX)


def test_any_bytes_end() -> None:
    """What is no JSON gets some answer; a message of less than eight bytes is in no doubt."""
    scratch = np.zeros(NAMES_MAX, np.uint64), np.zeros(DEPTH_MAX, np.int64)
    lines = [b'{" a', b'{"a":"\\', b'"""""""""""', b"]]]]]]]]]", b'{"aaaaaaaaa"', b"\xff" * 20, b""]
    ends = np.cumsum([len(line) for line in lines])
    found = np.zeros(len(lines), np.bool_)
    find_doubts(np.frombuffer(b"".join(lines), np.uint8), ends - [len(line) for line in lines], ends, *scratch, found)
    assert found.tolist() == [False] * len(lines)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20))
def test_names_are_added_once(names: list[tuple[int, int]]) -> None:
    """The scanner's list of names of other fields, against a set."""
    scratch, known, count = np.zeros(OTHERS_MAX, np.uint64), set(), 0
    for low, high in names:
        added = add_name(scratch, count, np.uint64(low), np.uint64(high))
        assert added == (-1 if (low, high) in known else count + 1)
        count = max(count, added)
        known.add((low, high))
    assert add_name(scratch, OTHERS_MAX, np.uint64(9), np.uint64(9)) == -1
