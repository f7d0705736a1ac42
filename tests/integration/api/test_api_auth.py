"""Tokens, what they are bound to, and the loopback exception with its traps."""

from datetime import UTC, datetime

import httpx
import pytest

from agentwatch.api.options import ApiOptions, LimitOptions, TokenOptions, check_options
from agentwatch.api.tokens import hash_token, new_token
from agentwatch.errors import BadConfig

WHY = {"author": "alice", "reason": "loops"}


def token(name: str, *roles: str, **more: object) -> TokenOptions:
    return TokenOptions(name=name, roles=roles, sha256=hash_token(f"aw_{name}"), **more)


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer aw_{name}"}


def test_tokens_are_long_different_and_stored_as_digests() -> None:
    first, second = new_token(), new_token()
    assert first != second
    assert len(first) > 40
    assert len(hash_token(first)) == 64
    assert first not in hash_token(first)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"tls_certificate": "c.pem"}, "api.tls_key"),
        ({"tls_key": "k.pem"}, "api.tls_certificate"),
        ({"tokens": (token("a", "read"), token("a", "guard"))}, "api.tokens[1]"),
        ({"tokens": (token("a", "read", app="x"),)}, "api.tokens[0].tenant"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options, field) -> None:
    with pytest.raises(BadConfig) as caught:
        check_options(ApiOptions(**options))
    assert caught.value.field == field


async def test_wrong_schemes_and_tokens_are_401(api) -> None:
    nobody = api.clients["nobody"]
    for value in ("", "Bearer", "Bearer,", "Basic YTpi", "Bearer aw_wrong", "aw_read-token", "Bearer " + "x" * 5000):
        answer = await nobody.get("/v1/mode", headers={"Authorization": value})
        assert answer.status_code == 401, value
        assert "aw_" not in answer.text
    answer = await nobody.get("/v1/mode", headers={"Authorization": f"bearer {api.tokens['read']}"})
    assert answer.status_code == 200


async def test_a_token_ends_when_it_expires(serve) -> None:
    async with serve() as probe:
        end = datetime.fromtimestamp(probe.now + 10, UTC)
    async with serve(tokens=(token("short", "read", expires_at=end),)) as api:
        api.now = end.timestamp() - 1
        assert (await api.clients["nobody"].get("/v1/mode", headers=bearer("short"))).status_code == 200
        api.now = end.timestamp()
        answer = await api.clients["nobody"].get("/v1/mode", headers=bearer("short"))
        assert (answer.status_code, answer.json()["detail"]) == (401, "the token has expired")


