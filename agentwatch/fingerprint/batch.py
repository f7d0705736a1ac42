"""The fingerprints of a batch of events: one look-up, one canonical form a text; one numpy pass for all sketches."""

from collections.abc import Sequence
from typing import Any

from xxhash import xxh3_64_intdigest

from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.kernel import sketch_many
from agentwatch.fingerprint.mask import mask
from agentwatch.fingerprint.numbers import numbers
from agentwatch.fingerprint.options import FingerprintOptions
from agentwatch.fingerprint.private import received
from agentwatch.fingerprint.shape import shape
from agentwatch.fingerprint.single import text_class
from agentwatch.fingerprint.words import word_count
from agentwatch.records import Event, Fingerprint, Prints

__all__ = ["Fingerprinter", "fingerprint_batch"]

_NONE = Prints()
_FIELDS = ("input", "output", "arguments", "result")
_ROLES = ((False, False), (False, True), (True, False), (True, True))  # (result, sketched)


class _Draft:
    """A text whose fingerprint waits for its sketch."""

    __slots__ = ("digests", "masked", "numbered", "plain")

    def __init__(self, digests: tuple[int, int, int], plain: bytes, masked: bytes, *, numbered: bool) -> None:
        self.digests = digests
        self.plain = plain
        self.masked = masked
        self.numbered = numbered


class Fingerprinter:
    """Fingerprints batches of events and remembers the latest distinct texts by digest, a bounded number of each role.

    `texts`, `hits`, `sketched` and `evicted` count since the start. What is remembered never changes a result.
    """

    def __init__(self, options: FingerprintOptions | None = None) -> None:
        self.options = options or FingerprintOptions()
        self.texts = 0
        self.hits = 0
        self.sketched = 0
        self.evicted = 0
        self._known: tuple[dict[int, Fingerprint], ...] = tuple({} for _ in _ROLES)
        self._roles = tuple(_ROLES.index((name == "result", name in self.options.sketch_fields)) for name in _FIELDS)

    def batch(self, events: Sequence[Event]) -> list[Prints]:
        """Fingerprint the four texts of every event, in order; a producer's own fingerprints count where no text is."""
        drafts: tuple[dict[int, _Draft], ...] = tuple({} for _ in _ROLES)
        found: tuple[dict[int, Fingerprint], ...] = tuple({} for _ in _ROLES)
        keys = [self._keys(event, drafts, found) for event in events]
        for role, waiting in enumerate(drafts):
            if waiting:
                self._finish(role, waiting, found[role])
        return [self._prints(event, key, found) for event, key in zip(events, keys, strict=True)]

    def _keys(
        self, event: Event, drafts: tuple[dict[int, _Draft], ...], found: tuple[dict[int, Fingerprint], ...]
    ) -> tuple[int | None, int | None, int | None, int | None] | None:
        given, output, arguments, result = event.input, event.output, event.arguments, event.result
        if given is None and output is None and arguments is None and result is None:
            return None
        roles = self._roles
        return (
            None if given is None else self._key(given, roles[0], drafts, found),
            None if output is None else self._key(output, roles[1], drafts, found),
            None if arguments is None else self._key(arguments, roles[2], drafts, found),
            None if result is None else self._key(result, roles[3], drafts, found),
        )

    def _key(
        self, text: str, role: int, drafts: tuple[dict[int, _Draft], ...], found: tuple[dict[int, Fingerprint], ...]
    ) -> int:
        plain = canonical(text)
        exact = xxh3_64_intdigest(plain)
        self.texts += 1
        if exact in found[role] or exact in drafts[role]:
            self.hits += 1
            return exact
        known = self._known[role]
        print_ = known.pop(exact, None)
        if print_ is not None:
            known[exact] = print_
            found[role][exact] = print_
            self.hits += 1
            return exact
        masked = mask(plain)
        shaped = shape(masked)
        masked_digest = exact if masked is plain else xxh3_64_intdigest(masked)
        shape_digest = masked_digest if shaped is masked else xxh3_64_intdigest(shaped)
        drafts[role][exact] = _Draft((exact, masked_digest, shape_digest), plain, masked, numbered=shaped is not masked)
        return exact

    def _finish(self, role: int, waiting: dict[int, _Draft], found: dict[int, Fingerprint]) -> None:
        result, sketched = _ROLES[role]
        drafts = list(waiting.values())
        cap_bytes = self.options.sketch_cap_bytes
        if sketched:
            sketches, counts = sketch_many([draft.masked for draft in drafts], cap_bytes, self.options.batch_bytes)
            self.sketched += len(drafts)
        else:
            sketches, counts, cap_bytes = [b""] * len(drafts), [0] * len(drafts), -1
        known = self._known[role]
        for draft, sketch, count in zip(drafts, sketches, counts, strict=True):
            exact, masked, shaped = draft.digests
            print_ = Fingerprint(
                exact,
                masked,
                shaped,
                len(draft.plain),
                count if len(draft.masked) <= cap_bytes else word_count(draft.masked),
                text_class(draft.plain, result),
                sketch,
                numbers(draft.masked) if result and draft.numbered else (),
            )
            found[exact] = known[exact] = print_
        while len(known) > self.options.cache_entries:
            del known[next(iter(known))]
            self.evicted += 1

    def _prints(self, event: Event, key: Any, found: tuple[dict[int, Fingerprint], ...]) -> Prints:
        if key is None:
            prints = _NONE
        else:
            roles = self._roles
            given, output, arguments, result = key
            prints = Prints(
                None if given is None else found[roles[0]][given],
                None if output is None else found[roles[1]][output],
                None if arguments is None else found[roles[2]][arguments],
                None if result is None else found[roles[3]][result],
            )
        return prints if event.fp is None else received(event.fp, prints)


def fingerprint_batch(events: Sequence[Event], options: FingerprintOptions | None = None) -> list[Prints]:
    """Fingerprint a batch that stands alone; a stream of batches keeps one `Fingerprinter`."""
    return Fingerprinter(options).batch(events)
