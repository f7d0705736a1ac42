"""Steps side by side: each beside the earlier one that it is most like, with what is equal and what differs."""

from collections.abc import Sequence

from agentwatch.fingerprint.sketch import similarity
from agentwatch.records import Fingerprint
from agentwatch.service.memory import Step, digests_of
from agentwatch.views import RepeatView

__all__ = ["beside"]

_FIELDS = ("arguments", "result", "output", "input")
_EQUAL, _MASKED, _SHAPE = 4.0, 3.5, 3.0
_BACK = 128  # steps that are looked back: four times the longest round that any detector knows
_LEAST = 0.5  # similarity from which two texts are called alike


def beside(steps: Sequence[Step]) -> tuple[RepeatView, ...]:
    """Set every step beside the earlier one that it is most like, the nearest of equals; some are like none.

    Only the last 128 before it are looked at.
    """
    return tuple(_view(steps, place) for place in range(len(steps)))


def _view(steps: Sequence[Step], place: int) -> RepeatView:
    step = steps[place]
    found = _most_like(steps, place)
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
        equal=tuple(name for name, score in compared.items() if score >= _EQUAL),
        differs=tuple(_words(name, score, step, steps[found]) for name, score in compared.items() if score < _EQUAL),
        **told,
    )


def _most_like(steps: Sequence[Step], place: int) -> int:
    """Find the earlier step that this one is most like, -1 for none: of the same kind of event and the same tool."""
    step = steps[place]
    found, best = -1, 0.0
    for other in range(place - 1, max(-1, place - 1 - _BACK), -1):
        one = steps[other]
        if step.op != one.op or (step.tool and one.tool and step.tool != one.tool):
            continue
        scores = _compare(step, one).values()
        score = sum(scores)
        if score > best:
            found, best = other, score
            if min(scores) >= _EQUAL:
                break
    return found


def _class(step: Step) -> str:
    result = step.prints.result
    return result.klass.value if result is not None else ""


def _tool(step: Step, steps: Sequence[Step]) -> str:
    """Name the tool of a call of which only the digest is known: equal digests are calls of the same tool."""
    return next((one.tool for one in steps if step.call and one.call == step.call and one.tool), "")


def _compare(step: Step, other: Step) -> dict[str, float]:
    """Say of each field that both have how alike they are, from nothing to equal (4)."""
    found: dict[str, float] = {}
    for name in _FIELDS:
        one, two = getattr(step.prints, name), getattr(other.prints, name)
        if one is not None and two is not None and one.kid == two.kid:
            found[name] = _likeness(one, two)
        elif name == "arguments" and step.call and other.call:
            found[name] = _EQUAL if step.call == other.call else 0.0
        elif name == "result" and step.call and other.call and (step.answer or other.answer):
            found[name] = _EQUAL if step.answer == other.answer else 0.0
    return found


def _likeness(one: Fingerprint, two: Fingerprint) -> float:
    if one.exact == two.exact:
        return _EQUAL
    if one.masked == two.masked:
        return _MASKED
    if one.shape == two.shape:
        return _SHAPE
    share = similarity(one.sketch, two.sketch)
    return share if share >= _LEAST else 0.0


def _words(name: str, score: float, step: Step, other: Step) -> str:
    """Say how a field differs."""
    if score == _MASKED:
        return f"{name} only in times, ids or addresses"
    if score == _SHAPE:
        return f"{name} only in numbers"
    if score > 0.0:
        return f"{name} in part, {score:.0%} alike"
    one, two = getattr(step.prints, name), getattr(other.prints, name)
    sizes = f" ({one.size:,} and {two.size:,} bytes)" if one is not None and two is not None else ""
    return f"{name} wholly{sizes}"
