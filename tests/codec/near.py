"""Lines that the scanner can just decode or just not, from a seed: frequent events in all JSON spellings, then edited.

Lines of ``hostile`` are mostly bad. About half of these are good, and many others differ from a good one by a byte.
"""

import json
from collections.abc import Callable, Iterator
from random import Random

from tests.codec.hostile import BYTE_ATTACKS, Line
from tests.codec.oracle import KINDS
from tests.contracts.examples import EXAMPLES, minimal

FREQUENT = [(topic, event) for topic, event in EXAMPLES if event["event_type"] in KINDS]
INFREQUENT = [(topic, event) for topic, event in EXAMPLES if topic in ("orders", "shipments")]
BLANKS = (*("", "", "", "", " ", "  ", "\t", "\n", "\r\n", " \t ") * 20, "\x0b", "\x0c")
TEXTS = (
    *("x" * n for n in (1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 39, 40, 41, 63, 64, 65, 127, 128, 129, 255, 256, 257)),
    *(
        "",
        " ",
        " A",
        "A ",
        "JPY",
        "eur",
        "XYZ",
        "~",
        "/",
        "A",
        "SKU-1",
        "EUR",
        "EU",
        "EURO",
        "{}[],:",
        "'",
        "a\\u0041b",
        "\\/",
        "\\n",
    ),
    *("a\x00", "a\x1f", "a\x7f", "\x80", "\N{POUND SIGN}"),
)
NUMBERS = rb"""0 -0 -0.0 1 2.5 10 1.50 0.5 00 01 1. .5 +1 - -1 1e3 1E3 1e-3 1.0 true null nulL "1"
    0.0005 0.00050 0.00050001 0.0004999 0.0015 0.0025 1.0005 1.00049999999 2.0045 -0.0005 -2.0005 -1000000000
    -1000000000.001 1e9 1000000000 1000000000.0 1000000000.001 999999999.9995 999999999.9994 1000000000000
    1000000000000.0 1000000000000.1 123456789012345 1234567890123456 0.123456789012345 1.23456789012345 12345678
    12345678.9 123456789.1234567 2147483646 2147483647 0.000000000000001 0.0000000000000001""".decode().split()
DATES = rb"""2026-01-05 2024-02-29 2026-02-29 2000-02-29 1900-02-29 2100-02-28 1970-01-01 1969-12-31 0001-01-01
    0000-12-31 9999-12-31 2026-13-01 2026-00-01 2026-04-31 2026-12-00 2026-1-05 2026/01/05 2026-01-5 2026-01-055
    1971-01-01
    9998-12-31 1970-12-31 9999-01-01 2026-06-31 2026-11-31""".decode().split()
CLOCKS = b"00:00:00 09:30:00 23:59:59 24:00:00 23:60:00 23:59:60 9:30:00 09:30 09:30:0x".decode().split()
FRACTIONS = ["", "", "", *b".1 .12 .123 .1239 .12345 .123456 .1234567 .999999 .9999996 .999".decode().split(), "."]
FRACTIONS += b".12345678901 .123456789 .9989999 .1239995 .0009994999".decode().split()
OFFSETS = b";Z ;Z;Z;Z;Z;Z;ZZ;z;+00:00;-00:00;+14:00;-12:00;+05:45;-09:30;+23:59;+24:00;+05:60;+0530;+05".decode().split(
    ";"
)
UNKNOWN = (
    *('"x":1', '"":null', '"unit_of_measure_":"y"', '"a key of more than sixteen bytes":true', '"x":"\\u0041"'),
    *(
        '"x":{"a":[1,2,{"b":null}],"c":{}}',
        '"x":[]',
        '"x":[[[[]]]]',
        '"x":[1,]',
        '"x":{"a"}',
        '"x":1,"x":1',
        '"a key of more than sixteen bytes":1,"a key of more than sixteen letters":1',
        ",".join(f'"k{n}":{n}' for n in range(70)),
        '"x":{"a":1,}',
        '"x":tru',
    ),
    *('"x":{"sku":"other"}', '"x":[true,false,null,-1.5,"a"]', '"x":1e5', '"x":01', '"x":[}', '"x":{]', '"x":{"a":1]'),
    *('"x":"' + "y" * 300 + '"', *('"x":' + "[" * n + "]" * n for n in (31, 32, 33))),
    *(
        '"sku ":1',
        '"SKU":1',
        '"sku\\u0000":1',
        '"event_typ":"order.lost"',
        '"x":{"a" : [ 1 , 2 ] }',
        '"x": -',
        '"x":\v1',
    ),
)