async def test_a_bound_token_sees_and_touches_only_what_it_is_bound_to(serve) -> None:
    bound = (
        token("t1", "operator", "guard", "producer", tenant="t1"),
        token("t1a", "read", "guard", tenant="t1", app="a"),
    )
    async with serve(tokens=bound) as api:
        for tenant, app in (("t1", "a"), ("t1", "b"), ("t2", "a")):
            api.fleet.add_run(tenant, app, "bot", "r", "r")
            api.kill(f"{tenant}/{app}/root/r")
        http, wide, narrow = api.clients["nobody"], bearer("t1"), bearer("t1a")
        assert {a["app"] for a in (await http.get("/v1/agents", headers=wide)).json()} == {"a", "b"}
        assert {a["app"] for a in (await http.get("/v1/agents", headers=narrow)).json()} == {"a"}
        found = (await http.get("/v1/decisions", headers=wide)).json()["decisions"]
        assert {d["tenant"] for d in found} == {"t1"}
        found = (await http.get("/v1/decisions", headers=narrow)).json()["decisions"]
        assert {(d["tenant"], d["app"]) for d in found} == {("t1", "a")}
        assert (await http.get("/v1/decisions/d3", headers=wide)).status_code == 404
        for path, headers in (
            ("/v1/agents?tenant=t2", wide),
            ("/v1/run?subject=t2/a/run/r", wide),
            ("/v1/run?subject=t1/b/run/r", narrow),
            ("/v1/explain?subject=t1", narrow),
            ("/v1/decision?agent=bot&tenant=t2", wide),
            ("/v1/decision?agent=bot&tenant=t1&app=b", narrow),
            ("/v1/stream/commands?agent=bot&tenant=t2", wide),
            ("/v1/stream/decisions?tenant=t2", wide),
            ("/v1/status", wide),
            ("/v1/mode", wide),
            ("/v1/allow", wide),
            ("/v1/breaker", wide),
            ("/v1/dead", wide),
        ):
            answer = await http.get(path, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:agentwatch:problem:bound-token"), path
        killed = await http.get("/v1/decision?agent=bot&app=a&run=r", headers=wide)
        assert (killed.status_code, killed.json()["type"]) == (403, "urn:agentwatch:problem:killed")


async def test_a_bound_token_writes_only_where_it_is_bound_to(serve) -> None:
    async with serve(tokens=(token("t1", "operator", "guard", "producer", tenant="t1"),)) as api:
        http, mine = api.clients["nobody"], bearer("t1")
        for subject, status in (("t1/a", 201), ("t2/a", 403), ("t2", 403), ("t1", 201)):
            body = {"subject": subject, "cmd": "kill", "whole_tenant": "/" not in subject, **WHY}
            assert (await http.post("/v1/decisions", json=body, headers=mine)).status_code == status
        ack = {"command": "c", "epoch": 1, "state": "received", "at": 1}
        for subject, status in (("t1/a/run/r", 202), ("t2/a/run/r", 403)):
            answer = await http.post("/v1/acks", json={**ack, "subject": subject}, headers=mine)
            assert answer.status_code == status
        events = [{"agent": "a", "tenant": "t1"}, {"agent": "a", "tenant": "t2"}, {"agent": "a"}]
        answer = await http.post("/v1/events", json=events, headers=mine)
        assert [(e["index"], e["field"]) for e in answer.json()["errors"]] == [(1, "tenant")]
        assert answer.json()["accepted"] == 2
        assert (await http.put("/v1/mode", json={"mode": "observe", **WHY}, headers=mine)).status_code == 403


async def test_loopback_needs_a_token_unless_configured(serve) -> None:
    async with serve() as api:
        assert (await api.clients["nobody"].get("/v1/status")).status_code == 401
    async with serve(loopback_without_token=True) as api:
        nobody = api.clients["nobody"]
        assert (await nobody.get("/v1/status")).status_code == 200
        body = {"subject": "t/a", "cmd": "kill", **WHY}
        assert (await nobody.post("/v1/decisions", json=body)).status_code == 201
        assert api.operations.submitted[-1].author == "alice"
        port = api.server.address[1]
        named = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
        assert (await nobody.get("/v1/status", headers=named)).status_code == 200


async def test_loopback_without_token_is_not_for_proxies_pages_or_wrong_tokens(serve) -> None:
    async with serve(loopback_without_token=True) as api:
        for headers in (
            {"X-Forwarded-For": "10.0.0.1"},
            {"Forwarded": "for=10.0.0.1"},
            {"X-Real-IP": "10.0.0.1"},
            {"Via": "1.1 proxy"},
            {"X-Forwarded-For": "127.0.0.1"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Host": "evil.example"},
            {"Authorization": "Bearer aw_wrong"},
        ):
            assert (await api.clients["nobody"].get("/v1/status", headers=headers)).status_code == 401, headers
        proxied = {"X-Forwarded-For": "10.0.0.1", "Authorization": f"Bearer {api.tokens['read']}"}
        assert (await api.clients["nobody"].get("/v1/status", headers=proxied)).status_code == 200


async def test_a_peer_that_is_not_loopback_needs_a_token(serve) -> None:
    transport_of = httpx.ASGITransport
    async with serve(loopback_without_token=True) as api:
        for peer, status in (("127.0.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("10.1.2.3", 401)):
            transport = transport_of(api.app, client=(peer, 5000))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                assert (await client.get("/v1/status")).status_code == status, peer


async def test_a_token_that_asks_too_often_is_told_when_to_come_again(serve) -> None:
    async with serve(limits=LimitOptions(requests_per_s=1.0, requests_burst=3)) as api:
        read = api.clients["read"]
        assert [(await read.get("/v1/mode")).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        assert int((await read.get("/v1/mode")).headers["retry-after"]) >= 1
        assert (await api.clients["operator"].get("/v1/mode")).status_code == 200
        assert [(await read.get("/v1/decision?agent=a")).status_code for _ in range(9)] == [200] * 9
        api.now += 1.0
        assert (await read.get("/v1/mode")).status_code == 200
