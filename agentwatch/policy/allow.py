"""The one allow list: subjects, or globs over subjects, that must not be touched until a time, by whom and why."""

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache

from msgspec import Struct

from agentwatch.errors import BadRequest
from agentwatch.records import AllowEntry

__all__ = ["AllowList", "AllowState", "covers"]


class AllowState(Struct):
    """What a checkpoint holds."""

    entries: list[AllowEntry]


class AllowList:
    """Entries by pattern. An entry for an agent, an app or a tenant covers all runs under it."""

    def __init__(self, max_entries: int, name: str = "allow list") -> None:
        self._max = max_entries
        self._name = name
        self._entries: dict[str, AllowEntry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: AllowEntry) -> None:
        """Add an entry, in the place of one with the same pattern. Raises `BadRequest` when the list is full."""
        self.expire(entry.created_at)
        if entry.pattern not in self._entries and len(self._entries) >= self._max:
            raise BadRequest(f"the {self._name} is full ({self._max} entries); remove some first", "entry.pattern")
        self._entries[entry.pattern] = entry

    def remove(self, pattern: str) -> AllowEntry | None:
        """Take an entry off the list; None where there was none."""
        return self._entries.pop(pattern, None)

    def expire(self, now: float) -> list[AllowEntry]:
        """Forget entries whose time is over, and give them."""
        over = [entry for entry in self._entries.values() if entry.expires_at <= now]
        for entry in over:
            del self._entries[entry.pattern]
        return over

    def entries(self, now: float) -> tuple[AllowEntry, ...]:
        """List what holds now, oldest first."""
        return tuple(entry for entry in self._entries.values() if entry.expires_at > now)

    def match(self, subjects: Iterable[str], now: float) -> AllowEntry | None:
        """Find an unexpired entry that names one of the subjects, each of which covers what is asked about."""
        if not self._entries:
            return None
        asked = tuple(subjects)
        for entry in self._entries.values():
            if entry.expires_at > now and covers(entry, asked):
                return entry
        return None

    def absorb(self, other: "AllowList") -> None:
        """Take over the entries of another."""
        self._entries = {**other._entries, **self._entries}

    def state(self) -> AllowState:
        """Give what a checkpoint holds."""
        return AllowState(list(self._entries.values()))

    def restore(self, state: AllowState) -> None:
        """Take over what a checkpoint held."""
        self._entries = {entry.pattern: entry for entry in state.entries}


def covers(entry: AllowEntry, subjects: Iterable[str]) -> bool:
    """Tell whether an entry names one of the subjects, literally or as a glob."""
    pattern = _compiled(entry.pattern)
    return any(subject == entry.pattern or pattern.match(subject) for subject in subjects)


@lru_cache(maxsize=4096)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))
