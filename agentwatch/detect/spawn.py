"""Agents that start agents that start agents: a tree of runs that grows without anything coming of it.

Number alone is no evidence: 200 different prompts, one level down, whose results come back are work that was asked for.
What counts is a prompt given again, a descendant far down, one of the same kind as its ancestors, and one that brings
nothing.
"""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.counting import counted
from agentwatch.detect.brood import Brood, Line, stem
from agentwatch.detect.grade import grade
from agentwatch.detect.history import IDS
from agentwatch.detect.state import RunState, Scope
from agentwatch.records import Evidence, Fingerprint, Observation, ResultClass, Signal
from agentwatch.subject import root_subject

__all__ = ["Spawn", "SpawnOptions"]

CAP = 4.0  # times the kill: a tree holds no more evidence
ALIKE = 0.5  # a prompt that differs in digits only: a part of a whole, or the same again
SECOND = 0.125  # one at depth 2: managers of managers are usual
DEEPER = 0.5  # one below that
BARREN = 0.5  # one that failed, brought nothing, or what another had brought
REDEEMED = 0.5  # what one that brought something new takes off the hard evidence; off the soft it takes all
STORM_S = 60.0  # ten within a minute is faster than anybody reads
STORM = 1.25
ANCESTORS = 16  # how far up kinship is looked for
CHAIN = 8  # descendants below which a deep chain is not yet hard evidence

Many = Annotated[float, Meta(ge=2, le=100_000)]
Depth = Annotated[int, Meta(ge=2, le=1000)]


class SpawnOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Weights of descendants that bring nothing new, and depths of agents that start agents of their own kind."""

    enabled: bool = True
    warn: Many = 16.0
    kill: Many = 32.0
    warn_depth: Depth = 3
    kill_depth: Depth = 5


class Child(Struct, gc=False):
    """What one event tells of a descendant. asked and prompt: a caller's word; depth and told: the run's own."""

    asked: bool = False
    prompt: Fingerprint | None = None
    depth: int = 0
    inbred: int = 0
    told: Fingerprint | None = None


class Weight(Struct, gc=False):
    """The evidence of a whole tree, in descendants that bring nothing new, and the words for it."""

    hard: float
    soft: float
    equal: int
    number: int
    storm: bool


class Spawn:
    """Warns of a tree that grows by the same prompts or by depth; it kills the tree."""

    kind = "spawn"

    def __init__(self, options: SpawnOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event, where it tells of a descendant, by the tree as it was before it."""
        brood = state.root.brood
        child = _child(seen, state) if brood is not None else None
        if child is None or brood is None:
            return None
        weight = self._weigh(seen, state, brood, child)
        total = weight.hard + weight.soft
        if total < self.options.warn:
            return None
        graded = grade(weight.hard, total, self.options.warn, self.options.kill)
        deepest = max(brood.deepest, child.depth)
        found = [f"{weight.equal} of the prompts had been given before"] if weight.equal else []
        if deepest > 1:
            found.append(f"the tree is {deepest} levels deep")
        if weight.storm:
            found.append("ten came within a minute")
        against = (f"{brood.returned} brought something new",) if brood.returned else ()
        return Signal(
            kind=self.kind,
            subject=root_subject(state.run.tenant, state.run.app, state.root.root),
            strength=graded.strength,
            kill_at=graded.kill_at,
            ceiling=graded.ceiling,
            confidence=graded.confidence,
            reason=f"{counted(weight.number, 'agent')} started below {state.root.agent}, "
            f"{counted(deepest, 'level')} deep",
            speaks_for=tuple(found),
            speaks_against=against,
            evidence=_evidence(seen, state, brood, weight.number),
        )

    def learn(self, seen: Observation, state: Scope) -> None:
        """Take in a descendant, its prompt, or what it brought."""
        if state.run.root == state.run.run and seen.event.op != "invoke_agent":
            return  # most runs are alone
        child = _child(seen, state)
        if child is not None:
            _take(seen, state, child)
        if state.root.brood is not None:
            _bring(seen, state, state.root.brood)

    def _weigh(self, seen: Observation, state: Scope, brood: Brood, child: Child) -> Weight:
        options = self.options
        equal, alike = _repeats(brood.asked, child.prompt, seen), _repeats(brood.born, child.told, seen)
        line = max((equal, alike), key=lambda pair: pair[0] + ALIKE * pair[1])
        number = max(state.root.descendants, brood.calls + child.asked)
        deeper = brood.deeper + (child.depth > 2)
        hard = max(0.0, line[0] - REDEEMED * brood.returned)
        loose = ALIKE * line[1] + SECOND * (brood.second + (child.depth == 2)) + DEEPER * deeper
        soft = max(0.0, loose + BARREN * brood.barren - brood.returned)
        burst = brood.burst_s(seen.now)
        storm = burst is not None and burst <= STORM_S
        if storm:
            hard, soft = hard * STORM, soft * STORM
        deep = self._depth(max(brood.inbred, child.inbred), max(brood.deepest, child.depth))
        if deep > hard + soft:
            hard, soft = (deep, 0.0) if number >= CHAIN and brood.inbred else (hard, deep - hard)
        most = options.kill * CAP
        return Weight(min(hard, most), min(soft, most), int(line[0]), number, storm)

    def _depth(self, inbred: int, deepest: int) -> float:
        """Put depth on the scale of numbers: the warning depth warns, the killing depth kills.

        A tree without kinship may be as deep again, as organisations are.
        """
        options = self.options
        depth = max(float(inbred), deepest / 2)
        if depth < options.warn_depth:
            return 0.0
        way = (depth - options.warn_depth) / max(1, options.kill_depth - options.warn_depth)
        return options.warn + min(1.0, way) * (options.kill - options.warn)


