"""The server inside the daemon's loop: signals left alone, connections bounded, stops on time, nothing left behind."""

import asyncio
import datetime
import signal
import socket
import ssl
import threading
import time
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agentwatch.api.options import ApiOptions, LimitOptions
from agentwatch.errors import BadConfig, Unavailable
from agentwatch.service.serving import ApiServer


def self_signed(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "cert.pem", directory / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


async def raw_answer(port: int, data: bytes, timeout_s: float = 20.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(timeout_s):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_signals_stay_the_process_own(serve) -> None:
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    async with serve():
        assert {s: signal.getsignal(s) for s in before} == before
    assert {s: signal.getsignal(s) for s in before} == before


async def test_an_address_or_a_key_of_no_use_is_named(api, tmp_path) -> None:
    taken = ApiServer(api.app, ApiOptions(port=api.server.address[1]))
    with pytest.raises(Unavailable, match=r"api\.port: port \d+ on 127\.0\.0\.1 is already in use"):
        await taken.start()
    with pytest.raises(BadConfig) as caught:
        await ApiServer(api.app, ApiOptions(host="no.such.host.invalid", port=0)).start()
    assert caught.value.field == "api.host"
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for path in (broken, tmp_path / "missing.pem"):
        options = ApiOptions(port=0, tls_certificate=str(path), tls_key=str(path))
        with pytest.raises(BadConfig) as caught:
            await ApiServer(api.app, options).start()
        assert caught.value.field == "api.tls_certificate"


async def test_tls(serve, tmp_path) -> None:
    certificate, key = self_signed(tmp_path)
    async with serve(tls_certificate=str(certificate), tls_key=str(key)) as api:
        assert api.server.url.startswith("https://")
        context = ssl.create_default_context(cafile=str(certificate))
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            answer = await client.get(f"https://localhost:{api.server.address[1]}/healthz")
            assert answer.json() == {"status": "alive"}


async def test_a_stop_breaks_off_what_does_not_end_by_itself(serve) -> None:
    async with serve() as api:
        started = asyncio.Event()

        async def never(*_: object) -> list[object]:
            started.set()
            await asyncio.Event().wait()
            return []

        api.ingest.put = never
        hanging = asyncio.create_task(api.clients["producer"].post("/v1/events", json={"agent": "a"}))
        await started.wait()
        idle = await asyncio.open_connection(*api.server.address)
        token = api.tokens["read"].encode()
        deaf = await asyncio.open_connection(*api.server.address, limit=1024)  # asks for a stream and never reads it
        deaf[1].write(b"GET /v1/stream/decisions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + b"\r\n\r\n")
        async with asyncio.timeout(20):
            while len(api.decisions.watchers) < 2:  # noqa: ASYNC110  # the stream is open when its watcher is there
                await asyncio.sleep(0.01)
        for n in range(2000):
            api.kill(f"t/a/root/{n:0200}")
        before = time.monotonic()
        await api.server.stop(deadline_s=0.5)
        assert time.monotonic() - before < 20
        with pytest.raises(httpx.HTTPError):
            (await hanging).raise_for_status()
        for _, writer in (idle, deaf):
            writer.close()


async def test_connections_without_a_head_are_closed(serve) -> None:
    async with serve(limits=LimitOptions(head_timeout_s=0.2)) as api:
        port = api.server.address[1]
        for beginning in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "):
            before = time.monotonic()
            assert await raw_answer(port, beginning) == b""
            assert time.monotonic() - before < 15
        answer = await raw_answer(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")


async def test_an_endless_head_is_refused(serve) -> None:
    async with serve(limits=LimitOptions(head_bytes=8192)) as api:
        port = api.server.address[1]
        endless = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Long: " + b"y" * 2_000_000
        answer = await raw_answer(port, endless)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431")
        metrics = (await api.clients["nobody"].get("/metrics")).text
        assert 'agentwatch_http_refused_total{cause="head_bytes"} 1.0' in metrics
        body = b'{"agent":"' + b"z" * 100_000 + b'"}'  # a large body after a small head is no large head
        for _ in range(2):
            answer = await api.clients["producer"].post(
                "/v1/events", content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 422


async def test_connections_are_bounded_in_number(serve) -> None:
    async with serve(limits=LimitOptions(connections=3)) as api:
        host, port = api.server.address
        held = [await asyncio.open_connection(host, port) for _ in range(3)]
        await asyncio.sleep(0)
        assert await raw_answer(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        for _, writer in held:
            writer.close()
        async with asyncio.timeout(20):
            answer = b""
            while not answer.startswith(b"HTTP/1.1 200"):
                answer = await raw_answer(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


async def test_a_body_that_does_not_come_is_408_and_too_many_requests_are_503(serve) -> None:
    async with serve(limits=LimitOptions(body_timeout_s=0.3, in_flight=1)) as api:
        token = api.tokens["producer"].encode()
        head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"
        begun = head + b"Authorization: Bearer " + token + b'\r\n\r\n{"agent"'
        slow = asyncio.create_task(raw_answer(api.server.address[1], begun))
        async with asyncio.timeout(30):
            while (busy := await api.clients["read"].get("/v1/mode")).status_code == 200:
                if slow.done():  # the one came in the moment of the other, or was over before the other was asked
                    slow = asyncio.create_task(raw_answer(api.server.address[1], begun))
        assert (busy.status_code, busy.json()["type"]) == (503, "urn:agentwatch:problem:busy")
        assert busy.headers["retry-after"] == "1"
        assert (await api.clients["nobody"].get("/healthz")).status_code == 200
        assert (await slow).startswith(b"HTTP/1.1 408")
        assert (await api.clients["read"].get("/v1/mode")).status_code == 200


async def test_bodies_in_flight_are_bounded_together(serve) -> None:
    async with serve(limits=LimitOptions(bodies_bytes=1000)) as api:
        producer = api.clients["producer"]
        answer = await producer.post("/v1/events", json={"agent": "a", "input": "x" * 2000})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:agentwatch:problem:busy")
        for _ in range(20):  # what was held is given back
            assert (await producer.post("/v1/events", json={"agent": "a", "input": "x" * 500})).status_code == 202


async def test_broken_http_is_refused(api) -> None:
    for data in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /\xc3 HTTP/1.1\r\n\r\n"):
        assert (await raw_answer(api.server.address[1], data)).startswith(b"HTTP/1.1 400")
    assert (await api.clients["read"].get("/v1/run?subject=%ff%fe")).status_code in (404, 422)
    assert (await api.clients["read"].get("/v1/decisions/%00%ff")).status_code == 404


def _descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


async def test_starting_and_stopping_leaves_nothing_behind(serve) -> None:
    async def once() -> None:
        async with serve() as api:
            assert (await api.clients["read"].get("/v1/mode")).status_code == 200
            async with api.clients["read"].stream("GET", "/v1/stream/decisions"):
                pass

    await once()
    tasks, descriptors = len(asyncio.all_tasks()), _descriptors()
    for _ in range(10):
        await once()
    assert len(asyncio.all_tasks()) <= tasks
    assert _descriptors() <= descriptors


async def test_requests_are_answered_by_the_loop_and_never_by_a_thread(api) -> None:
    before = set(threading.enumerate())
    api.fleet.add_run("t", "a", "bot", "r", "r")
    for path in (
        "/v1/decision?agent=a",
        "/v1/agents",
        "/v1/run?subject=t/a/run/r",
        "/v1/decisions",
        "/metrics",
        "/readyz",
    ):
        assert (await api.clients["read"].get(path)).status_code == 200
    assert (await api.clients["producer"].post("/v1/events", json={"agent": "a"})).status_code == 202
    assert set(threading.enumerate()) == before


async def test_the_port_can_be_taken_again_at_once(serve) -> None:
    async with serve() as api:
        port = api.server.address[1]
        await api.clients["read"].get("/v1/mode")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
