"""Takes a changed configuration over while running: all that can fail is done first, then everything is swapped.

The policy, the detectors' and the ladder's options, the receivers of alerts, the callers of the control API and the
log's form are taken over with all state kept. Everything else is checked, and named as waiting for a restart: sockets,
connections, bounds.
"""

import time

import structlog
from msgspec.structs import replace

from agentwatch.config import Config
from agentwatch.errors import AgentwatchError
from agentwatch.observe import metrics
from agentwatch.service.settings import Settings, read_settings
from agentwatch.service.systemd import Notify
from agentwatch.service.wiring import Wired

__all__ = ["Reloader", "needs_restart"]

_log = structlog.get_logger()
_LIVE = frozenset(("policy", "detectors", "ladder", "log", "receivers", "signing"))


class Reloader:
    """Reloads one daemon. A file that is wrong leaves everything as it was, and says so."""

    def __init__(self, settings: Settings, wired: Wired, notify: Notify) -> None:
        self._path, self._environment = settings.path, settings.environment
        self._started_with = settings.config
        self._wired = wired
        self._notify = notify

    def reload(self) -> bool:
        """Read everything again and swap it in; False where the old configuration stays."""
        self._notify.reloading(time.monotonic())
        try:
            fresh = read_settings(self._path, self._environment)
            swap = self._wired.prepare(fresh)
        except AgentwatchError as error:
            _log.error("reload_refused", reason=str(error))
            self._told(f"refused: {error}", ok=False)
            return False
        left = needs_restart(self._started_with, fresh.config)
        swap()
        _log.info("reloaded", policy=fresh.rulebook.policy.digest, waits_for_restart=left)
        self._told("loaded" + (f"; {', '.join(left)} wait for a restart" if left else ""), ok=True)
        return True

    def _told(self, words: str, *, ok: bool) -> None:
        self._wired.health.last_reload = words
        metrics().reloads.labels("ok" if ok else "refused").inc()
        metrics().reload_ok.set(1 if ok else 0)
        if ok:
            metrics().reload_at.set(time.time())
        self._notify.ready(f"reload {words}")


def needs_restart(running: Config, new: Config) -> list[str]:
    """Name the tables that differ from what the daemon was started with and that only a restart takes over."""
    new = replace(new, api=replace(new.api, tokens=running.api.tokens))
    names = [name for name in running.__struct_fields__ if getattr(running, name) != getattr(new, name)]
    return sorted(set(names) - _LIVE)
