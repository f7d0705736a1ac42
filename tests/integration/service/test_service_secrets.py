"""Secrets that were planted everywhere, and everything made to fail: none of them is seen in any output."""

import asyncio
import io
import json
import logging
import tarfile
import traceback

import pytest

from agentwatch import observe
from agentwatch.api.tokens import hash_token
from agentwatch.cli.root import call
from agentwatch.client import Guard
from agentwatch.errors import BadConfig
from agentwatch.service.lifecycle import Lifecycle
from agentwatch.service.settings import read_settings
from agentwatch.service.signing import new_private_key
from agentwatch.service.systemd import Notify
from tests.ports import free_port

REDIS, BROKER, HOOK, SECRET, HEART, TOKEN = (
    f"planted-{name}-9f3c" for name in ("redis", "broker", "hook", "secret", "heart", "token")
)


def plant(directory) -> tuple[str, list[str]]:
    """Give configuration with secrets in every place that takes one, and the secrets."""
    pem = new_private_key()[0].decode()
    (directory / "key.pem").write_text(pem)
    (directory / "hook").write_text(f"http://127.0.0.1:{free_port()}/services/{HOOK}?auth={HOOK}")
    more = (
        f'[signing]\nprivate_key = "file:{directory / "key.pem"}"\n'
        f'[mqtt]\nurl = "mqtt://someone:{BROKER}@127.0.0.1:{free_port()}"\n'
        f'[heartbeat]\nurl = "http://127.0.0.1:{free_port()}/ping/{HEART}"\nevery_s = 1\n'
        f'[[receivers]]\nname = "hook"\nurl = "file:{directory / "hook"}"\nsecret = "{SECRET}"\n'
        f'[[receivers]]\nname = "inline"\nurl = "http://u:{HOOK}@127.0.0.1:{free_port()}/x/{HOOK}"\n'
        f'[[api.tokens]]\nname = "all"\nroles = ["operator", "producer", "guard"]\nsha256 = "{hash_token(TOKEN)}"\n'
        '[log]\nlevel = "debug"\nformat = "json"\n'
    )
    key = [line for line in pem.splitlines() if not line.startswith("-----")]
    return more, [REDIS, BROKER, HOOK, SECRET, HEART, TOKEN, hash_token(TOKEN), *key]


async def test_no_planted_secret_is_ever_seen(own_valkey, daemon, tmp_path, poll, capsys):
    more, secrets = plant(tmp_path)
    out = io.StringIO()
    async with daemon(own_valkey.url, more) as running:
        observe.configure_logging(observe.LogOptions(level="debug", format="json"), out)
        url = running.lifecycle.wired.url
        for word in (BROKER, HOOK, SECRET, HEART):  # as a careless library would
            logging.getLogger("some.driver").error("cannot reach %s", word)
        token = {"Authorization": f"Bearer {TOKEN}"}
        kill = {"subject": "t/a/run/r", "cmd": "kill", "author": "a", "reason": "loops"}
        seen = [
            (await running.http.post("/v1/decisions", json=kill, headers=token)).text,
            (await running.http.get("/v1/status", headers={"Authorization": f"Bearer {TOKEN}x"})).text,
            (await running.http.get(f"/v1/status?{TOKEN}=1", headers={"Authorization": TOKEN})).text,
            (await running.http.post("/v1/events", content=b"{" + TOKEN.encode(), headers=token)).text,
        ]
        await poll(lambda: "sink_unavailable" in out.getvalue() or "mqtt" in out.getvalue())
        running.config.write_text(running.config.read_text().replace(str(tmp_path / "key.pem"), str(tmp_path / "hook")))
        assert running.lifecycle.reloader.reload() is False, "a wrong key file: refused, and not told"
        await own_valkey.stop()
        await poll(lambda: "retried" in out.getvalue())
        paths = ("/readyz", "/metrics", "/v1/status", "/v1/audit", "/v1/clients", "/v1/decisions", "/v1/support")
        seen += [(await running.http.get(path, headers=token)).text for path in paths]
        argv = ["support", "dump", str(tmp_path / "dump.tar.gz"), "--url", url, "--token", TOKEN]
        assert await asyncio.to_thread(call, argv) == 0
        argv = ["config", "show", "--config", str(running.config)]
        assert await asyncio.to_thread(call, argv) == 0
        await own_valkey.start()
    with tarfile.open(tmp_path / "dump.tar.gz") as archive:
        parts = {member.name.rpartition("/")[2]: archive.extractfile(member).read().decode() for member in archive}
    assert set(parts) == {"versions.json", "config.json", "status.json", "metrics.txt", "log.txt"}
    assert json.loads(parts["config.json"])["redis"]["url"] == own_valkey.url
    assert "•••" in parts["config.json"]
    assert "agentwatch_" in parts["metrics.txt"]
    assert "reload_refused" in parts["log.txt"]
    assert json.loads(parts["versions.json"])["redis"]
    console = capsys.readouterr()
    everything = [*seen, *parts.values(), out.getvalue(), console.out, console.err]
    for secret in secrets:
        for number, text in enumerate(everything):
            assert secret not in text, (secret, number, text[max(0, text.find(secret) - 200) :][:400])


def test_a_dump_without_a_daemon_tells_what_can_be_told(tmp_path, capsys):
    config = tmp_path / "agentwatch.toml"
    config.write_text(f'[redis]\nurl = "redis://h"\npassword = "{REDIS}"\n')
    dump = tmp_path / "dump.tar.gz"
    argv = ["support", "dump", str(dump), "--config", str(config), "--url", f"http://127.0.0.1:{free_port()}"]
    assert call(argv) == 1
    assert dump.stat().st_mode & 0o777 == 0o600
    with tarfile.open(dump) as archive:
        parts = {member.name.rpartition("/")[2]: archive.extractfile(member).read().decode() for member in archive}
    assert set(parts) == {"versions.json", "config.json"}
    assert REDIS not in "".join(parts.values())
    assert call(argv) == 2, "it writes over nothing"
    assert "no answer" in capsys.readouterr().out


@pytest.mark.parametrize(
    "url", ["redis://u:pass:word-9f3c@host:x/0", "redis://u:pa/ss:word-9f3c@host", "redis://[u:word-9f3c"]
)
async def test_a_url_that_is_none_is_refused_without_its_password(tmp_path, url):
    config = tmp_path / "agentwatch.toml"
    config.write_text(f'state_dir = "{tmp_path}"\n[redis]\nurl = "{url}"\n')
    daemon = Lifecycle(read_settings(config, {}), Notify({}))
    with pytest.raises(BadConfig) as caught:
        await asyncio.wait_for(daemon.start(), 10)
    await daemon.stop()
    assert caught.value.field == "redis.url"
    with pytest.raises(BadConfig) as guards:
        await Guard("bot", redis=url).__aenter__()
    assert "9f3c" not in "".join(traceback.format_exception(guards.value))
    assert "9f3c" not in "".join(traceback.format_exception(caught.value))
