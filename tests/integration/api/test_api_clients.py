"""Callers that come and go while the daemon runs: added, used, revoked, and who may do that."""

import asyncio
import stat

import pytest

from agentwatch.api.options import TokenOptions
from agentwatch.api.tokens import hash_token
from agentwatch.cli.root import call
from agentwatch.clients import MAX_CLIENTS, Client, Roster
from agentwatch.connection import RedisOptions, connect
from agentwatch.errors import StoreUnavailable
from agentwatch.service.client_desk import ClientDesk
from agentwatch.store.clients import RedisClients
from agentwatch.store.memory import MemoryClients

WHY = {"author": "alice", "reason": "new gateway"}


def request_of(name: str, *roles: str, **more: object) -> dict[str, object]:
    return {"name": name, "roles": roles, "sha256": hash_token(f"aw_{name}"), **WHY, **more}


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer aw_{name}"}


async def test_a_caller_is_admitted_at_once_and_shut_out_at_once(api) -> None:
    operator, nobody = api.clients["operator"], api.clients["nobody"]
    assert (await nobody.get("/v1/mode", headers=bearer("late"))).status_code == 401
    made = await operator.post("/v1/clients", json=request_of("late", "read", tenant=""))
    assert made.status_code == 201
    assert "sha256" not in made.text
    assert made.json()["created_by"] == "alice (token operator)"
    assert (await nobody.get("/v1/mode", headers=bearer("late"))).status_code == 200
    listed = {c["name"]: c for c in (await operator.get("/v1/clients")).json()}
    assert listed["late"]["last_used_at"] == pytest.approx(api.now)
    assert listed["read"]["configured"] is True
    gone = await operator.delete("/v1/clients/late", params=WHY)
    assert gone.json()["revoked_by"] == "alice (token operator)"
    answer = await nobody.get("/v1/mode", headers=bearer("late"))
    assert (answer.status_code, answer.json()["detail"]) == (401, "the token was revoked")


async def test_a_configured_caller_can_be_revoked_too(api) -> None:
    operator, read = api.clients["operator"], api.clients["read"]
    assert (await read.get("/v1/mode")).status_code == 200
    assert (await operator.delete("/v1/clients/read", params=WHY)).status_code == 200
    assert (await read.get("/v1/mode")).status_code == 401
    await api.callers.refresh()  # what is stored says the same
    assert (await read.get("/v1/mode")).status_code == 401
    assert (await operator.delete("/v1/clients/nobody", params=WHY)).status_code == 404


@pytest.mark.parametrize("path", ["/v1/stream/commands?agent=bot", "/v1/stream/decisions"])
async def test_a_stream_ends_when_its_token_is_revoked(api, path) -> None:
    role = "guard" if "commands" in path else "read"
    async with api.clients[role].stream("GET", path) as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        await api.callers.revoke(role, "alice", "stolen")
        async with asyncio.timeout(20):
            async for line in lines:
                assert not line.startswith("event: problem")


