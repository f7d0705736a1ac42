"""How a subject is named on the command line: whole, or by `--agent`, `--run` and the rest."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from agentwatch.cli.wording import NAME
from agentwatch.errors import BadRequest
from agentwatch.subject import (
    agent_subject,
    app_subject,
    check_written,
    parse,
    root_subject,
    run_subject,
    task_subject,
)

__all__ = ["named_subject", "subject_options"]

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_TENANT: Final = "default"

_OPTIONS: Final = (
    ("--tenant", "The tenant; alone: everything of this tenant."),
    ("--app", "The app (as a rule the agent's own name); alone: everything of this app."),
    ("--agent", "The agent as a whole, with all its runs."),
    ("--root", "The tree of runs under this one."),
    ("--run", "One run."),
    ("--task", "A task of the agent: its runs, now and later."),
)


def subject_options(function: F) -> F:
    """Add an optional SUBJECT argument and the options that can stand for it; `named_subject` reads them."""
    for flag, words in reversed(_OPTIONS):
        function = click.option(flag, type=NAME, default=None, metavar="NAME", help=words)(function)
    return click.argument("subject", required=False)(function)


def named_subject(
    subject: str | None,
    *,
    tenant: str | None,
    app: str | None,
    agent: str | None,
    root: str | None,
    run: str | None,
    task: str | None,
) -> str:
    """Build the subject that was named. Raises `BadRequest` for none, for two, and for a bare word.

    A bare word is grammatically a whole tenant; nobody means that, so it must be said with `--tenant`.
    """
    if subject is not None:
        if any(part is not None for part in (tenant, app, agent, root, run, task)):
            raise BadRequest("name it once: either SUBJECT or options such as --agent", "subject")
        scope, *_ = parse(subject)
        if scope == "tenant":
            raise BadRequest(
                f"{subject!r} alone is a whole tenant: write --tenant {subject} to mean that, or --agent {subject}",
                "subject",
            )
        check_written(subject)
        return subject
    return _from_parts(tenant, app, agent, root, run, task)


def _from_parts(
    tenant: str | None, app: str | None, agent: str | None, root: str | None, run: str | None, task: str | None
) -> str:
    if sum(part is not None for part in (root, run, task)) > 1:
        raise BadRequest("--root, --run and --task exclude each other", "subject")
    within = app if app is not None else agent
    owner = tenant if tenant is not None else DEFAULT_TENANT
    if within is None:
        if tenant is not None and run is None and root is None and task is None:
            return app_subject(tenant, "x").partition("/")[0]
        raise BadRequest("name a SUBJECT, or --agent (with --app where its app has another name)", "subject")
    if run is not None:
        return run_subject(owner, within, run)
    if root is not None:
        return root_subject(owner, within, root)
    if task is not None:
        if agent is None:
            raise BadRequest("--task needs the agent that it belongs to: --agent NAME", "subject")
        return task_subject(owner, within, agent, task)
    return agent_subject(owner, within, agent) if agent is not None else app_subject(owner, within)
