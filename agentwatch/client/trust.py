"""Stands between the channels and a guard that has keys: only commands that agentwatch itself signed come through.

Whoever can write to Redis, to the broker or between can then withhold a command, but neither make one, nor change one,
nor bring back one that has ended, was replaced or was taken back.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from agentwatch.client.channel import Listener
from agentwatch.client.command_keys import CommandKeys
from agentwatch.client.log import log
from agentwatch.client.obedience import Held
from agentwatch.errors import BadRequest
from agentwatch.records import AckState, Command
from agentwatch.subject import parse

__all__ = ["Trust"]

_SKEW_S = 30.0


class _Guard(Listener, Protocol):
    """What is asked of the guard behind: to listen, to answer, and the time of its leases."""

    def acknowledge(self, command: Command, state: AckState, reason: str = "") -> None:
        """Queue an acknowledgement."""

    def now(self) -> float:
        """Tell the monotonic time by which leases end."""


class Trust:
    """A listener that checks and passes on. What it remembers is bounded by the run's subjects, six at most.

    A signed lease ends by the signer's clock, however long its carrier makes it; clocks may be `_SKEW_S` apart.
    whole: the authority names all that stands (over HTTP it names the hardest command alone), so that what stood and is
    named no longer was taken back.
    """

    def __init__(
        self,
        guard: _Guard,
        subjects: Sequence[str],
        keys: CommandKeys,
        wall: Callable[[], float],
        *,
        whole: bool = True,
    ) -> None:
        self._guard = guard
        self._subjects = frozenset(subjects)
        self._keys = keys
        self._wall = wall
        self._whole = whole
        self._stood: dict[str, int] = {}
        self._heard_at: dict[str, float] = {}
        self._believed: dict[str, Command] = {}
        self._newest: dict[str, int] = {}
        self._over: dict[str, int] = {}
        self._refused: dict[str, tuple[str, str]] = {}
        self.refused = 0

    def settled(self, found: Mapping[str, Held], asked_at: float) -> None:
        """Pass on of the authority's word what is believed."""
        kept: dict[str, Held] = {}
        for subject, held in found.items():
            if held.command.subject == subject and self._believe(held.command, asked_at):
                kept[subject] = replace(held, until=self._until(held))
        if self._whole:
            for subject, epoch in self._stood.items():
                if subject not in kept:
                    self._over[subject] = max(epoch, self._over.get(subject, -1))
        self._stood = {subject: held.command.epoch for subject, held in kept.items()}
        self._guard.settled(kept, asked_at)

    def unsettled(self) -> None:
        """Pass on that the authority cannot be read."""
        self._guard.unsettled()

    def heard(self, command: Command, lease_s: float) -> None:
        """Pass on a pushed command that is believed."""
        now = self._guard.now()
        if not self._believe(command, now):
            return
        self._heard_at[command.subject] = now
        self._guard.heard(command, min(lease_s, self._left_s(command)))

    def forgotten(self, subjects: Sequence[str]) -> None:
        """Pass on that nothing is retained."""
        self._guard.forgotten(subjects)

    def complete(self, subjects: Sequence[str]) -> None:
        """Pass on that a broker has told all."""
        self._guard.complete(subjects)

    def up(self, channel: str) -> None:
        """Pass on that a channel works."""
        self._guard.up(channel)

    def down(self, channel: str, reason: str) -> None:
        """Pass on that a channel does not."""
        self._guard.down(channel, reason)

    def _believe(self, command: Command, asked_at: float) -> bool:
        reason = self._reason(command, asked_at)
        subject = command.subject
        if not reason:
            self._believed[subject] = command
            self._newest[subject] = max(command.epoch, self._newest.get(subject, -1))
            return True
        self.refused += 1
        if subject in self._subjects and self._refused.get(subject) != (command.id, reason):
            self._refused[subject] = (command.id, reason)
            log.error("command_refused", subject=subject, command=command.id, reason=reason)
            self._guard.acknowledge(command, "refused", reason)
        return False

    def _reason(self, command: Command, asked_at: float) -> str:
        """Tell why a command is refused; one that was just checked is not checked again."""
        subject = command.subject
        if subject not in self._subjects:
            return "it does not cover this run"
        if command != self._believed.get(subject):
            reason = self._keys.reason(command) or _misnamed(command)
            if reason:
                return reason
        # An answer that was asked for before the newer command was pushed may still tell the older one.
        if command.epoch < self._newest.get(subject, -1) and self._heard_at.get(subject, -1.0) <= asked_at:
            return f"epoch {command.epoch} is older than {self._newest[subject]}"
        if command.epoch <= self._over.get(subject, -1):
            return "it was taken back"
        return "it has expired" if self._left_s(command) <= 0 else ""

    def _left_s(self, command: Command) -> float:
        return command.expires_at - self._wall() + _SKEW_S if command.expires_at > 0 else float("inf")

    def _until(self, held: Held) -> float:
        return min(held.until, self._guard.now() + self._left_s(held.command))


def _misnamed(command: Command) -> str:
    try:
        scope = parse(command.subject)[0]
    except BadRequest as error:
        return str(error)
    return "" if scope == command.scope else f"its scope is not {scope}"
