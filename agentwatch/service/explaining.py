"""Why a subject is where it is, in words first and in tables after: made from the state and the decisions on it."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from agentwatch.pipeline import Pipeline
from agentwatch.records import Change, Decision, Level, Signal
from agentwatch.rulebook import Compiled
from agentwatch.service.crossings import crossings
from agentwatch.service.likeness import beside
from agentwatch.service.memory import Memory, RememberedRun, Step
from agentwatch.service.telling import words_of
from agentwatch.subject import covering, parse, run_subject
from agentwatch.views import CrossingView, Explanation, RunView, SignalView

__all__ = ["covers", "explain", "signal_view"]

_DECISIONS = 50
_DECIDED = frozenset((Change.up, Change.released))  # the others tell what became of what was decided


def explain(
    pipeline: Pipeline,
    subject: str,
    decisions: Iterable[Decision],
    now: float,
    memory: Memory | None = None,
    past: bool = False,
) -> Explanation | None:
    """Explain a subject; None where it is neither tracked nor decided upon.

    decisions: those at hand, oldest first; what concerns the subject is picked out. A tree, an agent or an app is shown
    by the one of its runs that went furthest. past: the subject is told of by the hardest that was ever decided about
    it and not by what stands now, for when a recording is over everything has lapsed.
    """
    concern = tuple(one for one in decisions if covers(subject, one))[-_DECISIONS:]
    standing = _hardest(_decided(concern) if past else _standing(pipeline, subject))
    remembered = _remembered(memory, subject, standing)
    run = _run(pipeline, subject, remembered, standing)
    above = _above(run, subject)
    standing = _hardest((*(() if past else map(pipeline.ledgers.standing.get, above)), standing))
    signals = _signals(pipeline, (*above, subject), remembered)
    if run is None and remembered is None and not signals and standing is None and not concern:
        return None
    levels = _levels(_rule(pipeline, run, remembered, standing), remembered, concern)
    repeats = beside(_quotable(pipeline, remembered)) if remembered is not None else ()
    allowed_by = _allowed_by(pipeline, above, now)
    return Explanation(
        subject=subject,
        level=Level.observe if standing is None else standing.level,
        words=words_of(signals, standing, levels, repeats, allowed_by, None if past else now),
        speaks_for=_of(signals, "speaks_for"),
        speaks_against=_of(signals, "speaks_against"),
        signals=signals,
        steps=run.steps if run is not None else (),
        run=_name(run, remembered),
        repeats=repeats,
        crossings=levels,
        decisions=concern,
        allowed_by=allowed_by,
    )


def covers(subject: str, decision: Decision) -> bool:
    """Tell whether a decision concerns a subject: is about it, about something under it, or about what covers it."""
    if decision.subject == subject:
        return True
    d = decision
    around = covering(d.tenant, d.app, d.agent, d.run, d.root_run, d.task)
    if subject not in around:
        return False
    # of a run the decisions about other runs of its tree or agent say nothing
    return parse(subject)[0] != "run" or decision.subject in around


def signal_view(at: float, signal: Signal) -> SignalView:
    """Show a signal that was kept, with when it came."""
    reached = signal.ceiling if signal.strength >= signal.kill_at else min(Level.warn, signal.ceiling)
    return SignalView(
        kind=signal.kind,
        subject=signal.subject,
        strength=signal.strength,
        kill_at=signal.kill_at,
        level=reached if signal.strength >= 1.0 else Level.observe,
        confidence=signal.confidence,
        at=at,
        reason=signal.reason,
        speaks_for=signal.speaks_for,
        speaks_against=signal.speaks_against,
        evidence=signal.evidence,
    )


def _decided(decisions: Iterable[Decision]) -> Iterable[Decision]:
    return (one for one in decisions if one.change in _DECIDED)


def _standing(pipeline: Pipeline, subject: str) -> Iterable[Decision]:
    return (one for one in pipeline.ledgers.standing if covers(subject, one))


def _hardest(found: Iterable[Decision | None]) -> Decision | None:
    return max(
        (one for one in found if one is not None), key=lambda one: (one.level, not one.gate, one.seq), default=None
    )


def _remembered(memory: Memory | None, subject: str, standing: Decision | None) -> RememberedRun | None:
    """Find the run to show: the subject itself, else the one that the hardest decision is about, else the furthest."""
    if memory is None:
        return None
    found = [run for run in memory.runs.values() if subject in _covering(run)]
    if standing is not None:
        about = [run for run in found if run.key[2] == standing.run]
        found = about or found
    return max(found, key=_furthest, default=None)


def _covering(run: RememberedRun) -> tuple[str, ...]:
    tenant, app, name = run.key
    return covering(tenant, app, run.agent, name, run.root_run, run.task)


def _furthest(run: RememberedRun) -> tuple[float, float]:
    way = max((marks[-1].strength / marks[-1].kill_at for marks in run.marks.values() if marks), default=0.0)
    return way, run.steps[-1].ts if run.steps else 0.0


def _quotable(pipeline: Pipeline, run: RememberedRun) -> tuple[Step, ...]:
    """Give the steps, without the texts that the rules allow no more: they may have been read again since."""
    policy, (tenant, app, _) = pipeline.rulebook.policy, run.key
    return tuple(
        replace(step, samples=())
        if step.samples and not policy.match(tenant, app, run.team, step.agent, step.tool, step.model).samples
        else step
        for step in run.steps
    )


def _run(
    pipeline: Pipeline, subject: str, remembered: RememberedRun | None, standing: Decision | None
) -> RunView | None:
    fleet = pipeline.parts.bank.fleet
    found = fleet.run(subject)
    if found is None and remembered is not None:
        found = fleet.run(run_subject(*remembered.key))
    if found is None and standing is not None:
        found = fleet.run(run_subject(standing.tenant, standing.app, standing.run))
    return found


def _above(run: RunView | None, subject: str) -> tuple[str, ...]:
    """Name what covers the subject, itself first: of what it covers only the subject's own level counts."""
    if run is None:
        return (subject,)
    around = covering(run.tenant, run.app, run.agent, run.run, run.root_run, run.task)
    return around[around.index(subject) :] if subject in around else (subject,)


