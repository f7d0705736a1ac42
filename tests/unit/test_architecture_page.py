"""ARCHITECTURE.md has a line for everything that is in the package."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_every_package_has_a_line() -> None:
    table = "\n".join(line for line in (ROOT / "ARCHITECTURE.md").read_text("utf-8").splitlines() if line[:1] == "|")
    named = {
        name for cell in re.findall(r"^\| ((?:`[^`]+`,? ?)+)\|", table, re.MULTILINE) for name in cell.split("`")[1::2]
    }
    there = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "agentwatch").iterdir()
        if not path.name.startswith("__") and path.name != "py.typed"
    }
    assert named == there
