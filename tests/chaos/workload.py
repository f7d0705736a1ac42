"""What the daemon is to work on: loops and look-alikes, many apps of each, one block after another."""

import itertools
import random
import time
from collections import deque
from collections.abc import Sequence

import msgspec

from agentwatch.config import Config
from agentwatch.records import Change, Decision, Level, Origin
from agentwatch.service.composing import make_rulebook
from agentwatch.service.replaying import Replay
from agentwatch.testing import LOOK_ALIKES, LOOPS

__all__ = ["Verdict", "app_of", "events", "issued", "judged", "mixed", "replayed", "verdict"]

Verdict = tuple[object, ...]


def events(copies: int) -> list[bytes]:
    """Every loop and look-alike as an app of its own, interleaved, so many times over under other names.

    The last event of a block is a moment old, so that nothing is ahead of the time and no lease ends within a run.
    """
    lines: list[bytes] = []
    now = time.time() - 5.0
    for copy in range(copies):
        runs = []
        for name, make in sorted({**LOOPS, **LOOK_ALIKES}.items()):
            app = f"{name}-{copy}"
            runs.append([msgspec.structs.replace(e, app=app, id=f"{app}/{at}") for at, e in enumerate(make())])
        mixed = [event for row in itertools.zip_longest(*runs) for event in row if event is not None]
        shift = now - max(event.ts or 0.0 for event in mixed)
        lines += [msgspec.json.encode(msgspec.structs.replace(e, ts=(e.ts or 0.0) + shift)) for e in mixed]
    return lines


def app_of(line: bytes) -> str:
    """Tell whose event it is."""
    return str(msgspec.json.decode(line)["app"])


def mixed(lines: Sequence[bytes], chance: random.Random) -> list[bytes]:
    """Mix the apps otherwise; within an app the order stays the producer's."""
    order = [app_of(line) for line in lines]
    queues: dict[str, deque[bytes]] = {}
    for app, line in zip(order, lines, strict=True):
        queues.setdefault(app, deque()).append(line)
    chance.shuffle(order)
    return [queues[app].popleft() for app in order]


def verdict(decision: Decision) -> Verdict:
    """What was judged, before the gate, and by which entry of the stream."""
    evidence = decision.evidence
    return (
        *(decision.event_id, decision.subject, decision.kind, decision.change, decision.level, decision.previous),
        *(decision.reason, decision.speaks_for, decision.speaks_against, round(decision.confidence, 9)),
        *(evidence.count, evidence.period, evidence.onset_id, evidence.event_ids, evidence.cost_nusd, decision.index),
    )


def judged(decision: Decision) -> bool:
    """Tell whether a decision is one that the events alone lead to: what time leads to differs between runs."""
    return decision.origin is Origin.policy and decision.change in (Change.up, Change.down)


def issued(decision: Decision) -> bool:
    """Tell whether a decision touches an agent."""
    return not decision.gate and decision.level >= Level.throttle


def replayed(lines: list[bytes]) -> list[Verdict]:
    """The verdicts of the same events out of a file."""
    replay = Replay(Config(), make_rulebook(Config(), {}))
    return [verdict(d) for d in replay.changes(enumerate(lines, 1)) if judged(d)]
