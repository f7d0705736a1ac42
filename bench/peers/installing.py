"""Installs the peers into the environment that runs this: all at once, or one by one where that fails.

A library that cannot be installed is left out and named, with pip's reason, in the environment's own folder.
"""

import json
import subprocess
import sys
from pathlib import Path

__all__ = ["main", "refusals"]

_HERE = Path(__file__).parent
_LOCK = _HERE / "requirements.txt"
_REFUSED = Path(sys.prefix) / "peers-refused.json"


def refusals() -> dict[str, str]:
    """Read which packages could not be installed into this environment, and why."""
    return dict(json.loads(_REFUSED.read_text(encoding="utf-8"))) if _REFUSED.is_file() else {}


def _pip(*arguments: str) -> str:
    """Install, and give the reason where that fails, else nothing."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return "" if done.returncode == 0 else (said or done.stderr.splitlines() or ["pip failed"])[-1]


def _wanted() -> list[str]:
    lines = (_HERE / "requirements.in").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith(("#", "-"))]


def main() -> int:
    """Install; 0 unless agentwatch's own needs cannot be met."""
    refused: dict[str, str] = {}
    if reason := _pip("--require-hashes", "-r", str(_LOCK)):
        print(f"not all at once ({reason}); one by one", file=sys.stderr)
        own = _HERE.parents[1] / "requirements" / "daemon.txt"
        if failed := _pip("--require-hashes", "-r", str(own)):
            print(failed, file=sys.stderr)
            return 1
        for line in _wanted():
            if failed := _pip(line):
                refused[line.partition("==")[0]] = failed
    _REFUSED.write_text(json.dumps(refused, indent=1) + "\n", encoding="utf-8")
    for name, why in refused.items():
        print(f"left out: {name}: {why}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
