"""Lets what is known of a run, a tree, an agent or an app go when that itself is tracked no longer.

What is tracked is forgotten by the app's own clock or by count (`detect.population`), at an event; with it goes at
once what was measured and a warning's level, so that verdicts follow from the events alone. What stood is ended by a
decision of the log at a later tick, some at a time. So a replay and a restart forget alike.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import islice

import msgspec
from msgspec import Struct, field

from agentwatch.deciding import Decider, Ledgers
from agentwatch.detect.population import Extent, Population
from agentwatch.errors import Incompatible
from agentwatch.policy.approval import APPROVAL
from agentwatch.records import Decision, Level
from agentwatch.subject import agent_subject, app_subject, parse, root_subject, run_subject

__all__ = ["Forgetting"]

_LOOK_AGAIN_S = 60.0
_REASON = "what it was about is tracked no longer: it ended, was idle, or had to make room"


class _State(Struct, array_like=True):
    due: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, float] = field(default_factory=dict)
    let_go: int = 0


class Forgetting:
    """Subjects that are tracked no longer and of which a level or a decision is still known, by their ends.

    What binds an agent is never let go before its lease ends: a command in force, a kill that the gate holds back, a
    question for approval. Bounded by the ladder and what stands, for of nothing else there is anything to let go.
    let_go: warnings and lesser levels that ended this way.
    """

    def __init__(self, decider: Decider, ledgers: Ledgers, population: Callable[[], Population]) -> None:
        self._decider = decider
        self._ledgers = ledgers
        self._population = population
        self._due: dict[str, int] = {}  # the number of the decision that stood then
        self._waiting: dict[str, float] = {}  # until when something binds
        self._ends: list[tuple[float, str]] = []  # the same as a heap
        self.let_go = 0

    def __len__(self) -> int:
        return len(self._due) + len(self._waiting)

    def note(self) -> None:
        """Take in what the last event made the population forget; to be called for each event, learnt again or new."""
        population = self._population()
        if not population.gone:
            return
        gone, population.gone = population.gone, []  # once: not each event is admitted by the population itself
        for extent, tenant, app, name in gone:
            if self._ledgers.ladder.concerns((name,)):
                self._consider(_subject(extent, tenant, app, name))

    def settle(self, now: float, limit: int) -> None:
        """Let up to `limit` subjects go, those first that ended first."""
        while self._ends and self._ends[0][0] <= now:
            subject = heappop(self._ends)[1]
            del self._waiting[subject]
            self._due[subject] = 0
        for subject, seq in list(islice(self._due.items(), limit)):
            del self._due[subject]
            self._let_go(subject, seq, now)

    def look_over(self) -> None:
        """Find what earlier versions left behind: all that stands for what is tracked no longer."""
        for subject in self._ledgers.ladder.subjects():
            if subject not in self._waiting and _is_gone(self._population(), subject):
                self._consider(subject)

    def absorb(self, other: "Forgetting", mine: Callable[[str], bool]) -> None:
        """Take over what is to be let go of those subjects of another that are `mine`."""
        self._due.update({subject: seq for subject, seq in other._due.items() if mine(subject)})
        for subject, until in other._waiting.items():
            if mine(subject):
                self._wait(subject, until)

    def snapshot(self) -> bytes:
        """Encode what is still to be let go."""
        return msgspec.msgpack.encode(_State(self._due, self._waiting, self.let_go))

    def restore(self, data: bytes) -> None:
        """Take over an encoded state. Raises `Incompatible` for what cannot be read."""
        try:
            state = msgspec.msgpack.decode(data, type=_State)
        except msgspec.MsgspecError as error:
            raise Incompatible(f"what is to be forgotten cannot be read: {error}") from error
        self._due, self._waiting, self.let_go = state.due, state.waiting, state.let_go
        self._ends = [(until, subject) for subject, until in state.waiting.items()]
        heapify(self._ends)

    def _consider(self, subject: str) -> None:
        """Judge it anew if it comes back, unless something harder than a warning stands; that is looked at later."""
        ladder, stood = self._ledgers.ladder, self._ledgers.standing.get(subject)
        if ladder.level(subject) <= Level.warn:
            ladder.forget(subject)
            if stood is None:
                return
        if subject not in self._waiting:
            self._due[subject] = 0 if stood is None else stood.seq

    def _let_go(self, subject: str, seq: int, now: float) -> None:
        stood = self._ledgers.standing.get(subject)
        if not _is_gone(self._population(), subject) and (
            stood is None or stood.seq != seq or self._ledgers.ladder.level(subject) > Level.observe
        ):
            return  # it came back before, and what stands now is about what it did since
        if stood is None:
            self._ledgers.ladder.forget(subject)
            return
        until = _binds_until(stood, self._ledgers.standing.effective(subject), now)
        if until > now:
            self._wait(subject, until)
            return
        self.let_go += 1
        self._decider.ended(stood, _REASON)

    def _wait(self, subject: str, until: float) -> None:
        if subject not in self._waiting:
            self._waiting[subject] = until
            heappush(self._ends, (until, subject))


def _binds_until(stood: Decision, effective: Decision | None, now: float) -> float:
    """Tell until when what stands must not be let go, as far as is known now; the past where nothing does."""
    if effective is not None and effective.expires_at <= 0:
        return now + _LOOK_AGAIN_S  # it stands until somebody ends it
    until = 0.0 if effective is None else effective.expires_at
    if stood.gate and stood.level is Level.kill:
        until = max(until, stood.expires_at or now + _LOOK_AGAIN_S)
    if stood.gate == APPROVAL:
        until = max(until, now + _LOOK_AGAIN_S)
    return until


def _subject(extent: Extent, tenant: str, app: str, name: str) -> str:
    if extent == "run":
        return run_subject(tenant, app, name)
    if extent == "root":
        return root_subject(tenant, app, name)
    return agent_subject(tenant, app, name) if extent == "agent" else app_subject(tenant, app)


def _is_gone(population: Population, subject: str) -> bool:
    """Tell whether a subject is one of those that are tracked while they live, and is not tracked now."""
    scope, tenant, app, ids = parse(subject)
    if scope in ("tenant", "task"):
        return False
    return not population.knows(scope, tenant, app, ids[0] if ids else app)
