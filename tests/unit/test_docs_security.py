"""The threat model names tests and pages that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")


def test_every_test_that_it_names_exists() -> None:
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"`(test_\w+\.py)`", TEXT))
    assert len(named) > 15
    assert named <= there, named - there


def test_every_page_that_it_names_exists() -> None:
    for page in re.findall(r"`(docs/[\w.-]+)`", TEXT):
        assert (ROOT / page).is_file(), page
