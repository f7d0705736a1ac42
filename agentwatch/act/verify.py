"""Finds out whether a kill or a pause worked: the spending stopped, or it did not and more must be done.

A guard's word is recorded, the finding is agentwatch's own. A call counts against a command when it was begun after the
grace: one that was under way when the command came may end. Silence counts as obedience only when nothing waits to be
read, for an unread event may break it.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from agentwatch.counting import counted
from agentwatch.records import Ack, Change, Decision, Event, Level, Tick
from agentwatch.subject import Names, covering

__all__ = ["AckCount", "Finding", "Verifier", "VerifyOptions"]

_SPENDING = frozenset(("chat", "execute_tool", "compact"))


class VerifyOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long to wait and how often to insist.

    min_silence_s: silence that proves a stop, at least; longer for runs that pause longer by themselves (twice the 99th
    percentile of their gaps) or whose grace is longer. attempts: how often the command is issued anew. interval_s: time
    between two of them, doubled each time.
    """

    min_silence_s: Annotated[float, Meta(ge=0, le=86400)] = 10.0
    attempts: Annotated[int, Meta(ge=0, le=32)] = 4
    interval_s: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    max_watches: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000


class AckCount(Struct):
    """How many answers of each kind a command has had."""

    received: int = 0
    accepted: int = 0
    refused: int = 0
    effective: int = 0


class Finding(Struct, frozen=True, kw_only=True):
    """What became of a command.

    change: `verified`, the spending stopped, `time_to_stop_s` after the decision; `escalated`, issue it anew, for the
    `attempt`th time; `failed`, that was tried often enough, wake somebody. decision: the newest one of the subject.
    """

    subject: str
    change: Change
    decision: Decision
    at: float
    attempt: int = 0
    reason: str
    time_to_stop_s: float | None = None
    spent_nusd: int = 0
    acks: AckCount


class _Watch(Struct):
    decision: Decision
    decided_at: float
    silence_s: float
    last_at: float  # of the last call that counts, by the event's own time; the decision's where there was none
    next_at: float  # not before this the command is issued anew
    attempt: int = 0
    calls: int = 0
    spent_nusd: int = 0
    failed: bool = False
    acks: AckCount = field(default_factory=AckCount)


class _State(Struct):
    watches: dict[str, _Watch]
    quiet: dict[str, _Watch]
    dropped: int = 0


