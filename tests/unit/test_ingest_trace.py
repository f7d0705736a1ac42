"""Recorded events are read line by line, however they are packed, and a bad file is named."""

import gzip
import io
from pathlib import Path

import pytest

from agentwatch.errors import BadInput
from agentwatch.ingest.trace import read_trace

LINES = b'\xef\xbb\xbf{"agent":"a"}\r\n\n   \n{"agent":"b"}'


def test_lines_are_numbered_and_blank_ones_skipped(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_bytes(LINES)
    packed.write_bytes(gzip.compress(LINES))
    expected = [(1, b'{"agent":"a"}'), (4, b'{"agent":"b"}')]
    assert list(read_trace([plain, str(packed)])) == expected * 2


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LINES)))
    assert [number for number, _ in read_trace(["-"])] == [1, 4]


def test_a_long_line_is_cut_and_the_next_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x" * 200_000 + b"\n" + b"y" * 100 + b"\n" + b"z" * 101 + b"\nw")
    assert [(number, len(line)) for number, line in read_trace([path], 100)] == [(1, 101), (2, 100), (3, 101), (4, 1)]


@pytest.mark.parametrize("name", ["missing.jsonl", "missing.jsonl.gz", "torn.jsonl.gz", "plain.jsonl.gz", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(LINES * 1000)[:-20])
    (tmp_path / "plain.jsonl.gz").write_bytes(LINES)
    with pytest.raises(BadInput, match=name if name != "." else "directory"):
        list(read_trace([tmp_path / name]))
