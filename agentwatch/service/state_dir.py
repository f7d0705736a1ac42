"""Where the daemon keeps what must survive it on this machine."""

from collections.abc import Mapping
from pathlib import Path

from agentwatch.errors import BadConfig

__all__ = ["state_dir"]


def state_dir(configured: str, environment: Mapping[str, str]) -> Path:
    """Give the state directory, made if it is missing: as configured, else systemd's, else the user's own."""
    home = environment.get("XDG_STATE_HOME") or str(Path(environment.get("HOME", "/")) / ".local/state")
    path = Path(configured or environment.get("STATE_DIRECTORY", "").split(":")[0] or Path(home) / "agentwatch")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfig(f"cannot make {path}: {error.strerror}", "state_dir") from error
    return path
