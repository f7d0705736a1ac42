"""A kind of work: who does it, with which tools, and what its calls and answers look like."""

from collections.abc import Callable

from msgspec import Struct

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.writer import Writer

__all__ = ["Workplace"]


class Workplace(Struct, frozen=True):
    """Makes the texts of one kind of work; every function draws from the writer and returns something new.

    task: what a run is asked to do. work: a call that brings something new. lookup: a call with an informative answer
    that would be the same again. nothing: a call that finds nothing. broken: a call that fails. minor: a call whose
    answer says nothing.
    """

    name: str
    apps: tuple[str, ...]
    agents: tuple[str, ...]
    task: Callable[[Writer], str]
    work: Callable[[Writer], Call]
    lookup: Callable[[Writer], Call]
    nothing: Callable[[Writer], Call]
    broken: Callable[[Writer], Call]
    minor: Callable[[Writer], Call]
