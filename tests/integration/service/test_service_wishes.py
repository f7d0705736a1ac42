"""Wishes that must be signed: what somebody with the daemon's Redis user alone writes is not carried out."""

import json
import time

import msgspec
import pytest
import redis.asyncio

from agentwatch.cli.root import call
from agentwatch.config import read_config
from agentwatch.connection import RedisOptions
from agentwatch.errors import BadConfig
from agentwatch.keys import keys
from agentwatch.nodes import Nodes
from agentwatch.records import Control
from agentwatch.service.signing import Signer, new_private_key, read_private_key
from agentwatch.store.controls import RedisControls

K = keys(0)
REFUSED = "agentwatch_controls_refused_total"


def observe(id: str = "forged", at: float = 0.0) -> Control:
    return Control(id=id, kind="mode", at=at or time.time(), value="observe", author="mallory", reason="to hide")


def signer(pem: bytes) -> Signer:
    return Signer(read_private_key(pem.decode()))


@pytest.fixture
def required(tmp_path, capsys) -> str:
    """The configuration of a daemon that believes its own key alone."""
    assert call(["keys", "new", str(tmp_path / "key"), "-o", "json"]) == 0
    capsys.readouterr()
    return f'[signing]\nprivate_key = "file:{tmp_path / "key"}"\nrequire_signed_controls = true\n'


async def test_only_what_the_daemons_key_signed_is_carried_out_and_once(valkey, daemon, poll, tmp_path, required):
    own = signer((tmp_path / "key").read_bytes())
    nodes, client = Nodes(valkey, RedisOptions()), redis.asyncio.Redis.from_url(valkey)
    async with daemon(valkey, required) as running:

        async def refused(count: int) -> bool:
            return await running.metric(REFUSED) == count

        body = {"mode": "observe", "author": "olivia", "reason": "a roll-out"}
        assert (await running.http.put("/v1/mode", json=body)).status_code == 200
        assert (await running.status())["mode"] == "observe"
        back = {"mode": "enforce", "author": "olivia", "reason": "it is done"}
        assert (await running.http.put("/v1/mode", json=back)).status_code == 200
        rows = await client.xrange(K.controls)
        made = next(fields for _, fields in rows if json.loads(fields[b"data"]).get("value") == "observe")

        await RedisControls(nodes).append(observe())
        await poll(lambda: refused(1))
        await RedisControls(nodes, signer(new_private_key()[0])).append(observe())
        await poll(lambda: refused(2))
        await client.xadd(K.controls, made)  # what an operator once wished, once more
        await poll(lambda: refused(3))
        await client.xadd(K.controls, {**made, b"data": made[b"data"].replace(b"roll-out", b"ruin")})
        await poll(lambda: refused(4))
        await RedisControls(nodes, own).append(observe("late", time.time() - 3600))
        await poll(lambda: refused(5))
        await client.xadd(K.controls, {"data": "{", "sig": "ed25519:0:0"})
        await poll(lambda: refused(6))
        assert (await running.status())["mode"] == "enforce"
        await RedisControls(nodes, own).append(observe("another daemon's, with the same key"))
        await poll(lambda: mode(running, "observe"))
    async with daemon(valkey, required) as running:
        assert (await running.status())["mode"] == "observe", "what was carried out stands over a restart"
        assert await refused(6), "nothing more is refused when it is read again"
        assert (await running.http.put("/v1/mode", json=back)).status_code == 200
        await client.xadd(K.controls, made)
        await poll(lambda: refused(7))
        assert (await running.status())["mode"] == "enforce", "what was carried out once is known over a restart, too"
    await nodes.aclose()
    await client.aclose()


async def mode(running, wanted: str) -> bool:
    return (await running.status())["mode"] == wanted


async def test_another_daemons_key_may_be_trusted_too(valkey, daemon, poll, required):
    pem, public = new_private_key()
    nodes = Nodes(valkey, RedisOptions())
    async with daemon(valkey, f'{required}trusted_keys = "{public}"\n') as running:
        await RedisControls(nodes, signer(pem)).append(observe())
        await poll(lambda: mode(running, "observe"))
    await nodes.aclose()


async def test_with_a_key_wishes_are_signed_and_without_the_demand_all_are_believed(valkey, daemon, poll, required):
    nodes, client = Nodes(valkey, RedisOptions()), redis.asyncio.Redis.from_url(valkey)
    async with daemon(valkey, required.replace("true", "false")) as running:
        await RedisControls(nodes).append(observe())
        await poll(lambda: mode(running, "observe"))
        _, fields = (await client.xrange(K.controls))[0]
        assert msgspec.json.decode(fields[b"data"], type=Control).target == "daemon_started"
        assert fields[b"sig"].startswith(b"ed25519:")
    await nodes.aclose()
    await client.aclose()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("require_signed_controls = true", "signing.require_signed_controls"),
        ("trusted_keys = 1", "signing.trusted_keys"),
    ],
)
def test_a_demand_without_a_key_is_refused_by_name(tmp_path, text, field):
    (tmp_path / "a.toml").write_text(f"[signing]\n{text}\n")
    with pytest.raises(BadConfig) as caught:
        read_config(tmp_path / "a.toml", {})
    assert caught.value.field == field or field in str(caught.value)


async def test_trusted_keys_that_are_none_are_named(valkey, daemon, required):
    with pytest.raises(BadConfig, match=r"signing\.trusted_keys"):
        async with daemon(valkey, f'{required}trusted_keys = "nonsense"\n'):
            pass
