"""Which app a run belongs to that names its parent but no app: the parent's.

`decode` fills absent names in, so "named none" is read from what it fills in: app = agent.
"""

from collections.abc import Callable, Iterable, Iterator

from agentwatch.records import Event
from agentwatch.subject import app_subject

__all__ = ["Lineage"]


class Lineage:
    """The app of each run, and the runs that were placed elsewhere than their events say.

    Of both at most `most` are kept; beyond that the tenant that has most forgets its oldest. A run that was placed
    under its parent stays there when its later events no longer name the parent.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.dropped = 0
        # by tenant, so that an entry needs no key beside the run's own name
        self._apps: dict[str, dict[str, str]] = {}
        self._count = 0
        self._placed: dict[tuple[str, str, str], str] = {}

    def __len__(self) -> int:
        """Count the runs that are remembered."""
        return max(self._count, len(self._placed))

    def app_of(self, event: Event) -> str:
        """Name the app that the event's run belongs to."""
        if event.app != event.agent:
            return event.app
        if self._placed:
            app = self._placed.get((event.tenant, event.app, event.run))
            if app is not None:
                return app
        if event.parent_run:
            apps = self._apps.get(event.tenant, {})
            app = apps.get(event.parent_run)
            if app is None and event.root_run != event.run:
                app = apps.get(event.root_run)
            if app is not None:
                return app
        return event.app

    def add(self, event: Event, tenant: str, run: str, app: str) -> None:
        """Remember where a run that has just begun was placed; the names are kept as they are given."""
        self._keep(tenant, run, app)
        if app != event.app:
            if len(self._placed) >= self.most:
                for key in list(self._placed)[: max(1, self.most // 16)]:
                    del self._placed[key]
                    self.dropped += 1
            self._placed[tenant, event.app, event.run] = app

    def parents(self) -> Iterator[tuple[str, str, str]]:
        """Give tenant, run and app of all runs, of each tenant the oldest first."""
        for tenant, apps in self._apps.items():
            for run, app in apps.items():
                yield tenant, run, app

    def placed(self) -> Iterator[tuple[str, str, str, str]]:
        """Give tenant, named app, run and true app of the runs that were placed elsewhere, oldest first."""
        for key, app in self._placed.items():
            yield (*key, app)

    def restore(
        self, parents: Iterable[tuple[str, str, str]] = (), placed: Iterable[tuple[str, str, str, str]] = ()
    ) -> None:
        """Take in what `parents` and `placed` gave."""
        for tenant, run, app in parents:
            self._keep(tenant, run, app)
        for tenant, named, run, app in placed:
            self._placed[tenant, named, run] = app

    def absorb(self, other: "Lineage", mine: Callable[[str], bool]) -> None:
        """Take over the runs of another whose apps' subjects are `mine`."""
        self.restore(
            [one for one in other.parents() if mine(app_subject(one[0], one[2]))],
            [one for one in other.placed() if mine(app_subject(one[0], one[1]))],
        )

    def _keep(self, tenant: str, run: str, app: str) -> None:
        apps = self._apps.get(tenant)
        if apps is None or run not in apps:
            if self._count >= self.most:
                self._make_room()
                apps = self._apps.get(tenant)
            if apps is None:
                apps = self._apps[tenant] = {}
            self._count += 1
        apps[run] = app

    def _make_room(self) -> None:
        tenant = max(self._apps, key=lambda one: len(self._apps[one]))
        apps = self._apps[tenant]
        oldest = list(apps)[: max(1, self.most // 16)]
        for run in oldest:
            del apps[run]
        if not apps:
            del self._apps[tenant]
        self._count -= len(oldest)
        self.dropped += len(oldest)
