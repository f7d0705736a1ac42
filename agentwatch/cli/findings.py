"""How signals, steps and decisions are printed: used by every verb that shows why."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentwatch.cli.output import rows
from agentwatch.cli.printable import escape
from agentwatch.cli.wording import level, moment, money
from agentwatch.counting import counted
from agentwatch.records import Decision, Evidence
from agentwatch.views import CohortView, SignalView, StepView

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_cohort", "print_decisions", "print_evidence", "print_grounds", "print_signals", "print_steps"]


def print_cohort(out: "Console", cohort: CohortView | None) -> None:
    """Say where an agent is unlike its peers, which decides nothing."""
    if cohort is None or not cohort.unlike:
        return
    how = f": {', '.join(cohort.differs)}" if cohort.differs else ""
    out.print(
        f"\nunlike the {counted(cohort.peers, 'other agent')} of its {cohort.among} (score {cohort.score:.2f}){how};"
    )
    out.print("a remark beside the verdict, and no part of it")


def print_signals(out: "Console", signals: Sequence[SignalView]) -> None:
    """Print what each detector says, strongest first, with its threshold."""
    rows(
        out,
        ["detector", "level", "strength", "kills at", "confidence", "says"],
        [
            [s.kind, level(s.level), f"{s.strength:.2f}", f"{s.kill_at:.2f}", f"{s.confidence:.0%}", escape(s.reason)]
            for s in sorted(signals, key=lambda s: -s.strength / s.kill_at)
        ],
        "no signals",
        right=("strength", "kills at", "confidence"),
    )


def print_grounds(out: "Console", speaks_for: Sequence[str], speaks_against: Sequence[str]) -> None:
    """Print what speaks for a verdict, and what against."""
    for words in speaks_for:
        out.print(f"  [red]for[/]      {escape(words)}")
    for words in speaks_against:
        out.print(f"  [green]against[/]  {escape(words)}")


def print_evidence(out: "Console", evidence: Evidence) -> None:
    """Print which events a verdict rests on, since when, and what they burned."""
    parts = [counted(evidence.count, "repeat")] if evidence.count else []
    if evidence.period > 1:
        parts.append(f"period {evidence.period}")
    if evidence.since:
        parts.append(f"since {moment(evidence.since)}")
    if evidence.onset_id:
        parts.append(f"first at event {escape(evidence.onset_id)}")
    if evidence.tokens:
        parts.append(counted(evidence.tokens, "token"))
    if evidence.cost_nusd:
        parts.append(money(evidence.cost_nusd))
    if evidence.unpriced:
        parts.append(f"{counted(evidence.unpriced, 'event')} unpriced")
    if parts:
        out.print("  " + ", ".join(parts))
    for name, values in (("events", evidence.event_ids), ("digests", evidence.digests), ("samples", evidence.samples)):
        if values:
            out.print(f"  {name}: {escape(', '.join(values))}")


def print_steps(out: "Console", steps: Sequence[StepView]) -> None:
    """Print a run's last events as digests: equal digests are equal content."""
    rows(
        out,
        ["#", "time", "agent", "what", "arguments", "result", "output", "status"],
        [
            [
                str(s.index) if s.index >= 0 else "",
                moment(s.ts)[11:],
                escape(s.agent),
                escape(f"{s.op} {s.tool}".strip()),
                s.arguments[:8],
                s.result[:8],
                s.output[:8],
                " ".join(part for part in (s.status, s.klass) if part),
            ]
            for s in steps
        ],
        "no steps kept",
        right=("#",),
    )


def print_decisions(out: "Console", decisions: Sequence[Decision], empty: str = "no decisions") -> None:
    """Print decisions, one a line."""
    rows(
        out,
        ["id", "at", "subject", "level", "change", "by", "held back by", "reason"],
        [
            [
                d.id,
                moment(d.at),
                escape(d.subject),
                level(d.level),
                d.change.value,
                escape(d.author or d.kind or d.origin.value),
                d.gate or "-",
                escape(d.reason),
            ]
            for d in decisions
        ],
        empty,
    )
