"""The units as systemd itself reads them, on a staged root tree: nothing of this machine is touched."""

import json
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
UNITS = ROOT / "systemd"
SERVICES = ("agentwatch.service", "agentwatch@.service", "agentwatch-alert@.service")
TARGETS = Path("/usr/lib/systemd/system")

pytestmark = pytest.mark.debian


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(autouse=True)
def tools() -> None:
    for tool in ("systemd-analyze", "systemd-sysusers", "systemd-tmpfiles"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (Debian: systemd)")


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A root tree with the units, systemd's own targets and stand-ins for the programs that the units start."""
    units = tmp_path / "etc/systemd/system"
    system = tmp_path / "usr/lib/systemd/system"
    for folder in (units, system, tmp_path / "usr/bin", tmp_path / "opt/agentwatch/bin"):
        folder.mkdir(parents=True)
    for link in ("lib", "bin"):
        (tmp_path / link).symlink_to(f"usr/{link}")
    for target in TARGETS.glob("*.target"):
        shutil.copy(target, system)
    for service in SERVICES:
        shutil.copy(UNITS / service, units)
    for program in ("usr/bin/kill", "opt/agentwatch/bin/agentwatch"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    return tmp_path


def verify(stage: Path) -> subprocess.CompletedProcess[str]:
    units = [str(stage / "etc/systemd/system" / service) for service in SERVICES]
    return run("systemd-analyze", "verify", "--recursive-errors=yes", f"--root={stage}", "--man=no", *units)


def test_units_verify_without_a_word(stage: Path) -> None:
    found = verify(stage)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_verify_would_tell_of_an_unknown_setting(stage: Path) -> None:
    unit = stage / "etc/systemd/system/agentwatch.service"
    unit.write_text(unit.read_text().replace("MemoryHigh=", "MemoryHihg="))
    found = verify(stage)
    assert found.returncode == 1
    assert "MemoryHihg" in found.stderr


def test_drop_in_examples_verify(stage: Path) -> None:
    folder = stage / "etc/systemd/system/agentwatch.service.d"
    folder.mkdir()
    examples = sorted((UNITS / "agentwatch.service.d").glob("*.conf.example"))
    assert examples
    for example in examples:
        lines = example.read_text().splitlines()
        # What is commented out as a choice must be as right as what is not.
        (folder / example.stem).write_text("\n".join(x[1:] if x[:1] == "#" and x[1:2] != " " else x for x in lines))
    found = verify(stage)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize("service", SERVICES)
def test_exposure_is_at_most_one(stage: Path, service: str) -> None:
    unit = stage / "etc/systemd/system" / service
    found = run("systemd-analyze", "security", "--offline=yes", "--threshold=10", "--no-pager", str(unit))
    assert found.returncode == 0, found.stdout


def test_exposure_names_what_is_left(stage: Path) -> None:
    unit = stage / "etc/systemd/system/agentwatch.service"
    found = run("systemd-analyze", "security", "--offline=yes", "--json=short", "--no-pager", str(unit))
    left = {row["json_field"] for row in json.loads(found.stdout) if row["set"] is False}
    assert "UserOrDynamicUser" not in left
    assert len(left) <= 8, left


def test_the_unit_that_failure_starts_exists() -> None:
    unit = RawConfigParser(strict=False, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment]  # the keys of a unit have case
    unit.read(UNITS / "agentwatch.service")
    prefix, _, _ = unit["Unit"]["OnFailure"].partition("@")
    assert (UNITS / f"{prefix}@.service").is_file()


def test_user_and_folders_are_made(stage: Path) -> None:
    for kind in ("sysusers.d", "tmpfiles.d"):
        folder = stage / "usr/lib" / kind
        folder.mkdir(parents=True)
        shutil.copy(UNITS / kind / "agentwatch.conf", folder)
    users = run("systemd-sysusers", f"--root={stage}")
    assert users.returncode == 0, users.stderr
    assert any(line.startswith("agentwatch:") for line in (stage / "etc/passwd").read_text().splitlines())
    folders = run("systemd-tmpfiles", "--create", f"--root={stage}", "agentwatch.conf")
    assert folders.returncode == 0, folders.stderr
    assert (stage / "etc/agentwatch/credentials").stat().st_mode & 0o777 == 0o700
    assert (stage / "etc/agentwatch/policy.d").stat().st_mode & 0o777 == 0o750
