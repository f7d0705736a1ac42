"""Kills that stand: what was killed stays dead, and what is started in its place is killed at once."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from agentwatch.records import Change, Decision, Event, Level, Origin
from agentwatch.subject import parse, task_subject

__all__ = ["Relation", "Tombstone", "TombstoneOptions", "Tombstones"]

Relation = Literal["same", "descendant", "restart"]
_Key = tuple[str, str, str]  # tenant, app, run or root


class TombstoneOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many kills are remembered, and how many runs that were started below killed ones."""

    max_tombstones: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    max_descendants: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000


class Tombstone(Struct, frozen=True, kw_only=True):
    """A standing effective kill. `decision` is what was decided, with its reason and evidence."""

    subject: str
    decision: Decision
    at: float
    expires_at: float


class _State(Struct):
    stones: list[Tombstone]
    tasks: dict[str, str]
    descendants: list[tuple[str, str, str, str]]
    dropped: dict[str, int] = field(default_factory=dict)


class Tombstones:
    """Effective kills by subject, found from an event in a few look-ups.

    A tombstone matches the killed run or tree, whatever was started below it, and new runs of the same (app, agent,
    task) with a task that is not empty; never other runs of the same agent. It ends at its expiry, or when an operator
    takes the kill back; the ladder going down does not end it.
    """

    def __init__(self, options: TombstoneOptions) -> None:
        self._options = options
        self._stones: OrderedDict[str, Tombstone] = OrderedDict()
        self._covers: dict[tuple[str, ...], str] = {}  # what an event is asked by → subject of its tombstone
        self._tasks: dict[str, str] = {}  # task subject → subject of its tombstone
        self._descendants: OrderedDict[_Key, str] = OrderedDict()
        self.dropped = {"tombstones": 0, "descendants": 0}

    def __len__(self) -> int:
        return len(self._stones)

    @property
    def descendants(self) -> int:
        """Count the runs that were found below killed ones."""
        return len(self._descendants)

    def fold(self, decision: Decision) -> None:
        """Take a decision of the log: an effective kill is remembered, an operator's lesser one ends it."""
        if decision.change is Change.verified:
            return
        if decision.level is not Level.kill:
            if decision.origin is Origin.operator:
                self.lift(decision.subject)
        elif not decision.gate:
            self._add(decision)

    def lift(self, subject: str) -> bool:
        """End the tombstone of a subject; False where there is none."""
        if subject not in self._stones:
            return False
        self._forget({subject})
        return True

    def match(self, event: Event) -> Tombstone | None:
        """Find the tombstone that an event's run comes under, at the event's own time.

        A run found below a killed one is remembered, so that its own children are found too.
        """
        if not self._stones:
            return None
        tenant, app = event.tenant, event.app
        subject = (
            self._covers.get((tenant, app, "run", event.run))
            or self._covers.get((tenant, app, "root", event.root_run))
            or self._descendants.get((tenant, app, event.run))
        )
        if subject is None and (event.parent_run or event.root_run != event.run):
            subject = self._below(event)
        if subject is None:
            subject = self._wide(event)
        if subject is None and event.task:
            subject = self._tasks.get(task_subject(tenant, app, event.agent, event.task))
        stone = None if subject is None else self._stones.get(subject)
        return stone if stone is not None and event.ts < stone.expires_at else None

    def relation(self, stone: Tombstone, event: Event) -> Relation:
        """Tell how a matched event comes under it: `same` is reached by the kill's own command, the others are not."""
        decision = stone.decision
        scope = parse(stone.subject)[0]
        if scope == "run":
            if event.run == decision.run:
                return "same"
            below = (event.tenant, event.app, event.run) in self._descendants
            return "descendant" if below else "restart"
        if scope == "root":
            return "same" if event.root_run == decision.root_run else "restart"
        return "same"

    def expire(self, now: float) -> None:
        """Forget tombstones whose time is over."""
        ended = {stone.subject for stone in self._stones.values() if stone.expires_at <= now}
        if ended:
            self._forget(ended)

    def standing(self) -> tuple[Tombstone, ...]:
        """List the tombstones, oldest first."""
        return tuple(self._stones.values())

    def snapshot(self) -> bytes:
        """Encode everything that must survive a restart."""
        below = [(*key, subject) for key, subject in self._descendants.items()]
        return msgspec.msgpack.encode(_State(list(self._stones.values()), self._tasks, below, self.dropped))

    def restore(self, data: bytes) -> None:
        """Take over an encoded state."""
        state = msgspec.msgpack.decode(data, type=_State)
        self._stones = OrderedDict((stone.subject, stone) for stone in state.stones)
        self._covers = {_key(stone.decision): stone.subject for stone in state.stones}
        self._tasks = state.tasks
        self._descendants = OrderedDict(((t, a, r), subject) for t, a, r, subject in state.descendants)
        self.dropped = state.dropped

    def absorb(self, other: "Tombstones", mine: Callable[[str], bool]) -> None:
        """Take over the kills of another whose subjects are `mine`, with what was found below them."""
        for subject, stone in other._stones.items():
            if mine(subject):
                self._stones[subject] = stone
                self._covers[_key(stone.decision)] = subject
        self._tasks.update({task: subject for task, subject in other._tasks.items() if subject in self._stones})
        below = other._descendants.items()
        self._descendants.update({key: subject for key, subject in below if subject in self._stones})

    def _add(self, decision: Decision) -> None:
        subject = decision.subject
        known = self._stones.get(subject)
        if known is not None and decision.change not in (Change.up, Change.released):
            # issued anew or made to last longer: what it was decided for stays as it was
            self._stones[subject] = msgspec.structs.replace(known, expires_at=decision.expires_at)
            return
        stone = Tombstone(subject=subject, decision=decision, at=decision.at, expires_at=decision.expires_at)
        self._stones[subject] = stone
        self._stones.move_to_end(subject)
        self._covers[_key(decision)] = subject
        # what catches a restart does not make the task's tombstone live longer, else it would never end
        task = _task(decision)
        if task and (decision.origin is not Origin.tombstone or task not in self._tasks):
            self._tasks[task] = subject
        while len(self._stones) > self._options.max_tombstones:
            self._forget({next(iter(self._stones))})
            self.dropped["tombstones"] += 1

    def _forget(self, subjects: set[str]) -> None:
        for subject in subjects:
            decision = self._stones.pop(subject).decision
            self._covers.pop(_key(decision), None)
        self._tasks = {task: name for task, name in self._tasks.items() if name not in subjects}
        for key in [key for key, name in self._descendants.items() if name in subjects]:
            del self._descendants[key]

    def _wide(self, event: Event) -> str | None:
        """Find the kill of a whole agent, app or tenant."""
        for key in ((event.tenant, event.app, "agent", event.agent), (event.tenant, event.app, "app")):
            if key in self._covers:
                return self._covers[key]
        return self._covers.get((event.tenant, "", "tenant"))

    def _below(self, event: Event) -> str | None:
        parent = (event.tenant, event.app, event.parent_run)
        subject = (
            self._descendants.get(parent)
            or self._covers.get((event.tenant, event.app, "run", event.parent_run))
            or self._covers.get((event.tenant, event.app, "run", event.root_run))  # the killed run is the tree's top
        )
        if subject is not None:
            self._descendants[(event.tenant, event.app, event.run)] = subject
            if len(self._descendants) > self._options.max_descendants:
                self._descendants.popitem(last=False)
                self.dropped["descendants"] += 1
        return subject


def _key(decision: Decision) -> tuple[str, ...]:
    """Make what an event is looked up by, of what was killed."""
    scope, tenant, app, ids = parse(decision.subject)
    return (tenant, app, scope, *ids) if scope != "app" else (tenant, app, "app")


def _task(decision: Decision) -> str:
    """Name the task whose next run must not live; empty where the kill was not one of a run."""
    scope, tenant, app, _ = parse(decision.subject)
    if scope == "task":
        return decision.subject
    if scope in ("run", "root") and decision.task and decision.agent:
        return task_subject(tenant, app, decision.agent, decision.task)
    return ""
