"""Shapes of behaviour as events: loops, and what only looks like one."""

from collections.abc import Callable, Sequence

from agentwatch.records import Event
from agentwatch.testing.trace import Trace

__all__ = [
    "LOOK_ALIKES",
    "LOOPS",
    "STALE",
    "batch",
    "cycle",
    "edit_and_test",
    "exact_repeat",
    "failures",
    "human_turns",
    "monologue",
    "pagination",
    "pingpong",
    "poll_with_progress",
    "retry_then_success",
    "same_failure",
    "stagnation",
]

_WORDS = (
    *("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "juniper", "knoll", "lagoon"),
    *("meadow", "nectar", "orchard", "prairie", "quarry", "ridge", "summit", "thicket", "upland", "valley", "willow"),
    *("xenon", "yonder", "zephyr", "anchor", "beacon", "copper", "dynamo", "engine", "furnace"),
)


def prose(seed: int, words: int = 24) -> str:
    """Write text that is a function of the seed alone and shares no two-word shingle with most other seeds."""
    state = seed * 2654435761 + 97
    said = []
    for _ in range(words):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        said.append(_WORDS[(state >> 33) % len(_WORDS)])
    return f"{' '.join(said)} number {seed}."


def exact_repeat(count: int = 24) -> list[Event]:
    """Search for the same thing again and again, with the same answer."""
    trace = Trace()
    for _ in range(count):
        trace.call("search", {"query": "quarterly report 2031"}, "3 documents: alpha report, beta report, gamma report")
    return trace.events


def same_failure(count: int = 24) -> list[Event]:
    """Make the same call again and again, which fails alike."""
    trace = Trace()
    for _ in range(count):
        trace.call("deploy", {"to": "staging"}, "error: permission denied for user deploy", status="error")
    return trace.events


def cycle(rounds: int = 12, period: int = 3, noise_every: int = 0) -> list[Event]:
    """Go round `period` calls, with a foreign one every `noise_every` calls."""
    trace = Trace()
    for at in range(rounds * period):
        part = at % period
        trace.call(
            f"tool{part}", {"part": part}, f"the answer of part {part} is {_WORDS[part % len(_WORDS)]} as before"
        )
        if noise_every and at % noise_every == noise_every - 1:
            trace.call("note", {"text": prose(at)}, prose(at + 1000))
    return trace.events


def stagnation(count: int = 24) -> list[Event]:
    """Search for ever other things and find nothing."""
    trace = Trace()
    for at in range(count):
        trace.call("search", {"query": prose(at, 6)}, "no results found for this query", status="empty")
    return trace.events


def failures(count: int = 24) -> list[Event]:
    """Call the same broken service with rewordings of the same thing and get the same error."""
    trace = Trace()
    for at in range(count):
        arguments = {"url": "https://api.example.com/items", "attempt": at}
        trace.call("http_get", arguments, "error: connection refused by host api", status="error")
    return trace.events


def monologue(count: int = 24) -> list[Event]:
    """Announce the work and never do it."""
    trace = Trace()
    for _ in range(count):
        trace.say("I have gathered everything that is needed, so let me now write the final document for you in full.")
    return trace.events


def pingpong(rounds: int = 20) -> list[Event]:
    """Two agents thank each other."""
    trace = Trace("alice")
    for _ in range(rounds):
        trace.send("bob", "Thank you so much for the update, please let me know if there is anything else to do.")
        trace.send("alice", "You are very welcome, just tell me whenever there is anything else I can do.", agent="bob")
    return trace.events


def poll_with_progress(count: int = 24) -> list[Event]:
    """Ask a job for its state until it is done."""
    trace = Trace(gap_s=30.0)
    for at in range(count):
        trace.call("job_status", {"job": "build-7"}, f"running: {100 * at // count} % done, {count - at} parts left")
    return trace.call("job_status", {"job": "build-7"}, "finished: artifacts uploaded").events


def pagination(count: int = 24) -> list[Event]:
    """Read a list page by page."""
    trace = Trace()
    for at in range(count):
        trace.call("list_items", {"page": at}, f"page {at}: {prose(at, 30)}")
    return trace.events


def batch(count: int = 24) -> list[Event]:
    """Do the same to many files, each answered alike."""
    trace = Trace()
    for at in range(count):
        trace.call("add_header", {"path": f"src/{_WORDS[at % len(_WORDS)]}_{at}.py"}, "ok")
    return trace.events


def retry_then_success(count: int = 6) -> list[Event]:
    """Fail twice, succeed, go on to the next thing."""
    trace = Trace(gap_s=5.0)
    for at in range(count):
        arguments = {"url": f"https://api.example.com/{_WORDS[at]}"}
        for _ in range(2):
            trace.call("fetch", arguments, "error: 503 service unavailable", status="error")
        trace.call("fetch", arguments, prose(at, 40), status="ok")
    return trace.events


def edit_and_test(count: int = 12) -> list[Event]:
    """Edit a file and run the tests, which fail less each time."""
    trace = Trace()
    for at in range(count):
        trace.call("edit", {"path": "src/parser.py", "text": prose(at)}, "file edited")
        left = count - at - 1
        trace.call("run_tests", {"target": "tests"}, f"{left} failed, {40 - left} passed: {prose(at + 500, 12)}")
    return trace.events


def human_turns(count: int = 16) -> list[Event]:
    """Answer a human who asks ever other things."""
    trace = Trace(gap_s=20.0)
    for at in range(count):
        trace.say(prose(at + 300), told=prose(at, 18), trigger="human")
    return trace.events


LOOPS: dict[str, Callable[[], Sequence[Event]]] = {
    "exact_repeat": exact_repeat,
    "cycle": cycle,
    "same_failure": same_failure,
    "stagnation": stagnation,
    "failures": failures,
    "monologue": monologue,
    "pingpong": pingpong,
}
# One event over and over: evidence of any kind may only grow while it lasts.
STALE: dict[str, Callable[[int], Sequence[Event]]] = {
    "exact_repeat": exact_repeat,
    "same_failure": same_failure,
    "monologue": monologue,
}
LOOK_ALIKES: dict[str, Callable[[], Sequence[Event]]] = {
    "poll_with_progress": poll_with_progress,
    "pagination": pagination,
    "batch": batch,
    "retry_then_success": retry_then_success,
    "edit_and_test": edit_and_test,
    "human_turns": human_turns,
}
