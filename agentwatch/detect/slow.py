"""The same document or prompt over hours or days, with nearly the same made of it, across runs and agents."""

from typing import Annotated

from msgspec import Meta, Struct
from xxhash import xxh3_64_intdigest

from agentwatch.detect.grade import grade
from agentwatch.detect.history import IDS
from agentwatch.detect.hitters import Hitters, Recurrence
from agentwatch.detect.outcome import Outcome, Weighed, outcome_of, weigh
from agentwatch.detect.state import Scope
from agentwatch.records import Evidence, Level, Observation, Signal
from agentwatch.subject import agent_subject, app_subject, run_subject

__all__ = ["Slow", "SlowOptions"]

CAP = 60.0
LEAK = 1.5  # what an answer that says something new takes off
LEAST_WORDS = 8  # a shorter prompt ("continue") says too little to be one and the same
SPARSE_S = 60.0  # a run with more time than this for each event comes back to things at leisure
DOCUMENTS = 4  # of one event that are looked at

Weight = Annotated[float, Meta(gt=0, le=1000)]
Seconds = Annotated[float, Meta(ge=0, le=366 * 86400.0)]
Many = Annotated[int, Meta(ge=1, le=65_536)]


class SlowOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Weights of answers that bring nothing new to what came before, hard and soft together to warn.

    gap_s: what comes again sooner is not slow, and other detectors' business. span_s: for how long it must have gone
    on. kill_usd: dollars that all of it must have cost before it may be killed for; below it pauses. keys, records: how
    many documents and prompts of an app are remembered, and of how many of them what was made of them.
    """

    enabled: bool = True
    warn: Weight = 3.0
    kill: Weight = 14.0
    gap_s: Seconds = 60.0
    span_s: Seconds = 1800.0
    kill_usd: Annotated[float, Meta(ge=0)] = 1.0
    keys: Many = 256
    records: Many = 32


class Slow:
    """Warns of work that is done over and over at leisure; it pauses, and with money in it kills."""

    kind = "slow"

    def __init__(self, options: SlowOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event by what was made of the same document or prompt before."""
        hitters = state.app.hitters
        if hitters is None or not hitters.known:
            return None
        best: Signal | None = None
        for key in _keys(seen, state):
            known = hitters.known.get(key)
            if known is not None and seen.now - known.last >= self.options.gap_s:
                found = self._judge(seen, state, known)
                if found is not None and (best is None or found.strength > best.strength):
                    best = found
        return best

    def learn(self, seen: Observation, state: Scope) -> None:
        """Take in what came and what was made of it."""
        for key in _keys(seen, state):
            hitters = state.app.hitters
            if hitters is None:
                hitters = state.app.hitters = Hitters()
            known = hitters.known.get(key) if hitters.known is not None else None
            if known is not None:
                self._again(known, seen)
                continue
            before = hitters.came_at(key)
            if before is None or seen.now - before >= self.options.gap_s:
                hitters.note(key, seen.now, self.options.keys)
            if before is not None and seen.now - before >= self.options.gap_s:
                hitters.record(key, _begin(seen, before), self.options.records)

    def _judge(self, seen: Observation, state: Scope, known: Recurrence) -> Signal | None:
        outcome = outcome_of(seen)
        weight = weigh(outcome, known)
        total, hard = known.stale + weight.total, known.hard + weight.hard
        if not weight.total or total < self.options.warn or seen.now - known.since < self.options.span_s:
            return None
        graded = grade(hard, total, self.options.warn, self.options.kill)
        cost = known.cost_nusd + (seen.cost_nusd or 0)
        ceiling = self._ceiling(graded.ceiling, outcome, weight, cost)
        if ceiling is Level.observe:
            return None
        what = "document" if seen.event.documents else "prompt"
        hours = (seen.now - known.since) / 3600
        return Signal(
            kind=self.kind,
            subject=_subject(seen, state, known),
            strength=graded.strength,
            kill_at=graded.kill_at,
            ceiling=ceiling,
            confidence=graded.confidence,
            reason=f"the same {what} {known.count + 1} times in {hours:.1f} hours, with nothing new made of it",
            speaks_for=(weight.words, f"{total:.1f} answers in all brought nothing new"),
            speaks_against=("it runs on a schedule",) if outcome.scheduled else (),
            evidence=Evidence(
                count=known.count + 1,
                period=1,
                onset_index=known.index,
                onset_id=known.event_id,
                since=known.since,
                last=seen.now,
                event_ids=(*known.ids, seen.event.id)[-IDS:],
                model=seen.event.model or state.run.model,
                tokens=known.tokens + _tokens(seen),
                cost_nusd=cost,
                unpriced=known.unpriced + _unpriced(seen),
            ),
        )

    def _ceiling(self, graded: Level, outcome: Outcome, weight: Weighed, cost_nusd: int) -> Level:
        """Tell the most that may follow: the dearer, the more; a schedule that costs little is as it should be."""
        dear = cost_nusd >= self.options.kill_usd * 1e9
        if outcome.scheduled:
            return Level.warn if dear else Level.observe
        if weight.faint:
            return Level.warn
        if dear:
            return graded
        return Level.pause if outcome.document else Level.warn

    def _again(self, known: Recurrence, seen: Observation) -> None:
        outcome = outcome_of(seen)
        known.tokens += _tokens(seen)
        known.cost_nusd += seen.cost_nusd or 0
        known.unpriced += _unpriced(seen)
        if seen.now - known.last < self.options.gap_s:
            return
        weight = weigh(outcome, known)
        if weight.total:
            known.stale = min(CAP, known.stale + weight.total)
            known.hard = min(CAP, known.hard + weight.hard)
        elif weight.fresh:
            known.stale = max(0.0, known.stale - LEAK)
            known.hard = max(0.0, known.hard - LEAK)
            if not known.stale:
                known.since, known.index, known.event_id, known.count = seen.now, seen.index, seen.event.id, 0
                known.tokens, known.cost_nusd, known.unpriced = _tokens(seen), seen.cost_nusd or 0, _unpriced(seen)
        known.count += 1
        known.last = seen.now
        known.agent = known.agent if known.agent == seen.event.agent else ""
        known.run = known.run if known.run == seen.event.run else ""
        known.ids = [*known.ids, seen.event.id][-IDS:]
        _keep(known, outcome)


