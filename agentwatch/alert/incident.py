"""Folds decisions into incidents: one for each looping root run and cause, told anew only when something changed.

A provider's outage is one incident of its tenant, however many runs it hits.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agentwatch.alert.meaning import (
    OUTAGE,
    PERMIT,
    SILENT_GATES,
    Cause,
    cause_of,
    change_of,
    is_trouble,
    name_of,
    opened_by,
    per_hour,
    proof_of,
)
from agentwatch.counting import counted
from agentwatch.records import Change, Decision, Evidence, Incident, Level, Origin

__all__ = ["IncidentOptions", "Incidents"]


class IncidentOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an incident is told anew, and when it is over.

    growth: how many times more repeats or dollars than when it was last told. min_cost_nusd: less than this is not
    worth an update for its cost. quiet_s: silence after the end of its run. stale_s: silence after which it is over
    anyway. outage_s: the same for an outage. reopen_s: how long a tombstone's catch counts as the same incident.
    """

    growth: Annotated[float, Meta(gt=1, le=1000)] = 2.0
    min_cost_nusd: Annotated[int, Meta(ge=0, le=10**15)] = 10_000_000
    quiet_s: Annotated[float, Meta(ge=0, le=86400)] = 60.0
    stale_s: Annotated[float, Meta(ge=60, le=30 * 86400)] = 21_600.0
    outage_s: Annotated[float, Meta(ge=0, le=86400)] = 300.0
    reopen_s: Annotated[float, Meta(ge=0, le=30 * 86400)] = 86400.0
    max_open: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    max_decisions: Annotated[int, Meta(ge=1, le=1000)] = 32


class _Known(Struct):
    """An incident as it stands, and what was last told of it."""

    incident: Incident
    told_count: int
    told_cost: int
    peak: Level
    news_at: float
    ended_at: float = 0.0
    caught: int = 0  # runs that a tombstone caught


class _State(Struct):
    known: list[_Known]
    closed: list[_Known]
    dropped: int = 0


