"""Lets a kill cover its whole tree: what runs below it already, and what is started in its place or below it later."""

from collections.abc import Iterator

from agentwatch.act.tombstone import Tombstone, Tombstones
from agentwatch.deciding import Decider, harms_anew
from agentwatch.detect.bank import Bank
from agentwatch.records import Decision, Event, Observation, Prints
from agentwatch.subject import parse, root_subject
from agentwatch.views import RunView

__all__ = ["Spread"]


class Spread:
    """Decides the kills that follow from a kill: of runs that its own command does not reach."""

    def __init__(self, decider: Decider, stones: Tombstones, bank: Bank) -> None:
        self._decider = decider
        self._stones = stones
        self._bank = bank

    def catch(self, seen: Observation) -> None:
        """Kill a run at its first event where it comes under a kill."""
        stone = self._stones.match(seen.event)
        if stone is not None and self._stones.relation(stone, seen.event) != "same":
            self._decider.revived(stone, seen, self._decider.rulebook.match(seen.event).rule)

    def cover(self) -> None:
        """Kill what runs below the runs that were just killed: it reads other keys than theirs."""
        while self._decider.killed:
            kill = self._decider.killed.pop()
            for stone, event in self._below(kill):
                seen = Observation(kill.index, kill.position, kill.ts, event, Prints())
                self._decider.revived(stone, seen, self._decider.rulebook.match(event).rule)

    def recall(self, decision: Decision) -> None:
        """Remember what ran below a run when it was killed; what was decided about it follows in the log."""
        if harms_anew(decision):
            for _ in self._below(decision):
                pass

    def _below(self, kill: Decision) -> Iterator[tuple[Tombstone, Event]]:
        """Find the runs that live below a killed one, each with an event that stands for it."""
        if parse(kill.subject)[0] != "run":
            return
        tree = self._bank.fleet.tree(root_subject(kill.tenant, kill.app, kill.root_run))
        for run in sorted(tree, key=lambda view: (view.started_at, view.run)):
            event = _standing_for(run, kill)
            stone = None if run.ended else self._stones.match(event)
            if stone is not None and self._stones.relation(stone, event) == "descendant":
                yield stone, event


def _standing_for(run: RunView, kill: Decision) -> Event:
    return Event(
        id=kill.event_id,
        ts=kill.ts,
        op="heartbeat",
        tenant=run.tenant,
        app=run.app,
        agent=run.agent,
        run=run.run,
        root_run=run.root_run,
        parent_run=run.parent_run,
        task=run.task,
        team=run.team,
    )
