"""What one agent did lately within one run, as digests: the evidence of the content detectors.

Rings are byte strings that grow with use and drop their oldest entry when full, so a short run pays for its own events
only: eight bytes a digest, and of a call two digests, its time (hundredths of a second since `base`) and a mark.
Sketches are kept of the last few distinct calls and outputs alone.
"""

from collections.abc import Iterator
from struct import Struct as Layout

from msgspec import Struct, field

from agentwatch.detect.familiar import Familiar
from agentwatch.detect.steps import OpenStep

__all__ = [
    "CALLS",
    "FAILED",
    "FRESH",
    "NEAR",
    "NUMBERS",
    "OUTPUTS",
    "WRITE",
    "History",
    "Phrased",
    "Spoken",
    "Streak",
    "mix",
    "remember",
    "remembered",
    "rfind",
]

CALLS = 64  # calls in the window: the look-back of the published detectors that see interleaved loops
NEAR = 4  # distinct calls whose sketches are kept
OUTPUTS = 16  # outputs whose digests are kept
INPUTS = 16  # inputs whose digests are kept
TEXTS = 2  # outputs whose sketches are kept
NUMBERS = 3  # first numbers of an answer that are kept, to see whether they move
IDS = 8  # event ids kept as evidence

FAILED = 1  # mark of a call: it failed
FRESH = 4  # mark of a call: never made before in the window, and not a variant of one that brought the same
WRITE = 2  # mark of a call: it changed something (new arguments, an acknowledging or empty answer)
_DIGEST = 8
_CALL = Layout("<QQIB")  # of the ring of calls: call, answer, hundredths of a second since `base`, mark
_SIZE = _CALL.size
_AT_ANSWER, _AT_TIME, _AT_MARK = 8, 16, 20
_SKETCH = 64
_M64 = (1 << 64) - 1


def mix(a: int, b: int) -> int:
    """Digest a pair of 64-bit digests: order matters, and zero comes back for no pair (SplitMix64's multipliers)."""
    x = (a * 0x9E3779B97F4A7C15 + b) & _M64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _M64
    return (x ^ (x >> 31)) or 1


class Streak(Struct, array_like=True, gc=False):
    """One repetition as it grows: since which event, how often, and what the run had used when it began."""

    index: int
    event_id: str
    since: float
    tokens: int
    cost_nusd: int
    unpriced: int
    last: float
    last_index: int
    count: int = 1
    ids: list[str] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    tool: str = ""


class Phrased(Struct, array_like=True, gc=False):
    """The rewordings of a speaker's prompts so far.

    left: sketch of what the template left of the last prompt that brought nothing (b"" where that was nothing).
    mature: the template was known. stale: leaky count of such prompts; known: the part of it with a known template.
    """

    left: bytes = b""
    mature: bool = False
    stale: float = 0.0
    known: float = 0.0
    streak: Streak | None = None


class Spoken(Struct, array_like=True, gc=False):
    """What an agent said and was told: digests of the last outputs and inputs, sketches of the last few outputs.

    sketches: of the last input where `prompted` says so, and then of the outputs, oldest first, in one byte string.
    stale: leaky count of outputs that said nothing new; hard: the part of it that was equal, not only alike.
    chain: weight of the long outputs in a row that were much like the one before. at: when it spoke last. acted: a
    tool was called since then. heard: the count of news that
    it had heard of when it spoke last. size: of its last output.
    """

    outputs: bytes = b""  # bytes and not bytearray: an empty one costs nothing, and none has room to spare
    inputs: bytes = b""
    sketches: bytes = b""
    prompted: bool = False
    stale: float = 0.0
    hard: float = 0.0
    chain: float = 0.0
    at: float = 0.0
    acted: bool = False
    streak: Streak | None = None
    phrased: Phrased | None = None
    heard: int = 0
    size: int = 0

    @property
    def told(self) -> bytes:
        """Sketch of the last input; b"" where it had none."""
        return self.sketches[:_SKETCH] if self.prompted else b""

    @property
    def said(self) -> bytes:
        """Sketches of the last outputs that have one, oldest first, as one byte string."""
        return self.sketches[_SKETCH:] if self.prompted else self.sketches

    def hear(self, sketch: bytes) -> None:
        """Keep the sketch of an input (b"" where it has none) in place of the last one's."""
        self.sketches = sketch + self.said
        self.prompted = bool(sketch)

    def say(self, sketch: bytes) -> None:
        """Keep the sketch of an output, and of the latest `TEXTS` only."""
        said = self.said + sketch
        self.sketches = self.told + said[-TEXTS * _SKETCH :]


class Laps(Struct, array_like=True, gc=False):
    """Step symbols, oldest first, and for each lag (1 to 32) how many symbols in a row equalled the one a lag back."""

    symbols: bytes = b""
    runs: bytes = b""
    aside: bytes = b""
    step: OpenStep = field(default_factory=OpenStep)
    best: int = 0
    streak: Streak | None = None


