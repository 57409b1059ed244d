"""What a run takes from the topic ``exceptions`` when it begins."""

from typing import Any

import msgspec
import pytest

from flows.input.earlier_exceptions import as_notices, state_of
from sensing.contracts.exceptions import ExceptionState
from sensing.outputs import encode
from tests.sinks.documents import exception

STATE = msgspec.json.decode(exception().data, type=ExceptionState)


def written(**fields: Any) -> bytes:
    """The record with other fields."""
    return msgspec.json.encode(msgspec.json.decode(exception().data) | fields)


def test_a_state_is_read_as_it_was_written() -> None:
    """Details included."""
    assert state_of(encode(STATE)) == STATE


@pytest.mark.parametrize("details", [{"lines": 21}, {"type": "unknown"}])
def test_details_of_an_earlier_version_are_left_out(details: dict[str, Any]) -> None:
    """So what it left open can end."""
    assert state_of(written(details=details)) == msgspec.structs.replace(STATE, details=None)


@pytest.mark.parametrize("value", [b"", b"{}", b"[1]", b"no", written(version="1"), written(status="gone")])
def test_what_is_no_state_is_skipped(value: bytes) -> None:
    """Whoever wrote it."""
    assert state_of(value) is None


def test_a_notice_goes_to_the_shard_of_its_item() -> None:
    """Before everything."""
    (notice,) = as_notices([STATE])
    assert (notice.event.owner_sku, notice.event.state, notice.watermark) == (STATE.sku, STATE, 0)
