"""What a gateway is told: go on, wait, or give up."""

import time

from agentwatch.records import Level

ASK = {"tenant": "t", "app": "a", "agent": "bot", "run": "r1", "root_run": "root", "task": "job"}


async def ask(api, **params):
    return await api.clients["guard"].get("/v1/decision", params=ASK | params)


async def test_a_free_agent_may_go_on(api) -> None:
    answer = await ask(api)
    assert (answer.status_code, answer.json()) == (200, {"allow": True})
    assert answer.headers["cache-control"] == "no-store"


async def test_a_kill_of_anything_that_covers_the_run_is_403_without_retry(api) -> None:
    for subject in ("t/a/run/r1", "t/a/root/root", "t/a/task/bot+job", "t/a/agent/bot", "t/a", "t"):
        decision = api.kill(subject)
        answer = await ask(api)
        assert answer.status_code == 403
        assert answer.headers["x-should-retry"] == "false"
        body = answer.json()
        assert (body["type"], body["subject"], body["cmd"]) == ("urn:agentwatch:problem:killed", subject, "kill")
        assert (body["detail"], body["incident"]) == (decision.reason, decision.incident)
        api.decisions.commands.clear()
    assert (await ask(api)).status_code == 200


async def test_an_innocent_run_of_the_same_agent_goes_on(api) -> None:
    api.kill("t/a/root/root")
    assert (await ask(api, run="r2", root_run="other", task="")).status_code == 200


async def test_a_run_whose_root_is_not_named_is_found_among_the_tracked(api) -> None:
    api.fleet.add_run("t", "a", "bot", "r1", "root")
    api.kill("t/a/root/root")
    assert (await ask(api, root_run="")).status_code == 403
    assert (await ask(api, run="r9", root_run="")).status_code == 200


async def test_defaults_are_those_of_events(api) -> None:
    api.kill("default/bot/run/bot")
    assert (await api.clients["guard"].get("/v1/decision?agent=bot")).status_code == 403
    assert (await api.clients["guard"].get("/v1/decision")).status_code == 400


async def test_a_pause_is_429_until_it_ends_and_no_longer_than_asked(api) -> None:
    api.kill("t/a/root/root", Level.pause, ttl_s=600)
    answer = await ask(api)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    assert answer.json()["type"] == "urn:agentwatch:problem:paused"
    api.now += 595
    assert (await ask(api)).headers["retry-after"] == "5"
    api.now += 6
    assert (await ask(api)).status_code == 200


async def test_a_throttle_lets_its_limit_through_for_the_subject_as_a_whole(api) -> None:
    api.kill("t/a/root/root", Level.throttle, limit=6.0)
    first = await ask(api)
    assert (first.status_code, first.json()["cmd"], first.json()["limit"]) == (200, "throttle", 6.0)
    second = await ask(api, run="r2")
    assert (second.status_code, second.headers["retry-after"]) == (429, "10")
    assert second.json()["type"] == "urn:agentwatch:problem:throttled"
    allowed = 0
    for _ in range(60):
        api.now += 1.0
        allowed += (await ask(api)).status_code == 200
    assert allowed == 6


async def test_an_answer_is_made_from_memory_and_fast(api) -> None:
    for n in range(1000):
        api.kill(f"t/a/root/r{n}")
    started = time.thread_time()  # how busy the machine is says nothing of it
    for n in range(100):
        answer = await ask(api, root_run=f"r{n}")
        assert answer.status_code == 403
    assert (time.thread_time() - started) / 100 < 0.05