def _child(seen: Observation, state: Scope) -> Child | None:
    event, run = seen.event, state.run
    asked = event.op == "invoke_agent"
    below = run.root != run.run
    if not asked and (not below or (run.rare.depth and run.rare.prompted)):
        return None
    child = Child(asked=asked)
    if asked:
        child.prompt = seen.prints.input or seen.prints.arguments
    elif not run.rare.prompted and seen.prints.input is not None and seen.prints.input.words:
        child.told = seen.prints.input
    elif run.rare.depth:
        return None
    if below and not run.rare.depth:
        child.depth, child.inbred = _descent(state)
    return child


def _descent(state: Scope) -> tuple[int, int]:
    """Tell how deep a run lies, and how many generations of its own kind it ends."""
    run = state.run
    kind, kin, depth = stem(run.agent), 1, 1
    above: RunState | None = state.app.runs.get(run.parent)
    for _ in range(ANCESTORS):
        if above is None or above.run == run.root or above is run:
            break
        depth += 1
        kin += stem(above.agent) == kind
        above = state.app.runs.get(above.parent)
    return depth, kin


def _repeats(line: Line, prompt: Fingerprint | None, seen: Observation) -> tuple[float, float]:
    if prompt is None or not prompt.words:
        return line.equal, line.alike
    equal, alike = line.weigh(prompt, seen.now, -1 if seen.event.step is None else seen.event.step)
    return line.equal + equal, line.alike + alike


def _take(seen: Observation, state: Scope, child: Child) -> None:
    root, event = state.root, seen.event
    brood = root.brood
    if brood is None:
        brood = root.brood = Brood(seen.now, seen.index, event.id, root.tokens, root.cost_nusd, root.unpriced)
    step = -1 if event.step is None else event.step
    if child.asked:
        brood.calls += 1
        if child.prompt is not None and child.prompt.words:
            brood.asked.take(child.prompt, seen.now, step)
    if child.told is not None:
        state.run.noted().prompted = True
        brood.born.take(child.told, seen.now, -1)
    if child.depth:
        state.run.noted().depth = child.depth
        brood.births += 1
        brood.deepest = max(brood.deepest, child.depth)
        brood.inbred = max(brood.inbred, child.inbred)
        brood.second += child.depth == 2
        brood.deeper += child.depth > 2
    if child.asked or (child.depth and brood.births > brood.calls):
        brood.spawned(seen.now)
    brood.ids = [*brood.ids, event.id][-IDS:]


def _bring(seen: Observation, state: Scope, brood: Brood) -> None:
    """Take in what a descendant brought: told by its caller, or by itself as it ends."""
    event, run = seen.event, state.run
    failed = event.status in ("error", "denied")
    if event.op == "invoke_agent":
        told = seen.prints.result or seen.prints.output
        if told is not None and told.klass is not ResultClass.bare:
            brood.brought(0 if failed or told.klass is not ResultClass.content else told.masked)
    elif event.op == "run_end" and run.root != run.run:
        brood.brought(0 if failed else _last_word(run))


def _last_word(run: RunState) -> int:
    """Give the digest of the last that a run said, else of the last answer it had; 0 where there was nothing."""
    spoken = run.own.spoken
    if spoken is not None and spoken.outputs:
        return int.from_bytes(spoken.outputs[-8:], "little")
    return run.own.result_at(run.own.window - 1) if run.own.calls else 0


def _evidence(seen: Observation, state: Scope, brood: Brood, number: int) -> Evidence:
    root = state.root
    return Evidence(
        count=number,
        onset_index=brood.index,
        onset_id=brood.event_id,
        since=brood.since,
        last=seen.now,
        event_ids=tuple([*brood.ids, seen.event.id][-IDS:]),
        digests=tuple(f"{one:016x}" for one in (brood.asked.last, brood.born.last) if one),
        model=seen.event.model or state.run.model,
        tokens=max(0, root.tokens - brood.tokens),
        cost_nusd=max(0, root.cost_nusd - brood.cost_nusd),
        unpriced=max(0, root.unpriced - brood.unpriced),
    )
