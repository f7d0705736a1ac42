"""The reference pages that are made from the code say what the code does."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def test_pages_are_as_the_code_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AGENTWATCH_URL", "AGENTWATCH_AUTHOR", "AGENTWATCH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts/make_docs.py")
    assert spec is not None
    assert spec.loader is not None
    make_docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_docs)
    for path, text in make_docs.pages().items():
        assert path.read_text("utf-8") == text, f"{path.name} is older than the code: make docs"
