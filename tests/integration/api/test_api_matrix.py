"""Every route against every role and every binding: who gets in, and what another tenant's caller is told."""

import json

import pytest

from agentwatch.api.app import all_handlers
from agentwatch.api.options import TokenOptions
from agentwatch.api.tokens import hash_token

WHY = {"author": "alice", "reason": "loops"}
QUERY = "author=alice&reason=loops"
RUN = "subject=t1/a/run/r"
ROLES = ("producer", "guard", "operator", "read")
PLACES = {"everything": ("", ""), "t1": ("t1", ""), "t1/a": ("t1", "a"), "t2": ("t2", ""), "t1/b": ("t1", "b")}
INSIDE = ("everything", "t1", "t1/a")  # callers that t1/a belongs to
ACK = {"command": "c", "epoch": 1, "state": "received", "at": 1, "subject": "t1/a/run/r"}
CLIENT = {"name": "new", "roles": ["read"], "sha256": "0" * 64, **WHY}

# route: roles that may; how a binding counts; path; body. `place`: only for whom t1/a belongs to. `hidden`: to others
# as if it did not exist. `whole`: only unbound. `filtered`: everybody, and each sees its own alone.
ANSWER = {"target": "t1/a/run/none", "author": "a", "reason": "r"}
ROUTES = {
    "GET /v1/status": ("read", "whole", "/v1/status", None),
    "GET /v1/agents": ("read", "filtered", "/v1/agents", None),
    "GET /v1/agent": ("read", "place", "/v1/agent?subject=t1/a/agent/bot", None),
    "GET /v1/runs": ("read", "place", f"/v1/runs?{RUN}", None),
    "GET /v1/run": ("read", "place", f"/v1/run?{RUN}", None),
    "GET /v1/explain": ("read", "place", f"/v1/explain?{RUN}", None),
    "GET /v1/decisions": ("read", "filtered", "/v1/decisions", None),
    "GET /v1/decisions/{id:str}": ("read", "hidden", "/v1/decisions/d1", None),
    "POST /v1/decisions": ("operator", "place", "/v1/decisions", {"subject": "t1/a/run/r", "cmd": "kill", **WHY}),
    "DELETE /v1/decisions/{id:str}": ("operator", "hidden", f"/v1/decisions/d1?{QUERY}", None),
    "GET /v1/incidents": ("read", "filtered", "/v1/incidents", None),
    "GET /v1/incidents/{id:str}": ("read", "hidden", "/v1/incidents/FIRST", None),
    "GET /v1/partitions": ("read", "whole", "/v1/partitions", None),
    "GET /v1/rules": ("read", "whole", "/v1/rules", None),
    "GET /v1/audit": ("read", "whole", "/v1/audit", None),
    "GET /v1/support": ("operator", "whole", "/v1/support", None),
    "GET /v1/decision": ("guard read", "place", "/v1/decision?agent=bot&tenant=t1&app=a&run=free", None),
    "GET /v1/stream/commands": ("guard", "place", "/v1/stream/commands?agent=bot&tenant=t1&app=a&run=r", None),
    "GET /v1/stream/decisions": ("read", "filtered", "/v1/stream/decisions?after=0-0", None),
    "POST /v1/events": ("producer", "event", "/v1/events", {"agent": "bot", "tenant": "t1", "app": "a"}),
    "POST /v1/acks": ("guard", "place", "/v1/acks", ACK),
    "GET /v1/mode": ("read", "whole", "/v1/mode", None),
    "PUT /v1/mode": ("operator", "whole", "/v1/mode", {"mode": "observe", **WHY}),
    "GET /v1/breaker": ("read", "whole", "/v1/breaker", None),
    "POST /v1/breaker/reset": ("operator", "whole", "/v1/breaker/reset", WHY),
    "GET /v1/allow": ("read", "whole", "/v1/allow", None),
    "POST /v1/allow": (
        "operator",
        "whole",
        "/v1/allow",
        {"pattern": "t1/a", "author": "a", "comment": "c", "ttl_s": 9},
    ),
    "DELETE /v1/allow": ("operator", "whole", f"/v1/allow?pattern=t1/z&{QUERY}", None),
    "GET /v1/silences": ("read", "whole", "/v1/silences", None),
    "POST /v1/silences": (
        "operator",
        "whole",
        "/v1/silences",
        {"pattern": "t1/a", "author": "a", "comment": "c", "ttl_s": 9},
    ),
    "DELETE /v1/silences": ("operator", "whole", f"/v1/silences?pattern=t1/z&{QUERY}", None),
    "GET /v1/approvals": ("read", "whole", "/v1/approvals", None),
    "POST /v1/approvals/approve": ("operator", "whole", "/v1/approvals/approve", ANSWER),
    "POST /v1/approvals/deny": ("operator", "whole", "/v1/approvals/deny", ANSWER),
    "GET /v1/dead": ("read", "whole", "/v1/dead", None),
    "POST /v1/dead/{id:str}/requeue": ("operator", "whole", "/v1/dead/1-0/requeue", None),
    "GET /v1/clients": ("operator", "whole", "/v1/clients", None),
    "POST /v1/clients": ("operator", "whole", "/v1/clients", CLIENT),
    "DELETE /v1/clients/{name:str}": ("operator", "whole", f"/v1/clients/nobody?{QUERY}", None),
}
OPEN = {"/healthz", "/readyz", "/metrics"}
NO_ROUTE = {
    ("DELETE /v1/allow", 404),
    ("DELETE /v1/silences", 404),
    ("DELETE /v1/clients/{name:str}", 404),
}  # there is no such entry
NO_ROUTE |= {("POST /v1/approvals/approve", 404), ("POST /v1/approvals/deny", 404)}  # nothing waits


