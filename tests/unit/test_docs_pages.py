"""What is made from the code says what the code does: reference pages, the event's schema, the configuration."""

import json
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from agentwatch.alert.render import render
from agentwatch.alert.sample import sample_incident
from agentwatch.config import Config, read_config
from agentwatch.ingest.decode import DecodeOptions, DecodeStats, decode
from agentwatch.records import Entry, Event

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = sorted((ROOT / "docs/examples").glob("*.json"))
CONFIG = ROOT / "configs/agentwatch.toml"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    for name in ("AGENTWATCH_URL", "AGENTWATCH_AUTHOR", "AGENTWATCH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_files_are_as_the_code_is() -> None:
    from scripts.make_docs import pages

    for path, text in pages().items():
        assert path.read_text("utf-8") == text, f"{path.name} is older than the code: make docs"


def test_every_key_is_explained() -> None:
    from scripts.config_keys import tables

    assert [key.path for table in tables() for key in table.keys if not key.text] == []


def test_texts_are_of_keys_that_exist() -> None:
    from scripts.config_keys import tables
    from scripts.config_texts import TABLES, TEXTS

    found = tables()
    keys = {key.path for table in found for key in table.keys}
    assert {path for path in TEXTS if not path.startswith("*.")} <= keys
    assert set(TABLES) <= {table.path for table in found}


def test_every_line_of_the_configuration_is_a_default() -> None:
    whole = re.sub(r"^#(?=[a-z_]+ = )", "", CONFIG.read_text("utf-8"), flags=re.MULTILINE)
    tree = tomllib.loads(whole)
    assert tree["policy"].pop("files") == ["policy.d/*.toml"]
    assert msgspec.convert(tree, Config) == Config()
    assert all((tree["gate"]["breaker"], tree["api"]["limits"], tree["mqtt"]["signal"]))


def test_the_configuration_is_read_as_shipped() -> None:
    assert msgspec.structs.replace(read_config(CONFIG, {}), policy=Config().policy) == Config()


def test_a_key_that_is_unknown_is_refused_in_every_table() -> None:
    shapes = msgspec.json.schema(Config)["$defs"]
    open_ones = [n for n, part in shapes.items() if "properties" in part and part.get("additionalProperties", True)]
    assert open_ones == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_events(path: Path) -> None:
    stats = DecodeStats()
    found = decode(Entry(id="1795507999000-0", data=path.read_bytes()), 0.0, None, DecodeOptions(), stats)
    assert isinstance(found, Event), found
    assert stats.unknown_fields == 0


def test_examples_show_every_field() -> None:
    shown = {name for path in EXAMPLES for name in json.loads(path.read_text("utf-8"))}
    assert shown == set(Event.__struct_fields__)


def test_the_page_of_the_event_names_every_field() -> None:
    page = (ROOT / "docs/event.md").read_text("utf-8")
    assert [name for name in Event.__struct_fields__ if f"`{name}`" not in page] == []


def test_the_readme_shows_an_alert_as_it_is_sent() -> None:
    alert = render(sample_incident(1795510702.0))
    assert f"{alert.title}\n\n{alert.body}\n" in (ROOT / "README.md").read_text("utf-8")


def test_the_readme_gives_a_reason_for_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = [one for group in (project["dependencies"], *project["optional-dependencies"].values()) for one in group]
    names = {re.match("[a-z-]+", one).group() for one in named} - {"agentwatch"}
    table = "\n".join(line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("| "))
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", table)] == []


def test_every_detector_is_told_of() -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    assert [kind for kind in Config().detectors.__struct_fields__ if f"`{kind}`" not in page] == []


def test_links_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)", page.read_text("utf-8")):
            to = (page.parent / target).resolve() if target else page
            assert to.exists(), f"{page.name}: {target}"
            if anchor:
                heads = re.findall(r"^#+ (.*)$", to.read_text("utf-8"), re.MULTILINE)
                made = {"#" + re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
                assert anchor in made, f"{page.name}: {target}{anchor}"
