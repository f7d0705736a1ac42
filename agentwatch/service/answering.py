"""The answers of several seats as one: each question goes to the seat that it concerns, lists are merged.

With one partition every question goes straight through. With several a place in a list is written as one number for
each partition, `0_120-1_98`, so that no decision is shown twice or left out between two parts of a list. What a subject
is asked about that another worker serves ends in `Elsewhere`, which the control API follows; lists hold what this
worker serves, and the status says which partitions those are.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing

from msgspec.structs import replace

from agentwatch.cancellation import end
from agentwatch.errors import BadRequest, Unavailable
from agentwatch.ports import Accepted, ControlIntake
from agentwatch.records import AllowEntry, Command, Control, DeadLetter, Decision, Incident
from agentwatch.service.operations import checked
from agentwatch.service.ruling import together
from agentwatch.service.seat import Answers, Seat
from agentwatch.service.seats import Seats
from agentwatch.service.summing import summed
from agentwatch.views import (
    AgentView,
    ApprovalView,
    BreakerView,
    DecisionFilter,
    Explanation,
    IncidentPage,
    Page,
    RulesView,
    RunView,
    StatusView,
)

__all__ = ["AllDead", "AllDecided", "AllDesks", "AllFleets", "AllIncidents"]

_END_S = 1.0
_ALL = 1_000_000


def _answers(seat: Seat) -> Answers:
    if seat.answers is None:
        raise AssertionError(f"seat {seat.index} was made without answers")
    return seat.answers


class AllFleets:
    """`FleetQueries` of every seat."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats

    def status(self) -> StatusView:
        """Describe the daemon at one glance: sums over its partitions, and the details of the first."""
        held = self._seats.held
        views = [_answers(seat).fleet.status() for seat in held]
        if not views:
            return _answers(self._seats.any()).fleet.status()
        return summed(views, tuple(seat.index for seat in held)) if len(views) > 1 else views[0]

    def agents(self, tenant: str | None) -> Sequence[AgentView]:
        """List the tracked agents, most expensive first."""
        found = [view for seat in self._seats.held for view in _answers(seat).fleet.agents(tenant)]
        return sorted(found, key=lambda view: -view.cost_nusd) if len(self._seats.held) > 1 else found

    def agent(self, subject: str) -> AgentView | None:
        """Show an agent with its signals and runs."""
        return _answers(self._seats.of(subject)).fleet.agent(subject)

    def run(self, subject: str) -> RunView | None:
        """Show a run with its signals and last steps."""
        return _answers(self._seats.of(subject)).fleet.run(subject)

    def explain(self, subject: str) -> Explanation | None:
        """Say why a subject is where it is."""
        return _answers(self._seats.of(subject)).fleet.explain(subject)


class AllDecided:
    """`DecisionQueries` of every seat."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats

    async def decisions(self, wanted: DecisionFilter) -> Page:
        """List decisions, newest first."""
        held = self._seats.held or (self._seats.any(),)
        if wanted.subject and "/" in wanted.subject:
            held = (self._seats.of(wanted.subject),)
        if len(held) == 1 and len(self._seats.spread.owners) == 1:
            return await _answers(held[0]).decisions.decisions(wanted)
        before = _places(wanted.before, "before")
        rows: list[tuple[int, Decision]] = []
        more: dict[int, str] = {}
        for seat in held:
            if wanted.before and seat.index not in before:
                continue  # that partition's list was at its end
            page = await _answers(seat).decisions.decisions(replace(wanted, before=before.get(seat.index, "")))
            rows += [(seat.index, decision) for decision in page.decisions]
            if page.next:
                more[seat.index] = page.next
        rows.sort(key=lambda row: (-row[1].at, -row[1].seq))
        shown = rows[: wanted.limit]
        cut = {index: str(decision.seq + 1) for index, decision in reversed(rows[wanted.limit :])}
        return Page(decisions=tuple(decision for _, decision in shown), next=_written({**more, **cut}))

    async def decision(self, id: str) -> Decision | None:
        """Find one decision in the log; its id names its partition."""
        index = id.removeprefix("d").partition("-")[0]
        if not self._seats.has(index):
            return None
        return await _answers(self._seats.seat(int(index))).decisions.decision(id)

    def standing(self, subjects: Sequence[str]) -> Command | None:
        """Tell the hardest unexpired command among those of the given subjects, which are all of one app."""
        inner = next((subject for subject in subjects if "/" in subject), "")
        seat = self._seats.of(inner) if inner else self._seats.any()
        return _answers(seat).decisions.standing(subjects)

    def rules(self) -> RulesView:
        """List the rules in force, with what each matched in the partitions that are served here."""
        held = self._seats.held or (self._seats.any(),)
        return together([_answers(seat).decisions.rules() for seat in held])

    async def watch(self, after: str = "") -> AsyncIterator[tuple[str, Decision]]:
        """Yield committed decisions of all seats with their log position, oldest first, until closed.

        A seat that is taken later is not in it: a watch ends where the seats change, and the reader comes back.
        """
        held = self._seats.held or (self._seats.any(),)
        if len(held) == 1 and len(self._seats.spread.owners) == 1:
            async with aclosing(_answers(held[0]).decisions.watch(after)) as found:  # type: ignore[type-var]  # a generator
                async for row in found:
                    yield row
            return
        places = _places(after, "after")
        queue: asyncio.Queue[tuple[int, str, Decision]] = asyncio.Queue(maxsize=1000)
        readers = [
            asyncio.create_task(_pass_on(seat, places.get(seat.index, ""), queue), name=f"watch-{seat.index}")
            for seat in held
        ]
        try:
            while self._seats.held == held:
                getting = asyncio.ensure_future(queue.get())
                try:
                    done, _ = await asyncio.wait({getting, *readers}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    getting.cancel()  # nothing, where it has got one
                if getting not in done:
                    for reader in done:
                        reader.result()
                    continue
                index, position, decision = getting.result()
                places[index] = position.partition("-")[0]
                yield _written(places), decision
        finally:
            await end(readers, _END_S)


async def _pass_on(seat: Seat, after: str, queue: "asyncio.Queue[tuple[int, str, Decision]]") -> None:
    async for position, decision in _answers(seat).decisions.watch(after):
        await queue.put((seat.index, position, decision))


class AllIncidents:
    """`IncidentQueries` of every seat."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats

    def incidents(self, tenant: str, app: str, state: str, before: str, limit: int) -> IncidentPage:
        """List incidents, latest opened first."""
        held = self._seats.held or (self._seats.any(),)
        if len(held) == 1:
            return _answers(held[0]).incidents.incidents(tenant, app, state, before, limit)
        pages = [_answers(seat).incidents.incidents(tenant, app, state, "", _ALL) for seat in held]
        found = sorted((one for page in pages for one in page.incidents), key=lambda one: (-one.opened_at, one.id))
        if before:
            at = next((at for at, one in enumerate(found) if one.id == before), None)
            if at is None:
                raise BadRequest(f"{before!r} is no incident that is known", "before")
            found = found[at + 1 :]
        return IncidentPage(incidents=tuple(found[:limit]), next=found[limit - 1].id if len(found) > limit else "")

    def incident(self, id: str) -> Incident | None:
        """Find an incident by its id, open or over; None for one that is not known, or no longer."""
        held = self._seats.held or (self._seats.any(),)
        found = (_answers(seat).incidents.incident(id) for seat in held)
        return next((one for one in found if one is not None), None)

    def silences(self) -> Sequence[AllowEntry]:
        """List whose alerts are held now."""
        held = self._seats.held or (self._seats.any(),)
        found = {entry.pattern: entry for seat in held for entry in _answers(seat).incidents.silences()}
        return tuple(found.values())


