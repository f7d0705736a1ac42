"""`audit verify --file`: a log that is missing is found as a changed one is, and what is no log is said to be none."""

from pathlib import Path

import msgspec
import pytest

from agentwatch.audited import AuditPage, genesis
from agentwatch.cli.root import call


def written(path: Path, *logs: AuditPage) -> Path:
    path.write_bytes(msgspec.json.encode(logs))
    return path


def log(partition: int, partitions: int = 2) -> AuditPage:
    return AuditPage(partition=partition, entries=(), head=genesis(partition), partitions=partitions)


def test_a_log_that_is_missing_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit.json"
    assert call(["audit", "verify", "--file", str(written(file, log(0), log(1)))]) == 0
    for logs, missing in (((), 0), ((log(1),), 0), ((log(0),), 1)):
        assert call(["audit", "verify", "--file", str(written(file, *logs))]) == 1
        assert f"partition {missing}: its log is missing" in capsys.readouterr().out
    head = f"7:3:{'0' * 64}"
    assert call(["audit", "verify", "--file", str(written(file, log(0, partitions=1))), "--head", head]) == 1
    assert "partition 7: its log is missing" in capsys.readouterr().out


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'[{"partition": 0}]', b"\xff", b"[" * 100_000])
def test_what_is_no_log_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    file, fine = tmp_path / "audit.json", written(tmp_path / "fine.json", log(0, partitions=1))
    file.write_bytes(data)
    assert call(["audit", "verify", "--file", str(file)]) == 2
    assert f"{file}: is not an exported log" in capsys.readouterr().err
    if data != b"{}":
        assert call(["audit", "verify", "--file", str(fine), "--remember", str(file)]) == 2
        assert f"{file}: is not what --remember has written" in capsys.readouterr().err
