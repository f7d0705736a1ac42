"""Every route answers what it says, to whom it says, and refuses the rest by name."""

import msgspec
import pytest

from agentwatch.records import Ack, Level

WHY = {"author": "alice", "reason": "same PDF since Monday"}
MEMBERS = {"type", "title", "status", "detail", "instance"}

# method, path, body, the roles that may, status for them
ROUTES = [
    ("GET", "/v1/status", None, {"read", "operator"}, 200),
    ("GET", "/v1/agents", None, {"read", "operator"}, 200),
    ("GET", "/v1/agent?subject=t/a/agent/bot", None, {"read", "operator"}, 200),
    ("GET", "/v1/runs?subject=t/a/agent/bot", None, {"read", "operator"}, 200),
    ("GET", "/v1/run?subject=t/a/run/r1", None, {"read", "operator"}, 200),
    ("GET", "/v1/explain?subject=t/a/run/r1", None, {"read", "operator"}, 200),
    ("GET", "/v1/decisions", None, {"read", "operator"}, 200),
    ("GET", "/v1/decisions/d1", None, {"read", "operator"}, 200),
    ("GET", "/v1/incidents", None, {"read", "operator"}, 200),
    ("GET", "/v1/incidents/d1", None, {"read", "operator"}, 404),
    ("GET", "/v1/partitions", None, {"read", "operator"}, 200),
    ("GET", "/v1/rules", None, {"read", "operator"}, 200),
    ("POST", "/v1/decisions", {"subject": "t/a", "cmd": "pause", **WHY}, {"operator"}, 201),
    ("DELETE", "/v1/decisions/d1?author=al&reason=x", None, {"operator"}, 200),
    ("GET", "/v1/decision?agent=free", None, {"guard", "read", "operator"}, 200),
    ("POST", "/v1/events", {"agent": "bot"}, {"producer"}, 202),
    ("POST", "/v1/acks", {"command": "c", "subject": "t/a", "epoch": 1, "state": "received", "at": 1}, {"guard"}, 202),
    ("GET", "/v1/mode", None, {"read", "operator"}, 200),
    ("PUT", "/v1/mode", {"mode": "observe", **WHY}, {"operator"}, 200),
    ("GET", "/v1/allow", None, {"read", "operator"}, 200),
    ("POST", "/v1/allow", {"pattern": "t/a/*", "author": "a", "comment": "c", "ttl_s": 60}, {"operator"}, 201),
    ("DELETE", "/v1/allow?pattern=t/a/*&author=a&reason=b", None, {"operator"}, 200),
    ("GET", "/v1/silences", None, {"read", "operator"}, 200),
    ("POST", "/v1/silences", {"pattern": "t/a/*", "author": "a", "comment": "c", "ttl_s": 60}, {"operator"}, 201),
    ("DELETE", "/v1/silences?pattern=t/a/*&author=a&reason=b", None, {"operator"}, 200),
    ("GET", "/v1/approvals", None, {"read", "operator"}, 200),
    ("POST", "/v1/approvals/approve", {"target": "t/a/run/r1", **WHY}, {"operator"}, 404),
    ("POST", "/v1/approvals/deny", {"target": "t/a/run/r1", **WHY}, {"operator"}, 404),
    ("GET", "/v1/breaker", None, {"read", "operator"}, 200),
    ("POST", "/v1/breaker/reset", WHY, {"operator"}, 200),
    ("GET", "/v1/dead", None, {"read", "operator"}, 200),
    ("POST", "/v1/dead/3-0/requeue", None, {"operator"}, 200),
    ("GET", "/v1/support", None, {"operator"}, 200),
    ("GET", "/v1/audit", None, {"read", "operator"}, 200),
    ("GET", "/v1/clients", None, {"operator"}, 200),
    ("POST", "/v1/clients", {"name": "gw", "roles": ["read"], "sha256": "0" * 64, **WHY}, {"operator"}, 201),
    ("DELETE", "/v1/clients/gw?author=al&reason=x", None, {"operator"}, 200),
    ("GET", "/v1/stream/commands?agent=bot", None, {"guard"}, 200),
    ("GET", "/v1/stream/decisions", None, {"read", "operator"}, 200),
]


def is_problem(response, status: int) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body.keys() >= MEMBERS - {"detail", "instance"}
    assert body["type"].startswith("urn:agentwatch:problem:")
    assert body["status"] == status
    return body


