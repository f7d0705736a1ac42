"""The agents that the daemon lists, and a word where there may be more of them."""

from typing import Any, Final

import click

from agentwatch.cli.daemon import Daemon
from agentwatch.views import AgentView

__all__ = ["agents_of"]

_MOST: Final = 1000  # that the API lists at once


def agents_of(asked: Daemon, **query: Any) -> list[AgentView]:
    """List agents, the most expensive first; where that may not be all of them, standard error says so."""
    found = asked.get("/v1/agents", list[AgentView], limit=_MOST, **query)
    if len(found) >= _MOST:
        click.echo(
            f"only the {_MOST:,} most expensive agents are looked at; name a tenant or an app for others", err=True
        )
    return found
