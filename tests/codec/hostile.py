"""Hostile lines, from a seed: good events of every type, corrupted, truncated, mistyped, spliced and worse.

Most are bad, some are still good. The oracle decides which.
"""

import json
from collections.abc import Callable, Iterator
from random import Random

from tests.contracts.examples import EXAMPLES, Event, minimal

Line = tuple[str, bytes]

VALUES = (
    *rb"""null true false 0 -0 -0.0 1 -1 1.0 2.5 1e3 1E-3 0.0005 0.0015 0.00050000001 1e-400 1e400 -1e400 1e9
    1000000000.001 9007199254740993 2147483647 2147483648 9223372036854775808 1e99999999999 NaN Infinity -Infinity nan
    01 +1 .5 5. 0x10 1_000 1e - tru None "" "\u0000" "a\u0000b" "\u001f" "\u007f" "\u0085" "a\nb" "\ud800"
    "\udc00\ud800" "\ud83d\ude00" "\u12" "\x41" "\/\"\\" "1" "1.5" "NaN" "true" "null" [] {} [1] {"a":1} [[]]
    "2026-01-05" "2026-1-5" "2026-02-30" "0000-01-01" "0001-01-01" "9999-12-31" "20260105" "2026-01-05T00:00:00"
    "2026-01-05T00:00:00Z" "2026-01-05t00:00:00.1234567z" "2026-01-05T24:00:00Z" "2026-01-05T23:59:60Z"
    "2026-01-05T00:00:00+14:00" "2026-01-05T00:00:00-0330" "2026-01-05T00:00Z" "1969-12-31T23:59:59.999Z"
    "1970-01-01T00:00:00+00:01" "1989-12-31T23:59:59.999Z" "1990-01-01T00:00:00Z"
    1735689600 631151999999 631152000000 "9999-12-31T23:59:59.9999999Z" "9999-12-31T23:59:59-00:01" 1767571200000
    1767571200000.0
    1767571200000.5 1.7675712e12 253402300799999 253402300800000 {"CASE":"12"} {"CASE":0} {"":1} {"PALETTE-9":1}
    {"\u0001":1} {"CASE":12,"CASE":6} {"CASE":null,"BOX":6}
    [{"date":"2026-12-25","name":null,"closed":null}] [{"date":null}] [7] [0.0] [{"date":"2026-12-25","name":"\ud800"}]
    [{}] [{"date":1}] [{"date":"2026-12-25","closed":"no"}] [null]""".split(),
    *(b"9" * 400, b"-" + b"9" * 5000, b"0." + b"1" * 500, b'" "', b'"\n"', b'"\x7f"', b'"\xff"'),
    *(b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xc3"', b"\xc2\xa3", b'"2026-01-05 00:00:00Z"'),
    *(b'"' + b"\xc2\xa3" * n + b'"' for n in (1, 4, 5, 8, 9, 20, 21, 32, 33, 64, 65)),
    *(b'"' + b"x" * n + b'"' for n in (3, 8, 9, 16, 17, 40, 41, 64, 65, 128, 129, 256, 257, 100_000)),
)
KEYS = (*rb'"event_id" "event_type" "event_time" "sku" "quantity" "x" "\u0073ku" sku'.split(), b'"\xff"')
JUNK = (*rb', } { " \ // /**/ {} []'.split(), b"\x00", b"\xef\xbb\xbf", b"\n", b"\x0c", b"\xe2\x80\xa8")
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp1252")


def hostile_lines(seed: int, count: int) -> Iterator[Line]:
    """``count`` lines with their topics, the same for the same seed."""
    random = Random(seed)
    for _ in range(count):
        topic, event = random.choice(EXAMPLES)
        fields = _fields(event if random.random() < 0.5 else minimal(topic, event))
        for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
            random.choice(FIELD_ATTACKS)(random, fields)
        line = b"{" + b",".join(key + b":" + value for key, value in fields) + b"}"
        for _ in range(random.choice((0, 0, 1, 1, 2))):
            line = random.choice(BYTE_ATTACKS)(random, line)
        yield topic, line


Fields = list[tuple[bytes, bytes]]


def _fields(event: Event) -> Fields:
    return [(json.dumps(name).encode(), json.dumps(value).encode()) for name, value in event.items()]


def _set(random: Random, fields: Fields) -> None:
    if fields:
        at = random.randrange(len(fields))
        fields[at] = (fields[at][0], random.choice(VALUES))


def _drop(random: Random, fields: Fields) -> None:
    if fields:
        del fields[random.randrange(len(fields))]


def _repeat(random: Random, fields: Fields) -> None:
    if fields:
        key, value = random.choice(fields)
        fields.insert(random.randint(0, len(fields)), (key, random.choice((value, *VALUES))))


def _add(random: Random, fields: Fields) -> None:
    fields.insert(random.randint(0, len(fields)), (random.choice(KEYS), random.choice(VALUES)))


def _shuffle(random: Random, fields: Fields) -> None:
    random.shuffle(fields)


def _swap(random: Random, fields: Fields) -> None:
    if fields:
        one, other = random.randrange(len(fields)), random.randrange(len(fields))
        fields[one], fields[other] = (fields[one][0], fields[other][1]), (fields[other][0], fields[one][1])


def _foreign_type(random: Random, fields: Fields) -> None:
    names = [key for key, _ in fields]
    if b'"event_type"' in names:
        other = json.dumps(random.choice(EXAMPLES)[1]["event_type"]).encode()
        fields[names.index(b'"event_type"')] = (b'"event_type"', other)


def _nest(random: Random, fields: Fields) -> None:
    depth = random.choice((3, 120, 254, 255, 256, 300, 3000))
    opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}")))
    inner = random.choice(VALUES[:12])
    value = opening * depth + inner + closing * (depth - random.choice((0, 0, 0, 1)))
    fields.insert(random.randint(0, len(fields)), (random.choice(KEYS), value))


def _flip(random: Random, line: bytes) -> bytes:
    flipped = bytearray(line)
    for _ in range(random.choice((1, 1, 2, 5)) if line else 0):
        flipped[random.randrange(len(line))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _truncate(random: Random, line: bytes) -> bytes:
    return line[: random.randint(0, len(line))]


def _cut_out(random: Random, line: bytes) -> bytes:
    start = random.randint(0, len(line))
    return line[:start] + line[start + random.randint(1, 20) :]


def _insert(random: Random, line: bytes) -> bytes:
    at = random.choice((0, len(line), random.randint(0, len(line))))
    return line[:at] + random.choice(JUNK) + line[at:]


def _splice(random: Random, line: bytes) -> bytes:
    other = json.dumps(random.choice(EXAMPLES)[1]).encode()
    return line[: random.randint(0, len(line))] + other[random.randint(0, len(other)) :]


def _random_bytes(random: Random, line: bytes) -> bytes:
    return random.randbytes(random.randint(0, len(line)))


def _wrap(random: Random, line: bytes) -> bytes:
    return random.choice((b"[%b]", b" \t\n%b\r\n", b'{"data":%b}', b'"%b"', b"%b null")) % line


def _recode(random: Random, line: bytes) -> bytes:
    return line.decode("utf-8", "replace").encode(
        random.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp1252")), "replace"
    )


FIELD_ATTACKS: tuple[Callable[[Random, Fields], None], ...] = (
    *(_set, _set, _set, _drop, _repeat, _add, _shuffle, _swap, _foreign_type, _nest),
)
BYTE_ATTACKS: tuple[Callable[[Random, bytes], bytes], ...] = (
    *(_flip, _truncate, _cut_out, _insert, _splice, _random_bytes, _wrap, _recode),
)
