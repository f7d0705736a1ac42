"""Steps: parallel calls that share a number count as one, whatever their order.

Without numbers each tool event is a step of its own, and a chat's output is one only if no tool follows it.
"""

from msgspec import Struct

from agentwatch.records import Observation

__all__ = ["OpenStep", "close_step", "enter_step"]

CLOSES_AFTER_S = 5.0
MAX_MEMBERS = 64
_MASK = (1 << 64) - 1


class OpenStep(Struct, array_like=True, gc=False):
    """A step whose members are still coming in. number -1: none is open. `chat` is an output that awaits its tools."""

    number: int = -1
    at: float = 0.0
    chat: int = 0
    members: tuple[int, ...] = ()


def enter_step(open_step: OpenStep, seen: Observation, symbol: int) -> list[int]:
    """Add an event's symbol (non-zero 64-bit digest) and return the symbols of the steps that it closed, oldest first.

    The symbol of a tool event says what was called and what came back, that of a chat or message its output.
    A numbered step closes at a higher number, at an event without one, or at any other event 5 s after its last
    member; an event of the number that is open always joins it (a slow parallel call), a lower one is a straggler
    of a closed step and is dropped.
    """
    event = seen.event
    tool = event.op == "execute_tool"
    if tool and event.step is None and open_step.number < 0:
        open_step.chat = 0
        return [symbol]
    closed: list[int] = []
    number = -1 if event.step is None else event.step
    if open_step.number >= 0 and number != open_step.number:
        if 0 <= number < open_step.number and seen.now - open_step.at <= CLOSES_AFTER_S:
            return closed
        closed += close_step(open_step)
    if number >= 0:
        if open_step.number < 0:
            closed += close_step(open_step)
            open_step.number = number
        open_step.at = seen.now
        _join(open_step, symbol, tool)
    elif tool:
        open_step.chat = 0
        closed.append(symbol)
    else:
        closed += close_step(open_step)
        open_step.chat, open_step.at = symbol, seen.now
    return closed


def close_step(open_step: OpenStep) -> list[int]:
    """Close what is open (at run_end) and return its symbol, if it had members."""
    symbol = 0
    if open_step.members:
        symbol = _digest(open_step.members)
        open_step.members = ()
    elif open_step.chat:
        symbol = open_step.chat
    open_step.chat = 0
    open_step.number = -1
    return [symbol] if symbol else []


def _join(open_step: OpenStep, symbol: int, tool: bool) -> None:
    if not tool:
        open_step.chat = symbol
    elif symbol not in open_step.members and len(open_step.members) < MAX_MEMBERS:
        open_step.members = (*open_step.members, symbol)


def _digest(members: tuple[int, ...]) -> int:
    """Sum the members after mixing each (SplitMix64's finaliser), so that order does not matter but content does."""
    if len(members) == 1:
        return members[0]
    total = 0
    for member in members:
        mixed = member
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        total += mixed ^ (mixed >> 31)
    return total & _MASK or 1
