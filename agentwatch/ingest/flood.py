"""Sheds what an app sends beyond its share of a stretch of time, so that nobody else's detection waits for it.

What is shed is counted and priced, and is no evidence: it is neither fingerprinted nor judged. Which events that are
follows from the entries' own times and order alone, so a replay and a restart shed the same.
"""

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from agentwatch.errors import Incompatible
from agentwatch.records import Event
from agentwatch.subject import app_subject

__all__ = ["Flood", "FloodOptions"]

_app = attrgetter("tenant", "app")
App = tuple[str, str]
_OTHERS: App = ("", "")  # whoever comes when the table is full: nobody's name is empty


class FloodOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of one app is judged in each stretch of `window_s` seconds.

    events_per_s: while all apps of the partition together send fewer, nobody is shed (and nobody counted); beyond that
    each may have as many again (0: nobody is ever shed). max_apps: apps that are counted; later ones share one count.
    """

    events_per_s: Annotated[float, Meta(ge=0, le=1_000_000)] = 1000.0
    window_s: Annotated[int, Meta(ge=1, le=3600)] = 2
    max_apps: Annotated[int, Meta(ge=1, le=1_000_000)] = 100_000


class _State(Struct):
    window: int = -1
    shed_window: int = -1
    all: int = 0
    counts: list[tuple[str, str, int]] = field(default_factory=list)
    shed: list[tuple[str, str, int]] = field(default_factory=list)
    total: int = 0
    unnamed: int = 0


class Flood:
    """The events of each app in the present stretch. total: shed so far; unnamed: counted, but not by name."""

    def __init__(self, options: FloodOptions) -> None:
        self._options = options
        self._most = int(options.events_per_s * options.window_s)
        self._window = self._shed_window = -1
        self._all = 0
        self._counts: dict[App, int] = {}
        self._shed: dict[App, int] = {}
        self.total = 0
        self.unnamed = 0

    def __len__(self) -> int:
        """Count the apps of the present stretch."""
        return len(self._counts)

    def take(self, events: Sequence[Event], positions: Sequence[float] | Sequence[str]) -> frozenset[int]:
        """Count events in their order; gives the places of those to be shed.

        positions: of their entries, whose times count; or those times themselves, in unix seconds.
        """
        if not self._most or not events:
            return frozenset()
        first = self._window_of(positions[0])
        if first == self._window_of(positions[-1]):
            return self._count(events, 0, first)
        windows = [self._window_of(position) for position in positions]
        starts = [at for at in range(len(windows)) if at == 0 or windows[at] != windows[at - 1]]
        shed: set[int] = set()
        for start, end in zip(starts, [*starts[1:], len(windows)], strict=True):
            shed |= self._count(events[start:end], start, windows[start])
        return frozenset(shed)

    def shedding(self) -> dict[str, int]:
        """Tell of which apps how many events were shed in the stretch that was the last in which any were."""
        return {app_subject(*app) if app != _OTHERS else "(others)": count for app, count in self._shed.items()}

    def snapshot(self) -> bytes:
        """Encode everything that must survive a restart."""
        counts, shed = ([(*app, count) for app, count in table.items()] for table in (self._counts, self._shed))
        return msgspec.msgpack.encode(
            _State(self._window, self._shed_window, self._all, counts, shed, self.total, self.unnamed)
        )

    def restore(self, data: bytes) -> None:
        """Take over an encoded state. Raises `Incompatible` for what cannot be read."""
        try:
            state = msgspec.msgpack.decode(data, type=_State)
        except msgspec.MsgspecError as error:
            raise Incompatible(f"the counts of a flood cannot be read: {error}") from error
        self._window, self._shed_window, self._all = state.window, state.shed_window, state.all
        self.total, self.unnamed = state.total, state.unnamed
        self._counts = {(tenant, app): count for tenant, app, count in state.counts}
        self._shed = {(tenant, app): count for tenant, app, count in state.shed}

    def _window_of(self, position: float | str) -> int:
        seconds = position if isinstance(position, float) else int(position.partition("-")[0]) // 1000
        return int(seconds // self._options.window_s)

    def _count(self, events: Sequence[Event], offset: int, window: int) -> frozenset[int]:
        if window != self._window:
            self._window, self._all = window, 0
            self._counts.clear()
        free = min(len(events), self._most - self._all)
        self._all += free
        if free == len(events):
            return frozenset()
        events, offset = events[free:], offset + free
        counts = self._counts
        more: dict[App, int] = {}
        for app, number in Counter(map(_app, events)).items():  # in the order of their first events
            known = self._place(app)
            counts.setdefault(known, 0)
            more[known] = more.get(known, 0) + number
        self.unnamed += more.get(_OTHERS, 0)
        over = {app for app, number in more.items() if counts[app] + number > self._most}
        for app, number in more.items():
            if app not in over:
                counts[app] += number
        return self._exactly(events, offset, over) if over else frozenset()

    def _place(self, app: App) -> App:
        return app if app in self._counts or len(self._counts) < self._options.max_apps else _OTHERS

    def _exactly(self, events: Sequence[Event], offset: int, over: set[App]) -> frozenset[int]:
        """Find which events of the apps that are over their share come too late."""
        counts, shed = self._counts, []
        for place, event in enumerate(events):
            app = self._place(_app(event))
            if app not in over:
                continue
            if counts[app] < self._most:
                counts[app] += 1
                continue
            if self._shed_window != self._window:
                self._shed_window = self._window
                self._shed.clear()
            self._shed[app] = self._shed.get(app, 0) + 1
            self.total += 1
            shed.append(place + offset)
        return frozenset(shed)
