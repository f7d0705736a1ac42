"""All signals of one event folded into one verdict a subject: which leads, how sure, what speaks for and against."""

from collections.abc import Sequence

from agentwatch.records import Level, Signal, Verdict

__all__ = ["fold", "justified", "progress"]

_MOST_CONFIDENT = 0.99
_REASONS = 8


def fold(signals: Sequence[Signal]) -> list[Verdict]:
    """Give one verdict for each subject, in the order in which the subjects came up.

    The signal that justifies the highest level leads, among equals the one furthest on its way to a kill. Confidences
    combine as independent witnesses (noisy or), so a second kind of evidence helps and never hurts.
    """
    if not signals:
        return []
    if len(signals) == 1:
        return [_alone(signals[0])]
    grouped: dict[str, list[Signal]] = {}
    for signal in signals:
        grouped.setdefault(signal.subject, []).append(signal)
    return [_verdict(group) if len(group) > 1 else _alone(group[0]) for group in grouped.values()]


def justified(signal: Signal) -> Level:
    """Tell the highest level that a signal alone justifies."""
    if signal.strength < 1.0:
        return Level.observe
    if signal.strength >= signal.kill_at:
        return signal.ceiling
    return min(Level.warn, signal.ceiling)


def progress(signal: Signal) -> float:
    """Tell how far a signal is between its warning (0) and its kill (1); more than 1 beyond."""
    way = signal.kill_at - 1.0
    return (signal.strength - 1.0) / way if way > 0 else signal.strength


def _alone(signal: Signal) -> Verdict:
    """Give the verdict of one signal, which most are."""
    against = signal.speaks_against
    return Verdict(
        subject=signal.subject,
        level=justified(signal),
        confidence=signal.confidence,
        lead=signal,
        speaks_for=signal.speaks_for[:_REASONS],
        speaks_against=tuple(dict.fromkeys(against))[:_REASONS] if len(against) > 1 else against,
    )


def _verdict(signals: Sequence[Signal]) -> Verdict:
    lead = max(signals, key=lambda signal: (justified(signal), progress(signal)))
    doubt = 1.0
    for signal in signals:
        doubt *= 1.0 - min(max(signal.confidence, 0.0), 1.0)
    others = [signal for signal in signals if signal is not lead]
    speaks_for = (*lead.speaks_for, *(f"{signal.kind}: {signal.reason}" for signal in others))
    against = dict.fromkeys(lead.speaks_against)
    for signal in others:
        against.update(dict.fromkeys(signal.speaks_against))
    return Verdict(
        subject=lead.subject,
        level=justified(lead),
        confidence=min(_MOST_CONFIDENT, 1.0 - doubt),
        lead=lead,
        speaks_for=speaks_for[:_REASONS],
        speaks_against=tuple(against)[:_REASONS],
    )
