"""Callers of a running daemon: taken from the configuration by a reload, and from Redis after a restart."""

from agentwatch.api.tokens import hash_token

HEAD = {"Authorization": "Bearer aw_first"}
OTHER = {"Authorization": "Bearer aw_second"}


def table(name: str, *roles: str) -> str:
    shown = ", ".join(f'"{role}"' for role in roles)
    return f'[[api.tokens]]\nname = "{name}"\nroles = [{shown}]\nsha256 = "{hash_token(f"aw_{name}")}"\n'


async def test_a_token_comes_and_goes_with_a_reload_and_nothing_waits_for_a_restart(valkey, daemon):
    async with daemon(valkey) as running:
        text = running.config.read_text()
        assert (await running.http.get("/v1/status", headers=HEAD)).status_code == 401
        running.config.write_text(text + table("first", "read"))
        assert running.lifecycle.reloader.reload() is True
        assert (await running.status())["last_reload"] == "loaded"
        assert (await running.http.get("/v1/status", headers=HEAD)).status_code == 200
        running.config.write_text(text + table("first", "nonsense"))
        assert running.lifecycle.reloader.reload() is False
        assert (await running.http.get("/v1/status", headers=HEAD)).status_code == 200
        running.config.write_text(text)
        assert running.lifecycle.reloader.reload() is True
        assert (await running.http.get("/v1/status", headers=HEAD)).status_code == 401


async def test_a_caller_that_was_added_or_revoked_is_so_after_a_restart(valkey, daemon):
    why = {"author": "alice", "reason": "new"}
    async with daemon(valkey) as running:
        for name in ("first", "second"):
            body = {"name": name, "roles": ["read"], "sha256": hash_token(f"aw_{name}"), **why}
            assert (await running.http.post("/v1/clients", json=body)).status_code == 201
        assert (await running.http.delete("/v1/clients/second", params=why)).status_code == 200
    async with daemon(valkey) as running:
        await running.lifecycle.wired.clients.refresh()
        assert (await running.http.get("/v1/status", headers=HEAD)).status_code == 200
        assert (await running.http.get("/v1/status", headers=OTHER)).status_code == 401


async def test_an_id_of_no_partition_is_not_found_and_no_outage(valkey, daemon):
    async with daemon(valkey) as running:
        for name in ("6", "d9-1", "d9999-1", "d99999-1", "dx-1", "d0-1"):
            assert (await running.http.get(f"/v1/decisions/{name}")).status_code == 404, name
        assert (await running.http.post("/v1/dead/9_1-0/requeue")).status_code == 422
