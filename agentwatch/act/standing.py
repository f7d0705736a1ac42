"""What stands now: the last decision of each subject that is above `observe`, let through or held back."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from agentwatch.act.command import command_of
from agentwatch.records import Change, Command, Decision, Level

__all__ = ["Standing", "StandingOptions"]


class StandingOptions(Struct, frozen=True):
    """max_subjects: how many subjects may have a standing decision; the oldest is forgotten first, and counted."""

    max_subjects: int = 100_000


class Standing:
    """The last decision of each subject, in the order of their last change."""

    def __init__(self, options: StandingOptions) -> None:
        self._options = options
        self._last: dict[str, Decision] = {}
        self._effective: dict[str, Decision] = {}
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
        subject = decision.subject
        if decision.change in (Change.verified, Change.failed):
            return
        self._last.pop(subject, None)
        if decision.level is Level.observe:
            self._effective.pop(subject, None)
            return
        self._last[subject] = decision
        if command_of(decision) is not None:
            self._effective.pop(subject, None)
            self._effective[subject] = decision
        elif not decision.gate:
            self._effective.pop(subject, None)
        while len(self._last) > self._options.max_subjects:
            oldest = next(iter(self._last))
            del self._last[oldest]
            self._effective.pop(oldest, None)
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

    def held(self) -> list[Decision]:
        """List the decisions that the gate holds back and that are to be asked again."""
        return [decision for decision in self._last.values() if decision.gate]

    def commands(self, now: float) -> Sequence[Command]:
        """List the commands that stand, unexpired."""
        found = (command_of(d) for d in self._effective.values() if d.expires_at > now)
        return [command for command in found if command is not None]

    def expire(self, now: float) -> list[Decision]:
        """Forget and list the kills whose lease has ended: their subjects start anew."""
        ended = [d for d in self._last.values() if d.level is Level.kill and 0 < d.expires_at <= now]
        for decision in ended:
            self._last.pop(decision.subject, None)
            self._effective.pop(decision.subject, None)
        return ended

    def snapshot(self) -> bytes:
        """Encode what stands."""
        return msgspec.msgpack.encode((list(self._last.values()), list(self._effective.values())))

    def restore(self, data: bytes) -> None:
        """Take over an encoded state."""
        last, effective = msgspec.msgpack.decode(data, type=tuple[list[Decision], list[Decision]])
        self._last = {d.subject: d for d in last}
        self._effective = {d.subject: d for d in effective}
