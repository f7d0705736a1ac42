"""Silences: whose alerts are held until a time, by whom and why. What is decided and done goes on."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from agentwatch.alert.incident import Incidents
from agentwatch.alert.ourselves import ABOUT_ITSELF
from agentwatch.errors import Incompatible
from agentwatch.policy.allow import AllowList, AllowState, covers
from agentwatch.records import AllowEntry, Incident
from agentwatch.subject import covering

__all__ = ["Silences"]

_OVER = "its silence is over"


class Silences:
    """Entries by pattern, and what they do to incidents on their way to the receivers. At most `max_entries`.

    agentwatch's own incidents are told in spite of any silence.
    """

    def __init__(self, max_entries: int, incidents: Incidents) -> None:
        self._list = AllowList(max_entries, "list of silences")
        self._incidents = incidents

    def __len__(self) -> int:
        return len(self._list)

    def add(self, entry: AllowEntry) -> tuple[Incident, ...]:
        """Begin a silence, in the place of one with the same pattern. Raises `BadRequest` when the list is full.

        Gives what is to be written: that those incidents are silent from now on which are open, so that receivers do
        not repeat them, and what other silences held that are over.
        """
        told = self.over(entry.created_at)
        self._list.add(entry)
        return (*told, *self._told([entry], entry.created_at, f"silenced by {entry.author}"))

    def remove(self, pattern: str, at: float) -> tuple[Incident, ...] | None:
        """End a silence; gives what is to be told now, or None where there was no such silence."""
        entry = self._list.remove(pattern)
        return None if entry is None else self._told([entry], at, _OVER)

    def over(self, now: float) -> tuple[Incident, ...]:
        """End the silences whose time is over; gives their incidents that are still open, to be told."""
        return self._told(self._list.expire(now), now, _OVER) if len(self._list) else ()

    def entries(self, now: float) -> tuple[AllowEntry, ...]:
        """List the silences that hold now, oldest first."""
        return self._list.entries(now)

    def hushed(self, incidents: Sequence[Incident], at: float) -> list[Incident]:
        """Mark the states that nobody is to be told of; the end of what was told before the silence is told, too."""
        return [self._hushed(incident, at) for incident in incidents] if len(self._list) else list(incidents)

    def absorb(self, other: "Silences") -> None:
        """Take over the silences of another."""
        self._list.absorb(other._list)

    def snapshot(self) -> bytes:
        """Encode everything that must survive a restart."""
        return msgspec.msgpack.encode(self._list.state())

    def restore(self, data: bytes) -> None:
        """Take over an encoded state. Raises `Incompatible` for what cannot be read."""
        try:
            self._list.restore(msgspec.msgpack.decode(data, type=AllowState))
        except msgspec.MsgspecError as error:
            raise Incompatible(f"the silences cannot be read: {error}") from error

    def _hushed(self, incident: Incident, at: float) -> Incident:
        entry = None if incident.kind in ABOUT_ITSELF else self._list.match(_subjects(incident), at)
        if entry is None or (incident.state == "resolved" and incident.opened_at < entry.created_at):
            return incident
        return replace(incident, silenced=f"{entry.author}: {entry.comment or 'no comment'}")

    def _told(self, entries: Sequence[AllowEntry], at: float, change: str) -> tuple[Incident, ...]:
        """Write the open incidents of these entries anew, each once."""
        found = (one for one in self._incidents.open() if any(covers(entry, _subjects(one)) for entry in entries))
        return tuple(self._incidents.again(incident.id, at, change) for incident in found)


def _subjects(incident: Incident) -> tuple[str, ...]:
    it = incident
    return (it.subject, *covering(it.tenant, it.app, it.agent, it.run, it.root_run, it.task))