class Incidents:
    """What is open, by subject tree and cause. Every answer is the incident's next state, to be written and sent."""

    def __init__(self, options: IncidentOptions) -> None:
        self._options = options
        self._known: OrderedDict[str, _Known] = OrderedDict()  # by incident id
        self._closed: OrderedDict[str, _Known] = OrderedDict()
        self._trees: dict[tuple[str, str, str], dict[str, str]] = {}  # tenant, app, root run → kind → incident id
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._known)

    def name(self, decision: Decision) -> str:
        """Give the id of the incident that a decision, with the gate's answer in it, belongs to or would open."""
        cause = cause_of(decision)
        found = self._find(decision, cause)
        if found is not None:
            return found.incident.id
        return decision.incident if decision.incident in self._closed else name_of(cause, decision.seq)

    def fold(self, decision: Decision) -> Incident | None:
        """Take a decision of the log; None where nothing is to be told."""
        key = cause_of(decision)
        found = self._find(decision, key) or self._reopened(decision)
        if found is None:
            return self._open(decision, key) if is_trouble(decision) else None
        if decision.gate in SILENT_GATES and decision.change is not Change.verified:
            return self._resolve(found, decision.at, f"held by {decision.gate}: {decision.gate_reason}")
        return self._update(found, decision)

    def note(self, tenant: str, app: str, root_run: str, kind: str, evidence: Evidence, at: float) -> Incident | None:
        """Take grown evidence between decisions; an answer only when repeats or dollars doubled since last told."""
        found = self._known.get(self._trees.get((tenant, app, root_run), {}).get(kind, ""))
        if found is not None:
            found.news_at = at
        return None if found is None else self._grown(found, evidence, at)

    def again(self, id: str, at: float, change: str) -> Incident:
        """Tell an open incident anew, as it stands. Raises `KeyError` where it is not open."""
        found = self._known[id]
        return self._say(found, found.incident.evidence, at, change)

    def run_ended(self, tenant: str, app: str, root_run: str, at: float) -> None:
        """Remember that a root run said that it ended: its incidents are over once it is quiet."""
        for name in self._trees.get((tenant, app, root_run), {}).values():
            self._known[name].ended_at = at

    def tick(self, now: float) -> tuple[Incident, ...]:
        """Let time pass: incidents whose run ended and is quiet, or of which nothing was heard for long, are over."""
        over = []
        for found in list(self._known.values()):
            last = max(found.news_at, found.ended_at)
            if found.ended_at and now - last >= self._options.quiet_s:
                over.append(self._resolve(found, now, "it came back no more" if found.caught else "the run ended"))
            elif now - last >= (self._options.outage_s if found.incident.kind == OUTAGE else self._options.stale_s):
                over.append(self._resolve(found, now, "nothing was heard of it"))
        for name, found in list(self._closed.items()):
            if now - found.incident.resolved_at < self._options.reopen_s:
                break
            del self._closed[name]
        return tuple(over)

    def open(self) -> tuple[Incident, ...]:
        """List the open incidents, oldest first."""
        return tuple(found.incident for found in self._known.values())

    def closed(self) -> tuple[Incident, ...]:
        """List those that are over and may be reopened, in the order of their ends."""
        return tuple(found.incident for found in self._closed.values())

    def absorb(self, other: "Incidents", mine: Callable[[str], bool]) -> None:
        """Take over the incidents of another whose subjects are `mine`."""
        for found in other._known.values():
            if mine(found.incident.subject):
                self._keep(found)
        self._closed.update({name: one for name, one in other._closed.items() if mine(one.incident.subject)})

    def snapshot(self) -> bytes:
        """Encode everything that must survive a restart."""
        return msgspec.msgpack.encode(_State(list(self._known.values()), list(self._closed.values()), self.dropped))

    def restore(self, data: bytes) -> None:
        """Take over an encoded state."""
        state = msgspec.msgpack.decode(data, type=_State)
        self._known = OrderedDict((found.incident.id, found) for found in state.known)
        self._closed = OrderedDict((found.incident.id, found) for found in state.closed)
        self._trees = {}
        for found in state.known:
            self._link(found.incident)
        self.dropped = state.dropped

    def _find(self, decision: Decision, cause: Cause) -> _Known | None:
        found = self._known.get(self._trees.get(cause[:3], {}).get(cause[3], ""))
        if found is None and cause[3] != OUTAGE:
            found = self._known.get(decision.incident)
            if found is not None and found.incident.kind == OUTAGE:
                return None  # the outage is over, this is a cause of its own
        return found

    def _reopened(self, decision: Decision) -> _Known | None:
        """Take up a closed incident again: what was killed came back, or spends again."""
        if decision.origin not in (Origin.tombstone, Origin.verify) or decision.change is Change.verified:
            return None
        found = self._closed.pop(decision.incident, None)
        if found is not None:
            found.incident = msgspec.structs.replace(found.incident, resolved_at=0.0, verified="")
            found.ended_at = 0.0
            found.caught = 0
            self._keep(found)
        return found

    def _open(self, decision: Decision, key: Cause) -> Incident:
        incident = opened_by(decision, key)
        found = _Known(incident, decision.evidence.count, decision.evidence.cost_nusd, decision.level, decision.at)
        self._keep(found)
        return incident

    def _update(self, found: _Known, decision: Decision) -> Incident | None:
        old = found.incident
        found.news_at = decision.at
        found.peak = max(found.peak, decision.level)
        decisions = (*old.decisions, decision.id)[-self._options.max_decisions :]
        found.incident = msgspec.structs.replace(old, decisions=decisions)
        if decision.change is Change.verified:
            return self._proven(found, decision)
        if old.kind == OUTAGE or decision.change is Change.lapsed or decision.gate == PERMIT:
            return None  # one alert for the outage, not one for each run that it hits
        if decision.level is Level.observe:
            return self._resolve(found, decision.at, change_of(decision))
        if decision.origin is Origin.tombstone:
            found.caught += 1
            found.ended_at = 0.0
            # 1, 2, 4, 8 …: a scheduler that never gives up must not be an alert each time
            return self._told(found, decision, change_of(decision)) if found.caught.bit_count() == 1 else None
        same = (old.level, old.gate) == (decision.level, decision.gate)
        if same and decision.change in (Change.up, Change.down, Change.renewed, Change.released):
            return self._grown(found, decision.evidence, decision.at)
        return self._told(found, decision, change_of(decision))

    def _proven(self, found: _Known, decision: Decision) -> Incident | None:
        """End the incident when its kill worked; one that came back ends only after it stayed quiet."""
        if found.caught:
            found.ended_at = decision.at
            return None
        if found.incident.verified == "verified":
            return None
        found.incident = msgspec.structs.replace(found.incident, verified="verified")
        change = f"verified: {decision.reason}"
        if found.incident.level is Level.kill:
            return self._resolve(found, decision.at, change)
        return self._told(found, decision, change)

    def _told(self, found: _Known, decision: Decision, change: str) -> Incident:
        old = found.incident
        evidence = decision.evidence if decision.evidence.count else old.evidence
        keep = decision.change is Change.verified
        found.incident = msgspec.structs.replace(
            old,
            level=old.level if keep else decision.level,
            gate=old.gate if keep else decision.gate,
            subject=old.subject if keep else decision.subject,
            reason=decision.reason if decision.origin is Origin.policy and decision.reason else old.reason,
            speaks_for=decision.speaks_for or old.speaks_for,
            speaks_against=decision.speaks_against or old.speaks_against,
            verified=proof_of(decision, old.verified),
        )
        return self._say(found, evidence, decision.at, change)

    def _grown(self, found: _Known, evidence: Evidence, at: float) -> Incident | None:
        growth, cost = self._options.growth, evidence.cost_nusd
        if evidence.count >= growth * max(1, found.told_count):
            return self._say(
                found, evidence, at, f"{counted(evidence.count, 'repeat')}, {found.told_count} when last told"
            )
        if cost - found.told_cost >= self._options.min_cost_nusd and cost >= growth * found.told_cost:
            return self._say(found, evidence, at, "the cost doubled since last told")
        return None

    def _say(self, found: _Known, evidence: Evidence, at: float, change: str) -> Incident:
        old = found.incident
        found.told_count, found.told_cost = evidence.count, evidence.cost_nusd
        found.incident = msgspec.structs.replace(
            old, seq=old.seq + 1, state="updated", change=change, updated_at=max(old.updated_at, at), evidence=evidence,
            cost_nusd=max(old.cost_nusd, evidence.cost_nusd), cost_per_hour_nusd=per_hour(evidence),
        )  # fmt: skip
        return found.incident

    def _resolve(self, found: _Known, at: float, change: str) -> Incident:
        """Close an incident. Its level stays the highest that it reached, so that whoever heard of it hears its end."""
        old = found.incident
        at = max(old.updated_at, at)
        found.incident = msgspec.structs.replace(
            old, seq=old.seq + 1, state="resolved", change=change, updated_at=at, resolved_at=at, level=found.peak
        )
        self._known.pop(old.id, None)
        self._unlink(old)
        self._closed[old.id] = found
        while len(self._closed) > self._options.max_open:
            self._closed.popitem(last=False)
        return found.incident

    def _keep(self, found: _Known) -> None:
        incident = found.incident
        self._known[incident.id] = found
        self._link(incident)
        while len(self._known) > self._options.max_open:
            _, gone = self._known.popitem(last=False)
            self._unlink(gone.incident)
            self.dropped += 1

    def _link(self, incident: Incident) -> None:
        self._trees.setdefault(cause_of(incident)[:3], {})[incident.kind] = incident.id

    def _unlink(self, incident: Incident) -> None:
        tree = cause_of(incident)[:3]
        self._trees.get(tree, {}).pop(incident.kind, None)
        if not self._trees.get(tree):
            self._trees.pop(tree, None)
