"""An incident in words: who loops, what repeats and since when, what it costs, what was done, and how to undo it."""

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from agentwatch.alert.meaning import APPROVAL, PROTECTED
from agentwatch.alert.ourselves import ABOUT_ITSELF, CANARY, SAFE
from agentwatch.counting import counted
from agentwatch.records import Incident, Level

__all__ = ["WATCHER", "Alert", "render"]

Severity = Literal["info", "warning", "critical"]
WATCHER = "watcher"  # the kind of an incident about agentwatch itself
_DONE = {
    Level.observe: "nothing",
    Level.warn: "warned only",
    Level.throttle: "throttled",
    Level.pause: "paused",
    Level.kill: "killed",
}
_PROOF = {
    "": "",
    "pending": ", not yet proven",
    "verified": ", verified: the spending stopped",
    "failed": ", WITHOUT EFFECT: it still spends",
}
_LINE = 400
# of each kind of incident about agentwatch itself: its title, and what to do
_OURS = {
    SAFE: (
        "safe mode: agentwatch crashed again and again, it only observes and TOUCHES NOBODY",
        ("See why: journalctl -u agentwatch -n 100", "Go on:   agentwatch mode set enforce --reason 'found why'"),
    ),
    CANARY: (
        "the canary lives: a synthetic loop was NOT killed in time, kills may not work",
        ("See what: agentwatch status", "The path: agentwatch decisions list --tenant agentwatch-canary"),
    ),
}


class Alert(Struct, frozen=True):
    """What a receiver shows: a line, a text, and how urgent it is."""

    title: str
    body: str
    severity: Severity


def render(incident: Incident) -> Alert:
    """Put an incident's state into words. Text that came from agents is kept to one line and stripped of controls."""
    return Alert(_title(incident), "\n".join(_body(incident)), _severity(incident))


def _severity(incident: Incident) -> Severity:
    if incident.verified == "failed":
        return "critical"
    if incident.state == "resolved":
        return "info"
    return "critical" if incident.level >= Level.pause else "warning"


def _title(incident: Incident) -> str:
    if incident.kind == "outage":
        return _line(f"[agentwatch] provider outage, tenant {incident.tenant}: nobody is killed ({incident.state})")
    if incident.kind in ABOUT_ITSELF:
        state = "resolved: " if incident.state == "resolved" else ""
        return _line(f"[agentwatch] {state}{_OURS[incident.kind][0]}")
    if incident.kind == WATCHER:
        return _line(f"[agentwatch] {incident.agent} has failed: NOBODY IS WATCHING the agents")
    where = f"{incident.agent or incident.app} ({incident.app})" if incident.agent != incident.app else incident.agent
    state = "resolved: " if incident.state == "resolved" else ""
    return _line(f"[agentwatch] {state}{where} loops: {incident.kind}, {_did(incident)}, {_usd(incident.cost_nusd)}")


def _body(incident: Incident) -> list[str]:
    if incident.kind in ABOUT_ITSELF:
        return [_line(incident.change), "", *_OURS[incident.kind][1]]
    if incident.kind == WATCHER:
        return [
            _line(incident.reason),
            "",
            f"See why: journalctl -u {incident.agent} -n 50",
            "Then:    agentwatch status",
        ]
    evidence = incident.evidence
    rate = f", {_usd(incident.cost_per_hour_nusd)} an hour" if incident.cost_per_hour_nusd else ""
    unpriced = f" ({counted(evidence.unpriced, 'call')} without a known price)" if evidence.unpriced else ""
    lines = [
        ("What changed", incident.change),
        ("Agent", f"{incident.agent}, app {incident.app}, tenant {incident.tenant}"),
        ("Owner", _owner(incident)),
        ("Run", f"{incident.run}, root {incident.root_run}" + (f", task {incident.task}" if incident.task else "")),
        ("What repeats", f"{incident.kind}: {incident.reason}"),
        ("How often", _repeats(incident)),
        ("Since", f"{_time(evidence.since)}, last seen {_time(evidence.last)}" if evidence.since else "unknown"),
        ("Cost so far", f"{_usd(incident.cost_nusd)}{rate}, {counted(evidence.tokens, 'token')}{unpriced}"),
        ("What was done", f"{_did(incident)}{_PROOF[incident.verified]}"),
        ("Speaks for it", "; ".join(incident.speaks_for)),
        ("Speaks against", "; ".join(incident.speaks_against)),
        ("Sample", " | ".join(evidence.samples)),
        ("Rule", incident.rule),
    ]
    said = [_line(f"{name}: {text}") for name, text in lines if text]
    return [*said, "", *_commands(incident), "", f"Incident {incident.id}, message {incident.seq} ({incident.state})"]


def _commands(incident: Incident) -> list[str]:
    subject = incident.subject
    if incident.kind == "outage":
        return ["See all: agentwatch status"]
    if incident.gate == APPROVAL and incident.state != "resolved":
        return [
            f"Explain: agentwatch explain {subject}",
            f"Approve: agentwatch approve {subject} --reason 'it loops'",
            f"Deny:    agentwatch deny {subject} --reason 'not a loop'",
        ]
    if incident.gate == PROTECTED:
        act = f"Stop:    take the protection by rule {incident.rule!r} out of the policy's files first"
    elif incident.level >= Level.throttle and not incident.gate:
        act = f"Undo:    agentwatch resume {subject} --reason 'not a loop'"
    else:
        act = f"Stop:    agentwatch kill {subject} --reason 'it loops'"
    return [
        f"Explain: agentwatch explain {subject}",
        act,
        f"Allow:   agentwatch allow add {subject} --for 1h --comment 'let it run'",
    ]


def _did(incident: Incident) -> str:
    if incident.gate == "mode":
        return f"would have been {_DONE[incident.level]} (observing only)"
    if incident.gate == APPROVAL:
        waits = "waited" if incident.state == "resolved" else "waits"
        return f"{waits} for approval to be {_DONE[incident.level]}"
    if incident.gate:
        return f"would have been {_DONE[incident.level]}, held back by {incident.gate}"
    return _DONE[incident.level]


def _repeats(incident: Incident) -> str:
    evidence = incident.evidence
    if not evidence.count:
        return ""
    period = f", a round of {evidence.period} steps" if evidence.period > 1 else ""
    tool = f", tool {evidence.tool}" if evidence.tool else ""
    digest = f", content {evidence.digests[0]}" if evidence.digests else ""
    return f"{counted(evidence.count, 'time')}{period}{tool}{digest}"


def _owner(incident: Incident) -> str:
    team = f"team {incident.team}" if incident.team else ""
    return ", ".join(part for part in (team, *incident.users) if part) or "unknown"


def _usd(nusd: int) -> str:
    return f"${nusd / 1e9:,.2f}" if nusd >= 10_000_000 or not nusd else f"${nusd / 1e9:.6f}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _line(text: str) -> str:
    """Keep a text to one printable line: agents' words must not forge lines of an alert."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= _LINE else f"{clean[: _LINE - 1]}…"
