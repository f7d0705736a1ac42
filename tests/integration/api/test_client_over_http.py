"""The client over the control API alone: for agents that reach neither Redis nor a broker."""

import asyncio
import threading
import time

import pytest

from agentwatch.api.options import TokenOptions
from agentwatch.api.tokens import hash_token
from agentwatch.backoff import BackoffOptions
from agentwatch.client import AgentKilled, AgentStopped, Emitter, EmitterOptions, Guard, GuardOptions, ThreadGuard
from agentwatch.records import Level

RUN = "default/crew/run/r1"
TOKEN = "aw_agent-token"
AGENT = (TokenOptions(name="agent", roles=("guard", "producer"), tenant="default", sha256=hash_token(TOKEN)),)


async def eventually(true, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.01)


def guard_for(served, **more) -> Guard:
    return Guard("bot", app="crew", run="r1", http=served.server.url, token=TOKEN, **more)


async def test_a_kill_is_obeyed_and_answered(serve):
    async with serve(tokens=AGENT, recheck_s=120.0, keepalive_s=120.0) as served, guard_for(served) as guard:
        await guard.check()
        running = asyncio.create_task(guard.run(asyncio.sleep(60)))
        await asyncio.sleep(0)
        served.kill(RUN)
        with pytest.raises(AgentKilled, match="the same again and again"):
            await asyncio.wait_for(running, 20)
        await eventually(lambda: len(served.acks.taken) == 3)
    assert [ack.state for ack in served.acks.taken] == ["received", "accepted", "effective"]


async def test_a_pause_ends_when_it_is_taken_back(serve):
    async with serve(tokens=AGENT) as served, guard_for(served) as guard:
        served.kill(RUN, level=Level.pause)
        await eventually(lambda: guard.epoch == 1)
        held = asyncio.create_task(guard.check())
        await eventually(lambda: any(ack.state == "effective" for ack in served.acks.taken))
        assert not held.done()
        served.kill(RUN, level=Level.observe)
        await asyncio.wait({held}, timeout=20)
        assert held.done()


async def test_a_throttle_is_counted_by_the_api(serve):
    async with serve(tokens=AGENT) as served, guard_for(served) as guard:
        served.kill(RUN, level=Level.throttle, limit=60.0)
        await eventually(lambda: guard.epoch == 1)
        await guard.check()
        held = asyncio.create_task(guard.check())
        await asyncio.wait({held}, timeout=0.3)
        assert not held.done()
        served.now += 1.0
        await asyncio.wait({held}, timeout=20)
        assert held.done()


async def test_a_thread_guard_and_its_events_over_http(serve):
    async with serve(tokens=AGENT) as served:
        stopped = threading.Event()

        def agent() -> None:
            with ThreadGuard("bot", app="crew", run="r1", http=served.server.url, token=TOKEN) as guard:
                guard.emit(op="chat", input="hello", input_tokens=3)
                guard.emit(op="chat", input_tokens=-3)
                try:
                    while True:
                        guard.check()
                        guard.stopping.wait(0.005)
                except AgentKilled:
                    stopped.set()

        thread = threading.Thread(target=agent)
        thread.start()
        await eventually(lambda: served.ingest.events)
        served.kill("default/crew/agent/bot")
        await eventually(stopped.is_set)
        await asyncio.to_thread(thread.join, 20)
    assert [(e.agent, e.input, e.epoch) for e in served.ingest.events] == [("bot", "hello", 0)]


async def test_a_batch_that_is_refused_in_part_is_not_sent_again(serve):
    async with serve(tokens=AGENT) as served:
        emitter = Emitter(http_url=served.server.url, token=TOKEN)
        for step in range(5):
            emitter.emit(agent="bot", tenant="default", step=step)
            emitter.emit(agent="bot", tenant="another", step=step)
        assert await emitter.aflush(20)
        await emitter.aclose()
    assert [event.step for event in served.ingest.events] == [0, 1, 2, 3, 4]
    assert (emitter.sent, emitter.refused) == (5, 5)


async def test_a_wrong_token_fails_closed(serve):
    options = GuardOptions(fail="closed", fail_after_s=0.2)
    async with serve(tokens=AGENT) as served:
        guard = Guard("bot", http=served.server.url, token="aw_wrong", options=options)
        async with guard:
            with pytest.raises(AgentStopped):
                await guard.check()


REFUSED = {
    "aw_guard": (" 403 to events: this needs the role producer; the token needs the role 'producer'", ""),
    "aw_producer": ("", " 403 to the stream of commands: this needs the role guard; the token needs the role 'guard'"),
    "aw_none": (
        " 401 to events: the token is not known; the token needs the role 'producer'",
        " 401 to the stream of commands: the token is not known; the token needs the role 'guard'",
    ),
    "aw_bound": ("", " 403 to the stream of commands: this token is bound to tenant 'other'"),
}


async def test_a_token_that_is_refused_is_told_once_as_a_mistake_and_not_as_an_absence(serve, caplog):
    tokens = (
        TokenOptions(name="g", roles=("guard",), sha256=hash_token("aw_guard")),
        TokenOptions(name="p", roles=("producer",), sha256=hash_token("aw_producer")),
        TokenOptions(name="b", roles=("guard", "producer"), tenant="other", sha256=hash_token("aw_bound")),
    )
    often = BackoffOptions(min_s=0.005, max_s=0.01)

    def told() -> list[tuple[str, str]]:
        return [(one.levelname, one.getMessage()) for one in caplog.records if one.name == "agentwatch.client"]

    def said(event: str) -> bool:
        return any(event in words for _, words in told())

    sending = EmitterOptions(backoff=often, max_events=2, batch=1, close_s=0.05)
    async with serve(tokens=tokens) as served:
        for token, (events, commands) in REFUSED.items():
            caplog.clear()
            guard = Guard("bot", http=served.server.url, token=token, options=GuardOptions(reconnect=often))
            async with guard, Emitter(http_url=served.server.url, token=token, options=sending) as emitter:
                for _ in range(9 if events else 1):
                    emitter.emit(agent="bot")
                if events:
                    await eventually(lambda: said("emitter_not_admitted"))
                    assert not await emitter.aflush(0.1)
                else:
                    assert await emitter.aflush(20)
                if commands:
                    await eventually(lambda: said("guard_not_admitted"))
            assert (emitter.sent, emitter.dropped) == ((0, 9) if events else (1, 0))
            errors = [words for level, words in told() if level == "ERROR"]
            assert len(errors) == bool(events) + bool(commands), told()
            for wanted, event in ((events, "emitter_not_admitted"), (commands, "guard_not_admitted")):
                assert not wanted or any(event in one and wanted in one.replace("\\'", "'") for one in errors), errors
            assert not said("emitter_server_away"), told()
    assert not served.ingest.events[2:]


async def test_the_emitter_waits_for_the_api_to_come_back(serve):
    async with serve(tokens=AGENT) as served:
        async with Emitter(http_url=served.server.url, token=TOKEN) as emitter:
            served.ingest.down = True
            emitter.emit(agent="bot", step=1)
            assert not await emitter.aflush(0.3)
            served.ingest.down = False
            assert await emitter.aflush(20)
        assert [event.step for event in served.ingest.events] == [1]
        assert emitter.sent == 1
