"""Decisions that were just committed are brought to agents from memory, and only while nobody else may write."""

from typing import Any

from agentwatch.records import Change, Decision, Level
from agentwatch.service import recent
from agentwatch.service.recent import Recent, RecentLog


def decided(*numbers: int) -> list[tuple[str, Decision]]:
    made = (
        Decision(
            id=f"d{seq}", seq=seq, at=1.0, tenant="t", app="a", agent="b", run="r", root_run="r",
            subject="t/a/run/r", kind="repeat", level=Level.kill, change=Change.up,
        )
        for seq in numbers
    )  # fmt: skip
    return [(f"{one.seq}-0", one) for one in made]


class Log:
    """Tells what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def decisions(self, after: str, limit: int) -> list[tuple[str, Decision]]:
        self.asked.append((after, limit))
        return []


def log_over(known: Recent) -> tuple[Log, Any]:
    log = Log()
    made: Any = log
    return log, RecentLog(made, known)


async def test_what_was_committed_here_needs_no_store() -> None:
    known = Recent()
    known.begin(7)
    known.add(decided(8, 9))
    known.add(decided(12))  # numbers may be left out
    log, reader = log_over(known)
    assert await reader.decisions("7-0", 10) == decided(8, 9, 12)
    assert await reader.decisions("8-0", 1) == decided(9)
    assert await reader.decisions("12-0", 10) == []
    assert log.asked == []


async def test_what_is_older_and_what_others_may_have_written_is_asked_of_the_log() -> None:
    known = Recent()
    log, reader = log_over(known)
    known.add(decided(1))  # before anything is owned
    await reader.decisions("0-0", 5)
    known.begin(7)
    known.add(decided(8))
    await reader.decisions("6-0", 5)
    await reader.decisions("", 5)
    known.end()
    await reader.decisions("7-0", 5)
    assert log.asked == [("0-0", 5), ("6-0", 5), ("", 5), ("7-0", 5)]


async def test_it_is_bounded_and_what_it_forgot_is_asked_of_the_log(monkeypatch) -> None:
    monkeypatch.setattr(recent, "_MOST", 3)
    known = Recent()
    known.begin(0)
    known.add(decided(*range(1, 6)))
    log, reader = log_over(known)
    assert await reader.decisions("2-0", 10) == decided(3, 4, 5)
    await reader.decisions("1-0", 10)
    assert log.asked == [("1-0", 10)]
