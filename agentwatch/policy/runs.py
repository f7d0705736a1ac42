"""What the gate must know of runs: which are active, and how many of them fail as in an outage."""

from collections.abc import Sequence

from agentwatch.policy.activity import Activity, ActivityOptions, RunKey
from agentwatch.policy.outage import Outage, OutageOptions, provider_failed
from agentwatch.records import Event, Observation

__all__ = ["Runs"]

_WITH_OUTCOME = frozenset(("chat", "execute_tool"))


class Runs:
    """Counts runs as their events come. `now` is the gate's time."""

    def __init__(self, activity: ActivityOptions, outage: OutageOptions) -> None:
        self.activity = Activity(activity)
        self.outage = Outage(outage)

    def note(self, event: Event, key: RunKey, rule: str, now: float, own_effect: bool) -> None:
        """Take an event in; our own effects are no outcome."""
        if event.op == "run_end":
            self.activity.end(key)
            return
        self.activity.note(key, rule, now)
        if event.op in _WITH_OUTCOME and not own_effect and event.status != "held":
            self.outage.note(key, _failed(event), now)

    def note_all(self, seen: Sequence[Observation], keys: Sequence[RunKey], rules: Sequence[str], now: float) -> None:
        """Take events in as `note` takes each of them, one after the other; none of them ends its run."""
        self.activity.note_all(keys, rules, now)
        outcomes = [
            (key, _failed(event))
            for one, key in zip(seen, keys, strict=True)
            if (event := one.event).op in _WITH_OUTCOME and not one.own_effect and event.status != "held"
        ]
        self.outage.note_all(outcomes, now)

    def shift(self, step: float, now: float) -> None:
        """Follow a clock that was set back."""
        self.activity.shift(step, now)
        self.outage.shift(step, now)


def _failed(event: Event) -> bool:
    return (event.error is not None or event.status is not None) and provider_failed(event)
