"""`rules`: which rules are in force, whether policy files are right, and what a change of them would do."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import BAD_INPUT, FINE, FOUND
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.policy_files import checked, config_of, count_matches, read_policy
from agentwatch.cli.printable import escape
from agentwatch.cli.replay import NumberedLines, config_option
from agentwatch.cli.wording import count, level
from agentwatch.counting import counted
from agentwatch.records import Level
from agentwatch.service.comparing import Comparison, compare
from agentwatch.service.composing import make_rulebook
from agentwatch.service.ruling import rule_views
from agentwatch.views import RulesView, RuleView

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["rules_command"]

_PLACE: Final = "A policy is a file, a directory of *.toml files, or the word `shipped`."


@click.group("rules", epilog=_PLACE)
def rules_command() -> None:
    """Show the rules in force, check policy files, and see what a change would do."""


@rules_command.command("list")
@click.argument("policy", nargs=-1, metavar="[POLICY]…")
@click.option("--events", multiple=True, metavar="EVENTS", help="Recorded events to count by the rules of POLICY.")
@config_option
@daemon_options
@output_option
def rules_list(
    daemon: DaemonAddress, policy: tuple[str, ...], events: tuple[str, ...], config_file: Path | None, output: Format
) -> int:
    """List rules in the order in which they are asked, with what each of them matched.

    Without POLICY: those that the daemon goes by, since it read them. With POLICY: those of the files, and of EVENTS
    what each would govern.
    """
    if policy or events:
        config = config_of(config_file)
        book = make_rulebook(config, read_policy(policy or ("shipped",)))
        if events:
            count_matches(config, book, NumberedLines(events))
        found = RulesView(digest=book.policy.digest, mode=config.gate.mode, rules=rule_views(book))
    else:
        with Daemon(daemon) as asked:
            found = asked.get("/v1/rules", RulesView)
    show(found, output, lambda out: _print_rules(out, found))
    return FINE


@rules_command.command("check")
@click.argument("policy", nargs=-1, required=True, metavar="POLICY…")
@config_option
@output_option
def rules_check(policy: tuple[str, ...], config_file: Path | None, output: Format) -> int:
    """Check policy files, each by itself, then all together; what is wrong is named by file and key (exit code 2)."""
    files = read_policy(policy)
    wrong = checked(config_of(config_file), files)
    told = {"files": sorted(files), "wrong": wrong}

    def human(out: "Console") -> None:
        for words in wrong:
            out.print(f"[red]wrong[/]: {escape(words)}")
        if not wrong:
            out.print(f"[green]fine[/]: {', '.join(escape(name) for name in sorted(files))}")

    show(told, output, human)
    return BAD_INPUT if wrong else FINE


@rules_command.command("diff")
@click.argument("old")
@click.argument("new")
@click.argument("events", nargs=-1, required=True, metavar="EVENTS…")
@config_option
@output_option
def rules_diff(old: str, new: str, events: tuple[str, ...], config_file: Path | None, output: Format) -> int:
    """Show which subjects policy NEW would newly stop, spare or warn where OLD was in force, over recorded EVENTS.

    Both decide over the same events, exactly as the daemon would. What the gate held back is named with what held it.
    SAVED is what a subject spent after NEW stops it, less what it spent after OLD does. Exit code 1: they differ.
    """
    config = config_of(config_file)
    books = [make_rulebook(config, read_policy((name,))) for name in (old, new)]
    lines, again = NumberedLines(events), NumberedLines(events)
    if "-" in events:  # standard input comes once, and is needed twice
        kept = list(lines)
        found = compare(config, books[0], books[1], kept, kept)
    else:
        found = compare(config, books[0], books[1], lines, again)
    if found.malformed:
        bad = counted(found.malformed, "line is no usage event", "lines are no usage events")
        click.echo(f"{bad}; `agentwatch replay` tells which", err=True)
    show(found, output, lambda out: _print_comparison(out, found))
    return FOUND if found.differences else FINE


def _print_rules(out: "Console", found: RulesView) -> None:
    rows(
        out,
        ["rule", "mode", "matches", "may", "changes", "events", "active runs", "stands", "digest"],
        [_rule_line(rule) for rule in found.rules],
        "no rules",
        right=("events", "active runs"),
    )
    out.print(f"mode {found.mode}; policy {found.digest}; the first rule that fits governs")


def _rule_line(rule: RuleView) -> list[str]:
    matches = "; ".join(f"{key} {' '.join(globs)}" for key, globs in rule.match.items()) or "everything"
    may = "nothing (protected)" if rule.protected else " ".join(action.name for action in rule.actions) or "nothing"
    stands = ", ".join(f"{number} {name}" for name, number in rule.standing.items())
    return [
        f"[bold]{escape(rule.name)}[/]",
        rule.mode,
        escape(matches),
        may,
        escape(", ".join(rule.changes)),
        count(rule.events),
        count(rule.runs_active),
        stands,
        rule.digest,
    ]


def _print_comparison(out: "Console", found: Comparison) -> None:
    rows(
        out,
        ["subject", "old", "new", "what", "rule", "reason", "spent", "saved"],
        [
            [
                escape(one.subject),
                _reached(one.old, one.old_decided, one.old_gate),
                _reached(one.new, one.new_decided, one.new_gate),
                one.what,
                escape(one.rule),
                escape(f"{one.kind}: {one.reason}"),
                f"${one.spent_usd:,.2f}",
                f"{'-' if one.saved_usd < 0 else ''}${abs(one.saved_usd):,.2f}",
            ]
            for one in found.differences
        ],
        "no difference",
        right=("spent", "saved"),
    )
    differ = f"{counted(len(found.differences), 'subject is', 'subjects are')} treated differently{_tally(found)}"
    out.print(f"{counted(found.events, 'event')} of {counted(found.runs, 'run')}: {differ}, {count(found.alike)} alike")


def _tally(found: Comparison) -> str:
    kinds: dict[str, int] = {}
    for one in found.differences:
        kinds[one.what] = kinds.get(one.what, 0) + 1
    words: Sequence[str] = [f"{number} {what}" for what, number in sorted(kinds.items())]
    return f" ({'; '.join(words)})" if words else ""


def _reached(effective: Level, decided: Level, gate: str) -> str:
    if effective == decided or not gate:
        return level(effective)
    held = f"{level(decided)} held by {gate}"
    return held if effective is Level.observe else f"{level(effective)}, {held}"
