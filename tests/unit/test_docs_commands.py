"""Every command that a page or an alert tells people to type exists, with the options that it is given."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from agentwatch.cli.root import VERBS, cli

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
UNITS = sorted((ROOT / "systemd").rglob("*"))
SOURCES = [ROOT / "agentwatch/alert/render.py"]
COMMAND = re.compile(rf"(?:^|[\s`\"'/])agentwatch ((?:{'|'.join(VERBS)})\b[^`\n\"#;|&)]*)")


def commands(path: Path) -> Iterator[str]:
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        # In prose "agentwatch runs" is no command: only what stands in code is.
        text = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
        text = re.sub(r"^Usage: .*$", "", text, flags=re.MULTILINE)
    yield from COMMAND.findall(text)


@pytest.mark.parametrize(
    "path", [p for p in PAGES + UNITS + SOURCES if p.is_file()], ids=lambda p: str(p.relative_to(ROOT))
)
def test_commands_exist(path: Path) -> None:
    for line in commands(path):
        words = line.split()
        command: click.Command | None = cli
        context = click.Context(cli)
        while isinstance(command, click.Group):
            assert words, f"{path.name}: agentwatch {line}: a verb is missing"
            found = command.get_command(context, words[0])
            assert found is not None, f"{path.name}: agentwatch {line}: no {words[0]}"
            command, words = found, words[1:]
            if not words and isinstance(command, click.Group):
                break
        assert command is not None
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        given = {word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word)}
        assert given - {"--help"} <= known, f"{path.name}: agentwatch {line}: {given - known}"
