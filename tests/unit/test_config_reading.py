"""Where a configuration comes from: a file, the environment, and files of secrets; what is wrong is named."""

import contextlib
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from agentwatch.config import Config, read_config, read_policy_files, secret
from agentwatch.environment import OTHERS
from agentwatch.errors import BadConfig


def structs(shape: Any) -> set[type[msgspec.Struct]]:
    """Find every table that a configuration may hold."""
    found: set[type[msgspec.Struct]] = set()
    for hint in get_type_hints(shape).values():
        for kind in (hint, *get_args(hint)):
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in found:
                found |= {kind, *structs(kind)}
    return found


@pytest.mark.parametrize(
    "table", sorted({Config, *structs(Config)}, key=lambda kind: f"{kind.__module__}.{kind.__name__}")
)
def test_no_table_swallows_an_unknown_key(table: type[msgspec.Struct]) -> None:
    assert table.__struct_config__.forbid_unknown_fields, f"{table.__module__}.{table.__name__}"
    assert table.__struct_config__.frozen


def test_the_defaults_are_whole_and_can_be_written_and_read_back() -> None:
    assert read_config(None, {}) == Config()
    assert msgspec.convert(msgspec.to_builtins(Config()), Config) == Config()


def test_the_environment_lies_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('[redis]\nurl = "redis://file"\nlease_s = 5\n[worker]\nbatch = 10\n')
    environment = {
        "AGENTWATCH_REDIS_URL": "redis://environment",
        "AGENTWATCH_WORKER_BATCH": "20",
        "AGENTWATCH_API_LOOPBACK_WITHOUT_TOKEN": "true",
        "AGENTWATCH_DETECTORS_REPEAT_WARN": "4.5",
        "AGENTWATCH_POLICY_FILES": '["a.toml", "b.toml"]',
        "AGENTWATCH_GATE_BREAKER_SMALL_LIMIT": "3",
        "AGENTWATCH_LOG_FORMAT": "json",
        "OTHER": "x",
    }
    found = read_config(path, environment)
    assert (found.redis.url, found.redis.lease_s, found.worker.batch) == ("redis://environment", 5.0, 20)
    assert found.api.loopback_without_token is True
    assert found.detectors.repeat.warn == 4.5
    assert found.policy.files == ("a.toml", "b.toml")
    assert found.gate.breaker.small_limit == 3
    assert found.log.format == "json"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AGENTWATCH_WORKER_BATCH", "many", "'many' is not a whole number"),
        ("AGENTWATCH_WORKER_BATCH", "0", "'0': Expected `int` >= 1"),
        ("AGENTWATCH_API_PORT", "abc", "'abc' is not a whole number"),
        ("AGENTWATCH_API_PORT", "", "'' is not a whole number"),
        ("AGENTWATCH_API_PORT", "70000", "'70000': Expected `int` <= 65535"),
        ("AGENTWATCH_API_ENABLED", "yes", "'yes' is not true or false"),
        ("AGENTWATCH_REDIS_LEASE_S", "soon", "'soon' is not a number"),
        ("AGENTWATCH_POLICY_FILES", "a.toml", "this is not a JSON list"),
        ("AGENTWATCH_POLICY_FILES", '["a", 5]', "Expected `str`, got `int` (at [1])"),
        ("AGENTWATCH_LOG_LEVEL", "loud", "'loud': Invalid enum value"),
        ("AGENTWATCH_API_PROT", "8080", "did you mean AGENTWATCH_API_PORT?"),
        ("AGENTWATCH_REDIS", "x", "there is no such variable"),
        ("AGENTWATCH_TOKENFILE", "x", "did you mean AGENTWATCH_TOKEN_FILE?"),
        ("AGENTWATCH_QQQQ", "x", "docs/configuration.md"),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_expected(name: str, value: str, said: str) -> None:
    with pytest.raises(BadConfig) as caught:
        read_config(None, {name: value})
    assert caught.value.field == name
    assert said in str(caught.value)


def test_variables_of_other_parts_and_of_kubernetes_are_left_alone() -> None:
    others = {f"AGENTWATCH_{name}": "x" for name in OTHERS}
    links = {
        "AGENTWATCH_SERVICE_HOST": "10.0.0.1",
        "AGENTWATCH_SERVICE_PORT": "8321",
        "AGENTWATCH_SERVICE_PORT_HTTP": "8321",
        "AGENTWATCH_PORT": "tcp://10.0.0.1:8321",
        "AGENTWATCH_PORT_8321_TCP": "tcp://10.0.0.1:8321",
        "AGENTWATCH_PORT_8321_TCP_ADDR": "10.0.0.1",
        "AGENTWATCH_API_PORT": "tcp://10.0.0.1:8321",  # of a service called agentwatch-api
    }
    assert read_config(None, others | links | {"AGENTWATCH_TEST_REDIS_SERVER": "x", "AGENTWATCHER": "x"}) == Config()


def test_the_environment_does_not_hide_a_wrong_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("api = 5\n")
    with pytest.raises(BadConfig, match="api"):
        read_config(tmp_path / "a.toml", {"AGENTWATCH_API_PORT": "1"})


def test_every_variable_that_the_code_reads_is_known() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    read = {
        name
        for path in (root / "agentwatch").rglob("*.py")
        for name in re.findall(r"\bAGENTWATCH_([A-Z_]*[A-Z])\b", path.read_text("utf-8"))
    }
    assert read
    for name in read - set(OTHERS):
        with contextlib.suppress(BadConfig):
            read_config(None, {f"AGENTWATCH_{name}": "x"})
            continue
        with pytest.raises(BadConfig) as caught:
            read_config(None, {f"AGENTWATCH_{name}": "x"})
        assert "no such variable" not in str(caught.value), name


def test_policy_files_are_found_by_globs_beside_the_file(tmp_path: Path) -> None:
    for name in ("20-b.toml", "10-a.toml", "notes.txt"):
        (tmp_path / name).write_text(name)
    config = msgspec.convert({"policy": {"files": ["*.toml"]}}, Config)
    assert list(read_policy_files(config, tmp_path)) == [str(tmp_path / "10-a.toml"), str(tmp_path / "20-b.toml")]
    with pytest.raises(BadConfig, match=r"policy\.files"):
        read_policy_files(config, tmp_path / "elsewhere")
    (tmp_path / "30-c.toml").mkdir()
    with pytest.raises(BadConfig, match=r"30-c\.toml"):
        read_policy_files(config, tmp_path)


def test_secrets_come_from_files_and_from_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "word").write_text("open sesame\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert secret("plain", "k") == "plain"
    assert secret("", "k") == ""
    assert secret(f"file:{tmp_path / 'word'}", "k") == "open sesame"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert secret("credential:word", "k") == "open sesame"
    for bad in ("credential:none", f"file:{tmp_path / 'none'}", f"file:{tmp_path / 'bytes'}", f"file:{tmp_path}"):
        with pytest.raises(BadConfig) as caught:
            secret(bad, "redis.password")
        assert caught.value.field == "redis.password"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(BadConfig, match="systemd"):
        secret("credential:word", "redis.password")


@pytest.mark.parametrize("name", ["../word", "/etc/passwd", "a/b", ""])
def test_a_credential_is_a_name_and_no_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(BadConfig):
        secret(f"credential:{name}", "k")
