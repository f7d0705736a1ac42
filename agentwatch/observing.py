"""From raw entries to what the detectors see: decoded, fingerprinted, priced, and placed where each event belongs."""

from collections.abc import Callable, Iterator, Sequence

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
from agentwatch.ingest.decode import DecodeOptions, DecodeStats, decode, entry_time
from agentwatch.ingest.flood import Flood
from agentwatch.keys import Home
from agentwatch.records import Astray, DeadLetter, Entry, Event, Observation, Prints
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
        self, entries: Sequence[Entry], draft: Draft, moment: Callable[[float, str], None]
    ) -> Iterator[tuple[Observation, Scope]]:
        """Give each event with its place. `moment` is told each event's time and position before it is given."""
        parts = self._parts
        decoded = self._decode(entries, draft)
        prints, shed = self._prints(decoded)
        for place, ((index, position, named), its) in enumerate(zip(decoded, prints, strict=True)):
            scope = parts.bank.admit(named, index)
            run, app = scope.run, scope.app
            event = named
            if run.root != event.root_run or app.app != event.app:  # a child may have named only its parent
                event = replace(event, app=app.app, root_run=run.root)
            draft.events = position
            moment(event.ts, position)
            cost = parts.pricer.price(event)
            mute = place in shed or (event.status in _OURS and self._ours(event, draft.at))
            yield Observation(index, position, app.clock, event, its, cost, mute), scope
        if entries:
            draft.events = entries[-1].id

    def _prints(self, decoded: Sequence[tuple[int, str, Event]]) -> tuple[Sequence[Prints], frozenset[int]]:
        """Fingerprint what is not shed; gives the places of what is."""
        events = [event for _, _, event in decoded]
        self._parts.bank.foresee(events)
        shed = self._parts.flood.take(events, [e.ts if self._event_ticks else position for _, position, e in decoded])
        if not shed:
            return self._parts.fingerprinter.batch(events), shed
        kept = iter(self._parts.fingerprinter.batch([e for place, e in enumerate(events) if place not in shed]))
        return [_NONE if place in shed else next(kept) for place in range(len(events))], shed

    def _decode(self, entries: Sequence[Entry], draft: Draft) -> list[tuple[int, str, Event]]:
        parts, home = self._parts, self._parts.home
        decoded: list[tuple[int, str, Event]] = []
        for entry in entries:
            entry_at = None if self._event_ticks else entry_time(entry.id)
            got = decode(entry, draft.at, entry_at, parts.decode, parts.decoded)
            if isinstance(got, DeadLetter):
                draft.dead.append(got)
            elif home is not None and (other := home.app(got.tenant, got.app)) != home.index:
                draft.astray.append(Astray(stream="events", partition=other, data=msgspec.json.encode(got)))
            else:
                decoded.append((draft.index, entry.id, got))
            draft.entries.append(entry.id)
            draft.index += 1
        return decoded

    def _ours(self, event: Event, now: float) -> bool:
        """Tell whether an event is what our own decision did to the agent."""
        if event.status == "held":
            return True
        subjects = covering(event.tenant, event.app, event.agent, event.run, event.root_run, event.task)
        return self._standing.covering(subjects, now) is not None
