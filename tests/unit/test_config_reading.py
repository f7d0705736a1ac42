"""Where a configuration comes from: a file, the environment, and files of secrets; what is wrong is named."""

from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from agentwatch.config import Config, read_config, read_policy_files, secret
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
    ("name", "value", "place"),
    [
        ("AGENTWATCH_WORKER_BATCH", "many", "AGENTWATCH_WORKER_BATCH"),
        ("AGENTWATCH_WORKER_BATCH", "0", "worker.batch"),
        ("AGENTWATCH_POLICY_FILES", "a.toml", "AGENTWATCH_POLICY_FILES"),
        ("AGENTWATCH_LOG_LEVEL", "loud", "log.level"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, place: str) -> None:
    with pytest.raises(BadConfig) as caught:
        read_config(None, {name: value})
    assert caught.value.field == place


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
