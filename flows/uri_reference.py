"""URI-references of RFC 3986, the type of the CloudEvents attribute ``source``. Options and settings call it."""

import re

URI_REFERENCE = "a URI or a part of one, such as //example.com/tidegauge/eu, up to 200 characters"
LENGTH_MAX = 200

_LETTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})"
_PCHAR = rf"(?:{_LETTER}|:)"
_HOST = rf"(?:\[[0-9A-Fa-f:.]+\]|(?:(?!@){_LETTER})*)"
_AUTHORITY = rf"//(?:{_PCHAR}*@)?{_HOST}(?::[0-9]*)?(?:/{_PCHAR}*)*"
_ABSOLUTE = rf"/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?"
_WITH_SCHEME = rf"[A-Za-z][A-Za-z0-9+.-]*:(?:{_AUTHORITY}|{_ABSOLUTE}|{_PCHAR}+(?:/{_PCHAR}*)*|)"
# Without a scheme the first segment has no colon: it would look like one.
_RELATIVE = rf"(?:{_AUTHORITY}|{_ABSOLUTE}|{_LETTER}+(?:/{_PCHAR}*)*|)"
_REFERENCE = re.compile(rf"(?:{_WITH_SCHEME}|{_RELATIVE})(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?")


def is_uri_reference(text: str) -> bool:
    """Whether a text is a URI-reference that is not empty; CloudEvents demands both."""
    return 0 < len(text) <= LENGTH_MAX and _REFERENCE.fullmatch(text) is not None
