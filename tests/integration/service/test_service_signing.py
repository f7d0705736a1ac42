"""A daemon with a key: what it writes to Redis, MQTT and HTTP is signed, a reload changes the key, guards follow."""

import asyncio
import json

import msgspec
import redis.asyncio

from agentwatch.broker import broker_address, connect
from agentwatch.cli.root import call
from agentwatch.client import Guard
from agentwatch.client.command_keys import command_keys
from agentwatch.keys import keys
from agentwatch.records import Command
from agentwatch.topics import command_topic

K = keys(0)
SUBJECT = "default/crew/run/r1"


def kill(subject: str = SUBJECT) -> dict[str, str]:
    return {"subject": subject, "cmd": "kill", "author": "alice", "reason": "loops"}


async def test_every_path_is_signed_and_keys_rotate_under_way(valkey, broker, daemon, tmp_path, poll, capsys):
    private, trusted = tmp_path / "command-key", tmp_path / "trusted"
    assert call(["keys", "new", str(private), "-o", "json"]) == 0
    first = json.loads(capsys.readouterr().out)
    trusted.write_text(first["public"] + "\n")
    more = f'[signing]\nprivate_key = "file:{private}"\n[mqtt]\nurl = "{broker.url}"\n'
    client = redis.asyncio.Redis.from_url(valkey)

    async def stored(subject: str = SUBJECT) -> Command:
        return msgspec.json.decode(await client.get(K.control(subject)), type=Command)

    async with daemon(valkey, more) as running:
        who = {"agent": "bot", "app": "crew", "command_keys": f"file:{trusted}"}
        url = running.lifecycle.wired.url
        async with Guard(run="r1", redis=valkey, **who) as near, Guard(run="r1", http=url, **who) as far:
            assert (await running.http.post("/v1/decisions", json=kill())).status_code == 201
            for guard in (near, far):
                await poll(lambda guard=guard: guard.stopped)
        believed = command_keys(f"file:{trusted}")
        assert believed.reason(await stored()) == ""
        async with connect(broker_address(broker.url)) as listener:
            await listener.subscribe(command_topic(SUBJECT))
            async with asyncio.timeout(20):
                message = await anext(listener.client.messages)
        assert believed.reason(msgspec.json.decode(message.payload, type=Command)) == ""

        assert call(["keys", "rotate", str(private), "--trusted", str(trusted)]) == 0
        assert call(["keys", "rotate", str(private), "--switch"]) == 0
        assert running.lifecycle.reloader.reload() is True
        assert (await running.status())["last_reload"] == "loaded"
        other = "default/crew/run/r2"
        async with Guard(run="r2", redis=valkey, **who) as guard, Guard(run="r1", redis=valkey, **who) as earlier:
            await running.http.post("/v1/decisions", json=kill(other))
            await poll(lambda: guard.stopped)
            assert earlier.stopped, "what the old key signed stands until its lease ends"
        assert first["id"] not in (await stored(other)).sig
        assert command_keys(f"file:{trusted}").reason(await stored(other)) == ""

        private.write_text("nonsense")
        assert running.lifecycle.reloader.reload() is False
        assert "nonsense" not in (await running.status())["last_reload"]
    await client.aclose()


def test_the_verb_shows_both_halves_and_overwrites_nothing(tmp_path, capsys):
    private, trusted = tmp_path / "key", tmp_path / "trusted"
    assert call(["keys", "new", str(private)]) == 0
    told = capsys.readouterr().out
    assert private.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in told
    assert call(["keys", "new", str(private)]) == 2
    assert call(["keys", "show", str(private), "-o", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)[0]
    assert shown["public"] in told
    assert call(["keys", "rotate", str(private), "--trusted", str(trusted)]) == 0
    assert call(["keys", "rotate", str(private)]) == 2, "a drawn key is not drawn over"
    capsys.readouterr()
    assert call(["keys", "show", str(trusted), "-o", "json"]) == 0
    present, new = json.loads(capsys.readouterr().out)
    assert present == shown, "a new file of the guards holds the key in force as well"
    assert call(["keys", "rotate", str(private), "--switch"]) == 0
    capsys.readouterr()
    assert call(["keys", "show", str(private), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [new]
    assert (tmp_path / f"key.{shown['id']}.old").exists()
    assert call(["keys", "rotate", str(private), "--switch"]) == 2
