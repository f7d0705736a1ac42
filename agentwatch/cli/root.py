"""The table of verbs, and the one place where an error becomes words and an exit code."""

import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from agentwatch import __version__
from agentwatch.cli.failure import explain_failure
from agentwatch.cli.loading import loading
from agentwatch.cli.printable import warn

__all__ = ["VERBS", "call", "cli"]

# verb: module under agentwatch.cli, and what the list of verbs says of it
VERBS: Final[dict[str, tuple[str, str]]] = {
    "run": ("run", "Run the daemon."),
    "demo": ("demo", "Show a simulated fleet being watched, stopped and explained."),
    "replay": ("replay", "Decide over recorded events, exactly as the daemon would."),
    "eval": ("evaluate", "Score a replay against labels."),
    "calibrate": ("calibrate", "Find thresholds from good runs of your own."),
    "status": ("status", "Show the daemon at one glance."),
    "agents": ("agents", "List agents, or show one with its runs and signals."),
    "explain": ("explain", "Say why a subject is where it is."),
    "incidents": ("incidents", "List or show incidents: what on-call was told of."),
    "decisions": ("decisions", "List, show, add or revoke decisions."),
    "kill": ("stop", "End a subject's runs, and keep them from being started again."),
    "throttle": ("stop", "Limit a subject's calls a minute."),
    "pause": ("stop", "Hold a subject until it is resumed."),
    "resume": ("stop", "Take back what stands against a subject."),
    "mode": ("mode", "Show or set the mode: observe or enforce, globally or for a rule."),
    "allow": ("allow", "Keep subjects from being touched, until a time."),
    "silence": ("silence", "Hold the alerts about subjects, until a time."),
    "rules": ("rules", "List the rules in force, check policy files, compare two policies."),
    "approvals": ("approvals", "List what waits for approval."),
    "approve": ("approvals", "Let a decision take effect that waits for approval."),
    "deny": ("approvals", "Drop a decision that waits for approval."),
    "partitions": ("partitions", "Show who serves which partition, or change how many there are."),
    "breaker": ("breaker", "Show or reset the limit on kills."),
    "config": ("config", "Check, show or describe the configuration."),
    "emit": ("emit", "Send usage events from files or standard input."),
    "dead": ("dead", "List, show or put back entries that could not be read."),
    "notify": ("notify", "Try the receivers of alerts."),
    "support": ("support", "Collect what a report of a fault should hold, without secrets."),
    "audit": ("audit", "Show, keep or verify the log of who did what."),
    "clients": ("clients", "List, add or revoke callers of the control API."),
    "keys": ("keys", "Make, show or change the key that signs commands."),
    "token": ("token", "Make a token for the configuration file."),
    "completion": ("completion", "Print the completion script of a shell."),
}


class LazyGroup(click.Group):
    """Imports a verb's module when the verb is called, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """List the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Load a verb: the function in its module that has its name."""
        if cmd_name not in VERBS:
            return None
        with loading():
            module = import_module(f"agentwatch.cli.{VERBS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)  # noqa: S101  # a slip in the table, not in what a user typed
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, and name the nearest ones where there is no such verb."""
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, n=3)
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a verb from the table; the verbs' own modules are not needed for it."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(verb, help=words) for verb, (_, words) in VERBS.items() if verb.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        """Write the list of verbs from the table, without loading any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, words) for verb, (_, words) in VERBS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine; 1 found something, or did not find what was asked for; 2 bad input or configuration; "
    "3 the daemon, Redis or a receiver did not answer.",
)
@click.version_option(__version__, prog_name="agentwatch")
def cli() -> None:
    """Find the agent that is stuck, stop it, and show why."""


def call(arguments: Sequence[str], **extra: Any) -> int:
    """Run one command line and return its exit code; failures go to standard error in one line."""
    try:
        code = cli.main(list(arguments), prog_name="agentwatch", standalone_mode=False, **extra)
        if sys.stdout is not None:  # as where it was closed before
            sys.stdout.flush()  # what cannot be written is told here, with a code of its own
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        _write_no_more()
        return 0
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.exceptions.Abort:
        click.echo("aborted", err=True)
        return 130
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except Exception as error:  # `explain_failure` knows the expected ones; any other is raised again
        told = explain_failure(error)
        if told is None:
            raise
        from agentwatch.redaction import redacted

        words, code = told
        if isinstance(error, OSError):
            _write_no_more()
        warn(f"agentwatch: {redacted(words)}")
        return code
    return code if isinstance(code, int) else 0


def _write_no_more() -> None:
    """Let go of what could not be written: Python would complain once more while it closes the stream."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