class Verifier:
    """Watches the subjects of effective kills and pauses until they are silent or their command expires.

    Who was found silent is remembered while the command stands: spending again is found out as well. names: where the
    subjects are noted, with those of others.
    """

    def __init__(self, options: VerifyOptions, names: Names | None = None) -> None:
        self._options = options
        self._watches: dict[str, _Watch] = {}
        self._quiet: dict[str, _Watch] = {}
        self._names = names or Names()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._watches)

    def fold(self, decision: Decision, gap_p99_s: float = 0.0) -> None:
        """Take a decision of the log: watch what it stops, or stop watching.

        gap_p99_s: how long the run pauses by itself (99th percentile of its gaps).
        """
        subject = decision.subject
        if decision.change is Change.verified:
            self._rest(subject)
            return
        if decision.gate or decision.change is Change.lapsed:
            return
        watch = self._watches.get(subject) or self._quiet.get(subject)
        if decision.level < Level.pause:
            self._forget(subject)
        elif watch is not None and decision.change in (Change.escalated, Change.failed, Change.renewed):
            watch.decision = decision
        else:
            self._begin(decision, gap_p99_s)

    def see(self, event: Event, cost_nusd: int | None) -> tuple[Finding, ...]:
        """Look at an event: calls after the grace are disobedience, the end of the run is the proof."""
        if not self._watches and not self._quiet:
            return ()
        names = (event.run, event.root_run, event.task, event.agent, event.app, event.tenant)
        if not self._names.has_any(names):
            return ()
        found = []
        for subject in covering(event.tenant, event.app, event.agent, event.run, event.root_run, event.task):
            watch = self._watches.get(subject) or self._woken(subject, event)
            if watch is not None:
                finding = self._judge(watch, event, cost_nusd)
                if finding is not None:
                    found.append(finding)
        return tuple(found)

    def tick(self, tick: Tick) -> tuple[Finding, ...]:
        """Let time pass: who has been silent for long enough has stopped. Expired commands are watched no more."""
        for subject in [s for s, watch in self._watches.items() if 0 < watch.decision.expires_at <= tick.at]:
            self._forget(subject)
        if tick.lag > 0:
            return ()
        silent = [watch for watch in self._watches.values() if tick.at - watch.last_at >= watch.silence_s]
        return tuple(self._verified(watch, tick.at, f"silent for {tick.at - watch.last_at:.0f} s") for watch in silent)

    def ack(self, ack: Ack) -> tuple[Finding, ...]:
        """Record a guard's answer. A refusal of the newest command is answered by a new one at once."""
        watch = self._watches.get(ack.subject)
        if watch is None:
            return ()
        setattr(watch.acks, ack.state, getattr(watch.acks, ack.state) + 1)
        if ack.state != "refused" or ack.epoch < watch.decision.seq:
            return ()
        finding = self._insist(watch, ack.at, f"refused by {ack.guard or 'a guard'}: {ack.reason or 'no reason given'}")
        return () if finding is None else (finding,)

    def pending(self, subject: str) -> bool:
        """Tell whether a subject's stop is still to be proven."""
        return subject in self._watches

    def acks(self, subject: str) -> AckCount | None:
        """Tell which answers a watched subject's command has had."""
        watch = self._watches.get(subject)
        return None if watch is None else watch.acks

    def absorb(self, other: "Verifier", mine: Callable[[str], bool]) -> None:
        """Take over the watches of another whose subjects are `mine`."""
        before = (*self._watches, *self._quiet)
        for to, found in ((self._watches, other._watches), (self._quiet, other._quiet)):
            to.update({subject: watch for subject, watch in found.items() if mine(subject)})
        self._names.change(before, (*self._watches, *self._quiet))

    def snapshot(self) -> bytes:
        """Encode everything that must survive a restart."""
        return msgspec.msgpack.encode(_State(self._watches, self._quiet, self.dropped))

    def restore(self, data: bytes) -> None:
        """Take over an encoded state."""
        state = msgspec.msgpack.decode(data, type=_State)
        self._names.change((*self._watches, *self._quiet), (*state.watches, *state.quiet))
        self._watches, self._quiet, self.dropped = state.watches, state.quiet, state.dropped

    def _begin(self, decision: Decision, gap_p99_s: float) -> None:
        grace_s = decision.grace_ms / 1000
        self._forget(decision.subject)
        self._names.add(decision.subject)
        self._watches[decision.subject] = _Watch(
            decision=decision,
            decided_at=decision.at,
            silence_s=max(2 * gap_p99_s, grace_s, self._options.min_silence_s),
            last_at=decision.at,
            next_at=decision.at,
        )
        while len(self._watches) > self._options.max_watches:
            self._forget(next(iter(self._watches)))
            self.dropped += 1

    def _forget(self, subject: str) -> None:
        if self._watches.pop(subject, None) or self._quiet.pop(subject, None):
            self._names.remove(subject)

    def _rest(self, subject: str) -> None:
        """Stop watching closely."""
        watch = self._watches.pop(subject, None)
        if watch is None:
            return
        self._quiet[subject] = watch
        if len(self._quiet) > self._options.max_watches:
            self._forget(next(iter(self._quiet)))
            self.dropped += 1

    def _woken(self, subject: str, event: Event) -> _Watch | None:
        """Watch a subject closely again that was silent and now spends under a command that still stands."""
        watch = self._quiet.get(subject)
        if watch is None:
            return None
        if 0 < watch.decision.expires_at <= event.ts:
            self._forget(subject)
            return None
        if not _spends_after_grace(watch, event):
            return None
        del self._quiet[subject]
        watch.attempt, watch.calls, watch.failed, watch.next_at = 0, 0, False, event.ts
        self._watches[subject] = watch
        return watch

    def _judge(self, watch: _Watch, event: Event, cost_nusd: int | None) -> Finding | None:
        decision = watch.decision
        if event.op == "run_end" and _is_the_run(decision, event):
            return self._verified(watch, max(event.ts, watch.decided_at), "the run ended")
        if not _spends(watch, event):
            return None
        watch.last_at = max(watch.last_at, event.ts)
        watch.spent_nusd += cost_nusd or 0
        if not _spends_after_grace(watch, event):
            return None
        watch.calls += 1
        late = event.ts - watch.decided_at
        return self._insist(
            watch, event.ts, f"{counted(watch.calls, 'call')} after the grace, {late:.0f} s after the decision"
        )

    def _insist(self, watch: _Watch, at: float, reason: str) -> Finding | None:
        """Issue the command anew, unless that was just done; give up once after the last time."""
        if watch.failed or at < watch.next_at:
            return None
        if watch.attempt >= self._options.attempts:
            watch.failed = True
            return self._finding(
                Change.failed, watch, at, f"{reason}; issued {counted(1 + watch.attempt, 'time')} in vain"
            )
        watch.next_at = at + self._options.interval_s * 2**watch.attempt
        watch.attempt += 1
        return self._finding(Change.escalated, watch, at, reason)

    def _verified(self, watch: _Watch, at: float, reason: str) -> Finding:
        self._rest(watch.decision.subject)
        return self._finding(Change.verified, watch, at, reason, max(0.0, watch.last_at - watch.decided_at))

    def _finding(
        self, change: Change, watch: _Watch, at: float, reason: str, time_to_stop_s: float | None = None
    ) -> Finding:
        return Finding(
            subject=watch.decision.subject,
            change=change,
            decision=watch.decision,
            at=at,
            attempt=watch.attempt,
            reason=reason,
            time_to_stop_s=time_to_stop_s,
            spent_nusd=watch.spent_nusd,
            acks=msgspec.structs.replace(watch.acks),
        )


def _spends(watch: _Watch, event: Event) -> bool:
    return event.op in _SPENDING and event.status != "held" and event.ts > watch.decided_at


def _spends_after_grace(watch: _Watch, event: Event) -> bool:
    """Tell whether a call was begun after the grace; one that was under way may end."""
    begun = event.ts - (event.duration_ms or 0.0) / 1000
    return _spends(watch, event) and begun > watch.decided_at + watch.decision.grace_ms / 1000


def _is_the_run(decision: Decision, event: Event) -> bool:
    scope = decision.subject.split("/")[2:3]
    return (scope == ["run"] and event.run == decision.run) or (scope == ["root"] and event.run == decision.root_run)