class History(Struct, array_like=True, gc=False):
    """The recent calls, results and outputs of one speaker in one run; near: its latest distinct calls (see `near`).

    hard and soft are the two leaky buckets of stale calls; `step_calls` counts the calls of the open step at the end
    of the ring; streaks are kept by kind while their bucket is not empty; `lag`: after how many calls the last one that
    was not new had come again.
    """

    index: int = -1
    base: float = 0.0
    calls: bytes = b""
    near: bytes = b""
    step: int = -1
    step_calls: int = 0
    hard: float = 0.0
    soft: float = 0.0
    fresh: int = 0
    stale: int = 0
    streaks: dict[str, Streak] | None = None
    spoken: Spoken | None = None
    cycle: Laps | None = None
    familiar: Familiar | None = None
    lag: int = 0

    @property
    def window(self) -> int:
        """Count the calls in the window."""
        return len(self.calls) // _SIZE

    def entries(self) -> Iterator[tuple[int, int, int, int]]:
        """Give the calls of the window, oldest first: call, answer, hundredths of a second since `base`, mark."""
        return _CALL.iter_unpack(self.calls)

    def last_call(self, call: int) -> int:
        """Find the latest place of a call in the window, or -1."""
        return self.call_before(call, len(self.calls))

    def call_before(self, call: int, place: int) -> int:
        """Find the latest place of a call before a place, or -1."""
        wanted = call.to_bytes(_DIGEST, "little")
        at = self.calls.rfind(wanted, 0, place * _SIZE)
        while at >= 0 and at % _SIZE:
            at = self.calls.rfind(wanted, 0, at + _DIGEST - 1)
        return at // _SIZE

    def call_from(self, call: int, place: int) -> int:
        """Find the first place of a call at a place or after it, or -1."""
        wanted = call.to_bytes(_DIGEST, "little")
        at = self.calls.find(wanted, place * _SIZE)
        while at >= 0 and at % _SIZE:
            at = self.calls.find(wanted, at + 1)
        return at // _SIZE

    def had_answer(self, result: int, *, latest: bool = True) -> bool:
        """Tell whether a call of the window got this answer; latest: or the last of them did."""
        wanted, end = result.to_bytes(_DIGEST, "little"), len(self.calls) - (0 if latest else _SIZE)
        at = self.calls.find(wanted, 0, end)
        while at >= 0 and at % _SIZE != _AT_ANSWER:
            at = self.calls.find(wanted, at + 1, end)
        return at >= 0

    def times_answered(self, call: int, result: int, place: int) -> int:
        """Count how often a call got this answer at this place or before it, up to two."""
        count, at = 0, place
        while at >= 0 and count < 2:
            count += self.result_at(at) == result
            at = self.call_before(call, at)
        return count

    def call_at(self, place: int) -> int:
        """Tell the digest of the call at a place."""
        at = place * _SIZE
        return int.from_bytes(self.calls[at : at + _DIGEST], "little")

    def result_at(self, place: int) -> int:
        """Tell the digest of the answer to the call at a place (0: the log held none)."""
        at = place * _SIZE
        return int.from_bytes(self.calls[at + _AT_ANSWER : at + _AT_TIME], "little")

    def time_at(self, place: int) -> float:
        """Tell when the call at a place was made (unix seconds, to a hundredth)."""
        at = place * _SIZE
        return self.base + int.from_bytes(self.calls[at + _AT_TIME : at + _AT_MARK], "little") / 100

    def mark_at(self, place: int) -> int:
        """Tell the mark of the call at a place."""
        return self.calls[place * _SIZE + _AT_MARK]

    def wrote_since(self, place: int) -> bool:
        """Tell whether something was changed after the call at a place."""
        return any(mark & WRITE for mark in self._marks_after(place))

    def went_on_since(self, place: int) -> bool:
        """Tell whether something was called after the call at a place that had not been called before."""
        return any(mark & FRESH for mark in self._marks_after(place))

    def alike_since(self, place: int) -> float:
        """Tell the share of the calls from a place on that got the answer which the one there got."""
        wanted = self.result_at(place)
        count = self.window - place
        return sum(self.result_at(at) == wanted for at in range(place, self.window)) / count

    def in_turn(self, place: int) -> bool:
        """Tell whether the call before the one at a place is also the latest: a second pass in the same order."""
        return place > 0 and self.call_at(place - 1) == self.call_at(self.window - 1)

    def push(self, call: int, result: int, now: float, mark: int) -> None:
        """Append a call, dropping the oldest where the window is full."""
        calls = self.calls
        if not calls:
            self.base = now
        elif len(calls) >= CALLS * _SIZE:
            calls = calls[_SIZE:]
        self.calls = calls + _CALL.pack(call, result, min(0xFFFFFFFF, max(0, int((now - self.base) * 100))), mark)

    def _marks_after(self, place: int) -> bytes:
        return self.calls[(place + 1) * _SIZE + _AT_MARK :: _SIZE]


def rfind(ring: bytes | bytearray, digest: int) -> int:
    """Find the latest place of a digest in a ring of digests, or -1."""
    wanted = digest.to_bytes(_DIGEST, "little")
    at = ring.rfind(wanted)
    while at >= 0 and at % _DIGEST:
        at = ring.rfind(wanted, 0, at + _DIGEST - 1)
    return at // _DIGEST if at >= 0 else -1


def remember(ring: bytearray, digest: int, most: int) -> None:
    """Append a digest to a ring that holds at most `most` of them."""
    if len(ring) >= most * _DIGEST:
        del ring[:_DIGEST]
    ring += digest.to_bytes(_DIGEST, "little")


def remembered(ring: bytes, digest: int, most: int) -> bytes:
    """Give a ring that holds at most `most` digests with one more at its end."""
    added = digest.to_bytes(_DIGEST, "little")
    return ring[_DIGEST:] + added if len(ring) >= most * _DIGEST else ring + added
