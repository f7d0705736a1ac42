"""Whether each part works: parts report what they last saw, and the measure of each is written here once."""

from collections.abc import Callable

from msgspec import Struct

from agentwatch.views import ComponentHealth

__all__ = ["Health", "HealthOptions"]


class HealthOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """loop_s: the working loop counts as stuck when it has not turned for so long. max_lag: as behind beyond that."""

    loop_s: float = 15.0
    max_lag: int = 200_000


class Health:
    """Collects the parts' own checks; a check gives what is wrong in words, empty where nothing is."""

    def __init__(self, options: HealthOptions) -> None:
        self.options = options
        self.last_reload = ""
        self._checks: dict[str, Callable[[float], str]] = {}

    def add(self, name: str, check: Callable[[float], str]) -> None:
        """Watch a part from now on."""
        self._checks[name] = check

    def components(self, now: float) -> tuple[ComponentHealth, ...]:
        """Ask every part."""
        found = ((name, check(now)) for name, check in self._checks.items())
        return tuple(ComponentHealth(name=name, ok=not wrong, detail=wrong) for name, wrong in found)