async def test_each_role_gets_what_is_its_own_and_no_more(api) -> None:
    api.fleet.add_run("t", "a", "bot", "r1", "root")
    api.kill("t/a/root/root")
    for method, path, body, roles, status in ROUTES:
        for role in ("nobody", "producer", "guard", "read", "operator"):
            if "pattern=t" in path:
                entry = {"pattern": "t/a/*", "author": "a", "comment": "c", "ttl_s": 60}
                await api.clients["operator"].post("/v1/allow", json=entry)
                await api.clients["operator"].post("/v1/silences", json=entry)
            async with api.clients[role].stream(method, path, json=body) as response:
                if role in roles:
                    assert response.status_code == status, (method, path, role)
                    continue
                await response.aread()
                problem = is_problem(response, 401 if role == "nobody" else 403)
                if role == "nobody":
                    assert response.headers["www-authenticate"].startswith("Bearer")
                else:
                    assert problem["type"].endswith("wrong-role"), (method, path, role)


async def test_every_route_of_the_document_is_in_the_table_of_roles(api) -> None:
    document = (await api.clients["nobody"].get("/schema/openapi.json")).json()
    served = {
        (m.upper(), p) for p, item in document["paths"].items() for m in item if m in ("get", "post", "put", "delete")
    }
    tabled = {
        (m, p.split("?")[0].replace("/d1", "/{id}").replace("/3-0/", "/{id}/").replace("/gw", "/{name}"))
        for m, p, *_ in ROUTES
    }
    assert served == tabled | {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")}


async def test_openapi_is_3_1_with_bearer_and_every_reference_leads_somewhere(api) -> None:
    response = await api.clients["nobody"].get("/schema")
    document = response.json()
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "agentwatch control API"
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    bodies = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    assert set(bodies) == {"application/json", "application/x-ndjson"}
    assert "422" in document["paths"]["/v1/events"]["post"]["responses"]

    def references(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in set(references(document)):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


async def test_health_readiness_and_metrics_need_no_token_by_default(api) -> None:
    nobody = api.clients["nobody"]
    assert (await nobody.get("/healthz")).json() == {"status": "alive"}
    assert (await nobody.get("/readyz")).json()["status"] == "ready"
    text = (await nobody.get("/metrics")).text
    assert 'agentwatch_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in text
    assert "process_resident_memory_bytes" in text


async def test_health_and_metrics_can_be_guarded(serve) -> None:
    async with serve(health_without_token=False, metrics_without_token=False, schema_without_token=False) as api:
        for path in ("/healthz", "/readyz", "/metrics", "/schema"):
            is_problem(await api.clients["nobody"].get(path), 401)
            assert (await api.clients["read"].get(path)).status_code == 200


async def test_readiness_names_the_component_that_fails(api) -> None:
    api.fleet.components = (
        msgspec.structs.replace(api.fleet.components[0], ok=False, detail="no answer for 3 s"),
        *api.fleet.components,
    )
    problem = is_problem(await api.clients["nobody"].get("/readyz"), 503)
    assert problem["errors"] == [{"field": "store", "reason": "no answer for 3 s"}]


async def test_a_subject_keeps_its_escapes(api) -> None:
    api.fleet.add_run("t", "a", "bot", "x%2Fy", "x%2Fy")
    answer = await api.clients["read"].get("/v1/run", params={"subject": "t/a/run/x%2Fy"})
    assert answer.json()["subject"] == "t/a/run/x%2Fy"


WRONG_QUESTIONS = [
    ("/v1/run?subject=t/a/run/none", 404, "subject"),
    ("/v1/agent?subject=t/a/agent/none", 404, "subject"),
    ("/v1/explain?subject=t/a/agent/none", 404, "subject"),
    ("/v1/run?subject=a/b/c", 422, "subject"),
    ("/v1/run", 400, "subject"),
    ("/v1/decisions?limit=0", 400, "limit"),
    ("/v1/decisions?limit=many", 400, "limit"),
    ("/v1/decisions?level=murder", 400, "level"),
    ("/v1/decisions?limt=3", 400, "limt"),
    ("/v1/decisions?limit=3&Subject=t/a", 400, "Subject"),
    ("/v1/decisions?limt", 400, "limt"),
    ("/v1/decisions?limt=", 400, "limt"),
    ("/v1/decisions/d1?id=d1", 400, "id"),
    ("/healthz?deep=yes", 400, "deep"),
    ("/v1/decisions?before=%00", 400, "before"),
    ("/v1/decisions/none", 404, "id"),
    ("/v1/dead?limit=1001", 400, "limit"),
    ("/v1/stream/decisions?min_level=x", 400, "min_level"),
    ("/v1/stream/decisions?after=%20", 400, "after"),
]


async def test_a_wrong_question_is_refused_by_field(api) -> None:
    for path, status, field in WRONG_QUESTIONS:
        answer = await api.clients["read"].get(path)
        assert answer.status_code == status, path
        problem = is_problem(answer, status)
        assert [e["field"] for e in problem["errors"]] == [field], path


WRONG_DECISIONS = [
    ({"subject": "t/a", "cmd": "kill", "author": "a"}, "reason"),
    ({"subject": "t/a", "cmd": "kill", "reason": "r"}, "author"),
    ({"subject": "t/a", "cmd": "kill", "author": "", "reason": "r"}, "author"),
    ({"subject": "t/a", "cmd": "explode", **WHY}, "cmd"),
    ({"subject": "t/a", "cmd": "kill", "ttl_s": -1, **WHY}, "ttl_s"),
    ({"subject": "t/a", "cmd": "kill", "ttl_s": "soon", **WHY}, "ttl_s"),
    ({"subject": "t/a", "cmd": "kill", "limit": 5, **WHY}, "limit"),
    ({"subject": "a/b/c", "cmd": "kill", **WHY}, "subject"),
    ({"subject": "x", "cmd": "kill", **WHY}, "subject"),
    ({"subject": "x", "cmd": "throttle", "limit": 5, "whole_tenant": False, **WHY}, "subject"),
    ({"subject": "t/a", "cmd": "kill", "force": True, **WHY}, "force"),
    ([], ""),
]


async def test_a_wrong_decision_is_refused_by_field(api) -> None:
    for body, field in WRONG_DECISIONS:
        problem = is_problem(await api.clients["operator"].post("/v1/decisions", json=body), 422)
        assert [e["field"] for e in problem["errors"]] == [field], body
    assert not api.operations.submitted


async def test_a_whole_tenant_is_stopped_only_where_that_is_said_and_let_go_in_any_case(api) -> None:
    operator = api.clients["operator"]
    problem = is_problem(await operator.post("/v1/decisions", json={"subject": "x", "cmd": "pause", **WHY}), 422)
    assert "'x' alone is a whole tenant" in problem["detail"]
    said = {"subject": "x", "cmd": "pause", "whole_tenant": True, **WHY}
    assert (await operator.post("/v1/decisions", json=said)).status_code == 201
    assert api.operations.submitted[-1].whole_tenant
    assert (await operator.post("/v1/decisions", json={"subject": "x", "cmd": "resume", **WHY})).status_code == 201


async def test_decisions_by_hand_carry_author_and_token(api) -> None:
    operator = api.clients["operator"]
    answer = await operator.post("/v1/decisions", json={"subject": "t/a/root/r", "cmd": "throttle", "limit": 3, **WHY})
    assert answer.status_code == 201
    control = api.operations.submitted[-1]
    assert (control.kind, control.level, control.limit, control.author) == (
        "decide",
        Level.throttle,
        3.0,
        "alice (token operator)",
    )
    made = answer.json()["decision"]["id"]
    assert (await api.clients["read"].get(f"/v1/decisions/{made}")).json()["reason"] == WHY["reason"]
    answer = await operator.delete(f"/v1/decisions/{made}", params={"author": "bob", "reason": "wrong"})
    assert answer.status_code == 200
    assert (api.operations.submitted[-1].kind, api.operations.submitted[-1].target) == ("delete", made)
    is_problem(await operator.delete("/v1/decisions/none?author=a&reason=b"), 404)
    is_problem(await operator.delete(f"/v1/decisions/{made}"), 400)


async def test_decisions_are_paged_and_filtered(api) -> None:
    for n in range(25):
        api.kill(f"t{n % 2}/a/run/{n}", Level.kill if n % 5 == 0 else Level.pause)
    read, seen, before = api.clients["read"], [], ""
    while True:
        page = (await read.get("/v1/decisions", params={"limit": 10, "before": before})).json()
        seen += [d["id"] for d in page["decisions"]]
        before = page["next"]
        if not before:
            break
    assert seen == [f"d{n}" for n in range(25, 0, -1)]
    page = (await read.get("/v1/decisions", params={"level": "kill", "tenant": "t1"})).json()
    assert [d["subject"] for d in page["decisions"]] == ["t1/a/run/15", "t1/a/run/5"]
    api.now += 601
    assert (await read.get("/v1/decisions?active=true")).json()["decisions"] == []


async def test_silences(api) -> None:
    operator, read = api.clients["operator"], api.clients["read"]
    entry = {"pattern": "t/a/agent/*", "author": "al", "comment": "a release", "ttl_s": 60}
    assert (await operator.post("/v1/silences", json=entry)).status_code == 201
    assert [one["pattern"] for one in (await read.get("/v1/silences")).json()] == ["t/a/agent/*"]
    assert (await read.get("/v1/allow")).json() == []
    problem = is_problem(await operator.post("/v1/silences", json={**entry, "ttl_s": 0}), 422)
    assert problem["errors"][0]["field"] == "ttl_s"
    is_problem(await operator.delete("/v1/silences?pattern=x&author=a&reason=b"), 404)
    gone = await operator.delete("/v1/silences", params={"pattern": "t/a/agent/*", "author": "al", "reason": "done"})
    assert gone.status_code == 200
    assert (await read.get("/v1/silences")).json() == []


async def test_mode_allow_list_and_breaker(api) -> None:
    operator, read = api.clients["operator"], api.clients["read"]
    await operator.put("/v1/mode", json={"mode": "observe", **WHY})
    await operator.put("/v1/mode", json={"mode": "enforce", "rule": "tight", **WHY})
    assert (await read.get("/v1/mode")).json() == {"mode": "observe", "rules": {"tight": "enforce"}}
    problem = is_problem(await operator.put("/v1/mode", json={"mode": "enforce", "rule": "none", **WHY}), 422)
    assert problem["errors"][0]["field"] == "rule"
    problem = is_problem(await operator.put("/v1/mode", json={"mode": "wild", **WHY}), 422)
    assert problem["errors"][0]["field"] == "mode"
    entry = {"pattern": "t/a/agent/*", "author": "al", "comment": "month end", "ttl_s": 60}
    assert (await operator.post("/v1/allow", json=entry)).status_code == 201
    listed = (await read.get("/v1/allow")).json()
    assert listed[0]["pattern"] == "t/a/agent/*"
    assert listed[0]["expires_at"] == pytest.approx(api.now + 60)
    gone = await operator.delete("/v1/allow", params={"pattern": "t/a/agent/*", "author": "al", "reason": "done"})
    assert gone.status_code == 200
    is_problem(await operator.delete("/v1/allow?pattern=x&author=a&reason=b"), 404)
    assert (await read.get("/v1/breaker")).json()[0]["allowed"] == 10
    await operator.post("/v1/breaker/reset", json={"scope": "fleet", **WHY})
    assert (api.operations.submitted[-1].kind, api.operations.submitted[-1].target) == ("breaker_reset", "fleet")


async def test_dead_letters_are_paged_and_put_back(api) -> None:
    first = (await api.clients["read"].get("/v1/dead?limit=3")).json()
    assert [i["position"] for i in first["items"]] == ["5-0", "4-0", "3-0"]
    rest = (await api.clients["read"].get(f"/v1/dead?limit=3&before={first['next']}")).json()
    assert ([i["position"] for i in rest["items"]], rest["next"]) == (["2-0", "1-0"], "")
    assert (await api.clients["operator"].post("/v1/dead/2-0/requeue")).json() == {"id": "2-0", "entry": "99-0"}
    assert is_problem(await api.clients["operator"].post("/v1/dead/9-9/requeue"), 422)["errors"][0]["field"] == "id"


async def test_acks_are_taken_all_or_none(api) -> None:
    good = {"command": "c1", "subject": "t/a/run/r", "epoch": 3, "state": "effective", "at": 1.5}
    guard = api.clients["guard"]
    assert (await guard.post("/v1/acks", json=[good, {**good, "state": "refused"}])).json() == {"accepted": 2}
    assert api.acks.taken[0] == msgspec.convert(good, Ack)
    wrong = (({"state": "maybe"}, "[1].state"), ({"subject": "x/y/z"}, "subject"), ({"command": ""}, "command"))
    for bad, field in wrong:
        problem = is_problem(await guard.post("/v1/acks", json=[good, {**good, **bad}]), 422)
        assert problem["errors"][0]["field"] == field
    assert len(api.acks.taken) == 2


async def test_unknown_paths_and_methods_are_problems(api) -> None:
    nobody = api.clients["nobody"]
    is_problem(await nobody.get("/nowhere"), 404)
    is_problem(await nobody.patch("/v1/status"), 405)


async def test_a_store_that_is_down_is_503_and_a_bug_is_500_without_its_text(api) -> None:
    api.decisions.down = True
    answer = await api.clients["read"].get("/v1/decisions")
    is_problem(answer, 503)
    assert answer.headers["retry-after"] == "2"
    api.fleet.agents = None
    problem = is_problem(await api.clients["read"].get("/v1/agents"), 500)
    assert "NoneType" not in str(problem)
