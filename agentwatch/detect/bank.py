"""All detectors over all state: every one reads the event, then every one learns it."""

from collections.abc import Callable
from typing import Any

from agentwatch.detect.ceiling import Ceiling
from agentwatch.detect.options import DetectOptions
from agentwatch.detect.rate import Rate
from agentwatch.detect.state import Scope
from agentwatch.ports import Detector

__all__ = ["DETECTORS", "build"]

# kind → class; the options of a kind are `DetectOptions`' field of that name. Order is the order of reading.
DETECTORS: dict[str, Callable[[Any], Detector[Scope]]] = {
    "rate": Rate,
    "ceiling": Ceiling,
}


def build(options: DetectOptions) -> tuple[Detector[Scope], ...]:
    """Make the enabled detectors of one set of options."""
    chosen = ((make, getattr(options, kind)) for kind, make in DETECTORS.items())
    return tuple(make(its_own) for make, its_own in chosen if its_own.enabled)
