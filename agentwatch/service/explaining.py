"""Why a subject is where it is, in words first and in tables after: made from the state and the decisions on it."""

from agentwatch.pipeline import Pipeline
from agentwatch.records import Change, Decision, Level
from agentwatch.subject import covering
from agentwatch.views import Explanation, SignalView, StepView

__all__ = ["explain"]


def explain(pipeline: Pipeline, subject: str, decisions: tuple[Decision, ...], now: float) -> Explanation | None:
    """Explain a subject; None where it is neither tracked nor decided upon."""
    fleet = pipeline.parts.bank.fleet
    run = fleet.run(subject)
    signals = fleet.signals(subject)
    steps: tuple[StepView, ...] = run.steps if run is not None else ()
    subjects: tuple[str, ...] = (subject,)
    if run is not None:
        subjects = covering(run.tenant, run.app, run.agent, run.run, run.root_run, run.task)
    standing = _hardest(pipeline, subjects)
    if run is None and not signals and standing is None and not decisions:
        return None
    entry = pipeline.ledgers.gate.allow.match(subjects, now)
    level = Level.observe if standing is None else standing.level
    return Explanation(
        subject=subject,
        level=level,
        words=tuple(_words(level, signals, standing, now)),
        speaks_for=_of(signals, "speaks_for"),
        speaks_against=_of(signals, "speaks_against"),
        signals=signals,
        steps=steps,
        decisions=decisions,
        allowed_by=f"{entry.pattern} by {entry.author}: {entry.comment}" if entry is not None else "",
    )


def _hardest(pipeline: Pipeline, subjects: tuple[str, ...]) -> Decision | None:
    """Find the hardest of what stands for a subject or for what covers it."""
    found = (pipeline.ledgers.standing.get(subject) for subject in subjects)
    return max((decision for decision in found if decision is not None), key=lambda d: (d.level, d.seq), default=None)


def _of(signals: tuple[SignalView, ...], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason for signal in signals for reason in getattr(signal, name)))


def _words(level: Level, signals: tuple[SignalView, ...], standing: Decision | None, now: float) -> list[str]:
    if standing is None:
        found = ["Nothing stands against it."]
    else:
        found = [f"It is at {level.name} because of {standing.kind}: {standing.reason}."]
        evidence = standing.evidence
        if evidence.count:
            spent = f"{evidence.tokens} tokens, ${evidence.cost_nusd / 1e9:.4f}"
            found.append(f"{evidence.count} repeats since event {evidence.onset_id}; burned since then: {spent}.")
        found.append(_gate(standing, now))
    for signal in signals:
        nearly = f"{signal.strength:.2f} of 1 to warn, {signal.kill_at:.2f} to kill"
        found.append(f"{signal.kind} measures {nearly}: {signal.reason}.")
    return found


def _gate(standing: Decision, now: float) -> str:
    if standing.gate:
        return f"It was held back by the gate ({standing.gate}): {standing.gate_reason}."
    if standing.level <= Level.warn:
        return "A warning changes nothing for the agent."
    ends = f"for {max(0.0, standing.expires_at - now):.0f} s more" if standing.expires_at else "until it is taken back"
    again = "; it was issued again because the spending went on" if standing.change is Change.escalated else ""
    return f"Rule {standing.rule} let it through ({standing.mode}); it stands {ends}{again}."
