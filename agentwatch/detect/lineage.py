"""Which app a run belongs to that names its parent but no app: the parent's.

`decode` fills absent names in, so "named none" is read from what it fills in: app = agent.
"""

from agentwatch.records import Event

__all__ = ["Lineage"]


class Lineage:
    """The app of each run by (tenant, run), and the runs that were placed elsewhere than their events say.

    Both forget their oldest entries beyond `most`. A run that was placed under its parent stays there when its later
    events no longer name the parent.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.apps: dict[tuple[str, str], str] = {}
        self.placed: dict[tuple[str, str, str], str] = {}
        self.dropped = 0

    def app_of(self, event: Event) -> str:
        """Name the app that the event's run belongs to."""
        if event.app != event.agent:
            return event.app
        if self.placed:
            app = self.placed.get((event.tenant, event.app, event.run))
            if app is not None:
                return app
        if event.parent_run:
            app = self.apps.get((event.tenant, event.parent_run))
            if app is None and event.root_run != event.run:
                app = self.apps.get((event.tenant, event.root_run))
            if app is not None:
                return app
        return event.app

    def add(self, event: Event, run: str, app: str) -> None:
        """Remember where a run that has just begun was placed."""
        self._make_room(self.apps)
        self.apps[event.tenant, run] = app
        if app != event.app:
            self._make_room(self.placed)
            self.placed[event.tenant, event.app, event.run] = app

    def _make_room(self, entries: dict[tuple[str, str], str] | dict[tuple[str, str, str], str]) -> None:
        if len(entries) >= self.most:
            for key in list(entries)[: max(1, self.most // 16)]:
                del entries[key]  # type: ignore[arg-type]  # the key comes from this very dict
                self.dropped += 1
