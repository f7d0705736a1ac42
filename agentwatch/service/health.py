"""Whether each part works: parts report what they last saw, and the measure of each is written here once."""

from collections.abc import Callable

from msgspec import Struct

from agentwatch.counting import counted
from agentwatch.observe import redacted
from agentwatch.service.worker import Worker
from agentwatch.views import ComponentHealth

__all__ = ["Health", "HealthOptions"]


class HealthOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """loop_s: the working loop counts as stuck when it has not turned for so long. max_lag: as behind beyond that."""

    loop_s: float = 15.0
    max_lag: int = 200_000


class Health:
    """Collects the parts' own checks; a check gives what is wrong in words, empty where nothing is."""

    def __init__(self, options: HealthOptions = HealthOptions()) -> None:  # noqa: B008  # frozen
        self.options = options
        self.last_reload = ""
        self._checks: dict[str, Callable[[float], str]] = {}

    def add(self, name: str, check: Callable[[float], str]) -> None:
        """Watch a part from now on."""
        self._checks[name] = check

    def drop(self, name: str) -> None:
        """Watch a part no longer."""
        self._checks.pop(name, None)

    def drop_all(self) -> None:
        """Watch nothing of this any longer."""
        for name in tuple(self._checks):
            self.drop(name)

    def part(self, label: str) -> "Health":
        """Collect the checks of a part of the daemon here, each under its name with the label before it."""
        return _Part(self, label) if label else self

    def watch_worker(self, worker: Worker) -> None:
        """Watch the working loop: its partition, its pace and its backlog."""
        self.add("store", lambda _: "" if worker.ready else worker.trouble or "the partition is not owned yet")
        self.add("ledger", lambda _: worker.gauges.unsettled)
        self.add("watchdog", lambda _: self._stuck(worker))
        self.add("lag", lambda _: self._behind(worker))

    def _behind(self, worker: Worker) -> str:
        return counted(worker.lag, "event waits", "events wait") if worker.lag > self.options.max_lag else ""

    def _stuck(self, worker: Worker) -> str:
        idle = worker.idle_s()
        return f"the working loop has not turned for {idle:.0f} s" if idle > self.options.loop_s else ""

    def components(self, now: float) -> tuple[ComponentHealth, ...]:
        """Ask every part how it is at `now`; what it says is shown without secrets."""
        found = ((name, check(now)) for name, check in self._checks.items())
        return tuple(ComponentHealth(name=name, ok=not wrong, detail=redacted(wrong)) for name, wrong in found)


class _Part(Health):
    """A part's own view of the whole."""

    def __init__(self, whole: Health, label: str) -> None:
        super().__init__(whole.options)
        self._whole = whole
        self._label = label

    def add(self, name: str, check: Callable[[float], str]) -> None:
        """Watch a part from now on."""
        super().add(name, check)
        self._whole.add(f"{self._label} {name}", check)

    def drop(self, name: str) -> None:
        """Watch a part no longer."""
        super().drop(name)
        self._whole.drop(f"{self._label} {name}")
