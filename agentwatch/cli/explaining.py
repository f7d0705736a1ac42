"""How an explanation is printed: words, then level by event, then the repeated steps side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentwatch.cli.findings import print_cohort, print_decisions, print_grounds, print_signals, print_steps
from agentwatch.cli.output import rows
from agentwatch.cli.printable import escape
from agentwatch.cli.wording import level, moment
from agentwatch.counting import counted
from agentwatch.views import CrossingView, Explanation, RepeatView

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_explanation"]


def print_explanation(out: "Console", found: Explanation, most: int) -> None:
    """Print an explanation with its last `most` steps."""
    out.print(f"[bold]{escape(found.subject)}[/]: {level(found.level)}")
    for words in found.words:
        out.print(escape(words))
    if found.allowed_by:
        out.print(f"[green]not touched[/]: the allow list has {escape(found.allowed_by)}")
    print_grounds(out, found.speaks_for, found.speaks_against)
    print_cohort(out, found.cohort)
    if found.crossings:
        out.print("\n[bold]level by event[/] (strength in units of the warning)")
        _print_crossings(out, found.crossings)
    if found.repeats:
        whose = f" of {escape(found.run)}" if found.run and found.run != found.subject else ""
        out.print(f"\n[bold]steps side by side[/]{whose} (equal digests are equal content)")
        _print_repeats(out, found.repeats, most)
    if found.signals:
        out.print("\n[bold]signals[/]")
        print_signals(out, found.signals)
    if found.decisions:
        out.print("\n[bold]decisions[/]")
        print_decisions(out, found.decisions)
        for reason in dict.fromkeys(f"{d.gate}: {d.gate_reason}" for d in found.decisions if d.gate):
            out.print(f"  [yellow]held back by[/] {escape(reason)}")
    if found.steps and not found.repeats:
        out.print("\n[bold]last steps[/] (equal digests are equal content)")
        print_steps(out, found.steps[-most:])


def _print_crossings(out: "Console", crossings: Sequence[CrossingView]) -> None:
    lines = []
    shown = ""
    for one in _telling(crossings):
        lines.append(
            [
                one.kind if one.kind != shown else "",
                level(one.level),
                f"{one.needs:.2f}",
                f"{one.reached:.2f}",
                f"#{one.index}" if one.index >= 0 else "never",
                moment(one.at)[11:] if one.index >= 0 else "",
                str(one.count) if one.count else "",
                level(one.decided) if one.decided is not None else "-",
                escape(f"held back by {one.gate}: {one.gate_reason}" if one.gate else one.bound),
            ]
        )
        shown = one.kind
    rows(
        out,
        ["detector", "level", "needs", "had", "at", "time", "repeats", "decided", "but"],
        lines,
        "no detector said anything",
        right=("needs", "had", "repeats"),
    )


def _telling(crossings: Sequence[CrossingView]) -> list[CrossingView]:
    """Leave out what follows from the line before: of each detector only the first level that it never had is shown."""
    found: list[CrossingView] = []
    for one in crossings:
        before = found[-1] if found and found[-1].kind == one.kind else None
        if one.index >= 0 or before is None or before.index >= 0:
            found.append(one)
    return found


def _print_repeats(out: "Console", repeats: Sequence[RepeatView], most: int) -> None:
    last = max((one.place for one in repeats if one.said), default=len(repeats) - 1) + 1
    first = max(0, last - most)
    shown = repeats[first : max(last, first + most)]
    if len(shown) < len(repeats):
        after = len(repeats) - first - len(shown)
        out.print(f"… {counted(first, 'step')} before and {after} after are not shown (--steps shows more)")
    rows(
        out,
        ["#", "time", "agent", "what", "arguments", "result", "output", "status", "like", "equal", "differs", "says"],
        [
            [
                _number(one),
                moment(one.ts)[11:],
                escape(one.agent),
                escape(f"{one.op} {one.tool}".strip()),
                one.arguments[:8],
                one.result[:8],
                one.output[:8],
                " ".join(part for part in (one.status, one.klass) if part),
                _number(repeats[one.beside]) if one.beside >= 0 else "",
                f"[red]{', '.join(one.equal)}[/]",
                f"[green]{escape('; '.join(one.differs))}[/]",
                ", ".join(one.said),
            ]
            for one in shown
        ],
        "no steps kept",
        right=("#", "like"),
    )
    for one in shown:
        if one.samples:
            out.print(f"  {_number(one)}: {escape(' → '.join(one.samples))}")


def _number(one: RepeatView) -> str:
    """Name a step by its place in the input, or by that in the list where that is not known."""
    return f"#{one.index}" if one.index >= 0 else f"({one.place + 1})"
