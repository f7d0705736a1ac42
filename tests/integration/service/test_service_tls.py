"""TLS on every path against real servers, with certificates of this test's own; mutual where it is asked for."""

import asyncio
import gc
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agentwatch.api.forward import Forward
from agentwatch.api.tokens import hash_token
from agentwatch.cli.root import call
from agentwatch.client import Emitter, Guard, GuardOptions
from agentwatch.errors import BadConfig
from agentwatch.service.lifecycle import Lifecycle
from agentwatch.service.settings import read_settings
from agentwatch.service.systemd import Notify
from tests.certificates import Authority
from tests.conftest import wait_for_port
from tests.ports import free_port

QUICK = GuardOptions(start_timeout_s=5.0, timeout_s=3.0)


class Pki:
    """An authority with a server's and a client's certificate, and a stranger's."""

    def __init__(self, directory: Path) -> None:
        own, other = Authority(directory, "own"), Authority(directory, "other")
        self.ca, self.other_ca = own.ca, other.ca
        self.server, self.client, self.renewed = own.issue("server"), own.issue("client"), own.issue("renewed")
        self.stranger = other.issue("stranger")


@pytest.fixture
def pki(tmp_path) -> Pki:
    return Pki(tmp_path)


def started(command: list[str], port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_port(port)
    return process


@pytest.fixture
def tls_redis(pki, tmp_path) -> Iterator[str]:
    """A Redis that speaks TLS alone and wants a certificate: its URL without any."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server")
    port, (certificate, key) = free_port(), pki.server
    process = started(
        [binary, "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path),
         "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", pki.ca,
         "--tls-auth-clients", "yes"], port,
    )  # fmt: skip
    yield f"rediss://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
def tls_broker(pki, tmp_path) -> Iterator[str]:
    """A mosquitto that speaks TLS alone and wants a certificate."""
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
    if binary is None:
        pytest.skip("no mosquitto")
    port, (certificate, key) = free_port(), pki.server
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\ncafile {pki.ca}\ncertfile {certificate}\nkeyfile {key}\n"
        "require_certificate true\nuser root\n"
    )
    process = started([binary, "-c", str(config)], port)
    yield f"mqtts://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)


def redis_files(ca: str, pair: tuple[str, str]) -> str:
    return f"?ssl_ca_certs={ca}&ssl_certfile={pair[0]}&ssl_keyfile={pair[1]}"


def files(ca: str, pair: tuple[str, str]) -> str:
    return f"?ca={ca}&cert={pair[0]}&key={pair[1]}"


# The MQTT driver leaves the socket of a handshake that failed to the garbage collector, which says so.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.debian
async def test_a_kill_over_every_path_with_certificates_on_both_sides(pki, tls_redis, tls_broker, tmp_path, poll):
    whole_redis, whole_mqtt = tls_redis + redis_files(pki.ca, pki.client), tls_broker + files(pki.ca, pki.client)
    config = tmp_path / "agentwatch.toml"
    config.write_text(
        f'state_dir = "{tmp_path}"\n[redis]\nurl = "{whole_redis}"\n[mqtt]\nurl = "{whole_mqtt}"\n'
        f'[api]\nport = 0\ntls_certificate = "{pki.server[0]}"\ntls_key = "{pki.server[1]}"\n'
        f'tls_client_ca = "{pki.ca}"\n'
        f'[[api.tokens]]\nname = "all"\nroles = ["operator", "guard", "producer"]\nsha256 = "{hash_token("aw_t")}"\n'
    )
    daemon = Lifecycle(read_settings(config, {}), Notify({}))
    await daemon.start()
    try:
        url = daemon.wired.url.replace("https://127.0.0.1", "https://localhost")
        whole_http = url + files(pki.ca, pki.client)
        guards = [
            Guard("bot", app="crew", run="r1", options=QUICK, **path)
            for path in ({"redis": whole_redis}, {"mqtt": whole_mqtt}, {"http": whole_http, "token": "aw_t"})
        ]
        for guard in guards:
            await guard.__aenter__()
        argv = ["kill", "default/crew/run/r1", "-r", "loops", "--yes", "--url", url, "--token", "aw_t", "--ca", pki.ca]
        assert await asyncio.to_thread(call, argv) == 3, "without a certificate of its own"
        argv += ["--cert", pki.client[0], "--cert-key", pki.client[1]]
        assert await asyncio.to_thread(call, argv) == 0
        for guard in guards:
            await poll(lambda guard=guard: guard.stopped)
            await guard.__aexit__(None, None, None)
        for at in ({"http_url": whole_http, "token": "aw_t"}, {"redis_url": whole_redis}):
            emitter = Emitter(**at)
            emitter.emit(agent="bot", app="crew", run="r2", op="heartbeat")
            assert await asyncio.to_thread(emitter.flush, 10.0)
            await emitter.aclose()
        await poll(lambda: daemon.wired.worker.pipeline.positions.index == 2)
        await strangers_are_refused(pki, url, tls_redis, tls_broker)
    finally:
        await daemon.stop()
        gc.collect()


async def strangers_are_refused(pki: Pki, url: str, redis: str, mqtt: str) -> None:
    """Hold every path against a stranger's certificate, and against a server that a stranger vouches for."""
    for ca, pair in ((pki.ca, pki.stranger), (pki.other_ca, pki.client)):
        for path in (
            {"redis": redis + redis_files(ca, pair)},
            {"mqtt": mqtt + files(ca, pair)},
            {"http": url + files(ca, pair), "token": "aw_t"},
        ):
            options = GuardOptions(start_timeout_s=3.0, timeout_s=2.0, close_s=0.2)
            async with Guard("bot", app="crew", run="r1", options=options, **path) as guard:
                assert not guard._watch._ever_up, path


async def test_a_certificate_is_renewed_by_a_reload_and_a_broken_one_changes_nothing(pki, valkey, daemon, tmp_path):
    served = tmp_path / "served.pem", tmp_path / "served.key"

    def serve(pair: tuple[str, str]) -> None:
        for source, target in zip(pair, served, strict=True):
            shutil.copy(source, target)

    serve(pki.server)
    async with daemon(valkey) as plain:
        text = plain.config.read_text()
    config = tmp_path / "tls.toml"
    config.write_text(text.replace("[api]\n", f'[api]\ntls_certificate = "{served[0]}"\ntls_key = "{served[1]}"\n'))
    running = Lifecycle(read_settings(config, {}), Notify({}))
    await running.start()
    try:
        context = ssl.create_default_context(cafile=pki.ca)

        async def shown() -> str:
            host, port = running.wired.api.address
            _, writer = await asyncio.open_connection(host, port, ssl=context)
            name = writer.get_extra_info("ssl_object").getpeercert()["subject"][0][0][1]
            writer.close()
            return name

        assert await shown() == "server"
        serve(pki.renewed)
        assert running.reloader.reload() is True
        assert await shown() == "renewed"
        served[0].write_text("nonsense")
        assert running.reloader.reload() is False
        assert "api.tls_certificate" in running.wired.health.last_reload
        assert await shown() == "renewed"
        async with httpx.AsyncClient(verify=context) as client:
            assert (await client.get(f"{running.wired.url}/healthz")).status_code == 200
    finally:
        await running.stop()


async def test_a_worker_reaches_another_under_mutual_tls(pki, valkey, daemon):
    async with daemon(valkey) as plain:
        text = plain.config.read_text()
    plain.config.write_text(
        text.replace(
            "[api]\n",
            f'[api]\ntls_certificate = "{pki.server[0]}"\ntls_key = "{pki.server[1]}"\ntls_client_ca = "{pki.ca}"\n',
        )
    )
    settings = read_settings(plain.config, {})
    other = Lifecycle(settings, Notify({}))
    await other.start()
    forward = Forward(settings.config.api)
    try:
        assert (await forward.client().get(f"{other.wired.url}/healthz")).status_code == 200
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=pki.ca)) as stranger:
            with pytest.raises(httpx.HTTPError):
                await stranger.get(f"{other.wired.url}/healthz")
    finally:
        await forward.aclose()
        await other.stop()


def test_files_that_are_not_there_are_named(tmp_path, capsys):
    with pytest.raises(BadConfig, match="cannot read /nowhere"):
        asyncio.run(Guard("bot", redis="rediss://h?ssl_ca_certs=/nowhere").__aenter__())
    assert call(["status", "--url", "https://127.0.0.1:1", "--ca", "/nowhere"]) == 2
    assert "ca: cannot be used" in capsys.readouterr().err
