"""A bounded number of places, for what may be open at the same time."""

from agentwatch.api.problems import Problem
from agentwatch.observe import metrics

__all__ = ["Places"]


class Places:
    """At most `bound` streams of one kind; each takes a place and gives it back once."""

    def __init__(self, kind: str, bound: int) -> None:
        self._kind = kind
        self._bound = bound
        self.taken = 0

    def take(self) -> None:
        """Take a place; refuse with 503 when there is none."""
        if self.taken >= self._bound:
            metrics().http_refused.labels("streams").inc()
            raise Problem(503, f"all {self._bound} streams are taken", kind="busy", headers={"Retry-After": "5"})
        self.taken += 1
        metrics().http_streams.labels(self._kind).set(self.taken)

    def give_back(self) -> None:
        """Give the place back."""
        self.taken -= 1
        metrics().http_streams.labels(self._kind).set(self.taken)
