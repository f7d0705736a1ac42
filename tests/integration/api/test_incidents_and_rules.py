"""Incidents and rules over the control API and on the command line, against the real server on a real port."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentwatch.api.options import TokenOptions
from agentwatch.api.tokens import hash_token
from agentwatch.cli.root import call
from agentwatch.records import Change, Decision, Event, Level

Cli = Callable[..., Awaitable[int]]


@pytest.fixture
def cli(api: Any, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Call the command line against this server."""
    monkeypatch.setenv("AGENTWATCH_URL", api.server.url)
    monkeypatch.setenv("AGENTWATCH_TOKEN", api.tokens["read"])

    async def run(*arguments: str) -> int:
        return await asyncio.to_thread(call, list(arguments))

    return run


def trouble(seq: int, tenant: str = "t", app: str = "a") -> Decision:
    return Decision(
        id=f"d0-{seq}", seq=seq, at=1000.0 + seq, tenant=tenant, app=app, agent="bot", run=f"r{seq}",
        root_run=f"r{seq}", subject=f"{tenant}/{app}/run/r{seq}", kind="repeat", level=Level.warn, change=Change.up,
        reason="the same again", speaks_for=("an equal result",), speaks_against=("3 new results",), rule="default",
    )  # fmt: skip


def opened(api: Any, *decisions: Decision) -> list[str]:
    incidents = api.pipeline.ledgers.incidents
    return [incidents.fold(decision).id for decision in decisions]


async def test_incidents_are_listed_by_pages_latest_first(api: Any) -> None:
    reader = api.clients["read"]
    names = opened(api, trouble(1), trouble(2), trouble(3, app="b"))[::-1]
    page = (await reader.get("/v1/incidents", params={"limit": 2})).json()
    assert [one["id"] for one in page["incidents"]] == names[:2]
    rest = (await reader.get("/v1/incidents", params={"limit": 2, "before": page["next"]})).json()
    assert ([one["id"] for one in rest["incidents"]], rest["next"]) == (names[2:], "")
    only = (await reader.get("/v1/incidents", params={"app": "b"})).json()
    assert [one["id"] for one in only["incidents"]] == names[:1]
    assert (await reader.get("/v1/incidents", params={"before": "i-9"})).status_code == 422
    assert (await reader.get("/v1/incidents", params={"state": "shut"})).status_code == 400
    assert (await api.clients["guard"].get("/v1/incidents")).status_code == 403


async def test_an_incident_that_is_over_is_still_known(api: Any) -> None:
    reader = api.clients["read"]
    first, second = opened(api, trouble(1), trouble(2))
    api.pipeline.ledgers.incidents.run_ended("t", "a", "r1", 1010.0)
    assert api.pipeline.ledgers.incidents.tick(5000.0)
    states = {}
    for state in ("open", "resolved", ""):
        page = (await reader.get("/v1/incidents", params={"state": state})).json()
        states[state] = [one["id"] for one in page["incidents"]]
    assert states == {"open": [second], "resolved": [first], "": [second, first]}
    found = (await reader.get(f"/v1/incidents/{first}")).json()
    assert (found["state"], found["subject"]) == ("resolved", "t/a/run/r1")
    assert (await reader.get("/v1/incidents/i-77-none")).status_code == 404


async def test_a_bound_token_sees_its_own_incidents_and_no_rules(serve: Any) -> None:
    tokens = (TokenOptions(name="one", roles=("read",), sha256=hash_token("aw_read-token"), tenant="t", app="a"),)
    async with serve(tokens=tokens) as served:
        mine, other, foreign = opened(served, trouble(1), trouble(2, app="b"), trouble(3, tenant="u"))
        reader = served.clients["read"]
        page = (await reader.get("/v1/incidents")).json()
        assert [one["id"] for one in page["incidents"]] == [mine]
        for name in (other, foreign):
            assert (await reader.get(f"/v1/incidents/{name}")).status_code == 404
        assert (await reader.get("/v1/incidents", params={"app": "b"})).status_code == 403
        assert (await reader.get("/v1/incidents", params={"tenant": "u"})).status_code == 403
        assert (await reader.get("/v1/rules")).status_code == 403


async def test_incidents_on_the_command_line(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert await cli("incidents", "list") == 0
    assert "no incidents" in capsys.readouterr().out
    (name,) = opened(api, trouble(1))
    assert await cli("incidents", "list", "--state", "open") == 0
    assert name in capsys.readouterr().out
    assert await cli("incidents", "show", name) == 0
    told = capsys.readouterr().out
    for words in ("the same again", "3 new results", "agentwatch explain t/a/run/r1"):
        assert words in told
    assert await cli("incidents", "show", name, "-o", "json") == 0
    assert json.loads(capsys.readouterr().out)["id"] == name
    assert await cli("incidents", "show", "i-0-none") == 1


async def test_rules_of_the_daemon_on_the_command_line(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    event = Event(agent="bot", app="a-1", tenant="t", run="r", root_run="r", id="e", ts=1.0)
    for _ in range(7):
        api.decisions.book.match(event)
    assert await cli("rules", "list") == 0
    told = capsys.readouterr().out
    for words in ("tight", "app a-* b", "repeat.kill = 5.0", "observe", "mode enforce"):
        assert words in told
    assert await cli("rules", "list", "-o", "json") == 0
    assert json.loads(capsys.readouterr().out)["rules"][0]["events"] == 7


async def test_incidents_say_by_whom_they_are_silenced(api: Any, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = opened(api, trouble(1))
    silence = {"pattern": "t/a", "author": "alice", "comment": "a release", "ttl_s": 60}
    assert (await api.clients["operator"].post("/v1/silences", json=silence)).status_code == 201
    page = (await api.clients["read"].get("/v1/incidents")).json()
    assert [one["silenced"].endswith(": a release") for one in page["incidents"]] == [True]
    assert await cli("incidents", "show", name) == 0
    assert ": a release" in capsys.readouterr().out
    assert await cli("silence", "list", "-o", "json") == 0
    assert json.loads(capsys.readouterr().out)[0]["pattern"] == "t/a"
