"""A clock that stands still until it is told otherwise."""

__all__ = ["ManualClock"]


class ManualClock:
    """Gives the same time until `advance`; called like `time.time`. Never goes back."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Tell the time in unix seconds."""
        return self.now

    def advance(self, seconds: float) -> float:
        """Move on and tell the new time."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self.now += seconds
        return self.now