def token(role: str, place: str) -> str:
    return f"aw_{role}_{place}"


@pytest.fixture
async def matrix(serve):
    """A server with one token for each role and binding, and the same run in each place."""
    tokens = tuple(
        TokenOptions(
            name=f"{role}.{place.replace('/', '.')}", roles=(role,), tenant=tenant, app=app,
            sha256=hash_token(token(role, place)),
        )
        for role in ROLES for place, (tenant, app) in PLACES.items()
    )  # fmt: skip
    async with serve(tokens=tokens) as api:
        for tenant, app in (("t1", "a"), ("t1", "b"), ("t2", "a")):
            api.fleet.add_run(tenant, app, "bot", "r", "r")
            decision = api.kill(f"{tenant}/{app}/root/r")
            incident = api.pipeline.ledgers.incidents.fold(decision)
            api.incident = getattr(api, "incident", "") or incident.id
        api.operations.allowed["t1/z"] = None
        yield api


def test_the_table_has_every_route() -> None:
    served = {
        f"{method} {path}"
        for handler in all_handlers() for path in handler.paths for method in handler.http_methods
        if path not in OPEN and method not in ("HEAD", "OPTIONS")
    }  # fmt: skip
    assert served == set(ROUTES)


async def test_every_route_lets_in_whom_it_may_and_nobody_else(matrix) -> None:
    for route in ROUTES:
        await hold(matrix, route)