class AllDesks:
    """`Operations` over every partition. `intake`: the way to partitions that another worker serves."""

    def __init__(self, seats: Seats, intake: ControlIntake) -> None:
        self._seats = seats
        self._intake = intake

    async def submit(self, control: Control) -> Accepted:
        """Append the control and wait until it is committed: of what concerns every partition, in one of them.

        What concerns a partition that another worker serves is handed on, and nobody here can wait for it.
        """
        try:
            seat = self._seats.of(control.subject) if "/" in control.subject else self._seats.any()
        except Unavailable:
            checked(control)
            await self._intake.append(control)
            return Accepted(control_id=control.id)
        return await _answers(seat).operations.submit(control)

    def allow_list(self) -> Sequence[AllowEntry]:
        """List the unexpired entries of the allow list."""
        found = {entry.pattern: entry for seat in self._working() for entry in _answers(seat).operations.allow_list()}
        return tuple(found.values())

    def breakers(self) -> Sequence[BreakerView]:
        """List the breakers' states."""
        return [view for seat in self._working() for view in _answers(seat).operations.breakers()]

    def approvals(self) -> Sequence[ApprovalView]:
        """List the decisions that wait for a human."""
        return [view for seat in self._working() for view in _answers(seat).operations.approvals()]

    def mode(self) -> tuple[str, dict[str, str]]:
        """Tell the global mode and the rules' own modes."""
        return _answers(self._seats.any()).operations.mode()

    def _working(self) -> Iterable[Seat]:
        return self._seats.held or (self._seats.any(),)


class AllDead:
    """`DeadLetters` of every seat. With several partitions an id is the entry's with its partition before it."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats

    async def dead(self, before: str, limit: int) -> Sequence[tuple[str, DeadLetter]]:
        """List dead letters, newest first."""
        held = self._seats.held
        if len(self._seats.spread.owners) == 1:
            return await _answers(self._seats.any()).dead.dead(before, limit)
        edge = before.partition("_")[2]
        found = [
            (f"{seat.index}_{position}", letter)
            for seat in held
            for position, letter in await _answers(seat).dead.dead(edge, limit)
        ]
        return sorted(found, key=lambda row: _stream_order(row[0]), reverse=True)[:limit]

    async def requeue(self, id: str) -> str:
        """Put the original back on the events stream; returns its new entry id."""
        index, marked, entry = id.partition("_")
        if not marked:
            return await _answers(self._seats.any()).dead.requeue(id)
        if not self._seats.has(index):
            raise BadRequest(f"{id!r} names no partition", "id")
        return await _answers(self._seats.seat(int(index))).dead.requeue(entry)


def _stream_order(id: str) -> tuple[int, int]:
    first, _, second = id.partition("_")[2].partition("-")
    return int(first), int(second or 0)


def _written(places: dict[int, str]) -> str:
    """Write a place in the lists of several partitions."""
    return "-".join(f"{index}_{number}" for index, number in sorted(places.items()))


def _places(text: str, field: str) -> dict[int, str]:
    """Read it again. Raises `BadRequest`."""
    found: dict[int, str] = {}
    for part in text.split("-") if text else ():
        index, _, number = part.partition("_")
        if not (index.isdecimal() and number.isdecimal()) or len(index) > 4:
            raise BadRequest(f"{text!r} is no place in the lists of several partitions", field)
        found[int(index)] = number
    return found
