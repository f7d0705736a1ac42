"""How long to wait before the next attempt: doubling, capped, with jitter so that a fleet does not return at once."""

from collections.abc import Callable
from random import random

from msgspec import Struct

__all__ = ["Backoff", "BackoffOptions"]


class BackoffOptions(Struct, frozen=True, kw_only=True):
    """The shortest and the longest wait between two attempts, in seconds."""

    min_s: float = 0.05
    max_s: float = 5.0


class Backoff:
    """Waits of one series of attempts. `jitter` gives a number in 0..1; a wait is between half and all of its step."""

    def __init__(self, options: BackoffOptions, jitter: Callable[[], float] = random) -> None:
        self._options = options
        self._jitter = jitter
        self.attempts = 0

    def next(self) -> float:
        """Tell the seconds to wait after one more failure."""
        # 2**30 steps outlast any cap that makes sense; the bound keeps the float finite.
        step = min(self._options.max_s, self._options.min_s * 2.0 ** min(self.attempts, 30))
        self.attempts += 1
        return step * (0.5 + self._jitter() / 2)

    def reset(self) -> None:
        """Begin anew after a success."""
        self.attempts = 0