async def hold(matrix, route: str) -> None:
    """Call one route as everybody, and see that what is refused is not done all the same."""
    may, kind, path, body = ROUTES[route]
    method = route.partition(" ")[0]
    path = path.replace("FIRST", matrix.incident)
    wanted = {*may.split(), "operator"} if "read" in may.split() else set(may.split())
    matrix.operations.allowed.pop("t1/z", None)
    for role in ROLES:
        for place in PLACES:
            headers = {"Authorization": f"Bearer {token(role, place)}"}
            matrix.stored_clients.clients.clear()
            matrix.callers._roster.load((), {})
            before = (len(matrix.operations.submitted), len(matrix.acks.taken), len(matrix.ingest.events))
            async with matrix.clients["nobody"].stream(method, path, json=body, headers=headers) as answer:
                text = "" if "stream" in path and answer.status_code == 200 else (await answer.aread()).decode()
                told = json.loads(text) if text else {}
                where = f"{route} as {role} of {place}: {answer.status_code} {text}"
                if role not in wanted:
                    assert (answer.status_code, told["type"]) == (403, "urn:agentwatch:problem:wrong-role"), where
                elif (kind == "place" and place not in INSIDE) or (kind == "whole" and place != "everything"):
                    assert (answer.status_code, told["type"]) == (403, "urn:agentwatch:problem:bound-token"), where
                elif kind == "hidden" and place not in INSIDE:
                    assert answer.status_code == 404, where
                elif kind == "event" and place not in INSIDE:
                    assert (answer.status_code, told["errors"][0]["field"]) == (
                        422, "app" if place == "t1/b" else "tenant",
                    ), where  # fmt: skip
                else:
                    assert answer.status_code in (200, 201, 202) or (route, answer.status_code) in NO_ROUTE, where
                    if kind == "filtered" and told:
                        check_own(told if isinstance(told, list) else told.get("decisions") or told["incidents"], place)
                    continue
            after = (len(matrix.operations.submitted), len(matrix.acks.taken), len(matrix.ingest.events))
            assert after == before, f"{where}: refused, and yet done"


async def test_every_route_refuses_a_parameter_that_it_does_not_have_but_for_questions_before_a_call(matrix) -> None:
    takes_any = {"GET /v1/decision", "GET /v1/stream/commands"}
    for route, (may, _, asked, body) in ROUTES.items():
        role = "operator" if "operator" in may or "read" in may.split() else may.split()[0]
        path = asked.replace("FIRST", matrix.incident) + ("&" if "?" in asked else "?") + "limt=3"
        headers = {"Authorization": f"Bearer {token('guard' if route in takes_any else role, 'everything')}"}
        before = (len(matrix.operations.submitted), len(matrix.acks.taken), len(matrix.ingest.events))
        method = route.partition(" ")[0]
        async with matrix.clients["nobody"].stream(method, path, json=body, headers=headers) as answer:
            if route in takes_any:
                assert answer.status_code == 200, route
                continue
            told = json.loads(await answer.aread())
        assert answer.status_code == 400, f"{route}: {told}"
        assert answer.headers["content-type"] == "application/problem+json"
        assert [e["field"] for e in told["errors"]] == ["limt"], route
        assert (len(matrix.operations.submitted), len(matrix.acks.taken), len(matrix.ingest.events)) == before, route


def check_own(found: list[dict], place: str) -> None:
    tenant, app = PLACES[place]
    assert found, place
    assert {row["tenant"] for row in found} <= ({tenant} if tenant else {"t1", "t2"}), place
    assert {row["app"] for row in found} <= ({app} if app else {"a", "b"}), place


async def test_a_stream_of_decisions_tells_a_bound_caller_its_own_alone(matrix) -> None:
    for place, seen in (("t1/a", 1), ("t1", 2), ("t2", 1), ("everything", 3)):
        headers = {"Authorization": f"Bearer {token('read', place)}"}
        path = "/v1/stream/decisions?after=0-0"
        rows: list[dict] = []
        async with matrix.clients["nobody"].stream("GET", path, headers=headers) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    rows.append(json.loads(line[6:]))
                if len(rows) == seen:
                    break
        check_own(rows, place)


async def test_a_guard_of_one_app_answers_for_its_tenant_and_for_nobody_else(matrix) -> None:
    http, headers = matrix.clients["nobody"], {"Authorization": f"Bearer {token('guard', 't1/a')}"}
    for change, status in (
        ({"subject": "t1"}, 202), ({"subject": "t1/a"}, 202), ({"subject": "t1", "tenant": "t2"}, 403),
        ({"subject": "t1/a/run/r", "app": "b"}, 403), ({"subject": "t1/b/run/r"}, 403), ({"subject": "t2"}, 403),
    ):  # fmt: skip
        answer = await http.post("/v1/acks", json={**ACK, **change}, headers=headers)
        assert answer.status_code == status, change
