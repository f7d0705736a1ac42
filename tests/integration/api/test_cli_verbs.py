"""The verbs about a running daemon, against the real control API on a real port."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from agentwatch.api.options import LimitOptions
from agentwatch.cli.daemon import Daemon, DaemonAddress
from agentwatch.cli.root import call
from agentwatch.errors import BadRequest, Unavailable
from agentwatch.records import Change, Decision, Level
from agentwatch.views import ApprovalView, BreakerView, ComponentHealth, ModeView

Cli = Callable[..., Awaitable[int]]
RUN = ("t", "a", "bot", "r1", "root")


@pytest.fixture
def cli(api: Any, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Call the command line against this server, as an operator and without a terminal."""
    monkeypatch.setenv("AGENTWATCH_URL", api.server.url)
    monkeypatch.setenv("AGENTWATCH_TOKEN", api.tokens["operator"])
    monkeypatch.setenv("AGENTWATCH_AUTHOR", "alice")

    async def run(*arguments: str) -> int:
        return await asyncio.to_thread(call, list(arguments))

    return run


async def test_status(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli("status") == 0
    assert "mode enforce" in capsys.readouterr().out
    api.fleet.components = (ComponentHealth(name="redis", ok=False, detail="refuses connections"),)
    assert await cli("status", "-o", "json") == 1
    assert json.loads(capsys.readouterr().out)["components"][0]["name"] == "redis"


async def test_status_tells_why_a_compiled_form_is_left(
    api: Any, cli: Cli, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = structs.replace(api.fleet.status(), fingerprints="pure", fingerprints_trouble="it has interface 4")
    monkeypatch.setattr(api.fleet, "status", lambda: told)
    assert await cli("status") == 0
    assert "not used: it has interface 4" in capsys.readouterr().out


async def test_partitions_are_listed_with_the_process_that_serves_each(
    cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await cli("partitions", "list") == 1
    shown = capsys.readouterr().out
    assert "process 1 on here" in shown
    assert "pid:" not in shown
    assert "nobody" in shown


async def test_agents_and_explain(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    api.fleet.add_run(*RUN)
    assert await cli("agents", "list") == 0
    assert "t/a/agent/bot" in capsys.readouterr().out
    assert await cli("agents", "list", "--looping", "-o", "json") == 0
    assert json.loads(capsys.readouterr().out) == []
    assert await cli("agents", "show", "--tenant", "t", "--app", "a", "--agent", "bot") == 0
    assert "t/a/run/r1" in capsys.readouterr().out
    assert await cli("agents", "show", "t/a/run/r1") == 0
    assert "root run" in capsys.readouterr().out
    assert await cli("agents", "show", "t/a/root/root", "-o", "json") == 0
    assert [run["run"] for run in json.loads(capsys.readouterr().out)] == ["r1"]
    assert await cli("explain", "t/a/run/r1") == 0
    assert "it repeats" in capsys.readouterr().out
    assert await cli("explain", "t/a/run/nobody") == 1
    assert "not tracked now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "level"), [("kill", Level.kill), ("throttle", Level.throttle), ("pause", Level.pause)]
)
async def test_by_hand(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str], verb: str, level: Level) -> None:
    api.fleet.add_run(*RUN)
    extra = ("--limit", "6") if verb == "throttle" else ()
    assert await cli(verb, "t/a/agent/bot", "--for", "30m", "--reason", "same PDF", *extra) == 2
    told = capsys.readouterr().err
    assert "reaches 1 active run:" in told
    assert "t/a/run/r1" in told
    assert "add --yes" in told
    assert api.operations.submitted == []
    assert await cli(verb, "t/a/agent/bot", "--for", "30m", "--reason", "same PDF", "--yes", *extra) == 0
    control = api.operations.submitted[-1]
    assert (control.kind, control.subject, control.level) == ("decide", "t/a/agent/bot", level)
    assert (control.ttl_s, control.limit, control.reason) == (1800.0, 6.0 if extra else None, "same PDF")
    assert control.author.startswith("alice")
    assert "undo:  agentwatch decisions delete d1" in capsys.readouterr().out


async def test_a_tenant_is_named_by_its_option_alone_and_the_wish_says_so(api: Any, cli: Cli) -> None:
    assert await cli("pause", "t", "--reason", "loops", "--yes") == 2
    assert api.operations.submitted == []
    assert await cli("pause", "--tenant", "t", "--reason", "loops", "--yes") == 0
    assert await cli("pause", "t/a/run/r1", "--reason", "loops", "--yes") == 0
    assert [(c.subject, c.whole_tenant) for c in api.operations.submitted] == [("t", True), ("t/a/run/r1", False)]
    assert await cli("resume", "--tenant", "t", "--reason", "over") == 0


async def test_resume_is_not_asked_about(api: Any, cli: Cli) -> None:
    assert await cli("resume", "t/a/run/r1", "--reason", "not a loop") == 0
    assert api.operations.submitted[-1].level is Level.observe


async def test_decisions(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli("decisions", "list") == 0
    assert "no decisions" in capsys.readouterr().out
    assert await cli("decisions", "add", "pause", "t/a", "-r", "look", "--yes") == 0
    api.kill("t/a/run/r1")
    capsys.readouterr()
    assert await cli("decisions", "list", "--level", "kill", "-o", "json") == 0
    assert [d["id"] for d in json.loads(capsys.readouterr().out)["decisions"]] == ["d2"]
    assert await cli("decisions", "list", "--active") == 0
    assert "the same again and again" in capsys.readouterr().out
    assert await cli("decisions", "show", "d2") == 0
    assert "detector repeat" in capsys.readouterr().out
    assert await cli("decisions", "show", "d99") == 1
    assert await cli("decisions", "delete", "d2", "-r", "wrong") == 0
    assert api.operations.submitted[-1].target == "d2"
    assert await cli("decisions", "delete", "--all", "-r", "wrong") == 2
    assert await cli("decisions", "delete", "--subject", "t/a", "-r", "wrong", "--yes") == 0
    assert await cli("decisions", "delete", "-r", "wrong") == 2


async def test_a_command_that_asks_too_often_waits_and_goes_on(serve: Any) -> None:
    async with serve(limits=LimitOptions(requests_per_s=1.0, requests_burst=3)) as api:
        address = DaemonAddress(url=api.server.url, token=api.tokens["operator"])
        waited: list[float] = []

        def asleep(seconds: float) -> None:
            waited.append(seconds)
            api.now += seconds

        def ask(times: int, sleep: Callable[[float], None]) -> None:
            with Daemon(address, sleep) as asked:
                for _ in range(times):
                    asked.get("/v1/mode", ModeView)

        await asyncio.to_thread(ask, 8, asleep)
        assert waited
        with pytest.raises(Unavailable, match="too many requests"):
            await asyncio.to_thread(ask, 8, lambda _: None)


async def test_where_more_agents_may_be_there_than_are_listed_it_is_said(
    api: Any, cli: Cli, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.fleet.add_run(*RUN)
    verbs = (("agents", "list", "--looping"), ("mode", "set", "enforce", "-r", "x", "--yes"))
    verbs += (("kill", "t/a", "-r", "x", "--yes"),)
    for verb in verbs:
        await cli(*verb)
        assert "most expensive agents" not in capsys.readouterr().err
    monkeypatch.setattr("agentwatch.cli.fleet._MOST", 1)
    for verb in verbs:
        await cli(*verb)
        assert "only the 1 most expensive agents are looked at" in capsys.readouterr().err


async def test_everything_is_taken_back_however_much_it_is_and_whatever_ends_meanwhile(
    api: Any, cli: Cli, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentwatch.cli.decisions._PAGE", 2)
    standing = [api.kill(f"t/a/run/r{number}").id for number in range(5)]
    real = api.operations.submit

    async def submit(control: Any) -> Any:
        if control.target == "d4":
            raise BadRequest("no decision 'd4' stands", "target")  # its lease ended after it was listed
        return await real(control)

    monkeypatch.setattr(api.operations, "submit", submit)
    assert await cli("decisions", "delete", "--all", "-r", "wrong", "--yes") == 1
    assert {c.target for c in api.operations.submitted} == set(standing) - {"d4"}
    assert "d4: target: no decision 'd4' stands" in capsys.readouterr().err

    status = structs.replace(api.fleet.status(), partitions=4, partitions_held=(0, 2))
    monkeypatch.setattr(api.fleet, "status", lambda: status)
    monkeypatch.setattr(api.operations, "submit", real)
    assert await cli("decisions", "delete", "--all", "-r", "wrong", "--yes") == 1
    assert "2 partitions are served by other workers" in capsys.readouterr().err


async def test_a_decision_that_was_held_back_is_told(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    from msgspec.structs import replace

    submit = api.operations.submit

    async def held(control: Any) -> Any:
        done = await submit(control)
        return replace(done, decision=replace(done.decision, gate="allow", gate_reason="until tomorrow"))

    api.operations.submit = held
    assert await cli("kill", "t/a/run/r1", "-r", "loop", "--yes") == 1
    assert "held back by allow" in capsys.readouterr().out


async def test_mode(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli("mode", "set", "observe", "-r", "roll-out") == 0
    assert await cli("mode", "show") == 0
    assert capsys.readouterr().out.endswith("observe\n")
    assert await cli("mode", "set", "enforce", "-r", "ready") == 2
    assert await cli("mode", "set", "enforce", "-r", "ready", "--yes") == 0
    assert await cli("mode", "set", "observe", "--rule", "tight", "-r", "look") == 0
    assert await cli("mode", "show", "-o", "json") == 0
    assert api.operations.modes == ("enforce", {"tight": "observe"})
    assert await cli("mode", "set", "observe", "--rule", "none", "-r", "look") == 2
    assert "rule: there is no rule 'none'" in capsys.readouterr().err


async def test_allow(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli("allow", "add", "t/a/agent/nightly-*", "--for", "4h", "--comment", "batch") == 0
    assert await cli("allow", "add", "--agent", "bot", "--for", "1d", "-r", "known") == 0
    assert set(api.operations.allowed) == {"t/a/agent/nightly-*", "default/bot/agent/bot"}
    assert await cli("allow", "list") == 0
    shown = capsys.readouterr().out
    assert "t/a/agent/nightly-*" in shown
    assert "batch" in shown
    assert await cli("allow", "remove", "t/a/agent/nightly-*", "-r", "over", "--yes") == 0
    assert await cli("allow", "remove", "t/a/agent/other", "-r", "over", "--yes") == 1
    assert await cli("allow", "add", "nobody", "--for", "1h", "-r", "x") == 2


async def test_approvals(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli("approvals", "list") == 0
    assert "nothing waits" in capsys.readouterr().out
    assert await cli("approve", "t/a/run/r1", "-r", "it loops", "--yes") == 1
    api.fleet.add_run(*RUN)
    decision = Decision(
        id="d0-7", seq=7, at=1.0, tenant="t", app="a", agent="bot", run="r1", root_run="root", subject="t/a/run/r1",
        kind="repeat", level=Level.kill, change=Change.up, gate="approval", reason="it repeats",
    )  # fmt: skip
    api.operations.waiting = [ApprovalView(decision=decision, until=2e9, otherwise="drop")]
    assert await cli("approvals", "list") == 1
    assert "t/a/run/r1" in capsys.readouterr().out
    assert await cli("approve", "d0-7", "-r", "it loops") == 2
    assert "reaches 1 active run:" in capsys.readouterr().err
    assert await cli("approve", "d0-7", "-r", "it loops", "--yes") == 0
    assert await cli("deny", "t/a/run/r1", "-r", "not a loop") == 0
    approved, denied = api.operations.submitted
    assert (approved.kind, approved.target, approved.subject) == ("approve", "d0-7", "t/a/run/r1")
    assert (denied.kind, denied.target, denied.reason) == ("deny", "t/a/run/r1", "not a loop")


async def test_breaker(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli("breaker", "show") == 0
    assert "1 of 10" in capsys.readouterr().out
    api.operations.breakers = lambda: [BreakerView(scope="fleet", state="open", used=10, allowed=10, window_s=300.0)]
    assert await cli("breaker", "show") == 1
    assert await cli("breaker", "reset", "-r", "looked at", "--yes") == 0
    assert api.operations.submitted[-1].kind == "breaker_reset"


async def test_dead(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli("dead", "list", "--limit", "2") == 0
    shown = capsys.readouterr().out
    assert "no agent" in shown
    assert "more: --before 4-0" in shown
    assert await cli("dead", "show", "3-0") == 0
    assert "data: {}" in capsys.readouterr().out
    assert await cli("dead", "show", "33-0") == 1
    assert await cli("dead", "requeue", "3-0") == 0
    assert "99-0" in capsys.readouterr().out
    assert await cli("dead", "requeue") == 2
    assert await cli("dead", "requeue", "--all", "--yes") == 0
    assert await cli("dead", "requeue", "77-0") == 2
    capsys.readouterr()
    assert await cli("dead", "requeue", "77-0", "3-0", "-o", "json") == 2
    told = capsys.readouterr()
    assert [one["id"] for one in json.loads(told.out)] == ["3-0"], "one that is gone keeps none of the others"
    assert "77-0: id: no such dead letter" in told.err


async def test_emit_over_http(
    api: Any, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTWATCH_TOKEN", api.tokens["producer"])
    events = tmp_path / "events.jsonl.gz"
    with gzip.open(events, "wt") as file:
        file.writelines(json.dumps({"agent": "bot", "id": str(n)}) + "\n" for n in range(2500))
    assert await cli("emit", str(events)) == 0
    assert [event.id for event in api.ingest.events] == [str(n) for n in range(2500)]
    assert "2,500 of 2,500 events accepted" in capsys.readouterr().out
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"agent":"bot"}\n\n{"agent":7}\nnot json\n{"agent":"bot"}')
    assert await cli("emit", str(bad), "-o", "json") == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["accepted"] == 2
    assert f"{bad}:3: agent: " in told.err
    assert f"{bad}:4: " in told.err


async def test_wrong_token_and_wrong_role(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli("status", "--token", "aw_wrong") == 2
    assert "token: the token is not known" in capsys.readouterr().err
    assert await cli("status", "--token", api.tokens["producer"]) == 2
    assert "read" in capsys.readouterr().err


async def test_token_from_a_file(
    api: Any, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AGENTWATCH_TOKEN")
    (tmp_path / "agentwatch").mkdir()
    (tmp_path / "agentwatch/token").write_text(api.tokens["read"] + "\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert await cli("status") == 0
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    assert await cli("status") == 2
    assert "--token-file" in capsys.readouterr().err


async def test_another_server_is_not_taken_for_agentwatch(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await cli("status", "--url", f"http://127.0.0.1:{port}") == 3
    assert "not as agentwatch does" in capsys.readouterr().err