async def test_what_makes_no_sense_is_refused_by_name(api) -> None:
    operator = api.clients["operator"]
    for body, field in (
        (request_of("read", "read"), "name"),
        (request_of("x", "read", app="a"), "tenant"),
        (request_of("x", "read", sha256=hash_token(api.tokens["guard"])), "sha256"),
        (request_of("x", "root"), "roles"),
        (request_of("two words", "read"), "name"),
        (request_of("x", "read", sha256="aw_the-token-itself"), "sha256"),
        (request_of("x"), "roles"),
    ):
        answer = await operator.post("/v1/clients", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["errors"][0]["field"].partition("[")[0] == field, answer.text


async def test_a_token_holds_for_its_time(api) -> None:
    operator, nobody = api.clients["operator"], api.clients["nobody"]
    await operator.post("/v1/clients", json=request_of("short", "read", ttl_s=60))
    assert (await nobody.get("/v1/mode", headers=bearer("short"))).status_code == 200
    api.now += 61
    assert (await nobody.get("/v1/mode", headers=bearer("short"))).status_code == 401


async def test_the_desk_is_bounded_and_forgets_the_longest_revoked_first() -> None:
    now = [1000.0]
    store = MemoryClients()
    desk = ClientDesk(store, (), 1.0, lambda: now[0])
    for number in range(MAX_CLIENTS):
        await desk.add(Client(name=f"c{number}", roles=("read",), sha256=f"{number:064x}"), "")
    one_more = Client(name="more", roles=("read",), sha256="f" * 64)
    with pytest.raises(Exception, match="no more may be"):
        await desk.add(one_more, "")
    for name in ("c7", "c3"):
        now[0] += 1
        await desk.revoke(name, "alice", "")
    await desk.add(one_more, "")
    assert len(store.clients) == MAX_CLIENTS
    assert "c7" not in store.clients
    assert "c3" in store.clients


async def test_another_worker_learns_what_was_done_and_uses_are_kept(valkey) -> None:
    client = connect(valkey, RedisOptions())
    now = [1000.0]
    one, other = (ClientDesk(RedisClients(client), (), 1.0, lambda: now[0]) for _ in range(2))
    await one.add(Client(name="late", roles=("read",), sha256="a" * 64), "why")
    assert other.find("a" * 64) is None
    await other.refresh()
    assert other.find("a" * 64).name == "late"
    other.note("late", 1010.0)
    other.note("nobody", 1010.0)
    now[0] += 60
    await other.refresh()
    await one.refresh()
    assert [(view.name, view.last_used_at) for view in one.listed()] == [("late", 1010.0)]
    await other.revoke("late", "alice", "why")
    await one.refresh()
    assert one.find("a" * 64).ended(now[0]) == "revoked"
    with pytest.raises(Exception, match="already"):
        await one.add(Client(name="late", roles=("read",), sha256="b" * 64), "why")
    await client.aclose()


class Away(MemoryClients):
    """A store that does not answer any more."""

    async def load(self):
        raise StoreUnavailable("gone")

    async def put(self, client):
        raise StoreUnavailable("gone")


async def test_while_the_store_is_away_those_that_were_known_are_admitted_and_nobody_can_be_revoked() -> None:
    store = Away()
    desk = ClientDesk(store, [Client(name="a", roles=("read",), sha256="a" * 64, configured=True)], 0.01)
    with pytest.raises(StoreUnavailable):
        await desk.refresh()
    assert desk.find("a" * 64).ended(1.0) == ""
    with pytest.raises(StoreUnavailable):
        await desk.revoke("a", "alice", "stolen")
    assert desk.find("a" * 64).ended(1.0) == "", "what was not written does not hold"


def test_a_new_token_under_an_old_configured_name_counts() -> None:
    old, new = (Client(name="ops", roles=("operator",), sha256=d * 64, configured=True) for d in "ab")
    roster = Roster([old])
    roster.put(roster.revoked("ops", "alice", 5.0))
    assert roster.find("a" * 64).ended(6.0) == "revoked"
    roster.configure([new])
    assert roster.find("b" * 64).ended(6.0) == ""
    assert roster.find("a" * 64).ended(6.0) == "revoked"
    assert [view.revoked_at for view in roster.listed()] == [0.0]


async def test_the_verbs(api, monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.setenv("AGENTWATCH_URL", api.server.url)
    monkeypatch.setenv("AGENTWATCH_TOKEN", api.tokens["operator"])
    monkeypatch.setenv("AGENTWATCH_AUTHOR", "alice")

    async def cli(*arguments: str) -> int:
        return await asyncio.to_thread(call, ["clients", *arguments])

    file = tmp_path / "token"
    add = ("add", "gw", "--role", "guard", "--tenant", "acme", "--for", "90d", "-r", "new", "--save", str(file))
    assert await cli(*add) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text().strip()
    assert token not in capsys.readouterr().out
    guard = {"Authorization": f"Bearer {token}"}
    assert (await api.clients["nobody"].get("/v1/decision?agent=a", headers=guard)).status_code == 200
    assert await cli(*add) == 2
    assert "is there already" in capsys.readouterr().err
    assert await cli("list") == 0
    told = capsys.readouterr().out
    assert "acme" in told
    assert "configuration" in told
    assert await cli("revoke", "gw", "-r", "gone") == 2  # not asked: it needs --yes
    assert await cli("revoke", "gw", "-r", "gone", "--yes") == 0
    assert (await api.clients["nobody"].get("/v1/decision?agent=a", headers=guard)).status_code == 401
    assert await cli("add", "gw", "--role", "guard", "-r", "again", "--save", str(tmp_path / "other")) == 2
    assert not (tmp_path / "other").exists()
    assert await cli("add", "plain", "--role", "read", "-r", "new") == 0
    assert "aw_" in capsys.readouterr().out


async def test_a_reload_takes_over_the_callers_of_the_configuration(serve) -> None:
    old = TokenOptions(name="old", roles=("read",), sha256=hash_token("aw_old"))
    async with serve(tokens=(old,)) as api:
        nobody = api.clients["nobody"]
        assert (await nobody.get("/v1/mode", headers=bearer("old"))).status_code == 200
        api.callers.configure([Client(name="new", roles=("read",), sha256=hash_token("aw_new"), configured=True)])
        assert (await nobody.get("/v1/mode", headers=bearer("old"))).status_code == 401
        assert (await nobody.get("/v1/mode", headers=bearer("new"))).status_code == 200
