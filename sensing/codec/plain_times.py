"""Scanner kernels for dates and times of fixed form: ``2026-01-05`` and ``2026-01-05T09:30:00.123Z``.

As in ``plain``, -1 means "not sure". Other legal forms (lower-case letters, an offset without a colon, years at the
ends of the range) are left to the careful decoder.
"""

import numpy as np

from sensing.codec.plain_json import MINUS, POINT, QUOTE, ZERO, byte_at
from sensing.codec.swar import HIGHS, ZEROS, Bytes, byte_of, first, leading_number, no_digits, whole, word_at
from sensing.jit import lean_kernel
from sensing.machine_settings import DAY_MS, HOUR_MS

MINUTE_MS = 60_000
YEAR_MIN, YEAR_MAX = 1991, 9998
"""Years whose instants are in range with any offset."""

NO_DATE = -(2**31)
LETTER_Z, PLUS, NINE = 0x5A, 0x2B, 0x39


def _separators(pattern: str) -> tuple[np.uint64, np.uint64]:
    """Two words for a pattern of digits (0) and separators.

    XOR with the first gives digits and zeros. Adding the second then sets the high bit of every byte that differs.
    """
    padded = pattern.ljust(8, "?").encode()
    template = bytes(0 if byte == ord("?") else byte for byte in padded)
    above = bytes(0x76 if byte == ord("0") else 0 if byte == ord("?") else 0x7F for byte in padded)
    return np.uint64(int.from_bytes(template, "little")), np.uint64(int.from_bytes(above, "little"))


YEAR_MONTH, YEAR_MONTH_ABOVE = _separators("0000-00-")
DAY_TIME, DAY_TIME_ABOVE = _separators("00T00:00")
SECONDS, SECONDS_ABOVE = _separators(":00")
OFFSET, OFFSET_ABOVE = _separators("00:00")
NOTHING = np.uint64(0)
SECONDS_BYTES, OFFSET_BYTES = np.uint64(0xFFFFFF), np.uint64(0xFFFFFFFFFF)


@lean_kernel
def fits(parts: np.uint64, above: np.uint64) -> bool:
    """Whether a word XOR its pattern has digits and separators at the positions of the pattern."""
    return bool(((parts | (parts + above)) & HIGHS) == NOTHING)


@lean_kernel
def two_digits(parts: np.uint64, index: int) -> int:
    """Value of the two digits from byte ``index`` on of a word XOR its pattern."""
    return whole(byte_of(parts, index)) * 10 + whole(byte_of(parts, index + 1))


@lean_kernel
def day_number(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar, or ``NO_DATE`` if there is no such date.

    Source: H. Hinnant, "chrono-compatible low-level date algorithms", 2013: years begin in March.
    """
    if year < 1 or month < 1 or month > 12 or day < 1 or day > 31:
        return NO_DATE
    if day > 28:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        if month == 2:
            last = 29 if leap else 28
        else:
            last = 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31
        if day > last:
            return NO_DATE
    if month <= 2:
        year -= 1
        month += 12
    of_year = (153 * (month - 3) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719468


@lean_kernel
def date(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Closing quote (or -1) and day number of a date whose first digit is at ``at``."""
    parts = word_at(data, at, end) ^ YEAR_MONTH
    rest = word_at(data, at + 8, end) ^ ZEROS
    if not fits(parts, YEAR_MONTH_ABOVE) or not no_digits(rest) or first(no_digits(rest)) != 2:
        return -1, 0
    found = day_number(two_digits(parts, 0) * 100 + two_digits(parts, 2), two_digits(parts, 5), two_digits(rest, 0))
    if found == NO_DATE or byte_at(data, at + 10, end) != QUOTE:
        return -1, 0
    return at + 10, found


@lean_kernel
def time(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Closing quote (or -1) and UTC ms of a time whose first digit is at ``at``, rounded down."""
    year_month = word_at(data, at, end) ^ YEAR_MONTH
    day_time = word_at(data, at + 8, end) ^ DAY_TIME
    seconds = (word_at(data, at + 16, end) & SECONDS_BYTES) ^ SECONDS
    if not fits(year_month, YEAR_MONTH_ABOVE) or not fits(day_time, DAY_TIME_ABOVE) or not fits(seconds, SECONDS_ABOVE):
        return -1, 0
    year = two_digits(year_month, 0) * 100 + two_digits(year_month, 2)
    day = day_number(year, two_digits(year_month, 5), two_digits(day_time, 0))
    hour, minute, second = two_digits(day_time, 3), two_digits(day_time, 6), two_digits(seconds, 1)
    if year < YEAR_MIN or year > YEAR_MAX or day == NO_DATE or hour > 23 or minute > 59 or second > 59:
        return -1, 0
    at, ms = fraction_ms(data, at + 19, end)
    at, offset = offset_ms(data, at, end)
    if at < 0 or byte_at(data, at, end) != QUOTE:
        return -1, 0
    return at, day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * 1000 + ms - offset


@lean_kernel
def fraction_ms(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """End (``end`` if no offset follows) and ms of the decimals of a second, if any.

    A seventh decimal rounds the sixth. This changes the ms only if the decimals after them are 999: not sure then.
    """
    if byte_at(data, at, end) != POINT:
        return at, 0
    word = word_at(data, at + 1, end) ^ ZEROS
    marks = no_digits(word)
    count = first(marks) if marks else 8
    if count == 0:
        return end, 0
    micros = leading_number(word, min(count, 6))
    for _ in range(6 - count):
        micros *= 10
    if count > 6 and micros % 1000 == 999:
        return end, 0
    at += 1 + count
    while count >= 8 and ZERO <= byte_at(data, at, end) <= NINE:
        at += 1
    return at, micros // 1000


@lean_kernel
def offset_ms(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """End (or -1) and ms of the offset from UTC: ``Z``, or hours and minutes with a sign and a colon."""
    sign = byte_at(data, at, end)
    if sign == LETTER_Z:
        return at + 1, 0
    parts = (word_at(data, at + 1, end) & OFFSET_BYTES) ^ OFFSET
    hours, minutes = two_digits(parts, 0), two_digits(parts, 3)
    if (sign != PLUS and sign != MINUS) or not fits(parts, OFFSET_ABOVE) or hours > 23 or minutes > 59:
        return -1, 0
    ms = hours * HOUR_MS + minutes * MINUTE_MS
    return at + 6, ms if sign == PLUS else -ms
