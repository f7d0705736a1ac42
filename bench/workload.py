"""Events for benchmarks: a fleet that works, of which a share is caught in loops; the same for the same seed."""

import random
from typing import Literal

import msgspec

from agentwatch.records import Event
from agentwatch.testing.scenarios import in_form

__all__ = ["Form", "workload"]

Form = Literal["text", "digests"]
_APPS = 97
_STRIDE = 7919  # a prime, so that each run comes once a round, and few of them have the share of looping that all have
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _words(draw: random.Random) -> list[str]:
    """Make a vocabulary of which one word in twenty is a number."""
    words = ["".join(draw.choices(_LETTERS, k=draw.randint(2, 9))) for _ in range(3800)]
    return words + [str(draw.randint(0, 99999)) for _ in range(200)]


def _text(draw: random.Random, words: list[str], size: int) -> str:
    return " ".join(draw.choices(words, k=size // 5 + 1))[:size].ljust(size, "x")


def workload(
    count: int, *, runs: int, size: int, looping: float, start: float, seed: int = 1, form: Form = "text",
    step_s: float = 0.001, agents: int = 0,
) -> list[bytes]:  # fmt: skip
    """Make `count` encoded events of `runs` runs in turn, from unix time `start` on.

    Each run has an agent of its own, or shares one of `agents`; all belong to 97 apps. Each event holds `size` bytes of
    text that is new, except that of the share `looping` of the runs, which make one call with one result again and
    again; the others call and chat. digests: the text's digests travel instead of it.
    """
    draw = random.Random(seed)
    words = _words(draw)
    loops = {run: _text(draw, words, size * 4 // 5) for run in range(int(runs * looping))}
    named = agents or runs
    made = (_event(draw, words, at, at * _STRIDE % runs, size, loops, seed, named) for at in range(count))
    timed = ({**event, "ts": start + at * step_s} for at, event in enumerate(made))
    if form == "text":
        return [msgspec.json.encode(event) for event in timed]
    return [msgspec.json.encode(in_form(msgspec.convert(event, Event), form)) for event in timed]


def _event(
    draw: random.Random, words: list[str], at: int, run: int, size: int, loops: dict[int, str], seed: int, named: int,
) -> dict[str, object]:  # fmt: skip
    event: dict[str, object] = {
        "id": f"e{seed}-{at}",
        "app": f"app-{run % _APPS}",
        "agent": f"agent-{run % named}",
        "run": f"run-{run}",
        "provider": "openai",
        "model": "gpt-4o",
    }
    if run in loops:
        return {**event, "op": "execute_tool", "tool": "search", "arguments": '{"q": "again"}', "result": loops[run]}
    if draw.random() < 0.5:
        said = {"input": _text(draw, words, size * 3 // 5), "output": _text(draw, words, size * 2 // 5)}
        return {**event, **said, "op": "chat", "input_tokens": 900, "output_tokens": 100}
    return {
        **event,
        "op": "execute_tool",
        "tool": draw.choice(("search", "read", "write")),
        "arguments": _text(draw, words, size // 5),
        "result": _text(draw, words, size * 4 // 5),
    }
