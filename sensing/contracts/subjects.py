"""Subjects: ids of exceptions and parameters, and the way back from a decision's subject to its SKU.

The id of an exception is ``type:key:day``, the local day on which its episode began. The parts of the key are joined by
``|``; the first part is the SKU. The subject of parameters is ``sku/location``. What separates parts is escaped within
a part: ``%7C`` for ``|``, ``%2F`` for ``/``, and ``%25`` for ``%``. So names with separators have keys of their own,
and others are readable as they are.
"""

import hashlib
import re

from sensing.contracts.common import SUBJECT_BYTES_MAX
from sensing.contracts.decisions import DecisionMade, ExecutionConfirmed

DIGEST_BYTES = 8
_EXCEPTION = re.compile(r"[a-z_]+:(?P<key>.+):\d{8}", re.DOTALL)
_Escapes = tuple[tuple[str, str], ...]
_BARS: _Escapes = (("%", "%25"), ("|", "%7C"))
_SLASHES: _Escapes = (("%", "%25"), ("/", "%2F"))

Decision = DecisionMade | ExecutionConfirmed


def problem_key(*parts: str) -> str:
    """Key of a problem, for example "SKU|LOC|PO|LINE", the SKU first.

    The separator is escaped within a part, so different problems have different keys.
    """
    key = "|".join(parts)
    # Nearly always there is nothing to escape, which is cheap to see.
    if "%" not in key and key.count("|") == len(parts) - 1:
        return key
    return "|".join(_escaped(part, _BARS) for part in parts)


def exception_subject(kind: str, key: str, stamp: str) -> str:
    """Readable id of an exception, at most 128 bytes: short type, key, and day on which it began as YYYYMMDD.

    A key that is too long is cut and ends in 16 hexadecimal digits of its BLAKE2b digest.
    """
    room = SUBJECT_BYTES_MAX - len(kind) - len(stamp) - 2
    text = key.encode()
    if len(text) > room:
        digest = hashlib.blake2b(text, digest_size=DIGEST_BYTES).hexdigest()
        text = text[: room - len(digest) - 1].decode(errors="ignore").encode() + b"~" + digest.encode()
    return f"{kind}:{text.decode()}:{stamp}"


def parameters_subject(sku: str, location: str) -> str:
    """Subject of the parameters of a SKU-location, and its key wherever there is one."""
    subject = f"{sku}/{location}"
    if "%" not in subject and subject.count("/") == 1:
        return subject
    return f"{_escaped(sku, _SLASHES)}/{_escaped(location, _SLASHES)}"


def parameters_names(event: Decision) -> tuple[str, str]:
    """SKU and location that the subject of a decision about parameters names; the location is empty if it names none.

    A subject without escapes is understood as well: with the ``sku`` of the decision, or if the location has no slash.
    """
    subject, sku = event.subject, event.sku
    if sku is None:
        first, _, last = subject.rpartition("/")
        if not first:
            return subject, ""
        return (first, last) if "/" in first else (_plain(first, _SLASHES), _plain(last, _SLASHES))
    for written in (_escaped(sku, _SLASHES), sku):
        if subject.startswith(f"{written}/"):
            location = subject[len(written) + 1 :]
            return sku, location if "/" in location else _plain(location, _SLASHES)
    return sku, ""


def exception_of(event: Decision) -> str | None:
    """Id of the exception that a decision is about; None if it is about parameters or an action."""
    if isinstance(event, ExecutionConfirmed):
        return None
    if event.exception_id is not None:
        return event.exception_id
    return event.subject if event.parameters_version is None and _EXCEPTION.fullmatch(event.subject) else None


def sku_of(event: Decision) -> str:
    """SKU that routes a decision: its ``sku`` field, else the SKU of its subject."""
    if event.sku is not None:
        return event.sku
    exception_id = exception_of(event)
    if exception_id is None:
        return parameters_names(event)[0]
    found = _EXCEPTION.fullmatch(exception_id)
    first = (found["key"] if found else exception_id).partition("|")[0]
    return _plain(first, _BARS)


def _escaped(part: str, escapes: _Escapes) -> str:
    for plain, escaped in escapes:
        part = part.replace(plain, escaped)
    return part


def _plain(part: str, escapes: _Escapes) -> str:
    for plain, escaped in reversed(escapes):
        part = part.replace(escaped, plain)
    return part
