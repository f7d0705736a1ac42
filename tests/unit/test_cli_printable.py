"""What agents wrote is shown and never obeyed: no escape reaches the terminal, and no name begins a line."""

import io
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentwatch.cli.paper import Paper
from agentwatch.cli.printable import escape, one_line, printable, warn
from agentwatch.cli.root import call
from agentwatch.testing import Trace

EVIL = "ev\x1b[2Jil\x1b]0;owned\x07\x9b31m\u202e\nFORGED"


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert all(sign.isprintable() or sign in "\n\t" for sign in shown)
    assert "\n" not in one_line(text)
    if text.isprintable():
        assert shown == text


def test_colours_are_our_own() -> None:
    out = io.StringIO()
    Paper(file=out, force_terminal=True, color_system="standard").print(f"[red]{escape(EVIL)}[/] [bold]and[/] more")
    told = out.getvalue()
    assert "\x1b[31m" in told
    assert all(bad not in told for bad in ("\x1b[2J", "\x1b]", "\x07", "\x9b", "\u202e", "\nFORGED"))


def test_no_name_of_an_agent_is_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = Trace(EVIL, run=EVIL)
    for _ in range(12):
        trace.call("read\x1b[2J_file", {"path": "a.txt"}, "the same thing again and again")
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in trace.events))
    for verb in (["replay", str(file)], ["explain", EVIL, "--events", str(file)]):
        assert call(verb) in (0, 1)
    warn(f"refused: {EVIL}")
    told = capsys.readouterr()
    assert "again and again" in told.out or "read" in told.out
    assert all(bad not in told.out + told.err for bad in ("\x1b", "\x07", "\x9b", "\u202e"))
    assert not any(line.startswith("FORGED") for line in told.out.splitlines())
