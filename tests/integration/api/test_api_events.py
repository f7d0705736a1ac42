"""Events come in whole, in part, or not at all, and the answer says which."""

import asyncio
import json
import random
import time

from agentwatch.api.options import LimitOptions

GOOD = {"agent": "bot", "op": "chat", "input": "hello"}
NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}


async def test_one_an_array_and_lines_are_all_taken(api) -> None:
    producer = api.clients["producer"]
    assert (await producer.post("/v1/events", json=GOOD)).json() == {"accepted": 1, "ids": ["1-0"]}
    assert (await producer.post("/v1/events", json=[GOOD, GOOD])).json()["ids"] == ["2-0", "3-0"]
    lines = "\n".join([json.dumps(GOOD)] * 3) + "\r\n\n"
    answer = await producer.post("/v1/events", content=lines, headers=NDJSON)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 3)
    assert len(api.ingest.events) == 6


async def test_bad_lines_are_named_and_the_good_ones_taken(api) -> None:
    lines = [
        json.dumps(GOOD).encode(),
        b"",
        b'{"agent": 7}',
        b"\xff\xfe",
        b'{"agent": "bot", "op": "dance"}',
        b"[" * 5000,
        json.dumps(GOOD).encode(),
    ]
    answer = await api.clients["producer"].post("/v1/events", content=b"\n".join(lines), headers=NDJSON)
    assert answer.status_code == 422
    body = answer.json()
    assert (body["type"], body["accepted"], body["errors_total"]) == ("urn:agentwatch:problem:bad-events", 2, 4)
    assert [(e["index"], e["line"], e["field"]) for e in body["errors"]] == [
        (1, 3, "agent"), (2, 4, ""), (3, 5, "op"), (4, 6, ""),
    ]  # fmt: skip
    assert all(e["reason"] for e in body["errors"])
    assert len(api.ingest.events) == 2


async def test_bad_events_of_an_array_are_named_even_where_json_itself_is_not_acceptable(api) -> None:
    body = b'[{"agent":"a"}, {"agent":"b","input":"\\ud800"}, {"agent":"c"} , 5, {"agent":"d","x":1}]'
    answer = await api.clients["producer"].post("/v1/events", content=body, headers=JSON)
    assert answer.status_code == 422
    assert [e["index"] for e in answer.json()["errors"]] == [1, 3, 4]
    assert [e.agent for e in api.ingest.events] == ["a", "c"]


