"""Steps side by side: each beside the earlier one that it is most like, with what is equal and what differs."""

from collections.abc import Sequence

from agentwatch.fingerprint.sketch import similarity
from agentwatch.records import Fingerprint
from agentwatch.service.memory import Step, digests_of
from agentwatch.views import RepeatView

__all__ = ["beside"]

_FIELDS = ("arguments", "result", "output", "input")
_EQUAL, _MASKED, _SHAPE = 4.0, 3.5, 3.0
_LEAST = 0.5  # similarity from which two texts are called alike


def beside(steps: Sequence[Step]) -> tuple[RepeatView, ...]:
    """Set every step beside the earlier one that it is most like, the nearest of equals; some are like none."""
    return tuple(_view(steps, place) for place in range(len(steps)))


def _view(steps: Sequence[Step], place: int) -> RepeatView:
    step = steps[place]
    found, best = -1, 0.0
    for other in range(place - 1, -1, -1):
        score = _alike(step, steps[other])
        if score > best:
            found, best = other, score
    compared = _compare(step, steps[found]) if found >= 0 else {}
    told = digests_of(step)
    return RepeatView(
        place=place,
        index=step.index,
        ts=step.ts,
        event_id=step.event_id,
        op=step.op,
        agent=step.agent,
        tool=step.tool or _tool(step, steps),
        status=step.status,
        klass=_class(step),
        samples=step.samples,
        said=step.said,
        beside=found,
        equal=tuple(name for name, (score, _) in compared.items() if score >= _EQUAL),
        differs=tuple(f"{name} {words}" for name, (score, words) in compared.items() if score < _EQUAL),
        **told,
    )


def _class(step: Step) -> str:
    result = step.prints.result
    return result.klass.value if result is not None else ""


def _tool(step: Step, steps: Sequence[Step]) -> str:
    """Name the tool of a call of which only the digest is known: equal digests are calls of the same tool."""
    return next((one.tool for one in steps if step.call and one.call == step.call and one.tool), "")


def _alike(step: Step, other: Step) -> float:
    """Score two steps; nothing for another kind of event, another tool, or nothing in common."""
    if step.op != other.op or (step.tool and other.tool and step.tool != other.tool):
        return 0.0
    scores = [score for score, _ in _compare(step, other).values()]
    return sum(scores) if any(score > 0.0 for score in scores) else 0.0


def _compare(step: Step, other: Step) -> dict[str, tuple[float, str]]:
    """Say of each field that both have how alike they are, from `different` (0) to `equal` (4)."""
    found: dict[str, tuple[float, str]] = {}
    for name in _FIELDS:
        one, two = getattr(step.prints, name), getattr(other.prints, name)
        if one is not None and two is not None and one.kid == two.kid:
            found[name] = _likeness(one, two)
        elif name == "arguments" and step.call and other.call:
            found[name] = (_EQUAL, "equal") if step.call == other.call else (0.0, "differ")
        elif name == "result" and step.call and other.call and (step.answer or other.answer):
            found[name] = (_EQUAL, "equal") if step.answer == other.answer else (0.0, "differ")
    return found


def _likeness(one: Fingerprint, two: Fingerprint) -> tuple[float, str]:
    if one.exact == two.exact:
        return _EQUAL, "equal"
    if one.masked == two.masked:
        return _MASKED, "only in times, ids or addresses"
    if one.shape == two.shape:
        return _SHAPE, "only in numbers"
    share = similarity(one.sketch, two.sketch)
    if share >= _LEAST:
        return share, f"in part, {share:.0%} alike"
    return 0.0, f"wholly ({one.size:,} and {two.size:,} bytes)"