def _keys(seen: Observation, state: Scope) -> tuple[int, ...]:
    """Name what may come again: the documents of an event, else the prompt that begins a run or ends a rest."""
    event = seen.event
    if event.trigger == "human" or event.status in ("error", "denied", "rate_limited"):
        return ()
    if event.documents:
        return tuple(xxh3_64_intdigest(one.encode()) for one in dict.fromkeys(event.documents[:DOCUMENTS]))
    told = seen.prints.input
    if told is None or told.words < LEAST_WORDS or event.op not in ("chat", "message", "invoke_agent"):
        return ()
    said = state.reading.said
    if said is not None and said.acted:
        return ()  # what a tool brought is no prompt
    run = state.run
    if run.chats > 1 and (seen.now - run.started) < SPARSE_S * run.events:
        return ()
    return (told.masked or 1,)


def _begin(seen: Observation, since: float) -> Recurrence:
    event = seen.event
    known = Recurrence(event.agent, event.run, since, seen.now, seen.index, event.id, count=2, ids=[event.id])
    known.tokens, known.cost_nusd, known.unpriced = _tokens(seen), seen.cost_nusd or 0, _unpriced(seen)
    _keep(known, outcome_of(seen))
    return known


def _keep(known: Recurrence, outcome: Outcome) -> None:
    known.told, known.numbers = outcome.told, outcome.numbers
    print_ = outcome.answer
    known.output, known.shape, known.words, known.sketch = (
        (print_.masked, print_.shape, print_.words, print_.sketch) if print_ is not None else (0, 0, 0, b"")
    )


def _subject(seen: Observation, state: Scope, known: Recurrence) -> str:
    """Name who keeps doing it: one run, else one agent in many runs, else the app."""
    run = state.run
    if known.run == seen.event.run:
        return run_subject(run.tenant, run.app, run.run)
    if known.agent == seen.event.agent:
        return agent_subject(run.tenant, run.app, state.agent.agent)
    return app_subject(run.tenant, run.app)


def _tokens(seen: Observation) -> int:
    return (seen.event.input_tokens or 0) + (seen.event.output_tokens or 0)


def _unpriced(seen: Observation) -> int:
    return int(seen.cost_nusd is None and _tokens(seen) > 0)
