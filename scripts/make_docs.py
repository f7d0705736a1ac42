"""Write everything that is made from the code: reference and manual pages, schemas, the shipped configuration.

Run as `python -m scripts.make_docs`; with `--check` it only tells whether they are as the code is.
"""

import sys
from pathlib import Path

import click

from agentwatch.cli.root import VERBS, cli
from scripts.make_config import config_file, configuration_page
from scripts.make_config_schema import config_schema_text
from scripts.make_man import manual_pages
from scripts.make_metrics import metrics_page
from scripts.make_schema import event_schema_text
from scripts.make_units import worker_unit

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Command line

Made from the code by `make docs`; do not edit.

Everywhere: `-o json` for scripts; exit code 0 fine, 1 found something or did not find what was asked for, 2 bad input
or configuration, 3 no answer. Verbs about a running daemon ask its control API (`--url`, `AGENTWATCH_URL`) with a
token (`--token-file`, `AGENTWATCH_TOKEN_FILE`, `AGENTWATCH_TOKEN`, or `~/.config/agentwatch/token`). What would touch
agents first prints what it would touch, and asks; in a script it needs `--yes`.
"""


def help_of(command: click.Command, path: list[str], parent: click.Context | None) -> list[str]:
    """Collect a command's help and that of its sub-commands, depth first."""
    context = click.Context(command, info_name=path[-1], parent=parent, terminal_width=100, max_content_width=100)
    level = "#" * min(len(path), 4)
    parts = [f"{level} {' '.join(path)}\n\n```\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group) and len(path) > 1:
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            parts += help_of(found, [*path, name], context)
    return parts


def cli_page() -> str:
    """Write the page of the command line."""
    context = click.Context(
        cli, info_name="agentwatch", terminal_width=100, max_content_width=100, help_option_names=["-h", "--help"]
    )
    parts = [HEAD, f"```\n{cli.get_help(context)}\n```\n"]
    for verb in VERBS:
        command = cli.get_command(context, verb)
        assert command is not None
        parts += help_of(command, ["agentwatch", verb], context)
    return "\n".join(parts)


def pages() -> dict[Path, str]:
    """Give every file that is made from the code."""
    docs = ROOT / "docs"
    return {
        docs / "cli.md": cli_page(),
        docs / "configuration.md": configuration_page(),
        docs / "metrics.md": metrics_page(),
        docs / "usage-event.schema.json": event_schema_text(),
        docs / "configuration.schema.json": config_schema_text(),
        ROOT / "configs" / "agentwatch.toml": config_file(),
        **{ROOT / "man" / name: text for name, text in manual_pages().items()},
        ROOT / "systemd" / "agentwatch@.service": worker_unit(ROOT / "systemd" / "agentwatch.service"),
    }


def main() -> int:
    """Write or check every page."""
    made = pages()
    if "--check" in sys.argv:
        old = [
            str(path.relative_to(ROOT))
            for path, text in made.items()
            if not path.is_file() or path.read_text("utf-8") != text
        ]
        if old:
            print("older than the code, run `make docs`: " + ", ".join(old), file=sys.stderr)
        return 1 if old else 0
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
