"""URI-references: what RFC 3986 takes, and nothing else."""

import re

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flows.cli.options import UriReference
from flows.service.engine_settings import EngineSettings
from flows.service.settings_section import Refusal
from flows.uri_reference import is_uri_reference

LEGAL = (
    "tidegauge", "//example.com/a", "https://x.example/tg?x=1#y", "urn:example:tg", "/a/b", "a/b:c", "mailto:x@y",
    "http://[::1]:80/", "?q", "#f", "a%20b", "x:", "http://user:pw@h/",
)  # fmt: skip
ILLEGAL = (
    "", " ", "a b", "1a:b", "a%2", "ä", "a#b#c", "http://[zz]/", "a\nb", "x" * 201, "\\x", "<x>", "^", "a/[b]",
)  # fmt: skip


@pytest.mark.parametrize("text", LEGAL)
def test_references_are_taken(text: str) -> None:
    """Absolute, relative, with and without authority, query and fragment; as a setting and as an option."""
    assert is_uri_reference(text)
    assert EngineSettings(ce_source=text).ce_source == UriReference().convert(text, None, None) == text


@pytest.mark.parametrize("text", ILLEGAL)
def test_other_texts_are_refused(text: str) -> None:
    """The error says what is required and what was got."""
    assert not is_uri_reference(text)
    with pytest.raises(ValidationError, match="ce_source") as caught:
        EngineSettings(ce_source=text)
    assert isinstance(caught.value.errors()[0]["ctx"]["error"], Refusal)
    with pytest.raises(click.BadParameter, match="required a URI or a part of one"):
        UriReference().convert(text, None, None)


@given(st.text(alphabet="ab:/?#[]@%2F!", min_size=1, max_size=12))
def test_what_is_taken_can_be_taken_apart(text: str) -> None:
    """At most one fragment, whole escapes, brackets around a host only, and no colon before the first slash."""
    if is_uri_reference(text):
        scheme, colon, _ = text.partition(":")
        assert text.count("#") <= 1
        assert re.sub("%[0-9A-Fa-f]{2}", "", text).count("%") == 0
        assert not set("[]") & set(text) or "//" in text
        assert not colon or set("/?#") & set(scheme) or scheme[0] in "abF"
