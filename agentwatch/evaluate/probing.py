"""A bank that also tells how near each detector came where it said nothing, or that goes without a piece of evidence.

Beside each detector a second one with a lower warning reads the same state; what it says is put back on the scale of
the real warning, and is told only to whoever listens. Detectors change nothing by reading, so the verdicts are those of
a plain bank. For replays, never for the daemon.
"""

from collections.abc import Callable
from typing import Final, cast

from msgspec.structs import replace

from agentwatch.detect.bank import Bank, build
from agentwatch.detect.kernel import Form
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.detect.reading import NOTHING
from agentwatch.detect.state import Scope
from agentwatch.evaluate.pieces import Piece
from agentwatch.ports import Detector
from agentwatch.records import Observation, Signal

__all__ = ["THRESHOLDS", "ProbingBank"]

# The options that a detector's warning depends on; its strength is in units of them. Those that are missing here have
# no single threshold: what they say is heard only where they say it.
THRESHOLDS: Final[dict[str, tuple[str, ...]]] = {
    "repeat": ("warn",),
    "cycle": ("warn_rounds", "warn_steps"),
    "stagnation": ("warn",),
    "failure": ("warn",),
    "monologue": ("warn",),
    "paraphrase": ("warn",),
    "pingpong": ("warn",),
    "slow": ("warn",),
    "degenerate": ("warn",),
    "spawn": ("warn",),
    "restart": ("warn",),
    "compaction": ("warn",),
    "context": ("warn",),
}
_SCALE = 0.05  # of the warning: what is weaker is nothing
_JUST_BELOW = 0.999  # the real detector said nothing

Hear = Callable[[Observation, Signal], None]
See = Callable[[Observation], None]


class ProbingBank(Bank):
    """Tells `see` of each event, and `hear` how far each detector got on it, with strengths in units of the warning.

    without: a piece of evidence that is taken away from all of them.
    """

    def __init__(
        self, options: StateOptions, see: See | None = None, hear: Hear | None = None, without: Piece | None = None
    ) -> None:
        super().__init__(options)
        self._see = see
        self._hear = hear
        self._without = without

    def observe(self, seen: Observation, scope: Scope, options: DetectOptions) -> list[Signal]:
        """Tell of the event, take away what is to be without, and judge the rest."""
        if self._see is not None:
            self._see(seen)
        if self._without is not None and self._without.alter is not None:
            seen = self._without.alter(seen)
        return super().observe(seen, scope, options)

    def _detectors(self, options: DetectOptions) -> tuple[Detector[Scope], ...]:
        detectors = super()._detectors(options)
        if self._hear is not None:
            low = {one.kind: one for one in build(_lowered(options)) if one.kind in THRESHOLDS}
            hear = self._hear
            detectors = tuple(cast("Detector[Scope]", _Listening(one, low.get(one.kind), hear)) for one in detectors)
        return detectors

    def _reader(self, form: Form) -> Callable[[Observation, Scope], None]:
        """Take the piece of evidence away from what the event means, which is read once for all detectors."""

        def read(seen: Observation, scope: Scope) -> None:
            form.read(seen, scope)
            if self._without is not None and self._without.amend is not None and scope.reading is not NOTHING:
                self._without.amend(scope.reading, seen, scope)

        return read


class _Listening:
    """One detector beside its lower twin. It learns by the very function of the real one, so that it learns once."""

    def __init__(self, detector: Detector[Scope], low: Detector[Scope] | None, hear: Hear) -> None:
        self.kind = detector.kind
        self.learn = detector.learn
        for name in ("ops", "of_evidence", "learns_from", "hears_silence"):
            if hasattr(detector, name):
                setattr(self, name, getattr(detector, name))
        self._read = detector.read
        self._low = low
        self._hear = hear

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Give what the real one says; where that is nothing, tell how far it was from it."""
        signal = self._read(seen, state)
        if signal is not None:
            self._hear(seen, signal)
        elif self._low is not None:
            faint = self._low.read(seen, state)
            if faint is not None:
                strength = min(faint.strength * _SCALE, _JUST_BELOW)
                self._hear(seen, replace(faint, strength=strength, kill_at=faint.kill_at * _SCALE))
        return signal


def _lowered(options: DetectOptions) -> DetectOptions:
    """Lower every warning; values out of the options' bounds are meant, and are not checked here."""
    fields = {}
    for kind, names in THRESHOLDS.items():
        its_own = getattr(options, kind)
        fields[kind] = replace(its_own, **{name: getattr(its_own, name) * _SCALE for name in names})
    return replace(options, **fields)
