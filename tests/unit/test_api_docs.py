"""docs/api.md says what is served: every route, option, limit and kind of refusal."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from agentwatch.api import app as api_app
from agentwatch.api.options import ApiOptions, LimitOptions
from agentwatch.records import ControlKind

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "api.md").read_text()


def test_every_route_is_described() -> None:
    for handler in api_app.all_handlers():
        for path in handler.paths:
            assert re.search(re.escape(path.replace(":str", "")) + r"[`?]", TEXT), path


@pytest.mark.parametrize("field", msgspec.structs.fields(LimitOptions), ids=lambda f: f.name)
def test_every_limit_is_described_with_its_default(field) -> None:
    assert f"| `{field.name}` | {field.default} |" in TEXT


def test_every_kind_of_refusal_is_described() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "agentwatch" / "api").glob("*.py"))
    kinds = set(re.findall(r'kind="([a-z-]+)"', sources)) | set(
        re.findall(r'^    \d{3}: "([a-z-]+)",$', sources, re.MULTILINE)
    )
    kinds |= {"killed", "paused", "throttled"}
    told = set(re.findall(r"`([a-z-]+)`", TEXT))
    kinds -= {"not-allowed", *get_args(ControlKind)}
    assert kinds <= told, kinds - told


def test_options_that_open_something_are_described() -> None:
    for name in ApiOptions.__struct_fields__:
        if name.endswith("_without_token") or name.startswith("tls_"):
            assert f"api.{name}" in TEXT
