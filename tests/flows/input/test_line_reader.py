"""Lines are the same however the file is cut into chunks, plain or zipped."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.input import line_reader
from flows.input.line_reader import LineReader
from sinks.errors import TidegaugeError


def read_all(path: Path, chunk_bytes: int) -> list[tuple[int, bytes]]:
    """All lines of a file with their numbers."""
    reader = LineReader(path, chunk_bytes)
    found: list[tuple[int, bytes]] = []
    while (part := reader.read()) is not None:
        found += zip(part.offsets.tolist(), part.values(), strict=True)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text("ab \r\n", max_size=60), chunk_bytes=st.integers(1, 70), zipped=st.booleans())
def test_blank_lines_are_skipped_and_counted(tmp_path: Path, body: str, chunk_bytes: int, zipped: bool) -> None:
    """Every line that is not blank comes once, with its number among all lines."""
    path = tmp_path / ("x.ndjson.gz" if zipped else "x.ndjson")
    path.write_bytes(gzip.compress(body.encode(), mtime=0) if zipped else body.encode())

    expected = [(number, line) for number, line in enumerate(body.encode().split(b"\n")) if line.strip()]

    assert read_all(path, chunk_bytes) == expected


@pytest.mark.parametrize("chunk_bytes", [1, 3, 7, 100])
def test_lines_without_a_value_are_skipped_and_counted(tmp_path: Path, chunk_bytes: int) -> None:
    """They are tombstones, as messages without a value in Kafka; a text or a longer line is none."""
    path = tmp_path / "x.ndjson"
    path.write_bytes(b'{}\nnull\n"null"\n null \r\nnulls\n\nnull')
    reader = LineReader(path, chunk_bytes)
    found: list[tuple[int, bytes]] = []
    while (part := reader.read()) is not None:
        found += zip(part.offsets.tolist(), part.values(), strict=True)
    assert found == [(0, b"{}"), (2, b'"null"'), (4, b"nulls")]
    assert reader.tombstones == 3


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a line that is too long only the beginning is kept, and the next line is whole."""
    monkeypatch.setattr(line_reader, "LINE_BYTES_MAX", 10)
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"a" * 1000 + b"\nnext\n")

    (_, long), after = read_all(path, 7)

    assert 10 < len(long) < 30
    assert after == (1, b"next")


@pytest.mark.parametrize("body", [gzip.compress(b"a\nb\n" * 9999)[:-20], b"no gzip at all"], ids=["cut", "foreign"])
def test_a_broken_gzip_file_is_named(tmp_path: Path, body: bytes) -> None:
    """A file that ends too soon or is no gzip file stops the run, with its name and the remedy."""
    path = tmp_path / "x.ndjson.gz"
    path.write_bytes(body)

    with pytest.raises(TidegaugeError, match=r"x\.ndjson\.gz, after line \d+: required a readable file.*replace it"):
        read_all(path, 100)


@pytest.mark.parametrize("chunk_bytes", [1, 2, 100])
def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path, chunk_bytes: int) -> None:
    """Elsewhere it is what it is."""
    mark = "\N{BYTE ORDER MARK}".encode()
    path = tmp_path / "x.ndjson"
    path.write_bytes(mark + b"{}\n" + mark + b"{}\n")

    assert [(number, line.strip()) for number, line in read_all(path, chunk_bytes)] == [(0, b"{}"), (1, mark + b"{}")]
