"""The compiled form of detection, where it was built: the same results at a fraction of the cost.

It takes the ordinary event, of which most are; one that is not it hands to the pure form, before it has changed
anything. It works on the very records and state that the pure form does, at the places in memory where their fields
lie. Those are found by looking, and not known by heart: where anything is not as it should be, the pure form runs.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from agentwatch.detect import accounts
from agentwatch.detect.state import AgentState, AppState, DayTotals, RootState, RunState, Scope
from agentwatch.fingerprint.compiled import compiled_form
from agentwatch.records import Event, Fingerprint, Observation, Prints

try:
    from agentwatch.detect import _kernel as native
except ImportError:  # no compiler where it was built
    native = None  # type: ignore[assignment]

__all__ = ["account", "kernel_form"]

_INTERFACE = 1
_CLASSES: dict[str, type[Struct]] = {
    one.__name__: one
    for one in (
        *(Event, Observation, Prints, Fingerprint, Scope),
        *(RunState, RootState, AgentState, AppState, DayTotals),
    )
}
_PURE: dict[str, Callable[..., Any]] = {"account": accounts.account}


def _places(kind: type[Struct]) -> dict[str, int]:
    """Find where the fields of a struct lie: in an object that holds another value in each of them."""
    values = {name: object() for name in kind.__struct_fields__}
    made = kind(**values)
    return {f"{kind.__name__}.{name}": native.place(made, value) for name, value in values.items()}


def _bound() -> bool:
    """Tell the compiled form where everything is; False where it cannot be used."""
    if native is None or not compiled_form() or native.INTERFACE != _INTERFACE:
        return False
    places = {name: place for kind in _CLASSES.values() for name, place in _places(kind).items()}
    try:
        native.bind(
            tuple(_CLASSES[name] for name in native.CLASSES),
            tuple(places[name] for name in native.FIELDS),
            tuple(_PURE[name] for name in native.FUNCTIONS),
        )
    except (KeyError, ValueError, TypeError):  # of another version, or laid out in a way that is not known here
        return False
    return True


_BOUND = _bound()
account: Callable[[Observation, Scope], None] = native.account if _BOUND else accounts.account


def kernel_form() -> bool:
    """Tell whether the compiled form of detection runs."""
    return _BOUND