REFUSED_WHOLE = [
    (b"", JSON, 400),
    (b"  \n ", NDJSON, 400),
    (b"[]", JSON, 400),
    (b"[" * 100_000, JSON, 400),
    (b'[{"agent":"a"}', JSON, 400),
    (b'[{"agent":"a"}]]', JSON, 400),
    (b'[{"agent":"a"} {"agent":"a"}]', JSON, 400),
    (b'{"agent":"a"', JSON, 422),
    (b'{"agent":' * 50_000, JSON, 422),
    (b"nonsense", JSON, 422),
    (b"\xff\xfe\x00", JSON, 422),
    (b'{"agent":"a"}', {"Content-Type": "text/plain"}, 415),
    (b'{"agent":"a"}', {}, 415),
    (b'{"agent":"a"}', {**JSON, "Content-Encoding": "gzip"}, 415),
    (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    (b'[{"agent":"a"},{"agent":"a"},{"agent":"a"},{"agent":"a"}]', JSON, 413),
    (b'{"agent":"a"}\n' * 4, NDJSON, 413),
    (b"\n" * 1000, NDJSON, 413),
    (b'{"agent":"%s"}' % (b"x" * 500_000), JSON, 413),
]


async def test_what_is_no_list_of_events_is_refused_whole(serve) -> None:
    async with serve(limits=LimitOptions(events=3, body_bytes=460_000, event_bytes=500_000)) as api:
        for body, headers, status in REFUSED_WHOLE:
            answer = await api.clients["producer"].post("/v1/events", content=body, headers=headers)
            assert answer.status_code == status, (body[:50], answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert "reason" in answer.json()["errors"][0]
            assert not api.ingest.events


async def test_a_body_without_an_announced_length_is_cut_off_too(serve) -> None:
    async with serve(limits=LimitOptions(body_bytes=100_000)) as api:

        async def chunks():
            for _ in range(50):
                yield b" " * 10_000

        answer = await api.clients["producer"].post("/v1/events", content=chunks(), headers=JSON)
        assert answer.status_code == 413


async def test_an_event_that_is_too_long_is_named_and_the_others_taken(serve) -> None:
    async with serve(limits=LimitOptions(event_bytes=1000)) as api:
        long = {**GOOD, "input": "x" * 1000}
        answer = await api.clients["producer"].post("/v1/events", json=[GOOD, long, GOOD])
        assert answer.status_code == 422
        assert answer.json()["errors"] == [{"field": "", "reason": "longer than 1000 bytes", "index": 1}]
        assert len(api.ingest.events) == 2


async def test_only_so_many_errors_are_told(serve) -> None:
    async with serve(limits=LimitOptions(errors_told=5)) as api:
        body = (await api.clients["producer"].post("/v1/events", json=[{}] * 20)).json()
        assert (len(body["errors"]), body["errors_total"], body["accepted"]) == (5, 20, 0)


async def test_a_store_that_is_down_is_503_and_says_when_to_come_again(api) -> None:
    api.ingest.down = True
    answer = await api.clients["producer"].post("/v1/events", json=GOOD)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_control_bodies_have_a_smaller_limit(api) -> None:
    body = {"subject": "t/a", "cmd": "kill", "author": "a", "reason": "r" * 70_000}
    answer = await api.clients["operator"].post("/v1/decisions", json=body)
    assert answer.status_code == 413


async def test_deep_nesting_of_control_bodies_is_refused(api) -> None:
    for body in (b"[" * 30_000, b'{"subject":' * 3000, b'{"subject":"\xff"}', b"{", b"nul"):
        answer = await api.clients["operator"].post("/v1/decisions", content=body, headers=JSON)
        assert answer.status_code == 400, (body[:20], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


def fuzz_bodies(count: int, seed: int):
    """Broken and odd bodies: cut, flipped, repeated and invented ones, and a fixed corpus."""
    rng = random.Random(seed)
    base = json.dumps([GOOD, {**GOOD, "tags": {"a": "b"}, "cost_usd": 1.5}]).encode()
    fixed = [
        b"null", b"true", b"-", b"1e999", b'"', b'"agent"', b"[null]", b"[[]]", b"[{}]", b"{}", b"{]", b"[}",
        b'{"agent":null}', b'{"agent":[]}', b'{"agent":""}', b'{"agent":"a","ts":1e999}', b'{"agent":"a","ts":"x"}',
        b'{"agent":"a","v":2}', b'{"agent":"a","input_tokens":-1}', b'{"agent":"a","input_tokens":1e30}',
        b'{"agent":"a","tags":[]}', b'{"agent":"a","fp":{"kid":1}}', b'{"agent":"a","agent":"b"}', b"\xef\xbb\xbf{}",
        b'{"agent":"\\u0000"}', b'{"agent":"\\ud800"}', b'{"agent":"a","input":"\xc3\x28"}', b"\x00" * 100,
        b'{"agent":"a"}' + b" " * 1000, b"9" * 5000, b"[" + b"9" * 5000 + b"]", b'[{"agent":"a"},]', b"[,]", b"[1,,2]",
    ]  # fmt: skip
    yield from fixed
    for _ in range(count - len(fixed)):
        body = bytearray(base if rng.random() < 0.7 else rng.choice(fixed))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(body) + 1)
            match rng.randrange(5):
                case 0:
                    body = body[:at]
                case 1:
                    body[at:at] = bytes([rng.randrange(256)])
                case 2:
                    del body[at : at + rng.randint(1, 8)]
                case 3:
                    body[at:at] = rng.choice([b"[", b"{", b'"', b"\\", b"\n", b"\xff", b",", b"}", b"]", b"1e9"]) * 3
                case 4:
                    body += body[: rng.randrange(60)]
        yield bytes(body)


async def test_no_body_whatever_is_answered_by_500_and_good_events_among_them_arrive(api) -> None:
    api.ticks = time.monotonic  # the rate of a token is bounded, and real
    producer = api.clients["producer"]
    bodies = list(fuzz_bodies(1000, seed=7))
    sent_good = 0
    statuses: dict[int, int] = {}
    started = time.thread_time()  # no body takes long; how busy the machine is says nothing of that

    async def send(part: list[bytes]) -> None:
        nonlocal sent_good
        for number, body in enumerate(part):
            headers = NDJSON if number % 2 else JSON
            answer = await producer.post("/v1/events", content=body, headers=headers)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            assert answer.status_code in (202, 400, 413, 422), (body, answer.text)
            if answer.status_code != 202:
                problem = answer.json()
                assert problem["errors"], body
                assert all("field" in e and e["reason"] for e in problem["errors"])
            if number % 20 == 0:
                await producer.post("/v1/events", json={"agent": "among-them"})
                sent_good += 1

    await asyncio.gather(*(send(bodies[n::4]) for n in range(4)))
    assert sum(1 for e in api.ingest.events if e.agent == "among-them") == sent_good
    assert sum(statuses.values()) >= 1000
    assert time.thread_time() - started < 30
    assert (await api.clients["nobody"].get("/healthz")).status_code == 200
