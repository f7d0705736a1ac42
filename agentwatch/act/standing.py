"""What stands now: the last decision of each subject that is above `observe`, let through or held back."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agentwatch.act.command import command_of
from agentwatch.errors import Incompatible
from agentwatch.records import Change, Command, Decision, Level
from agentwatch.subject import Names

__all__ = ["Standing", "StandingOptions"]


class StandingOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """max_subjects: how many subjects may have a standing decision; the oldest is forgotten first, and counted."""

    max_subjects: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000


class Standing:
    """The last decision of each subject, in the order of their last change.

    names: where the subjects of what the gate holds back are noted, with those of others.
    """

    def __init__(self, options: StandingOptions, names: Names | None = None) -> None:
        self._options = options
        self._last: dict[str, Decision] = {}
        self._effective: dict[str, Decision] = {}
        self._held: dict[str, Decision] = {}
        self._names = names or Names()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._last)

    def __iter__(self) -> Iterator[Decision]:
        return iter(self._last.values())

    def get(self, subject: str) -> Decision | None:
        """Give the last decision of a subject, whether the gate let it through or not."""
        return self._last.get(subject)

    def fold(self, decision: Decision) -> None:
        """Take a decision of the log, new or read back, as what stands for its subject."""
        if decision.change in (Change.verified, Change.failed):
            return
        subject = decision.subject
        if decision.change is Change.lapsed:
            self._told_lapsed(decision)
            return
        waiting = self._held.get(subject)
        if (
            waiting is not None
            and decision.change in (Change.escalated, Change.renewed)
            and waiting.level > decision.level
        ):
            # what already stood is told again; the harder decision goes on waiting for the gate
            if not decision.gate:
                self._effective[subject] = decision
            return
        self._take_off(subject, lasting=bool(decision.gate) and decision.level >= Level.throttle)
        if decision.level is Level.observe:
            return
        self._last[subject] = decision
        if decision.gate:
            self._held[subject] = decision
            self._names.add(subject)
        elif command_of(decision) is not None:
            self._effective[subject] = decision
        while len(self._last) > self._options.max_subjects:
            self._take_off(next(iter(self._last)))
            self.dropped += 1

    def covering(self, subjects: Iterable[str], now: float) -> Decision | None:
        """Give the hardest unexpired effective decision among these subjects; the newest of equals."""
        found: Decision | None = None
        for subject in subjects:
            decision = self._effective.get(subject)
            if decision is None or decision.expires_at <= now:
                continue
            if found is None or (decision.level, decision.seq) > (found.level, found.seq):
                found = decision
        return found

    def effective(self, subject: str) -> Decision | None:
        """Give the decision whose command was last sent for a subject, expired or not."""
        return self._effective.get(subject)

    def in_force(self, now: float) -> Iterator[Decision]:
        """List what was let through and has not lapsed: warnings and commands."""
        return (d for d in self._last.values() if not d.gate and (d.expires_at <= 0 or d.expires_at > now))

    @property
    def waiting(self) -> int:
        """Count the decisions that the gate holds back."""
        return len(self._held)

    def held(self, limit: int) -> list[Decision]:
        """List up to `limit` decisions that the gate holds back, those that were not listed for longest first."""
        found = list(self._held.values())[:limit]
        if len(found) < len(self._held):
            for decision in found:
                for place in (self._held, self._last):
                    place[decision.subject] = place.pop(decision.subject)
        return found

    def held_by(self, gate: str) -> list[Decision]:
        """List what waits for this gate, oldest first."""
        return sorted((d for d in self._held.values() if d.gate == gate), key=lambda d: d.seq)

    def commands(self, now: float) -> Sequence[Command]:
        """List the commands that stand, unexpired."""
        found = (command_of(d) for d in self._effective.values() if d.expires_at > now)
        return [command for command in found if command is not None]

    def expire(self, now: float) -> list[Decision]:
        """List the kills, and whatever an operator set, whose lease has ended: their subjects start anew."""
        held = (d for d in self._held.values() if d.level is Level.kill)
        ended = (d for d in (*self._effective.values(), *held) if 0 < d.expires_at <= now)
        return [d for d in ended if (d.level is Level.kill or d.author) and self._last.get(d.subject) is d]

    def lapsed(self, now: float) -> list[Decision]:
        """List the throttles and pauses of the policy whose lease has ended and of which that was not told yet.

        Their subjects keep their level, which follows the app's own clock alone, and the next evidence renews them.
        """
        ended = (d for d in self._effective.values() if 0 < d.expires_at <= now and d.change is not Change.lapsed)
        return [d for d in ended if d.level is not Level.kill and not d.author]

    def snapshot(self) -> bytes:
        """Encode the last decision on each subject, and those in effect, for a checkpoint."""
        return msgspec.msgpack.encode((list(self._last.values()), list(self._effective.values())))

    def restore(self, data: bytes) -> None:
        """Take over an encoded state. Raises `Incompatible` for what cannot be read."""
        try:
            last, effective = msgspec.msgpack.decode(data, type=tuple[list[Decision], list[Decision]])
        except msgspec.MsgspecError as error:
            raise Incompatible(f"what stands cannot be read: {error}") from error
        held = {d.subject: d for d in last if d.gate}
        self._names.change(self._held, held)
        self._last = {d.subject: d for d in last}
        self._held = held
        # one object where both hold the same decision, as it was before
        self._effective = {d.subject: self._same(d) for d in effective}

    def absorb(self, other: "Standing", mine: Callable[[str], bool]) -> None:
        """Take over what stands for those subjects of another that are `mine`."""
        before = tuple(self._held)
        for to, found in ((self._last, other._last), (self._effective, other._effective), (self._held, other._held)):
            to.update({subject: decision for subject, decision in found.items() if mine(subject)})
        self._names.change(before, self._held)

    def _same(self, decision: Decision) -> Decision:
        last = self._last.get(decision.subject)
        return last if last is not None and last.seq == decision.seq else decision

    def _told_lapsed(self, decision: Decision) -> None:
        """Keep what lapsed in its place: it is renewed from there, and its end is told once."""
        subject = decision.subject
        last = self._last.get(subject)
        if subject in self._effective:
            self._effective[subject] = decision
            if last is not None and not last.gate:
                self._last[subject] = decision

    def _take_off(self, subject: str, *, lasting: bool = False) -> None:
        """Forget a subject; `lasting` keeps the command that stands while a newer decision waits for the gate."""
        self._last.pop(subject, None)
        if self._held.pop(subject, None) is not None:
            self._names.remove(subject)
        if not lasting:
            self._effective.pop(subject, None)
