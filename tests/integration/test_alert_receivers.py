"""Webhooks and apprise against a real HTTP server on a real port."""

import asyncio
import contextlib
import hmac
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from msgspec.structs import replace

from agentwatch.alert.apprise import AppriseNotifier, AppriseOptions, check_url, url_for
from agentwatch.alert.sample import sample_incident
from agentwatch.alert.webhook import WebhookNotifier, WebhookOptions
from agentwatch.errors import BadConfig, NotifyRefused, NotifyUnavailable

INCIDENT = sample_incident(1_790_000_000.0)


class Receiver:
    """Answers every request with `status` and `headers`, and keeps what it got."""

    def __init__(self) -> None:
        self.status = 200
        self.headers = ""
        self.answers = asyncio.Event()
        self.answers.set()
        self.serving: set[asyncio.Task[None]] = set()
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.address = ""

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.create_task(self.answer(reader, writer), name="receiver"))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await self._serve(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        self.requests.append((headers, await reader.readexactly(int(headers.get("content-length", 0)))))
        await self.answers.wait()
        writer.write(
            f"HTTP/1.1 {self.status} -\r\n{self.headers}content-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        await writer.drain()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    server = await asyncio.start_server(found.accept, "127.0.0.1", 0)
    found.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield found
    found.answers.set()
    server.close()
    await server.wait_closed()
    await asyncio.gather(*found.serving)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as made:
        yield made


def webhook(receiver: Receiver, client: httpx.AsyncClient, **options) -> WebhookNotifier:
    return WebhookNotifier(WebhookOptions(name="hook", url=f"http://{receiver.address}/x", **options), lambda: client)


async def test_a_webhook_gets_the_incident_the_text_and_a_key_to_know_it_again(receiver, client):
    await webhook(receiver, client, headers={"X-Team": "ops"}).notify(INCIDENT)
    (headers, body) = receiver.requests[0]
    message = json.loads(body)
    assert headers["idempotency-key"] == message["key"] == f"{INCIDENT.id}:1"
    assert headers["content-type"] == "application/json"
    assert headers["x-team"] == "ops"
    assert "x-agentwatch-signature" not in headers
    assert message["title"].startswith("[agentwatch] summariser")
    assert (message["level"], message["severity"]) == ("kill", "critical")
    assert message["incident"]["evidence"]["count"] == 16


async def test_a_secret_signs_exactly_what_is_sent(receiver, client):
    await webhook(receiver, client, secret="s3cret").notify(INCIDENT)
    (headers, body) = receiver.requests[0]
    assert headers["x-agentwatch-signature"] == "sha256=" + hmac.new(b"s3cret", body, "sha256").hexdigest()


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [(500, "", None), (503, "Retry-After: 7\r\n", 7.0), (429, "Retry-After: 99999\r\n", 3600.0), (408, "", None),
     (503, "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n", None)],
)  # fmt: skip
async def test_what_may_succeed_later_says_when(receiver, client, status, headers, wait):
    receiver.status, receiver.headers = status, headers
    with pytest.raises(NotifyUnavailable) as caught:
        await webhook(receiver, client).notify(INCIDENT)
    assert caught.value.retry_after_s == wait


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410, 413])
async def test_what_never_will_is_refused_and_no_redirect_is_followed(receiver, client, status):
    receiver.status, receiver.headers = status, "Location: http://127.0.0.1:1/elsewhere\r\n"
    with pytest.raises(NotifyRefused, match=str(status)):
        await webhook(receiver, client).notify(INCIDENT)
    assert len(receiver.requests) == 1


async def test_silence_and_absence_are_unavailable(receiver, client):
    receiver.answers.clear()
    with pytest.raises(NotifyUnavailable, match="Timeout"):
        await webhook(receiver, client, timeout_s=0.2).notify(INCIDENT)
    nobody = WebhookNotifier(WebhookOptions(name="hook", url="http://127.0.0.1:9/x"), lambda: client)
    with pytest.raises(NotifyUnavailable, match="Connect"):
        await nobody.notify(INCIDENT)
    for url in ("ftp://127.0.0.1/x", "no url"):
        with pytest.raises(NotifyRefused):
            await WebhookNotifier(WebhookOptions(name="hook", url=url), lambda: client).notify(INCIDENT)


async def test_apprise_delivers_and_says_when_the_service_did_not_take_it(receiver):
    notifier = AppriseNotifier(AppriseOptions(name="chat", url=f"json://{receiver.address}/x"))
    await notifier.notify(INCIDENT)
    message = json.loads(receiver.requests[0][1])
    assert message["title"].startswith("[agentwatch] summariser")
    assert "Undo:" in message["message"]
    assert message["type"] == "failure"
    receiver.status = 500
    with pytest.raises(NotifyUnavailable):
        await notifier.notify(INCIDENT)


async def test_apprise_that_takes_too_long_is_left_behind(receiver):
    receiver.answers.clear()
    notifier = AppriseNotifier(AppriseOptions(name="chat", url=f"json://{receiver.address}/x?rto=2", timeout_s=0.3))
    with pytest.raises(NotifyUnavailable, match="within"):
        await notifier.notify(INCIDENT)


async def test_a_url_that_apprise_cannot_read_is_refused_by_name():
    with pytest.raises(NotifyRefused, match="apprise can read"):
        await AppriseNotifier(AppriseOptions(name="chat", url="nonsense://x")).notify(INCIDENT)
    with pytest.raises(BadConfig):
        check_url("nonsense://x")
    check_url("json://localhost")


def test_services_that_group_get_the_incident_as_their_key():
    import apprise

    url = "pagerduty://integration@apikey/source?region=eu"
    made = apprise.Apprise.instantiate(url_for(url, INCIDENT))
    assert (made.dedup, made.action, made.region_name) == (f"agentwatch/{INCIDENT.id}", "map", "eu")
    later = apprise.Apprise.instantiate(url_for(url, replace(INCIDENT, seq=2)))
    assert later.dedup == made.dedup
    own = apprise.Apprise.instantiate(url_for(url + "&dedup=mine&action=trigger", INCIDENT))
    assert (own.dedup, own.action) == ("mine", "trigger")
    assert url_for("json://host/x?a=b", INCIDENT) == "json://host/x?a=b"
    assert apprise.Apprise.instantiate(url_for("opsgenie://abcdefgh-1234", INCIDENT)) is not None
