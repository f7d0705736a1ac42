"""Money that is spent while nobody is there: a schedule that beats far faster than it says, a task without an end.

What is cheap only warns: a beat that costs nothing may come as often as it likes.
"""

from typing import Annotated

from msgspec import Meta, Struct
from xxhash import xxh3_64_intdigest

from agentwatch.counting import counted
from agentwatch.detect.attempts import job_key
from agentwatch.detect.beats import Asked, Beats
from agentwatch.detect.history import IDS
from agentwatch.detect.jobs import came, noted
from agentwatch.detect.state import AgentState, RunState, Scope
from agentwatch.records import Evidence, Level, Observation, Signal
from agentwatch.subject import agent_subject, run_subject, task_subject

__all__ = ["Unattended", "UnattendedOptions"]

FEWEST = 4  # fast beats in a row: a schedule that makes up for what it missed runs twice or three times
AT_ONCE_S = 1.0  # beats closer than this are one
RECORDS = 32  # of an app
DECAY = 0.98  # of what was the most, at each time the agent is asked
_USD = 1_000_000_000
_BEATS = frozenset(("heartbeat", "run_start"))

Times = Annotated[float, Meta(gt=1, le=10_000)]
Dollars = Annotated[float, Meta(ge=0, le=1e6)]
Many = Annotated[int, Meta(ge=1, le=65_536)]


class UnattendedOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """How many times faster than declared, and how many times the usual spending, is worth a warning, and a kill.

    dear_usd: dollars an hour from which beats may be killed for. spend_usd: spending since the last trigger below
    which nothing is said, and `spend_asked` how often the agent must have been asked before there is a usual.
    wakes: how many schedules of an app are remembered.
    """

    enabled: bool = True
    warn: Times = 3.0
    kill: Times = 10.0
    dear_usd: Dollars = 1.0
    spend_usd: Dollars = 2.0
    spend_asked: Many = 8
    wakes: Many = 256


