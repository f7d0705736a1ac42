"""What the demo came to: one line an agent, and whether each got what it deserved."""

from collections.abc import Iterable

from msgspec import Struct

from agentwatch.demo.agent import APP
from agentwatch.demo.cast import CAST, Role
from agentwatch.demo.stage import Stage
from agentwatch.records import Decision, Level
from agentwatch.views import RunView

__all__ = ["Outcome", "outcomes", "wrong"]

_NIGHT_H = 8.0


class Outcome(Struct, frozen=True, kw_only=True):
    """One agent's line. level: the hardest that took effect.

    saved_usd: what eight more hours at its pace would have cost, had nobody stopped it.
    """

    name: str
    behaviour: str
    looping: bool
    stopped: bool
    finished: bool
    detector: str
    level: str
    steps_to_stop: int | None
    seconds_to_stop: float | None
    steps: int
    cost_usd: float
    saved_usd: float


def outcomes(stage: Stage) -> list[Outcome]:
    """Gather every agent's line from its own report and from what the daemon says of it."""
    decisions = stage.decisions()
    return [_outcome(role, stage, decisions) for role in CAST]


def wrong(found: Iterable[Outcome]) -> list[str]:
    """List the loops that were not stopped, and the innocent that were stopped, held or slowed down."""
    return [one.name for one in found if (not one.stopped if one.looping else one.stopped or _touched(one))]


def _touched(one: Outcome) -> bool:
    return Level[one.level] >= Level.throttle


def _outcome(role: Role, stage: Stage, decisions: list[Decision]) -> Outcome:
    report, run = stage.report(role.name), stage.run(role.name)
    about = [d for d in decisions if d.app == APP and d.run == f"{role.name}-1"]
    kill = next((d for d in about if d.level is Level.kill and not d.gate), None)
    highest = max((d.level for d in about if not d.gate), default=Level.observe)
    stopped = bool(report and report.stopped)
    return Outcome(
        name=role.name,
        behaviour=role.behaviour,
        looping=role.looping,
        stopped=stopped,
        finished=bool(report and report.finished),
        detector=kill.kind if kill else "",
        level=highest.name,
        steps_to_stop=report.steps_to_stop if report else None,
        seconds_to_stop=report.seconds_to_stop if report else None,
        steps=report.steps if report else 0,
        cost_usd=round(run.cost_nusd / 1e9, 4) if run else 0.0,
        saved_usd=_saved(run) if stopped and run else 0.0,
    )


def _saved(run: RunView) -> float:
    """Extend the run's cost an hour over a night."""
    hours = max(run.last_at - run.started_at, 1.0) / 3600
    return round(run.cost_nusd / 1e9 / hours * _NIGHT_H, 2)
