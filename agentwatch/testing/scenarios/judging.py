"""Plays a scenario to the rules and says what became of it: found or missed, early, and who else was accused."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from agentwatch.config import Config
from agentwatch.records import Change, Decision, Event, Level
from agentwatch.rulebook import RuleBook
from agentwatch.service.replaying import Replay
from agentwatch.subject import parse
from agentwatch.testing.scenarios.forms import Form, in_form
from agentwatch.testing.scenarios.scenario import Played, Scenario

__all__ = ["Hit", "Outcome", "decide", "judge", "outcome"]

LEVELS = (Level.warn, Level.throttle, Level.pause, Level.kill)


class Hit(Struct, frozen=True, kw_only=True):
    """The first rise of a loop to a level (or beyond) that is not too early.

    delay_events and delay_s count from the onset; delay_runs is the number of runs that took part since then.
    """

    level: str
    kind: str
    index: int
    delay_events: int
    delay_s: float
    delay_runs: int


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one scenario. hits: by level reached. early: a rise before the onset less one.

    strays: levels that innocent bystanders reached; for a twin, all that was reached. kinds: who accused them.
    """

    name: str
    seed: int
    form: Form
    loop: bool
    events: int
    hits: dict[str, Hit] = {}
    early: bool = False
    strays: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


def judge(scenario: Scenario, seed: int, forms: Sequence[Form], config: Config, rulebook: RuleBook) -> list[Outcome]:
    """Make a scenario once and play it in each form."""
    played = scenario.make(seed)
    outcomes = []
    for form in forms:
        events = [in_form(event, form) for event in played.events]
        outcomes.append(outcome(played, form, scenario.loop, decide(events, config, rulebook)))
    return outcomes


def decide(events: Sequence[Event], config: Config, rulebook: RuleBook) -> list[Decision]:
    """Replay events and list every rise of a level; raises AssertionError for an event that was set aside."""
    replay = Replay(config, rulebook)
    lines = ((at, msgspec.json.encode(event)) for at, event in enumerate(events, 1))
    rises = [one for one in replay.changes(lines) if one.change is Change.up]
    if replay.malformed:
        first = replay.malformed[0]
        raise AssertionError(f"{replay.summary.malformed} events were set aside, the first: {first.reason}")
    return rises


def outcome(played: Played, form: Form, loop: bool, rises: Sequence[Decision]) -> Outcome:
    """Compare the rises with what the scenario is."""
    hits: dict[str, Hit] = {}
    strays: dict[str, None] = {}
    kinds: dict[str, None] = {}
    early = False
    for rise in rises:
        if not loop or not _concerns(played, rise):
            strays[rise.level.name] = None
            kinds[rise.kind] = None
        elif rise.index < played.onset - 1:
            early = True
            kinds[rise.kind] = None
        else:
            hit = _hit(played, rise)
            for level in LEVELS:
                if level <= rise.level:
                    hits.setdefault(level.name, hit)
    return Outcome(
        name=played.name,
        seed=played.seed,
        form=form,
        loop=loop,
        events=len(played.events),
        hits=hits,
        early=early,
        strays=tuple(strays),
        kinds=tuple(kinds),
    )


def _concerns(played: Played, rise: Decision) -> bool:
    """Tell whether a rise is about the loop: its runs, its agents, or the app as a whole."""
    scope, _, _, names = parse(rise.subject)
    if scope == "app" or rise.run in played.suspects or rise.root_run in played.suspects:
        return True
    return scope in ("agent", "task") and any(
        event.agent == names[0] and event.run in played.suspects for event in played.events
    )


def _hit(played: Played, rise: Decision) -> Hit:
    since = [event for event in played.events[played.onset : rise.index + 1] if event.run in played.suspects]
    return Hit(
        level=rise.level.name,
        kind=rise.kind,
        index=rise.index,
        delay_events=max(0, len(since) - 1),
        delay_s=round(max(0.0, since[-1].ts - since[0].ts), 3) if since else 0.0,
        delay_runs=len({event.run for event in since}),
    )