class Unattended:
    """Warns of beats that come too fast, and of spending far beyond what being asked once usually costs."""

    kind = "unattended"
    hears_silence = True

    def __init__(self, options: UnattendedOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge what is spent now by how often the agent woke, and what it was last asked."""
        beats = state.app.beats
        if beats:
            found = beats.get(_run_key(state.run)) or beats.get(state.run.rare.woken or job_key(seen, state))
            if found is not None and found.fast >= FEWEST:
                return self._beating(seen, state, found)
        asked = state.agent.asked
        if asked is not None and asked.count >= self.options.spend_asked:
            return self._spending(seen, state, asked)
        return None

    def learn(self, seen: Observation, state: Scope) -> None:
        """Note who woke the agent, and when."""
        event, run = seen.event, state.run
        if event.interval_s is not None:
            run.noted().interval_s = event.interval_s
        if run.rare.interval_s and event.trigger in ("schedule", None):
            key = self._woken(seen, state)
            if key:
                self._beat(seen, state, key)
        if event.trigger in ("human", "schedule") or run.rare.asked_nusd >= 0:
            _ask(seen, state)

    def _woken(self, seen: Observation, state: Scope) -> int:
        """Name the schedule that this event is a beat of; 0 where it is none."""
        event, run = seen.event, state.run
        if run.events > 1 and event.trigger == "schedule":
            again = run.rare.woken and not run.task and event.op == "chat" and job_key(seen, state) == run.rare.woken
            if event.op in _BEATS or again:
                return _run_key(run)
        if not run.rare.woken and run.root == run.run and event.op not in _BEATS:
            run.noted().woken = job_key(seen, state)
            return run.rare.woken
        return 0

    def _beat(self, seen: Observation, state: Scope, key: int) -> None:
        app, agent, interval_s = state.app, state.agent, state.run.rare.interval_s
        before = came(app.wakes, key)
        if before is not None and seen.now - before < AT_ONCE_S:
            return
        app.wakes = noted(app.wakes, key, seen.now, self.options.wakes)
        beats = app.beats
        if before is None or seen.now - before >= interval_s / self.options.warn:
            if beats is not None:
                beats.pop(key, None)
            return
        if beats is None:
            beats = app.beats = {}
        found = beats.get(key)
        if found is None:
            if len(beats) >= RECORDS:
                del beats[min(beats, key=lambda one: beats[one].last)]
            found = beats[key] = Beats(
                before, seen.now, interval_s, seen.index, seen.event.id, agent.tokens, agent.cost_nusd, agent.unpriced
            )
        found.fast += 1
        found.last = seen.now
        found.ids = [*found.ids, seen.event.id][-IDS:]

    def _beating(self, seen: Observation, state: Scope, beats: Beats) -> Signal:
        options, agent, run = self.options, state.agent, state.run
        mean_s = max(beats.last - beats.since, 1.0) / beats.fast
        times = beats.interval_s / mean_s
        cost = max(0, agent.cost_nusd - beats.cost_nusd)
        hourly = cost / _USD / max(seen.now - beats.since, 60.0) * 3600.0
        dear = cost > 0 and hourly >= options.dear_usd
        subject, most = _subject(run, beats is (state.app.beats or {}).get(_run_key(run)))
        money = f"${hourly:,.2f} an hour" if cost else "what it costs is not known"
        return Signal(
            kind=self.kind,
            subject=subject,
            strength=max(1.0, times / options.warn),
            kill_at=max(1.01, options.kill / options.warn),
            ceiling=most if dear else Level.warn,
            confidence=0.9 if dear else 0.7,
            reason=f"it declares a beat every {beats.interval_s:,.0f} s and beats every {mean_s:,.0f} s: {money}",
            speaks_for=(f"{beats.fast} beats in a row, {times:,.0f} times as fast as declared", money),
            speaks_against=() if dear else ("it costs little",),
            evidence=Evidence(
                count=beats.fast + 1,
                onset_index=beats.index,
                onset_id=beats.event_id,
                since=beats.since,
                last=seen.now,
                event_ids=tuple(beats.ids),
                model=seen.event.model or run.model,
                tokens=max(0, agent.tokens - beats.tokens),
                cost_nusd=cost,
                unpriced=max(0, agent.unpriced - beats.unpriced),
            ),
        )

    def _spending(self, seen: Observation, state: Scope, asked: Asked) -> Signal | None:
        options, run = self.options, state.run
        spent = run.cost_nusd - run.rare.asked_nusd
        if run.rare.asked_nusd < 0 or spent < options.spend_usd * _USD or spent < options.warn * asked.most_nusd:
            return None
        usual = asked.most_nusd / _USD
        return Signal(
            kind=self.kind,
            subject=run_subject(run.tenant, run.app, run.run),
            strength=max(1.0, spent / max(1.0, options.warn * asked.most_nusd)),
            kill_at=max(1.01, options.kill / options.warn),
            ceiling=Level.throttle,
            confidence=0.6,
            reason=f"${spent / _USD:,.2f} spent since it was last asked; the most so far was ${usual:,.2f}",
            speaks_for=(f"it was asked {counted(asked.count, 'time')} before",),
            speaks_against=("a larger task costs more",),
            evidence=Evidence(
                count=run.chats,
                onset_index=run.first_index,
                since=run.rare.asked_at,
                last=seen.now,
                event_ids=(seen.event.id,),
                model=seen.event.model or run.model,
                cost_nusd=spent,
            ),
        )


def _run_key(run: RunState) -> int:
    return xxh3_64_intdigest(run.run.encode()) or 1


def _subject(run: RunState, one_run: bool) -> tuple[str, Level]:
    """Name who beats: one run, else the task whose runs they are, else the agent, which is slowed down at most."""
    if one_run:
        return run_subject(run.tenant, run.app, run.run), Level.kill
    if run.task:
        return task_subject(run.tenant, run.app, run.agent, run.task), Level.kill
    return agent_subject(run.tenant, run.app, run.agent), Level.throttle


def _ask(seen: Observation, state: Scope) -> None:
    """Close what was spent on the last asking, at the next one or at the end of the run."""
    run, agent = state.run, state.agent
    ends = seen.event.op == "run_end"
    if not ends and seen.event.trigger not in ("human", "schedule"):
        return
    if run.rare.asked_nusd >= 0:
        _spent(agent, run.cost_nusd - (seen.cost_nusd or 0) * (not ends) - run.rare.asked_nusd)
    run.noted().asked_nusd = -1 if ends else run.cost_nusd - (seen.cost_nusd or 0)
    run.noted().asked_at = seen.now


def _spent(agent: AgentState, nusd: int) -> None:
    asked = agent.asked
    if asked is None:
        asked = agent.asked = Asked()
    asked.count += 1
    asked.most_nusd = max(int(asked.most_nusd * DECAY), nusd)
