"""`explain`: why a subject is where it is, and what would have to change."""

from pathlib import Path
from typing import Any

import click

from agentwatch.cli.daemon import Daemon, DaemonAddress, daemon_options
from agentwatch.cli.explaining import print_explanation
from agentwatch.cli.failure import FINE
from agentwatch.cli.output import Format, output_option, show
from agentwatch.cli.replay import config_option, policy_option
from agentwatch.cli.subjects import named_subject, subject_options
from agentwatch.errors import BadRequest
from agentwatch.views import Explanation

__all__ = ["explain_command"]


@click.command("explain")
@subject_options
@click.option("--events", multiple=True, metavar="FILE",
              help="Ask recorded events instead of the daemon; SUBJECT may be a run's bare id.")  # fmt: skip
@click.option("--steps", type=click.IntRange(1, 20_000), default=12, show_default=True, help="Show so many steps.")
@policy_option
@config_option
@daemon_options
@output_option
def explain_command(
    daemon: DaemonAddress,
    output: Format,
    events: tuple[str, ...],
    steps: int,
    policy_files: tuple[Path, ...],
    config_file: Path | None,
    **named: Any,
) -> int:
    """Say why a subject is where it is: what came again, what speaks against, level by event, and the gate.

    Steps stand beside the earlier one that they are most like, with what is equal and what differs. A daemon remembers
    the steps of runs of which a detector said something; recorded events (--events) have all of them, and tell how near
    each detector came where it said nothing.
    """
    if events:
        found = _recorded(events, policy_files, config_file, **named)
    else:
        if policy_files or config_file is not None:
            raise BadRequest("--policy and --config are for recorded events: give --events", "events")
        with Daemon(daemon) as asked:
            found = asked.get("/v1/explain", Explanation, subject=named_subject(**named))
    show(found, output, lambda out: print_explanation(out, found, steps))
    return FINE


def _recorded(
    events: tuple[str, ...],
    policy_files: tuple[Path, ...],
    config_file: Path | None,
    subject: str | None = None,
    **named: Any,
) -> Explanation:
    from agentwatch.cli.explain_run import explain_run

    bare = subject is not None and "/" not in subject and all(part is None for part in named.values())
    name = str(subject) if bare else named_subject(subject, **named)
    return explain_run(name, events, policy_files, config_file)
