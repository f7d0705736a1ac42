"""How fast an agent usually goes, and whether it has left that for good: CUSUM on the logarithms of its rates.

Rates are sums over buckets of the app's clock in which the agent did something; idle buckets say nothing. The
threshold for a wanted interval between false alarms is Siegmund's approximation of the average run length of a
one-sided CUSUM with allowance k and threshold h (D. Siegmund, Sequential Analysis, 1985, section 2.6):
ARL0 = (exp(2k b) - 2k b - 1) / (2k^2) with b = h + 1.166.
"""

import math
from functools import lru_cache
from struct import Struct as Layout

from msgspec import Struct

__all__ = ["CALLS", "DOLLARS", "MEASURES", "TOKENS", "Pace", "Track", "run_length", "threshold"]

CALLS, TOKENS, DOLLARS = 0, 1, 2
MEASURES = ("calls", "tokens", "dollars")
# What is added before taking logarithms, so that small numbers are all alike: a call, 1,000 tokens, one cent.
FLOORS = (1.0, 1000.0, 0.01)
_TRACK = Layout("<ddddq")  # mean, variance, cusum, onset time, onset index
_ALL = Layout("<" + "ddddq" * len(MEASURES))  # those of all measures, one after the other
_FIELDS = 5
_EMPTY = _TRACK.pack(0.0, 0.0, 0.0, 0.0, -1) * len(MEASURES)
_OVERSHOOT = 1.166


class Track(Struct, gc=False):
    """One measure: its usual level (mean and variance of the logarithm) and the sum of what exceeded it since onset."""

    mean: float
    variance: float
    cusum: float
    onset_at: float
    onset_index: int


class Pace(Struct, array_like=True, gc=False):
    """What is known of one agent's rates. The current bucket is open; `closed` counts those that were learnt from.

    alarm: 1 + the measure that left its past for good, 0 while none has. Nothing is learnt while it stands.
    dear: the dollars raised it, and there are enough of them.
    """

    bucket: int = -1
    calls: int = 0
    tokens: int = 0
    cost_nusd: int = 0
    first_index: int = -1
    began: float = 0.0
    closed: int = 0
    alarm: int = 0
    alarmed_at: float = 0.0
    dear: bool = False
    packed: bytes = _EMPTY

    def track(self, measure: int) -> Track:
        """Unpack one measure."""
        return Track(*_TRACK.unpack_from(self.packed, measure * _TRACK.size))

    def tracks(self) -> list[Track]:
        """Unpack all measures."""
        return [self.track(measure) for measure in range(len(MEASURES))]

    def keep(self, tracks: list[Track]) -> None:
        """Pack all measures again."""
        self.packed = b"".join(
            _TRACK.pack(one.mean, one.variance, one.cusum, one.onset_at, one.onset_index) for one in tracks
        )

    def average(self, weight: float) -> None:
        """Take the open bucket into the usual levels while they are only learnt, with a weight in 0..1."""
        kept = list(_ALL.unpack(self.packed))
        for measure, value in enumerate(self.logs()):
            at = measure * _FIELDS
            off = value - kept[at]
            kept[at] += weight * off
            kept[at + 1] = (1.0 - weight) * (kept[at + 1] + weight * off * off)
        self.packed = _ALL.pack(*kept)

    def logs(self) -> tuple[float, float, float]:
        """Take the logarithms of the open bucket's sums."""
        return (
            math.log(self.calls + FLOORS[CALLS]),
            math.log(self.tokens + FLOORS[TOKENS]),
            math.log(self.cost_nusd / 1e9 + FLOORS[DOLLARS]),
        )


def run_length(k: float, h: float) -> float:
    """Tell the average number of samples between false alarms of a one-sided CUSUM in control (Siegmund)."""
    b = h + _OVERSHOOT
    return (math.exp(2 * k * b) - 2 * k * b - 1) / (2 * k * k)


@lru_cache(maxsize=64)
def threshold(k: float, samples: float) -> float:
    """Find the threshold h whose false alarms are `samples` apart on average, by bisection to 0.001."""
    low, high = 0.0, 400.0 / (2 * k)
    while high - low > 0.001:
        middle = (low + high) / 2
        if run_length(k, middle) < samples:
            low = middle
        else:
            high = middle
    return high
