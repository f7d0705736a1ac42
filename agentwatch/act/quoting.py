"""What a decision shows of the content that it is about: digests always, short texts where the rule allows it."""

from msgspec.structs import replace

from agentwatch.records import Event, Evidence, Observation

__all__ = ["quoted"]

_LONGEST = 200  # characters of one piece: enough to recognise it, too short to leak a document
_DIGESTS = 8


def quoted(evidence: Evidence, seen: Observation, *, samples: bool) -> Evidence:
    """Fill in what the evidence lacks: digests of the event's own content, and its text where `samples` allows it."""
    digests = evidence.digests or _digests(seen)
    texts = _texts(seen.event) if samples else ()
    if digests is evidence.digests and texts == evidence.samples:
        return evidence
    return replace(evidence, digests=digests, samples=texts)


def _digests(seen: Observation) -> tuple[str, ...]:
    prints = seen.prints
    found = (prints.arguments, prints.result, prints.output, prints.input)
    exact = dict.fromkeys(f"{one.exact:016x}" for one in found if one is not None)
    return tuple(exact)[:_DIGESTS]


def _texts(event: Event) -> tuple[str, ...]:
    call = f"{event.tool}({event.arguments or ''})" if event.tool else ""
    found = (call, event.result or event.error, event.output)
    return tuple(_short(text) for text in found if text and text.strip())


def _short(text: str) -> str:
    """Fold white space, for a sample is one line, and cut."""
    line = " ".join(text[: _LONGEST * 4].split())
    return line if len(line) <= _LONGEST and len(text) <= _LONGEST * 4 else f"{line[: _LONGEST - 1]}…"
