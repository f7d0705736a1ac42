"""Jobs that are started again: which they are, and which of their runs brought nothing. The evidence of restart.

What is remembered of an app are the keys of its latest starts, twelve bytes each, and a record of those jobs that were
started more than once, or failed.
"""

from msgspec import Struct, field

__all__ = ["Job", "came", "noted"]

STARTS = 16  # judged starts that are remembered of a job
_DIGEST, _ENTRY = 8, 12  # a key, and unix seconds
_MARK = 5  # unix seconds, and the weight in twentieths with two flags
_HARD, _UNFINISHED, _WEIGHT = 0x80, 0x40, 0x3F
_UNIT = 20


class Job(Struct, array_like=True, gc=False):
    """One job over its runs. run: the latest, `judged` once it is known how that went.

    seen: what its runs did and got, as digests; said: sketch of the last output. overlaps: its runs run beside each
    other, so that one that has not ended is no failure. since, index, event_id: of the first start that is counted.
    tokens, cost_nusd and unpriced: what the judged runs used.
    """

    run: str
    since: float
    last: float
    index: int
    event_id: str
    count: int = 1
    judged: bool = False
    overlaps: bool = False
    marks: bytearray = field(default_factory=bytearray)
    seen: bytearray = field(default_factory=bytearray)
    said: bytes = b""
    tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    ids: list[str] = field(default_factory=list)

    def add(self, at: float, weight: float, *, hard: bool, unfinished: bool) -> None:
        """Count a run that brought nothing."""
        if len(self.marks) >= STARTS * _MARK:
            del self.marks[:_MARK]
        code = min(_WEIGHT, round(weight * _UNIT)) | _HARD * hard | _UNFINISHED * unfinished
        self.marks += int(at).to_bytes(4, "little") + bytes((code,))

    def clear(self) -> None:
        """Forget what speaks against it: a run brought something."""
        self.marks = bytearray()
        self.count, self.tokens, self.cost_nusd, self.unpriced = 0, 0, 0, 0
        self.ids = []

    def side_by_side(self) -> None:
        """Take back the runs that were counted as unfinished: one of them goes on."""
        self.overlaps = True
        marks = self.marks
        kept = [marks[at : at + _MARK] for at in range(0, len(marks), _MARK) if not marks[at + 4] & _UNFINISHED]
        self.marks = bytearray(b"".join(kept))

    def weight(self, now: float, within_s: float) -> tuple[float, float]:
        """Sum up what was counted within the last seconds: hard alone, and everything."""
        hard = total = 0.0
        for at in range(0, len(self.marks), _MARK):
            if now - int.from_bytes(self.marks[at : at + 4], "little") <= within_s:
                code = self.marks[at + 4]
                total += (code & _WEIGHT) / _UNIT
                hard += (code & _WEIGHT) / _UNIT if code & _HARD else 0.0
        return hard, total


def came(lately: bytes, key: int) -> float | None:
    """Tell when a key was last started (unix seconds); None where it is not among the latest."""
    at = _find(lately, key)
    return None if at < 0 else float(int.from_bytes(lately[at + _DIGEST : at + _ENTRY], "little"))


def noted(lately: bytes, key: int, now: float, most: int) -> bytes:
    """Give the latest starts with this one at their end, at most `most` of them."""
    at = _find(lately, key)
    if at >= 0:
        lately = lately[:at] + lately[at + _ENTRY :]
    elif len(lately) >= most * _ENTRY:
        lately = lately[_ENTRY:]
    return lately + key.to_bytes(_DIGEST, "little") + int(now).to_bytes(4, "little")


def _find(lately: bytes, key: int) -> int:
    wanted = key.to_bytes(_DIGEST, "little")
    at = lately.rfind(wanted)
    while at >= 0 and at % _ENTRY:
        at = lately.rfind(wanted, 0, at + _DIGEST - 1)
    return at
