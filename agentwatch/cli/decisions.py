"""`decisions`: the log of what was decided, and operators' own entries in it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from agentwatch.cli.by_hand import Cmd, decide
from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.failure import FINE, FOUND, NotFound
from agentwatch.cli.findings import print_decisions, print_evidence, print_grounds
from agentwatch.cli.operator import operator_options, show_accepted
from agentwatch.cli.output import Format, output_option, show
from agentwatch.cli.printable import escape, warn
from agentwatch.cli.prospect import confirm, yes_option
from agentwatch.cli.subjects import subject_options
from agentwatch.cli.wording import DURATION, Number, level, moment
from agentwatch.counting import counted
from agentwatch.errors import BadRequest
from agentwatch.ports import Accepted
from agentwatch.records import Decision
from agentwatch.views import Page, StatusView

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["decisions_command"]

_PAGE = 1000


@click.group("decisions")
def decisions_command() -> None:
    """List, show, add or revoke decisions."""


@decisions_command.command("list")
@click.option("--tenant", default=None, metavar="NAME", help="Only this tenant's.")
@click.option("--subject", default=None, help="Only those about this subject.")
@click.option("--agent", default=None, metavar="NAME", help="Only those about runs of this agent.")
@click.option(
    "--level", "reached", default=None, type=click.Choice(["observe", "warn", "throttle", "pause", "kill"]),
    help="Only those that reached this level.",
)  # fmt: skip
@click.option("--active", is_flag=True, help="Only those that stand now.")
@click.option("--before", default=None, metavar="POSITION", help="Continue after a page: what its `next` said.")
@click.option("--limit", type=click.IntRange(1, _PAGE), default=50, show_default=True, help="At most so many.")
@daemon_options
@output_option
def decisions_list(daemon: DaemonAddress, reached: str | None, output: Format, **wanted: Any) -> int:
    """List decisions, newest first."""
    with Daemon(daemon) as asked:
        page = asked.get("/v1/decisions", Page, level=reached, **wanted)

    def human(out: "Console") -> None:
        print_decisions(out, page.decisions)
        if page.next:
            out.print(f"more: --before {page.next}")

    show(page, output, human)
    return FINE


@decisions_command.command("show")
@click.argument("id")
@daemon_options
@output_option
def decisions_show(daemon: DaemonAddress, id: str, output: Format) -> int:
    """Show one decision with its reason, evidence, rule, and what held it back."""
    with Daemon(daemon) as asked:
        found = asked.get(f"/v1/decisions/{quote(id, safe='')}", Decision)
    show(found, output, lambda out: _print(out, found))
    return FINE


@decisions_command.command("add")
@click.argument("cmd", type=click.Choice(["kill", "throttle", "pause", "resume"]))
@subject_options
@click.option("--limit", type=Number(min=0, min_open=True), default=None, metavar="N",
              help="Of a throttle: calls a minute.")  # fmt: skip
@click.option("--for", "ttl_s", type=DURATION, default=None, metavar="TIME", help="How long it stands.")
@operator_options
@yes_option
@daemon_options
@output_option
def decisions_add(daemon: DaemonAddress, cmd: Cmd, **said: Any) -> int:
    """Decide by hand: the same as the verb CMD."""
    return decide(daemon, cmd, **said)


@decisions_command.command("delete")
@click.argument("ids", nargs=-1, metavar="[ID]…")
@click.option("--subject", default=None, help="All that stand against this subject.")
@click.option("--all", "everything", is_flag=True, help="All that stand.")
@operator_options
@yes_option
@daemon_options
@output_option
def decisions_delete(
    daemon: DaemonAddress,
    ids: tuple[str, ...],
    subject: str | None,
    everything: bool,
    reason: str,
    author: str,
    yes: bool,
    output: Format,
) -> int:
    """Revoke decisions: what they commanded stands no longer, and agents are told so."""
    if sum((bool(ids), subject is not None, everything)) != 1:
        raise BadRequest("name decisions by ID, or by --subject, or --all", "id")
    with Daemon(daemon) as asked:
        chosen = list(ids) or list(_standing(asked, subject))
        if not chosen:
            raise NotFound("no decision stands")
        if not ids:
            confirm(f"revoke {counted(len(chosen), 'decision')}?", yes)
        codes = [_revoked(asked, one, author, reason, output) for one in chosen]
        return max(*codes, _elsewhere(asked) if everything else FINE)


def _standing(asked: Daemon, subject: str | None) -> Iterator[str]:
    before = ""
    while True:
        page = asked.get("/v1/decisions", Page, subject=subject, active=True, before=before, limit=_PAGE)
        yield from (decision.id for decision in page.decisions)
        before = page.next
        if not before:
            return


def _revoked(asked: Daemon, one: str, author: str, reason: str, output: Format) -> int:
    """Revoke one; what stands no longer, as its lease ended meanwhile, keeps none of the others."""
    try:
        path = f"/v1/decisions/{quote(one, safe='')}"
        answer = asked.send("DELETE", path, Accepted, author=author, reason=reason)
    except (NotFound, BadRequest) as error:
        if isinstance(error, BadRequest) and error.field == "token":
            raise
        warn(f"{one}: {error}")
        return FOUND
    return show_accepted(answer, output, f"revoked {one}")


def _elsewhere(asked: Daemon) -> int:
    """Tell of the partitions that another worker serves: what stands there was not listed here."""
    found = asked.get("/v1/status", StatusView)
    others = found.partitions - len(found.partitions_held or range(found.partitions))
    if not others:
        return FINE
    told = counted(others, "partition is", "partitions are")
    click.echo(f"{told} served by other workers: ask them too (agentwatch partitions list has their API)", err=True)
    return FOUND


def _print(out: "Console", found: Decision) -> None:
    out.print(f"[bold]{escape(found.subject)}[/]: {level(found.previous)} → {level(found.level)}, {found.change.value}")
    by = escape(found.author) if found.author else f"{found.origin.value}, detector {found.kind}"
    lines = [
        ("decision", f"{found.id}, number {found.seq}, {moment(found.at)}"),
        ("by", by),
        ("reason", escape(found.reason)),
        ("confidence", f"{found.confidence:.0%}" if found.confidence else ""),
        ("rule", f"{escape(found.rule)} @ {found.rule_digest[:12]}, mode {found.mode}" if found.rule else ""),
        ("held back by", f"{found.gate}: {escape(found.gate_reason)}" if found.gate else ""),
        ("agent", escape(found.agent)),
        ("run", escape(found.run)),
        ("root run", escape(found.root_run)),
        ("task", escape(found.task)),
        ("team", escape(found.team)),
        ("limit", f"{found.limit:g} calls a minute" if found.limit is not None else ""),
        ("until", moment(found.expires_at) if found.expires_at else ""),
        ("incident", found.incident),
    ]
    for name, words in lines:
        if words:
            out.print(f"  {name:<14}{words}")
    print_grounds(out, found.speaks_for, found.speaks_against)
    print_evidence(out, found.evidence)
