"""What the daemon's log tells of what was committed: who did what to whom, and never why."""

from typing import Any

import msgspec
import pytest

from agentwatch.audited import genesis, link
from agentwatch.keys import keys
from agentwatch.records import AuditLine
from agentwatch.store import audit
from agentwatch.store.audit import AuditChain


class Lines:
    """A log that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def info(self, event: str, **values: Any) -> None:
        self.told.append({"event": event, **values})


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    kept = Lines()
    monkeypatch.setattr(audit, "_log", kept)
    return kept


def moved(*committed: AuditLine) -> AuditChain:
    chain = AuditChain(None, keys(0), 100)
    chain.moved(link(committed, genesis(0), 0))
    return chain


def test_a_kill_is_in_the_log_without_what_its_reason_quotes(lines: Lines) -> None:
    line = AuditLine(at=1.0, action="command_kill", who="agentwatch (policy)", ref="d0-3", subject="t/a/run/r",
                     level="kill", target="default", value="up", reason="says: my password is")  # fmt: skip
    chain = moved(line)
    told = {"event": "command_kill", "who": "agentwatch (policy)", "subject": "t/a/run/r", "target": "default"}
    assert lines.told[0] == told | {"value": "up", "ref": "d0-3"}
    assert lines.told[1] == {"event": "audit_head", "head": f"0:1:{chain.head.hash}"}
    assert "password" not in msgspec.json.encode(lines.told).decode()


def test_a_commit_with_very_many_tells_how_many_it_does_not_tell(lines: Lines) -> None:
    moved(*(AuditLine(at=1.0, action="command_pause", who="alice", subject=f"t/a/run/{n}") for n in range(100)))
    assert [line["event"] for line in lines.told].count("command_pause") == 32
    assert {"event": "audit_untold", "records": 68} in lines.told
