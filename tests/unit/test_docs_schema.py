"""The schema of the configuration and the manual pages say what the code does, key by key and verb by verb."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agentwatch.cli.root import VERBS

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMA = json.loads((ROOT / "docs/configuration.schema.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def field(path: str) -> dict[str, Any]:
    """Follow a key of the reference through the schema."""
    found: dict[str, Any] = SCHEMA
    for step in path.split("."):
        found = definition(found)
        found = found["additionalProperties"] if step == "*" else found["properties"][step.removesuffix("[]")]
        if step.endswith("[]"):
            found = found["items"]
    return found


def definition(part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        part = SCHEMA["$defs"][part["$ref"].rpartition("/")[2]]
    return part


def test_every_key_of_the_reference_is_in_the_schema_with_its_text() -> None:
    from scripts.config_keys import tables

    keys = [key for table in tables() for key in table.keys]
    assert keys
    wrong = [key.path for key in keys if field(key.path).get("description") != key.text]
    assert wrong == []


def test_required_and_only_required_keys_are_required() -> None:
    from scripts.config_keys import tables

    for table in tables():
        shape = definition(field(table.path)) if table.path else definition(SCHEMA)
        owed = {key.name for key in table.keys if key.required}
        assert set(shape.get("required", ())) == owed, table.path
        assert shape["additionalProperties"] is False, table.path


def test_the_schema_bounds_what_the_daemon_bounds() -> None:
    assert (field("api.port")["minimum"], field("api.port")["maximum"]) == (0, 65535)
    assert set(field("log.format")["enum"]) == {"auto", "json", "console"}
    assert field("receivers")["maxItems"] == 64
    assert field("redis.url")["type"] == "string"


def test_there_is_a_manual_page_for_every_verb_and_no_other() -> None:
    pages = {path.name for path in (ROOT / "man").iterdir()}
    assert pages == {"agentwatch.1", *(f"agentwatch-{verb}.1" for verb in VERBS)}


@pytest.mark.parametrize("page", sorted((ROOT / "man").glob("*.1")), ids=lambda path: path.stem)
def test_a_manual_page_has_its_parts_and_nothing_that_roff_would_swallow(page: Path) -> None:
    text = page.read_text("utf-8")
    for part in (".TH ", ".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH OPTIONS\n", ".SH EXIT STATUS\n"):
        assert part in text
    macros = {"TH", "SH", "SS", "PP", "TP", "B", "BR", '\\"'}
    assert {line[1:].split(" ")[0] for line in text.splitlines() if line.startswith(".")} <= macros
    assert not [line for line in text.splitlines() if line.startswith("'")]
    assert not re.search(r"(?<!\\)--", text), "a hyphen that could not be copied"
