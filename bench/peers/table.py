"""Lays the results out: one line for each of them, agentwatch first, and one for each shape."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from bench.peers.measuring import Results
from bench.peers.ourselves import LEVELS
from bench.peers.protocol import Absent, Peer
from bench.peers.scoring import Case, Outcome, tally

__all__ = ["by_group", "plain", "render"]

_HEAD = (
    "library",
    "version",
    "compares",
    "loops found",
    "in one run",
    "accused",
    "early",
    "delay",
    "p90",
    "µs/event",
    "whole",
)


def render(title: str, results: Mapping[str, Results], peers: Sequence[Peer], absent: Iterable[Absent]) -> str:
    """Write one Markdown table, best recall first below agentwatch, and who could not be measured.

    Those whose time was up come last. `in one run` is the recall on loops that a watcher of one run can see at all.
    """
    known = {peer.name: (peer.version, peer.compares) for peer in peers}
    order = sorted(known, key=lambda name: (results[name].over, -(tally(results[name].outcomes).recall or 0.0)))
    rows = [_row(name, *known.get(name, ("here", "all")), results[name]) for name in (*LEVELS, *order)]
    widths = [max(len(row[at]) for row in (_HEAD, *rows)) for at in range(len(_HEAD))]
    lines = [_line(_HEAD, widths), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
    lines += [_line(row, widths) for row in rows]
    lines += [f"not measured: {one.name}: {one.reason}" for one in absent]
    lines += [
        f"{name}: stopped at its limit of CPU time, judged by the {len(one.outcomes)} cases until then"
        for name, one in results.items()
        if one.over
    ]
    lines += [
        f"{name}: another first alarm in {one.differs} cases on the short path"
        for name, one in results.items()
        if one.differs
    ]
    lines += [f"{name}: raised in {one.broken} cases" for name, one in results.items() if one.broken]
    return "\n".join((f"### {title}", "", *lines))


def _row(name: str, version: str, compares: str, result: Results) -> tuple[str, ...]:
    t = tally(result.outcomes)
    return (
        name,
        version,
        compares,
        f"{_percent(t.recall)} ({t.found}/{t.loops})",
        _percent(tally(one for one in result.outcomes if len(one[0].suspects) == 1).recall),
        f"{_percent(t.false_alarm_rate)} ({t.accused}/{t.benign})",
        str(t.early),
        "-" if t.delay_median is None else f"{t.delay_median:g}",
        "-" if t.delay_p90 is None else f"{t.delay_p90:g}",
        f"{_cost(result.cpu_s, result):.1f}",
        f"{_cost(result.whole_s, result):.1f}",
    )


def _cost(cpu_s: float, result: Results) -> float:
    """Tell the CPU time of an event, in microseconds."""
    return 1e6 * cpu_s / max(1, result.events)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _groups(result: Results) -> dict[str, list[tuple[Case, Outcome]]]:
    groups: dict[str, list[tuple[Case, Outcome]]] = {}
    for case, outcome in result.outcomes:
        groups.setdefault(case.group, []).append((case, outcome))
    return groups


def by_group(results: Mapping[str, Results]) -> str:
    """Write for each shape or source the share found (of loops) or accused (of benign), one column each."""
    grouped = {name: _groups(one) for name, one in results.items()}
    lines = [f"| | {' | '.join(results)} |", "|---|" + "---:|" * len(results)]
    names = sorted({group for groups in grouped.values() for group in groups})
    for loop in (True, False):
        for group in names:
            cells = [_share(groups.get(group, ()), loop) for groups in grouped.values()]
            if any(cells):
                lines.append(f"| {'loop' if loop else 'benign'} {group} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(outcomes: Sequence[tuple[Case, Outcome]], loop: bool) -> str:
    hits = [outcome.found if loop else outcome.false_alarm for case, outcome in outcomes if case.loop is loop]
    return f"{100 * sum(hits) / len(hits):.0f}" if hits else ""


def plain(results: Mapping[str, Results], peers: Sequence[Peer], absent: Iterable[Absent]) -> dict[str, Any]:
    """Give everything as plain values for JSON."""
    about = {peer.name: peer for peer in peers}
    measured = {
        name: {
            "version": about[name].version if name in about else None,
            "compares": about[name].compares if name in about else "all",
            "cpu_us_event": round(_cost(one.cpu_s, one), 2),
            "whole_us_event": round(_cost(one.whole_s, one), 2),
            "differs": one.differs,
            "broken": one.broken,
            "over": one.over,
            **msgspec.to_builtins(tally(one.outcomes)),
            "recall_in_one_run": tally(pair for pair in one.outcomes if len(pair[0].suspects) == 1).recall,
            "groups": {group: msgspec.to_builtins(tally(some)) for group, some in _groups(one).items()},
        }
        for name, one in results.items()
    }
    return {"measured": measured, "not_measured": {one.name: one.reason for one in absent}}
