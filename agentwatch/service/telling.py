"""An explanation in a few sentences: what it is at and why, what came again, what speaks against, what stopped it."""

from collections.abc import Iterator, Sequence

from agentwatch.counting import counted
from agentwatch.records import Change, Decision, Level
from agentwatch.views import CrossingView, RepeatView, SignalView

__all__ = ["words_of"]

_DONE = {Level.warn: "warned", Level.throttle: "throttled", Level.pause: "paused", Level.kill: "killed"}


def words_of(
    signals: Sequence[SignalView],
    standing: Decision | None,
    levels: Sequence[CrossingView],
    repeats: Sequence[RepeatView],
    allowed_by: str,
    now: float | None,
) -> tuple[str, ...]:
    """Tell it in the order in which somebody asks: what, why, since when, what against, how far, and who held it.

    now: None for what is over and told of afterwards.
    """
    found = list(_standing(standing, past=now is None))
    found += _came_again(standing, signals, repeats)
    against = list(dict.fromkeys(words for signal in signals for words in signal.speaks_against))
    if signals:
        found.append(f"Against it: {'; '.join(against)}." if against else "Nothing speaks against it.")
    found += _crossed(levels)
    found += [_measure(signal) for signal in signals]
    if standing is not None:
        found.append(_gate(standing, now))
    if allowed_by:
        found.append(f"Nothing is done to it: the allow list has {allowed_by}.")
    if not signals and standing is None:
        found.append("No detector says anything of it.")
    return tuple(found)


def _standing(standing: Decision | None, past: bool) -> Iterator[str]:
    if standing is None:
        yield "Nothing was ever decided about it." if past else "Nothing stands against it."
        return
    level = standing.level.name
    held = bool(standing.gate) and standing.level > Level.warn
    if past:
        got = f"It would have got to {level}" if held else f"It got to {level}"
    else:
        got = f"It would be at {level}" if held else f"It is at {level}"
    why = f"by {standing.author}" if standing.author else f"because of {standing.kind}"
    yield f"{got} {why}: {standing.reason}."


def _came_again(
    standing: Decision | None, signals: Sequence[SignalView], repeats: Sequence[RepeatView]
) -> Iterator[str]:
    leads = [standing.evidence] if standing is not None else [signal.evidence for signal in signals[:1]]
    for evidence in leads:
        if evidence.count:
            pace = (evidence.last - evidence.since) / (evidence.count - 1) if evidence.count > 1 else 0.0
            every = f", one each {pace:,.1f} s" if pace > 0 else ""
            spent = f"; burned since then: {counted(evidence.tokens, 'token')}, ${evidence.cost_nusd / 1e9:,.4f}"
            burned = spent if evidence.tokens or evidence.cost_nusd else ""
            since = evidence.onset_id or "(not known)"
            yield f"{counted(evidence.count, 'repeat')} since event {since}{every}{burned}."
    equal = [step for step in repeats if step.beside >= 0 and step.equal and not step.differs]
    partly = [step for step in repeats if step.beside >= 0 and step.equal and step.differs]
    if equal or partly:
        whole = counted(len(equal), "equals", "equal")
        yield f"Of {counted(len(repeats), 'step')} {whole} an earlier one in everything, {len(partly)} in part."


def _crossed(levels: Sequence[CrossingView]) -> Iterator[str]:
    for kind in dict.fromkeys(one.kind for one in levels):
        own = [one for one in levels if one.kind == kind]
        crossed = [one for one in own if one.index >= 0]
        if crossed:
            told = ", ".join(_one(one) for one in crossed)
            yield f"{kind} had enough for {told}."
        else:
            yield f"{kind} never had enough for a warning: {max(one.reached for one in own):.2f} of 1 at most."


def _one(one: CrossingView) -> str:
    gate = f", held back by {one.gate}" if one.gate else ""
    decided = f" ({_DONE[one.decided]}{gate})" if one.decided is not None and one.decided in _DONE else ""
    why_not = f" (not done: {one.bound})" if one.bound and not decided else ""
    return f"{one.level.name} at #{one.index}{decided}{why_not}"


def _measure(signal: SignalView) -> str:
    nearly = f"{signal.strength:.2f} of 1 to warn, {signal.kill_at:.2f} to kill"
    return f"{signal.kind} measures {nearly}: {signal.reason}."


def _gate(standing: Decision, now: float | None) -> str:
    if standing.gate:
        return f"It was held back by the gate ({standing.gate}): {standing.gate_reason}."
    if standing.level <= Level.warn:
        return "A warning changes nothing for the agent."
    if now is None:
        return f"Rule {standing.rule} let it through ({standing.mode})."
    ends = f"for {max(0.0, standing.expires_at - now):.0f} s more" if standing.expires_at else "until it is taken back"
    again = "; it was issued again because the spending went on" if standing.change is Change.escalated else ""
    return f"Rule {standing.rule} let it through ({standing.mode}); it stands {ends}{again}."
