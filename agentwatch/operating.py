"""Carries out what operators ask for, as ordered inputs: decisions by hand, modes, the allow list, the breaker."""

from agentwatch.alert.ourselves import CANARY, SAFE
from agentwatch.deciding import Decider, Ledgers, who
from agentwatch.detect.bank import Bank
from agentwatch.errors import BadRequest
from agentwatch.records import AllowEntry, Change, Control, Decision, Level, Origin
from agentwatch.subject import agent_subject, check_pattern, check_written, parse, run_subject
from agentwatch.views import RunView

__all__ = ["Operator", "check_reach"]

_MAX_TTL_S = 366 * 86400.0
_MAX_LIMIT = 100_000.0


def check_reach(control: Control) -> None:
    """Refuse what is nobody's name, and to take something from a whole tenant unless the wish says that it means one.

    A bare word is grammatically a tenant; whoever writes one has as a rule an agent in mind. Raises `BadRequest`.
    """
    if control.kind != "decide":
        return
    check_written(control.subject)
    if control.whole_tenant or (control.level or Level.observe) <= Level.warn:
        return
    scope, *_ = parse(control.subject)
    if scope == "tenant":
        raise BadRequest(
            f"{control.subject!r} alone is a whole tenant: say whole_tenant to mean that, or name tenant/app",
            "subject",
        )