def _signals(pipeline: Pipeline, subjects: Sequence[str], remembered: RememberedRun | None) -> tuple[SignalView, ...]:
    """List the last signal of each detector about the subject or what covers it, and of the run that is shown."""
    fleet = pipeline.parts.bank.fleet
    found: dict[tuple[str, str], SignalView] = {}
    if remembered is not None:
        for at, signal in remembered.signals.values():
            found[signal.subject, signal.kind] = signal_view(at, signal)
        for view in fleet.signals(run_subject(*remembered.key)):
            found[view.subject, view.kind] = view
    for name in subjects:
        for view in fleet.signals(name):
            found[view.subject, view.kind] = view
    return tuple(sorted(found.values(), key=lambda one: (-one.level.height, -one.strength / one.kill_at, one.kind)))


def _rule(
    pipeline: Pipeline, run: RunView | None, remembered: RememberedRun | None, standing: Decision | None
) -> Compiled:
    """Find the rule that governs: the decision's, else the one that fits the run."""
    book = pipeline.rulebook
    if standing is not None and standing.rule:
        return book.get(standing.rule)
    if run is not None:
        return book.get(book.policy.match(run.tenant, run.app, run.team, run.agent, "", "").name)
    if remembered is not None:
        tenant, app, _ = remembered.key
        return book.get(book.policy.match(tenant, app, remembered.team, remembered.agent, "", "").name)
    return book.get(book.policy.default.name)


def _levels(
    compiled: Compiled, remembered: RememberedRun | None, decisions: Sequence[Decision]
) -> tuple[CrossingView, ...]:
    marks = remembered.marks if remembered is not None else {}
    return crossings(marks, compiled.ladder, compiled.rule.actions, decisions)


def _allowed_by(pipeline: Pipeline, above: Sequence[str], now: float) -> str:
    """Quote the entry of the allow list that keeps the subject from being touched; "" where there is none."""
    entry = pipeline.ledgers.gate.allow.match(above, now)
    return f"{entry.pattern} by {entry.author}: {entry.comment}" if entry is not None else ""


def _name(run: RunView | None, remembered: RememberedRun | None) -> str:
    if remembered is not None:
        return run_subject(*remembered.key)
    return run.subject if run is not None else ""


def _of(signals: tuple[SignalView, ...], name: str) -> tuple[str, ...]:
    found: Mapping[str, None] = dict.fromkeys(reason for signal in signals for reason in getattr(signal, name))
    return tuple(found)
