"""Events for benchmarks: a fleet that works, of which a share is caught in loops; the same for the same seed."""

import random

import msgspec

__all__ = ["workload"]


def _words(rng: random.Random) -> list[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(rng.choice(letters) for _ in range(rng.randint(2, 9))) for _ in range(4000)]


def _text(rng: random.Random, words: list[str], size: int) -> str:
    said: list[str] = []
    length = 0
    while length < size:
        word = rng.choice(words) if rng.random() > 0.05 else str(rng.randint(0, 99999))
        said.append(word)
        length += len(word) + 1
    return " ".join(said)[:size]


def workload(count: int, *, runs: int, size: int, looping: float, start: float, seed: int = 1) -> list[bytes]:
    """Make `count` encoded events of `runs` runs, in turn, `size` bytes of text each, from unix time `start` on."""
    rng = random.Random(seed)
    words = _words(rng)
    loops = {run: _text(rng, words, size * 4 // 5) for run in range(int(runs * looping))}
    return [msgspec.json.encode(_event(rng, words, at, at % runs, size, loops, start)) for at in range(count)]


def _event(
    rng: random.Random, words: list[str], at: int, run: int, size: int, loops: dict[int, str], start: float
) -> dict[str, object]:
    event: dict[str, object] = {
        "id": f"e{at}",
        "ts": start + at * 0.001,
        "app": f"app-{run % 97}",
        "agent": f"agent-{run % 97}",
        "run": f"run-{run}",
        "provider": "openai",
        "model": "gpt-4o",
    }
    turn = at // max(1, len(loops) or 1)
    if turn % 2:
        said = {"input": _text(rng, words, size * 3 // 5), "output": _text(rng, words, size * 2 // 5)}
        return {**event, **said, "op": "chat", "input_tokens": 900, "output_tokens": 100}
    if run in loops:
        return {**event, "op": "execute_tool", "tool": "search", "arguments": '{"q": "again"}', "result": loops[run]}
    return {
        **event,
        "op": "execute_tool",
        "tool": rng.choice(("search", "read", "write")),
        "arguments": _text(rng, words, size // 5),
        "result": _text(rng, words, size * 4 // 5),
    }
