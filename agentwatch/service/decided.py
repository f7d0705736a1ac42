"""What was decided and what stands: the decision log in the store, the standing decisions in memory."""

import time
from collections.abc import AsyncIterator, Callable, Sequence

from agentwatch.act.command import command_of
from agentwatch.errors import BadRequest
from agentwatch.ports import DecisionLog
from agentwatch.records import Command, Decision
from agentwatch.service.hub import Hub
from agentwatch.service.ruling import in_force
from agentwatch.service.worker import Worker
from agentwatch.views import DecisionFilter, Page, RulesView

__all__ = ["Decided"]

_PAGE = 500
_LONGEST = 18  # digits of a number that fits in a stream's position
_SCAN = 20_000  # decisions looked at for one answer: a filter that fits nothing must end, too


class Decided:
    """Answers `DecisionQueries` for one worker."""

    def __init__(self, worker: Worker, log: DecisionLog, hub: Hub, clock: Callable[[], float] = time.time) -> None:
        self._worker = worker
        self._log = log
        self._hub = hub
        self._clock = clock

    async def decisions(self, wanted: DecisionFilter) -> Page:
        """List decisions, newest first. `active` asks what stands now instead of the log."""
        found: list[Decision] = []
        before = _number(wanted.before, "before") if wanted.before else self._worker.pipeline.positions.seq + 1
        if wanted.active:
            now = self._worker.last_batch_at or self._clock()
            standing = sorted(self._worker.pipeline.ledgers.standing.in_force(now), key=lambda d: -d.seq)
            found = [d for d in standing if d.seq < before and _fits(d, wanted)][: wanted.limit]
            return Page(decisions=tuple(found), next=str(found[-1].seq) if len(found) == wanted.limit else "")
        looked = 0
        while before > 1 and len(found) < wanted.limit and looked < _SCAN:
            first = max(0, before - 1 - _PAGE)
            page = [d for _, d in await self._log.decisions(f"{first}-0", before - 1 - first)]
            page = [d for d in page if d.seq < before]
            looked += _PAGE
            before = first + 1
            for decision in reversed(page):
                if _fits(decision, wanted):
                    found.append(decision)
                    if len(found) == wanted.limit:
                        before = decision.seq
                        break
        return Page(decisions=tuple(found), next=str(before) if before > 1 else "")

    async def decision(self, id: str) -> Decision | None:
        """Find one decision in the log: its id ends in its number."""
        number = id.rpartition("-")[2]
        if not number.isdecimal() or len(number) > _LONGEST:
            return None
        page = await self._log.decisions(f"{int(number) - 1}-0" if int(number) > 0 else "0-0", 1)
        return next((decision for _, decision in page if decision.id == id), None)

    def standing(self, subjects: Sequence[str]) -> Command | None:
        """Tell the hardest unexpired command among those of the given subjects."""
        found = self._worker.pipeline.ledgers.standing.covering(subjects, self._clock())
        return None if found is None else command_of(found)

    def rules(self) -> RulesView:
        """List the rules in force, with what each matched since the policy was read."""
        return in_force(self._worker.pipeline, self._worker.last_batch_at or self._clock())

    async def watch(self, after: str = "") -> AsyncIterator[tuple[str, Decision]]:
        """Yield committed decisions with their log position, oldest first, until closed."""
        seen = _number(after, "after") if after else self._worker.pipeline.positions.seq
        watcher = self._hub.watch()
        try:
            while after:
                page = await self._log.decisions(f"{seen}-0", _PAGE)
                if not page:
                    break
                for position, decision in page:
                    seen = decision.seq
                    yield position, decision
            async for position, decision in watcher.read():
                if decision.seq > seen:
                    yield position, decision
        finally:
            self._hub.leave(watcher)


def _number(position: str, field: str) -> int:
    """Read the decision's number out of a log position, or raise `BadRequest`."""
    number = position.partition("-")[0]
    if not number.isdecimal() or len(number) > _LONGEST:
        raise BadRequest(f"{position!r} is no position of the decision log", field)
    return int(number)


def _fits(decision: Decision, wanted: DecisionFilter) -> bool:
    return (
        (not wanted.tenant or decision.tenant == wanted.tenant)
        and (not wanted.subject or decision.subject == wanted.subject)
        and (not wanted.agent or decision.agent == wanted.agent)
        and (wanted.level is None or decision.level is wanted.level)
    )
