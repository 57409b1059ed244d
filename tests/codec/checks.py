"""Checks of single values, written by hand for the oracle. Each returns the reason why a value is wrong, or None."""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from sensing.contracts.currencies import CODES

Check = Callable[[Any], str | None]
"""A check: returns the reason why a value is wrong, or None."""


def identifier(bytes_max: int, least: int = 1) -> Check:
    """A check of identifiers."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "wrong_type"
        if len(value) > bytes_max:
            return "too_long"
        if len(value) < least or any(0xD800 <= ord(each) < 0xE000 for each in value):
            return "bad_text"
        if len(value.encode()) > bytes_max:
            return "too_long"
        controls = any(ord(each) < 0x20 or 0x7F <= ord(each) < 0xA0 for each in value)
        return "bad_text" if controls else None

    return check


def currency(value: Any) -> str | None:
    """A check of currency codes."""
    return one_of(*CODES)(value)


INVISIBLE = {
    *("\u00ad", "\u061c", "\u180e", "\ufeff"),
    *(chr(code) for ends in ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x206F))
      for code in range(ends[0], ends[1] + 1)),
}  # fmt: skip


def cleaned(check: Check, value: Any) -> Any:
    """A value with its identifiers trimmed, without invisible marks, in NFC; texts that are none stay."""
    if check in (free_text, date, time, time_of_standing, weekdays, holidays):
        return value
    if isinstance(value, str):
        text = "".join(letter for letter in value if letter not in INVISIBLE)
        text = unicodedata.normalize("NFC", text)
        while text and unicodedata.category(text[0]) == "Zs":
            text = text[1:]
        while text and unicodedata.category(text[-1]) == "Zs":
            text = text[:-1]
        return text
    if isinstance(value, list):
        return [cleaned(check, each) for each in value]
    if isinstance(value, dict):
        return {cleaned(check, name): each for name, each in value.items()}
    return value


def free_text(value: Any) -> str | None:
    """A check of free texts."""
    if not isinstance(value, str):
        return "wrong_type"
    if len(value) > 256:
        return "too_long"
    return "bad_text" if any(0xD800 <= ord(each) < 0xE000 for each in value) else None


def number(low: float, high: float, above: bool = False) -> Check:
    """A check of numbers in a range; ``above`` excludes its lower end."""

    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "wrong_type"
        return None if (low < value if above else low <= value) and value <= high else "out_of_range"

    return check


def integer(low: int, high: int) -> Check:
    """A check of whole numbers. 2.0 is not one."""

    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return "wrong_type"
        return None if low <= value <= high else "out_of_range"

    return check


def flag(value: Any) -> str | None:
    """A check of true and false."""
    return None if isinstance(value, bool) else "wrong_type"


def one_of(*choices: str) -> Check:
    """A check of choices."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "wrong_type"
        if any(0xD800 <= ord(each) < 0xE000 for each in value):
            return "bad_text"
        return None if value in choices else "out_of_range"

    return check


def date(value: Any) -> str | None:
    """A check of dates."""
    if not isinstance(value, str):
        return "wrong_type"
    if any(0xD800 <= ord(each) < 0xE000 for each in value):
        return "bad_text"
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return "bad_time"
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return "bad_time"
    return None


def time(value: Any) -> str | None:
    """A check of event times: from 1990 on."""
    if wrong := time_of_standing(value):
        return wrong
    found = time_ms(value)
    return None if found is not None and found >= 631152000000 else "bad_time"


def time_of_standing(value: Any) -> str | None:
    """A check of event times of reference records: a text from 1970 on, a number from 1990 on, or 0."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return "wrong_type"
    if isinstance(value, str) and any(0xD800 <= ord(each) < 0xE000 for each in value):
        return "bad_text"
    if isinstance(value, int) and 0 < value < 631152000000:
        return "bad_time"
    return None if time_ms(value) is not None else "bad_time"


_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2}))"
)


def time_ms(value: str | int) -> int | None:
    """Milliseconds of an event time, or None if it is not a time."""
    if isinstance(value, int):
        return value if 0 <= value <= 253402300799999 else None
    found = _TIME.fullmatch(value)
    if not found:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    digits = (found[7] or "").ljust(7, "0")
    try:
        local = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
        local += dt.timedelta(microseconds=int(digits[:6]) + (digits[6] >= "5"))
    except (ValueError, OverflowError):
        return None
    offset_minutes = 0
    if found[8]:
        hours, minutes = int(found[9]), int(found[10])
        if hours > 23 or minutes > 59:
            return None
        offset_minutes = (hours * 60 + minutes) * (1 if found[8] == "+" else -1)
    since = local - dt.datetime(1970, 1, 1, tzinfo=dt.UTC) - dt.timedelta(minutes=offset_minutes)
    result = since // dt.timedelta(milliseconds=1)
    return result if 0 <= result <= 253402300799999 else None


def table(names: tuple[int, int], of_size: Check, each: Check | None = None) -> Check:
    """A check of objects from names to numbers: first against the schema, then bytes and control characters."""
    least, most = names

    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "wrong_type"
        for name, size in value.items():
            if size is None:
                continue
            if each is currency and name not in CODES:
                return currency(name)
            if not least <= len(name) <= most:
                return "too_long" if len(name) > most else "bad_text"
            if wrong := of_size(size):
                return wrong
        given = [name for name, size in value.items() if size is not None]
        return next((wrong for wrong in map(identifier(most), given) if wrong), None)

    return check


def parts(value: Any) -> str | None:
    """A check of parts of a kit with their quantities, in the order of :func:`units`."""
    if not isinstance(value, dict):
        return "wrong_type"
    value = {name: size for name, size in value.items() if size is not None}
    if len(value) > 100:
        return "too_long"
    for name, size in value.items():
        if not 1 <= len(name) <= 64:
            return "too_long" if name else "bad_text"
        if wrong := number(0, 1e6, above=True)(size):
            return wrong
    return next((wrong for wrong in map(identifier(64), value) if wrong), None)


def aliases(each: Check) -> Check:
    """A check of a list of at most 100 ids."""

    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return "wrong_type"
        if len(value) > 100:
            return "too_long"
        return next((wrong for wrong in map(each, value) if wrong), None)

    return check


def mistyped(value: Any) -> str:
    """The fault of a value of another type within a list; a text with a lone surrogate is no text to begin with."""
    lone = isinstance(value, str) and any(0xD800 <= ord(letter) < 0xE000 for letter in value)
    return "bad_text" if lone else "wrong_type"


def weekdays(value: Any) -> str | None:
    """A check of lists of weekdays."""
    if not isinstance(value, list):
        return "wrong_type"
    for each in value:
        if wrong := integer(0, 6)(each):
            return mistyped(each) if wrong == "wrong_type" else wrong
    return None


def holidays(value: Any) -> str | None:
    """A check of lists of holidays."""
    if not isinstance(value, list):
        return "wrong_type"
    for each in value:
        if not isinstance(each, dict):
            return mistyped(each)
        if any(0xD800 <= ord(letter) < 0xE000 for name in each for letter in name):
            return "bad_text"
        checks: dict[str, Check] = {"date": date, "name": free_text, "closed": flag}
        for name, given in each.items():
            if name != "date" and (given is None or (given == "" and name == "closed")):
                continue
            if name in checks and (wrong := checks[name](given)):
                return wrong
        if "date" not in each:
            return "missing_field"
    return None
