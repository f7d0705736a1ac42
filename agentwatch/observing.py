"""From raw entries to what the detectors see: decoded, fingerprinted, priced, and placed where each event belongs."""

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agentwatch.act.commit import Draft
from agentwatch.act.standing import Standing
from agentwatch.cost.ledger import Ledger
from agentwatch.cost.prices import Pricer
from agentwatch.detect.bank import Bank
from agentwatch.detect.state import Scope
from agentwatch.fingerprint.batch import Fingerprinter
from agentwatch.ingest.decode import DecodeOptions, DecodeStats, decode_all
from agentwatch.ingest.flood import Flood
from agentwatch.keys import Home
from agentwatch.records import Astray, Entry, Event, Observation, Prints
from agentwatch.subject import covering

__all__ = ["Observer", "Parts"]

_NONE = Prints()
_OURS = frozenset(("held", "denied", "rate_limited"))  # what our own throttle, pause or kill looks like to an agent


class Parts(Struct, frozen=True):
    """What an event meets before anything is decided."""

    decode: DecodeOptions
    decoded: DecodeStats
    fingerprinter: Fingerprinter
    pricer: Pricer
    bank: Bank
    ledger: Ledger
    flood: Flood
    home: Home | None = None  # where there are several partitions: which this is


class Observer:
    """Turns entries into observations, in order; the draft takes positions, acknowledgements and dead letters."""

    def __init__(self, parts: Parts, standing: Standing, *, event_ticks: bool) -> None:
        self._parts = parts
        self._standing = standing
        self._event_ticks = event_ticks

    def observe(
        self, entries: Sequence[Entry], draft: Draft, moment: Callable[[float, str], None] | None
    ) -> Iterator[tuple[Observation, Scope]]:
        """Give each event with its place. `moment` is told each event's time and position before it is given."""
        if not entries:
            return
        parts = self._parts
        indexes, positions, events = self._decode(entries, draft)
        prints, shed = self._prints(indexes, positions, events)
        parts.bank.foresee(events, prints)
        admit, costs = parts.bank.admit, map(parts.pricer.price, events)
        for index, position, named, its, cost in zip(indexes, positions, events, prints, costs, strict=True):
            scope = admit(named, index)
            run, app = scope.run, scope.app
            event = named
            if run.root != event.root_run or app.app != event.app:  # a child may have named only its parent
                event = replace(event, app=app.app, root_run=run.root)
            draft.events = position
            if moment is not None:
                moment(event.ts, position)
            mute = index in shed or (event.status in _OURS and self._ours(event, draft.at))
            yield Observation(index, position, app.clock, event, its, cost, mute), scope
        draft.events = entries[-1].id

    def _prints(
        self, indexes: Sequence[int], positions: Sequence[str], events: list[Event]
    ) -> tuple[list[Prints], frozenset[int]]:
        """Fingerprint what is not shed; gives the indexes of what is."""
        shed = self._parts.flood.take(events, [event.ts for event in events] if self._event_ticks else positions)
        if not shed:
            return self._parts.fingerprinter.batch(events), shed
        kept = iter(self._parts.fingerprinter.batch([e for place, e in enumerate(events) if place not in shed]))
        prints = [_NONE if place in shed else next(kept) for place in range(len(events))]
        return prints, frozenset(indexes[place] for place in shed)

    def _decode(self, entries: Sequence[Entry], draft: Draft) -> tuple[Sequence[int], Sequence[str], list[Event]]:
        """Give the indexes, positions and events of what can be read and belongs here."""
        parts, home = self._parts, self._parts.home
        ids = [entry.id for entry in entries]
        indexes = range(draft.index, draft.index + len(ids))
        events, dead = decode_all(entries, draft.at, parts.decode, parts.decoded, timed=not self._event_ticks)
        draft.entries += ids
        draft.index += len(ids)
        draft.dead += dead
        if home is not None:
            events = [event and self._if_mine(event, home, draft) for event in events]
        if not dead and home is None:
            return indexes, ids, cast("list[Event]", events)
        kept = [
            (index, id_, event) for index, id_, event in zip(indexes, ids, events, strict=True) if event is not None
        ]
        return [index for index, _, _ in kept], [id_ for _, id_, _ in kept], [event for _, _, event in kept]

    def _if_mine(self, event: Event, home: Home, draft: Draft) -> Event | None:
        """Set an event aside that belongs into another partition."""
        other = home.app(event.tenant, event.app)
        if other == home.index:
            return event
        draft.astray.append(Astray(stream="events", partition=other, data=msgspec.json.encode(event)))
        return None

    def _ours(self, event: Event, now: float) -> bool:
        """Tell whether an event is what our own decision did to the agent."""
        if event.status == "held":
            return True
        subjects = covering(event.tenant, event.app, event.agent, event.run, event.root_run, event.task)
        return self._standing.covering(subjects, now) is not None