def near_lines(seed: int, count: int) -> Iterator[Line]:
    """``count`` lines with their topics, the same for the same seed."""
    random = Random(seed)
    for _ in range(count):
        topic, event = random.choice(FREQUENT if random.random() < 0.95 else INFREQUENT)
        fields = {name: json.dumps(value) for name, value in event.items()}
        if random.random() < 0.5:
            fields = {name: value for name, value in fields.items() if name in minimal(topic, event)}
        for _ in range(random.choice((0, 0, 1, 1, 2))):
            name = random.choice(list(fields))
            fields[name] = _value(random, name, fields[name])
        line = _written(random, list(fields.items())).encode("utf-8", "surrogatepass")
        if random.random() < 0.3:
            line = random.choice(EDITS)(random, line)
        yield topic, line


def _value(random: Random, name: str, value: str) -> str:
    """Another value for a field, mostly of the field's type."""
    kind = name if random.random() < 0.95 else random.choice(("quantity", "sku", "event_time", "requested_date"))
    if random.random() < 0.03:
        return "null"
    if kind == "event_time":
        shape = random.random()
        if shape < 0.2:
            return random.choice((str(random.randint(0, 10**13)), "253402300799999", "253402300800000", *NUMBERS))
        good = shape < 0.5
        date, clock = (DATES[0], CLOCKS[1]) if good else (random.choice(DATES), random.choice(CLOCKS))
        return f'"{date}{random.choice("TTTTt ")}{clock}{random.choice(FRACTIONS)}{random.choice(OFFSETS)}"'
    if kind == "requested_date":
        return f'"{random.choice(DATES)}"'
    if kind in ("quantity", "unit_price", "line_version"):
        if random.random() < 0.5:
            return random.choice(NUMBERS)
        decimals = random.choice((0, 0, 1, 2, 3, 4, 6, 9))
        return f"{random.choice(('', '', '', '-'))}{random.uniform(0, 10 ** random.randint(0, 10)):.{decimals}f}"
    return f'"{random.choice(TEXTS)}"' if kind != "event_type" or random.random() < 0.3 else value


def _written(random: Random, fields: list[tuple[str, str]]) -> str:
    """Fields as a JSON object, in random order with random blanks, some twice, with unknown fields between them."""
    if random.random() < 0.5:
        random.shuffle(fields)
    members = [f'"{name}":{value}' for name, value in fields]
    style = random.random()
    if style < 0.3:
        members = [f'"{name}": {value}' for name, value in fields]
    elif style < 0.4:
        members = [
            f'{_blank(random)}"{name}"{_blank(random)}:{_blank(random)}{value}{_blank(random)}'
            for name, value in fields
        ]
    if random.random() < 0.2:
        members.insert(random.randint(0, len(members)), random.choice(UNKNOWN))
    if random.random() < 0.05:
        members.insert(random.randint(0, len(members)), random.choice(members))
    comma = ", " if style < 0.3 else ","
    return f"{_edge(random)}{{{comma.join(members)}}}{_edge(random)}"


def _blank(random: Random) -> str:
    return random.choice(BLANKS)


def _edge(random: Random) -> str:
    return _blank(random) if random.random() < 0.1 else ""


def _flip_bit(random: Random, line: bytes) -> bytes:
    at = random.randrange(len(line))
    return line[:at] + bytes((line[at] ^ 1 << random.randrange(8),)) + line[at + 1 :]


def _set_byte(random: Random, line: bytes) -> bytes:
    at = random.randrange(len(line))
    byte = random.choice((*b'"\\{}[],:0-.eEZ+ \t\n\x00\x7f\xff', random.randrange(256)))
    return line[:at] + bytes((byte,)) + line[at + 1 :]


def _delete(random: Random, line: bytes) -> bytes:
    at = random.randrange(len(line))
    return line[:at] + line[at + 1 :]


def _double(random: Random, line: bytes) -> bytes:
    at = random.randrange(len(line))
    return line[:at] + line[at : at + random.choice((1, 1, 8, 30))] + line[at:]


def _exchange(random: Random, line: bytes) -> bytes:
    at = random.randrange(len(line) - 1)
    return line[:at] + line[at + 1 : at + 2] + line[at : at + 1] + line[at + 2 :]


EDITS: tuple[Callable[[Random, bytes], bytes], ...] = (
    *(_flip_bit, _set_byte, _set_byte, _delete, _double, _exchange, *BYTE_ATTACKS),
)