class Operator:
    """Applies one control at a time; a wrong one raises `BadRequest` and changes nothing."""

    def __init__(self, decider: Decider, ledgers: Ledgers, bank: Bank) -> None:
        self._decider = decider
        self._gate = ledgers.gate
        self._standing = ledgers.standing
        self._ourselves = ledgers.ourselves
        self._silences = ledgers.silences
        self._bank = bank

    def apply(self, control: Control) -> Decision | None:
        """Carry a control out; gives the decision that it led to, where it led to one."""
        check_reach(control)
        if control.kind == "decide":
            return self._decide(control, control.subject, control.level)
        if control.kind == "delete":
            return self._delete(control)
        if control.kind == "mode":
            self._mode(control)
            return None
        if control.kind == "allow_add":
            self._allow(control)
            return None
        if control.kind == "allow_remove":
            if self._gate.allow.remove(control.target) is None:
                raise BadRequest(f"no entry {control.target!r}", "target")
            return None
        if control.kind in ("silence_add", "silence_remove"):
            self._silence(control)
            return None
        if control.kind == "breaker_reset":
            if not self._gate.reset(control.target):
                raise BadRequest(f"no breaker {control.target!r}", "target")
            return None
        if control.kind in ("approve", "deny"):
            return self._answer(control)
        if control.kind == "self":
            self._self(control)
            return None
        raise BadRequest(f"{control.kind!r} is not an operator's", "kind")

    def _self(self, control: Control) -> None:
        """Take in what the daemon found about itself, and tell of it once."""
        if control.value == "safe":
            self._gate.safe = control.reason
            told = self._ourselves.wrong(SAFE, control.reason, control.at)
        elif control.value == "safe_over":
            self._gate.safe = ""
            told = self._ourselves.right(SAFE, control.reason, control.at)
        elif control.value == "canary_lives":
            told = self._ourselves.wrong(CANARY, control.reason, control.at)
        elif control.value == "canary_killed":
            told = self._ourselves.right(CANARY, control.reason, control.at)
        elif control.value in ("permit", "permit_refused"):
            self._gate.permits.take(control, self._decider.draft.at)
            return
        else:
            raise BadRequest(f"{control.value!r} is nothing that a daemon finds about itself", "value")
        if told is not None:
            self._decider.draft.incidents.append(told)

    def _answer(self, control: Control) -> Decision:
        """Carry out what waited for approval, or drop it with the evidence so far forgiven."""
        waiting = [d for d in self._standing.held_by("approval") if control.target in (d.id, d.subject)]
        if not waiting:
            raise BadRequest(f"nothing of {control.target!r} waits for approval", "target")
        (asked,) = waiting
        if control.kind == "deny":
            return self._decide(control, asked.subject, Level.observe)
        if self._decider.rulebook.get(asked.rule).rule.protected:
            raise BadRequest(f"is protected by rule {asked.rule!r}", "target")
        return self._decider.approved(asked, control.author or "an operator", control.reason)

    def _decide(self, control: Control, subject: str, level: Level | None) -> Decision:
        if level is None:
            raise BadRequest("missing", "level")
        if control.ttl_s is not None and not 0 < control.ttl_s <= _MAX_TTL_S:
            raise BadRequest(f"must be between 0 and {_MAX_TTL_S:g} seconds", "ttl_s")
        if control.limit is not None and not 0 < control.limit <= _MAX_LIMIT:
            raise BadRequest(f"must be between 0 and {_MAX_LIMIT:g} calls a minute", "limit")
        stood = self._standing.get(subject)
        before = stood.level if stood is not None else Level.observe
        run, team = self._known(subject)
        known = (run.agent, run.run, run.root_run) if run is not None else ("", "", "")
        tenant, app, agent, run_id, root, task = who(subject, known)
        rule = self._decider.rulebook.policy.match(tenant, app, team, agent, "", "")
        asked = Decision(
            id="",
            seq=0,
            at=control.at,
            tenant=tenant,
            app=app,
            agent=agent,
            run=run_id,
            root_run=root,
            task=run.task if run is not None else task,
            team=team,
            subject=subject,
            kind="operator",
            level=level,
            previous=before,
            change=Change.down if level < before or level is Level.observe else Change.up,
            origin=Origin.operator,
            confidence=1.0,
            reason=control.reason or f"{level.name} by {control.author or 'an operator'}",
            author=control.author,
            comment=control.reason,
            limit=control.limit,
            ts=control.at,
            rule=rule.name,
            incident=stood.incident if stood is not None else "",
        )
        return self._decider.operated(asked, rule, control.ttl_s)

    def _known(self, subject: str) -> tuple[RunView | None, str]:
        """Find the run that a subject names, or the top of its tree, and the team that the subject belongs to."""
        scope, tenant, app, ids = parse(subject)
        fleet = self._bank.fleet
        if scope in ("run", "root"):
            run = fleet.run(run_subject(tenant, app, ids[0]))
            return run, run.team if run is not None else ""
        agent = fleet.agent(agent_subject(tenant, app, ids[0])) if scope in ("agent", "task") else None
        return None, agent.team if agent is not None else ""

    def _delete(self, control: Control) -> Decision:
        """Take back what stands for the subject of a decision, also where it was told anew since under another id."""
        found = next((d for d in self._standing if d.id == control.target), None)
        if found is None and control.subject:
            found = self._standing.get(control.subject)
        if found is None:
            raise BadRequest(f"no decision {control.target!r} stands", "target")
        return self._decide(control, found.subject, Level.observe)

    def _mode(self, control: Control) -> None:
        if control.value not in ("enforce", "observe"):
            raise BadRequest(f"{control.value!r} is neither enforce nor observe", "value")
        if control.target and self._decider.rulebook.policy.rule(control.target) is None:
            raise BadRequest(f"no rule {control.target!r}", "target")
        self._gate.set_mode(control.value, control.target)  # type: ignore[arg-type]  # checked above
        over = None if control.target else self._ourselves.right(SAFE, f"mode {control.value}", control.at)
        if over is not None:
            self._decider.draft.incidents.append(over)

    def _allow(self, control: Control) -> None:
        self._gate.allow.add(_entry(control))

    def _silence(self, control: Control) -> None:
        """Begin or end a silence; what it held is told when it ends, where it still is so."""
        at = self._decider.draft.at
        told = (
            self._silences.add(_entry(control))
            if control.kind == "silence_add"
            else self._silences.remove(control.target, at)
        )
        if told is None:
            raise BadRequest(f"no silence {control.target!r}", "target")
        self._decider.draft.incidents.extend(told)


def _entry(control: Control) -> AllowEntry:
    entry = control.entry
    if entry is None:
        raise BadRequest("missing", "entry")
    if entry.expires_at <= control.at:
        raise BadRequest("is in the past", "entry.expires_at")
    check_pattern(entry.pattern)
    return entry
