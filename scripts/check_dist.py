"""Builds wheel and sdist, looks into them, and tries the wheel in clean environments: `make dist-check`.

Run as `python -m scripts.check_dist` in an environment with the pinned build tools (requirements/build.txt).
"""

import email
import email.message
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
DIST: Final = ROOT / "dist"
MUST: Final = (
    "agentwatch/py.typed",
    "agentwatch/policy/shipped.toml",
    "agentwatch/store/lua/commit.lua",
    "agentwatch/client/lua/take.lua",
    "agentwatch/cli/root.py",
)
SDIST_MUST: Final = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "CHANGELOG.md", "man/agentwatch.1",
                     "configs/agentwatch.toml", "systemd/agentwatch.service", "docs/install.md")  # fmt: skip
NEVER: Final = ("tests/", "bench/", "scripts/", ".ci/", "__pycache__", ".pyc", ".git", "requirements/")


def main() -> int:
    """Check everything; the first thing that is wrong ends it with words."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wheel, sdist = built(ROOT, DIST)
        named = files_of_wheel(wheel)
        metadata(wheel)
        print(f"{wheel.name}: {len(named)} files, {wheel.stat().st_size >> 10} KiB")
        unpacked = looked_into(sdist, work / "sdist")
        again, _ = built(unpacked, work / "again")
        assert files_of_wheel(again) == named, f"the sdist makes another wheel: {files_of_wheel(again) ^ named}"
        print(f"{sdist.name}: makes the same wheel")
        as_client(wheel, work / "client")
        as_daemon(wheel, work / "daemon")
    return 0


def built(root: Path, into: Path) -> tuple[Path, Path]:
    """Build both from a tree."""
    into.mkdir(parents=True, exist_ok=True)
    for old in (*into.glob("*.whl"), *into.glob("*.tar.gz")):
        old.unlink()
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(into), cwd=root)
    (wheel,), (sdist,) = into.glob("*.whl"), into.glob("*.tar.gz")
    return wheel, sdist


def files_of_wheel(wheel: Path) -> set[str]:
    """List what a wheel holds: all of the package, nothing of what is beside it."""
    names = set(zipfile.ZipFile(wheel).namelist())
    kinds = {".py", ".lua", ".toml", ".typed"}
    tracked = run("git", "ls-files", "agentwatch").split() if (ROOT / ".git").exists() else MUST
    owed = {*MUST, *(path for path in tracked if Path(path).suffix in kinds)}
    assert not owed - names, f"not in the wheel: {sorted(owed - names)}"
    assert any(name.endswith("/share/man/man1/agentwatch.1") for name in names), "no manual page in the wheel"
    outside = {name for name in names if not name.startswith(("agentwatch/", "agentwatch-"))}
    stray = {name for name in names if any(part in name for part in NEVER)}
    assert not outside | stray, f"does not belong into the wheel: {sorted(outside | stray)}"
    return names


def metadata(wheel: Path) -> None:
    """Hold the wheel's metadata against pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    held = zipfile.ZipFile(wheel)
    (name,) = (name for name in held.namelist() if name.endswith(".dist-info/METADATA"))
    said: email.message.Message = email.message_from_bytes(held.read(name))
    assert said["Name"] == project["name"]
    assert said["Version"] == run(sys.executable, "-c", "import agentwatch; print(agentwatch.__version__)").strip()
    assert said["Requires-Python"] == project["requires-python"]
    assert said["License-Expression"] == project["license"]
    assert said["Description-Content-Type"] == "text/markdown"
    assert set(said.get_all("Provides-Extra") or ()) == set(project["optional-dependencies"])
    assert set(said.get_all("Classifier") or ()) == set(project["classifiers"])
    base = [one for one in said.get_all("Requires-Dist") or () if "extra ==" not in one]
    assert len(base) == len(project["dependencies"]), base
    entries = held.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert "agentwatch = agentwatch.cli:main" in entries


def looked_into(sdist: Path, into: Path) -> Path:
    """Unpack the sdist; it must build by itself, and hold what a distribution's packager needs."""
    shutil.unpack_archive(sdist, into)
    (root,) = into.iterdir()
    missing = [name for name in SDIST_MUST if not (root / name).is_file()]
    assert not missing, f"not in the sdist: {missing}"
    native = {path.name for path in (ROOT / "agentwatch").glob("*/native/*.[ch]")}
    assert native <= {path.name for path in root.rglob("*.[ch]")}, "the sources of the compiled form"
    assert not list(root.rglob("*.so")), "compiled files belong into wheels"
    return root


def as_client(wheel: Path, into: Path) -> None:
    """Install the base alone: an agent gets the client, and nothing of the daemon."""
    python = environment(into, wheel, "base.txt")
    code = (
        "import sys, agentwatch.client as c; assert c.Guard and c.Emitter;"
        "print(sorted({'numpy', 'click', 'litestar', 'sklearn'} & sys.modules.keys()))"
    )
    assert run(python, "-c", code, cwd=into).strip() == "[]"
    print("base install: the client, without the daemon's packages")


def as_daemon(wheel: Path, into: Path) -> None:
    """Install with everything, and use it: version, configuration, a replay of a small recording."""
    python = environment(into, wheel, "daemon.txt")
    tool = str(Path(python).parent / "agentwatch")
    assert run(tool, "--version", cwd=into).startswith("agentwatch, version ")
    assert "fine" in run(tool, "config", "check", "--config", str(ROOT / "configs/agentwatch.toml"), cwd=into)
    event = {"agent": "bot", "run": "r", "op": "execute_tool", "tool": "read", "arguments": "{}", "result": "again"}
    lines = [json.dumps({**event, "id": f"e{at}", "ts": 1790000000 + at}) for at in range(20)]
    recording = into / "events.jsonl"
    recording.write_text("\n".join(lines) + "\n")
    said = run(tool, "replay", "-o", "json", str(recording), cwd=into, fine=(0, 1))
    assert '"kill"' in said, said
    assert (into / "share/man/man1/agentwatch-run.1").is_file()
    run(python, "-m", "pip", "check", cwd=into)
    print("whole install: version, config check, replay, manual pages")


def environment(into: Path, wheel: Path, requirements: str) -> str:
    """Make a clean environment with the pinned requirements and the wheel."""
    run(sys.executable, "-m", "venv", str(into))
    python = str(into / "bin/python")
    pip = (python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-compile")
    run(*pip, "--require-hashes", "-r", str(ROOT / "requirements" / requirements))
    run(*pip, "--no-deps", str(wheel))
    return python


def run(*command: str, cwd: Path = ROOT, fine: tuple[int, ...] = (0,)) -> str:
    """Run a command in an environment that holds nothing of this tree; gives what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AGENTWATCH_", "PYTHON"))}
    found = subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, check=False)  # noqa: S603  # our own words
    assert found.returncode in fine, f"{' '.join(command)}: {found.returncode}\n{found.stdout}{found.stderr}"
    return found.stdout


if __name__ == "__main__":
    sys.exit(main())
