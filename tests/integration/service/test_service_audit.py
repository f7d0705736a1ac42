"""The audit log of a running daemon: what gets into it, and that the verb finds what somebody did to it in Redis."""

import asyncio
import json

import msgspec
import pytest
import redis.asyncio

from agentwatch import observe
from agentwatch.audited import AuditPage, AuditRecord, genesis, verify
from agentwatch.cli.root import call
from agentwatch.connection import RedisOptions
from agentwatch.errors import Incompatible
from agentwatch.keys import keys
from agentwatch.nodes import Nodes
from agentwatch.records import AuditLine, Commit, Positions, Tick
from agentwatch.store.audit import RedisAudit
from agentwatch.store.redis import RedisStore, StoreOptions

K = keys(0)
WHY = {"author": "alice", "reason": "same PDF"}


async def records(running, poll, count: int) -> list[AuditRecord]:
    async def enough() -> bool:
        page = msgspec.json.decode((await running.http.get("/v1/audit")).content, type=AuditPage)
        found.append(page)
        return len(page.entries) >= count

    found: list[AuditPage] = []
    await poll(enough)
    assert verify(found[-1]) == []
    return [msgspec.json.decode(entry.data, type=AuditRecord) for entry in found[-1].entries]


async def test_who_did_what_is_written_with_the_commit_that_did_it(valkey, daemon, poll, capsys):
    async with daemon(valkey) as running:
        post, put = running.http.post, running.http.put
        await post("/v1/decisions", json={"subject": "t/a/run/r", "cmd": "kill", **WHY})
        await put("/v1/mode", json={"mode": "observe", **WHY})
        await post("/v1/allow", json={"pattern": "t/a", "author": "bob", "comment": "nightly", "ttl_s": 60})
        refused = await post("/v1/approvals", json={"subject": "t/a/run/none", **WHY})
        assert refused.status_code >= 400
        client = {"name": "gw", "roles": ["guard"], "sha256": "0" * 64, "tenant": "t", **WHY}
        assert (await post("/v1/clients", json=client)).status_code == 201
        await running.http.delete("/v1/clients/gw", params=WHY)
        running.policy.write_text('[defaults]\nmode = "enforce"\n[[rules]]\nname = "extra"\n')
        assert running.lifecycle.reloader.reload() is True
        found = await records(running, poll, 8)
        told = [(r.action, r.who, r.subject, r.value) for r in found]
        digest = running.lifecycle.wired.rulebook.policy.digest
        assert told[0][:2] == ("daemon_started", "agentwatch")
        assert ("decide", "alice", "t/a/run/r", "") in told
        assert ("command_kill", "alice", "t/a/run/r", "up") in told
        assert ("mode", "alice", "", "observe") in told
        assert ("allow_add", "bob", "t/a", "") in told
        assert ("client_added", "alice", "", "gw: guard in t") in told
        assert ("client_revoked", "alice", "", "gw") in told
        assert ("policy", "reload", "", digest) in told
        assert "0" * 64 not in str(told), "nothing of a token"
        assert await asyncio.to_thread(call, ["audit", "show", "--url", running.lifecycle.wired.url]) == 0
        assert "client_revoked" in capsys.readouterr().out
    async with daemon(valkey) as running:
        found = await records(running, poll, len(told) + 1)
        assert found[-1].action == "daemon_started", "one chain over restarts"


