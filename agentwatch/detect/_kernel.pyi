"""The compiled form of detection, as Python sees it. Its source is in native/; the module named at each function is its oracle."""

from collections.abc import Callable
from typing import Any, Final

from agentwatch.detect.state import Scope
from agentwatch.records import Observation

INTERFACE: Final[int]
CLASSES: Final[tuple[str, ...]]
FIELDS: Final[tuple[str, ...]]  # each as `class.field`
FUNCTIONS: Final[tuple[str, ...]]

def place(instance: object, value: object, /) -> int:
    """Find where the one reference to a value lies in an object, in bytes; -1 without one, or with several."""

def bind(classes: tuple[type, ...], places: tuple[int, ...], functions: tuple[Callable[..., Any], ...], /) -> None:
    """Take what `CLASSES`, `FIELDS` and `FUNCTIONS` name: classes, places of their fields, and the pure functions."""

def account(seen: Observation, scope: Scope, /) -> None:
    """Count an event into all that it belongs to (`accounts`)."""
