"""The pages in docs/adr: one number each, and the form of the template."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATE = "0000-template.md"
PAGES = sorted(path for path in (ROOT / "docs/adr").glob("*.md") if path.name != TEMPLATE)


def test_each_number_is_given_once() -> None:
    numbers = [path.name[:4] for path in PAGES]
    assert sorted(set(numbers)) == numbers


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:4])
def test_a_page_has_the_form_of_the_template(page: Path) -> None:
    text = page.read_text("utf-8")
    head = rf"# {page.name[:4]}\. .+\n\nDate: \d{{4}}-\d\d-\d\d · State: (proposed|accepted|replaced by \d{{4}})\n"
    assert re.match(head, text)
    assert {"## What asked for a decision", "## The decision", "## What follows"} <= set(text.splitlines())
