"""`completion`: what a shell needs to complete verbs and options."""

import click
from click.shell_completion import get_completion_class

from agentwatch.cli.root import cli

__all__ = ["completion_command"]

_WHERE = {
    "bash": 'eval "$(agentwatch completion bash)"  # in ~/.bashrc',
    "zsh": 'eval "$(agentwatch completion zsh)"  # in ~/.zshrc',
    "fish": "agentwatch completion fish > ~/.config/fish/completions/agentwatch.fish",
}


@click.command("completion", epilog="Use:  " + _WHERE["bash"])
@click.argument("shell", type=click.Choice(sorted(_WHERE)))
def completion_command(shell: str) -> int:
    """Print the completion script of a shell."""
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  # the choices above are click's own
    script = found(cli, {}, "agentwatch", "_AGENTWATCH_COMPLETE")
    # `source()` would start bash to ask its version; the template alone says the same everywhere.
    click.echo(f"# {_WHERE[shell]}")
    click.echo(script.source_template % script.source_vars())
    return 0
