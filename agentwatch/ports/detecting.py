"""What a detector is."""

from typing import Protocol, TypeVar

from agentwatch.records import Observation, Signal

__all__ = ["Detector", "State_contra"]

State_contra = TypeVar("State_contra", contravariant=True)


class Detector(Protocol[State_contra]):
    """One kind of evidence. State is the bank's and is passed in; `read` never changes it.

    A detector may say in `ops` of which events alone it can give a signal, with `of_evidence` that it gives one only
    where the shared reading of the event is evidence of something, and in `learns_from` of which events it learns (not
    said: of all). The history that the shared reading is made of is learnt before any detector learns.
    """

    kind: str

    def read(self, seen: Observation, state: State_contra) -> Signal | None:
        """Judge the event by what was learnt before it."""

    def learn(self, seen: Observation, state: State_contra) -> None:
        """Take the event into the state."""