async def test_the_verb_finds_what_was_done_to_the_log(valkey, daemon, poll, tmp_path, capsys):
    private = tmp_path / "key"
    assert call(["keys", "new", str(private), "-o", "json"]) == 0
    public = json.loads(capsys.readouterr().out)["public"]
    client = redis.asyncio.Redis.from_url(valkey)
    async with daemon(valkey, f'[signing]\nprivate_key = "file:{private}"\n') as running:
        url = running.lifecycle.wired.url
        for number in range(4):
            await running.http.post("/v1/decisions", json={"subject": f"t/a/run/r{number}", "cmd": "pause", **WHY})
        await records(running, poll, 9)

        async def verb(*more: str) -> tuple[int, str]:
            code = await asyncio.to_thread(call, ["audit", "verify", "--url", url, "-o", "json", *more])
            told = capsys.readouterr().out
            return code, " ".join(json.loads(told[told.index("{\n") :])["logs"][0]["wrong"])

        memory = str(tmp_path / "head")
        assert await verb("--keys", public, "--remember", memory) == (0, "")
        kept = tmp_path / "log.json"
        assert await asyncio.to_thread(call, ["audit", "export", str(kept), "--url", url]) == 0
        head = capsys.readouterr().out.split()[-1]
        assert await verb("--file", str(kept), "--keys", public, "--head", head) == (0, "")
        rows = await client.xrange(K.audit)
        position, fields = rows[4]
        await client.xdel(K.audit, position)
        assert await verb() == (1, "record 5 is missing: 6 follows 4 record 6 does not follow what is stored before it")

        async def restore(changed: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
            await client.delete(K.audit)
            for at, values in changed:
                await client.xadd(K.audit, values, id=at)

        edited = {**fields, b"data": fields[b"data"].replace(b"alice", b"mallory")}
        await restore([*rows[:4], (position, edited), *rows[5:]])
        code, wrong = await verb("--keys", public)
        assert (code, "record 5 was changed" in wrong) == (1, True)
        await restore(rows[:-2])
        code, wrong = await verb()
        assert (code, "it ends at record 7, but 9" in wrong) == (1, True)
        last = rows[-3][1]
        await client.hset(K.committed, mapping={"audit_seq": 7, "audit_head": last[b"hash"]})
        assert await verb() == (0, ""), "cut back with its head, it looks whole"
        code, wrong = await verb("--remember", memory)
        assert (code, "it once held record 9" in wrong) == (1, True)
        code, wrong = await verb("--head", head)
        assert (code, "it once held record 9" in wrong) == (1, True)
    await client.aclose()


async def test_the_oldest_records_go_and_an_anchor_stands_for_them(valkey):
    nodes = Nodes(valkey, RedisOptions())
    client = nodes.of(0)
    store = RedisStore(client, 0, StoreOptions(audit=10, lease_s=0.2))
    await store.open()
    audit = RedisAudit(nodes)
    for number in range(1, 31):
        positions = Positions(index=number)
        line = AuditLine(at=float(number), action="mode", who="alice")
        await store.commit(Commit(positions=positions, at=0.0, tick=Tick(0.0), audit=(line, line)))
        await store._audit.trim(store._token)
        whole = await audit.page(0, 0, 1000)
        assert verify(whole) == [], number
        assert len(whole.entries) <= 11
    assert (whole.anchor.seq, whole.head.seq, len(whole.entries)) == (50, 60, 10)
    again = RedisStore(client, 0, StoreOptions(audit=10))
    await again.open()
    line = AuditLine(at=1.0, action="mode", who="bob")
    await again.commit(Commit(positions=Positions(index=31), at=0.0, tick=Tick(0.0), audit=(line,)))
    assert verify(await audit.page(0, 0, 1000)) == []
    assert observe.metrics().audit_broken._value.get() == 0
    await client.xdel(K.audit, "61-0")
    await RedisStore(client, 0, StoreOptions(lease_s=0.2)).open()
    assert observe.metrics().audit_broken._value.get() == 1
    await client.xtrim(K.audit, maxlen=3)
    assert "record 51 is missing" in verify(await audit.page(0, 0, 1000))[0]
    await nodes.aclose()


async def test_a_commit_that_is_repeated_adds_its_records_once_even_under_another_key(valkey):
    from agentwatch.service.signing import Signer, new_private_key, read_private_key

    nodes = Nodes(valkey, RedisOptions())
    client = nodes.of(0)
    signer = Signer(read_private_key(new_private_key()[0].decode()))
    store = RedisStore(client, 0, signer=signer)
    await store.open()
    line = AuditLine(at=1.0, action="mode", who="alice")
    commit = Commit(positions=Positions(index=1), at=0.0, tick=Tick(0.0), audit=(line,))
    entries = store._audit.link(commit)
    signer.adopt(read_private_key(new_private_key()[0].decode()))
    assert store._audit.link(commit) == entries
    await store.commit(commit)
    page = await RedisAudit(nodes).page(0, 0, 10)
    assert (len(page.entries), verify(page)) == (1, [])
    store._audit.head = genesis(0)
    with pytest.raises(Incompatible, match="audit log holds record 1"):
        await store.commit(Commit(positions=Positions(index=2), at=0.0, tick=Tick(0.0), audit=(line,)))
    await nodes.aclose()
