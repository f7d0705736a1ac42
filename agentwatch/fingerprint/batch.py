"""The fingerprints of a batch of events: one look-up and one canonical form a text.

The compiled form takes a batch at once; the pure form drafts what is not known, and sketches all drafts of a batch in
one numpy pass.
"""

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from xxhash import xxh3_64_intdigest

from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.compiled import compiled_form, maker_of
from agentwatch.fingerprint.mask import mask
from agentwatch.fingerprint.numbers import numbers
from agentwatch.fingerprint.options import FingerprintOptions
from agentwatch.fingerprint.private import received
from agentwatch.fingerprint.shape import shape
from agentwatch.fingerprint.single import text_class
from agentwatch.fingerprint.words import word_count
from agentwatch.records import Event, Fingerprint, Prints

if TYPE_CHECKING:
    from agentwatch.fingerprint._compiled import Maker

__all__ = ["Fingerprinter", "fingerprint_batch"]

_NO_TEXT = Prints()
_DEFAULT = FingerprintOptions()
Keys = tuple[int | None, int | None, int | None, int | None]


class _Draft:
    """A text of the present batch whose fingerprint waits for its sketch."""

    __slots__ = ("masked", "masked_digest", "numbered", "plain", "shape_digest")

    def __init__(self, plain: bytes, exact: int) -> None:
        self.plain = plain
        self.masked = mask(plain)
        shaped = shape(self.masked)
        self.numbered = shaped is not self.masked
        self.masked_digest = exact if self.masked is plain else xxh3_64_intdigest(self.masked)
        self.shape_digest = xxh3_64_intdigest(shaped) if self.numbered else self.masked_digest


class _Role:
    """Texts that are treated alike: what is known of former ones by exact digest, oldest use first, and the batch's."""

    __slots__ = ("drafts", "found", "known", "result", "sketched")

    def __init__(self, *, result: bool, sketched: bool) -> None:
        self.result = result
        self.sketched = sketched
        self.known: dict[int, Fingerprint] = {}
        self.found: dict[int, Fingerprint] = {}
        self.drafts: dict[int, _Draft] = {}


class Fingerprinter:
    """Fingerprints batches of events and remembers the latest distinct texts by digest, a bounded number of each role.

    `texts`, `hits`, `sketched` and `evicted` count since the start. What is remembered never changes a result, nor does
    `pure`, which keeps the compiled form out.
    """

    def __init__(self, options: FingerprintOptions = _DEFAULT, *, pure: bool = False) -> None:
        self.options = options
        self._maker = maker_of(options) if compiled_form() and not pure else None
        self.texts = 0
        self.hits = 0
        self.sketched = 0
        self.evicted = 0
        spoken = {flag: _Role(result=False, sketched=flag) for flag in (False, True)}
        self._input = spoken["input" in options.sketch_fields]
        self._output = spoken["output" in options.sketch_fields]
        self._arguments = spoken["arguments" in options.sketch_fields]
        self._result = _Role(result=True, sketched="result" in options.sketch_fields)
        self._roles = (*spoken.values(), self._result)

    def batch(self, events: Sequence[Event]) -> list[Prints]:
        """Fingerprint the four texts of every event, in order; a producer's own fingerprints count where no text is."""
        if self._maker is not None:
            return self._compiled_batch(self._maker, events)
        keys = [self._keys(event) for event in events]
        for role in self._roles:
            if role.drafts:
                self._finish(role)
        prints = [self._prints(event, key) for event, key in zip(events, keys, strict=True)]
        for role in self._roles:
            role.drafts.clear()
            role.found.clear()
        return prints

    def _compiled_batch(self, maker: "Maker", events: Sequence[Event]) -> list[Prints]:
        prints = maker.batch(events)
        self.texts, self.hits, self.sketched, self.evicted = maker.texts, maker.hits, maker.sketched, maker.evicted
        return prints

    def _keys(self, event: Event) -> Keys | None:
        given, output, arguments, result = event.input, event.output, event.arguments, event.result
        if given is None and output is None and arguments is None and result is None:
            return None
        return (
            None if given is None else self._key(given, self._input),
            None if output is None else self._key(output, self._output),
            None if arguments is None else self._key(arguments, self._arguments),
            None if result is None else self._key(result, self._result),
        )

    def _key(self, text: str, role: _Role) -> int:
        """Return the exact digest of a text, having found its fingerprint or drafted it."""
        plain = canonical(text)
        exact = xxh3_64_intdigest(plain)
        self.texts += 1
        if exact in role.drafts or exact in role.found:
            self.hits += 1
            return exact
        known = role.known.pop(exact, None)
        if known is None:
            role.drafts[exact] = _Draft(plain, exact)
        else:
            role.known[exact] = role.found[exact] = known
            self.hits += 1
        return exact

    def _finish(self, role: _Role) -> None:
        """Turn a role's drafts into fingerprints, and forget the texts that were not met for longest."""
        cap_bytes = self.options.sketch_cap_bytes
        drafts = role.drafts
        if role.sketched:
            from agentwatch.fingerprint.kernel import sketch_many  # with numpy, which the compiled form does not need

            masked = [draft.masked for draft in drafts.values()]
            sketches, counts = sketch_many(masked, cap_bytes, self.options.batch_bytes)
            self.sketched += len(drafts)
        else:
            sketches, counts, cap_bytes = [b""] * len(drafts), [0] * len(drafts), -1
        for (exact, draft), sketch, count in zip(drafts.items(), sketches, counts, strict=True):
            role.found[exact] = role.known[exact] = Fingerprint(
                exact,
                draft.masked_digest,
                draft.shape_digest,
                len(draft.plain),
                count if len(draft.masked) <= cap_bytes else word_count(draft.masked),
                text_class(draft.plain, result=role.result),
                sketch,
                numbers(draft.masked) if role.result and draft.numbered else (),
            )
        self._forget(role)

    def _forget(self, role: _Role) -> None:
        excess = len(role.known) - self.options.cache_entries
        if excess > 0:
            for exact in list(islice(role.known, excess)):
                del role.known[exact]
            self.evicted += excess

    def _prints(self, event: Event, keys: Keys | None) -> Prints:
        prints = _NO_TEXT
        if keys is not None:
            given, output, arguments, result = keys
            prints = Prints(
                None if given is None else self._input.found[given],
                None if output is None else self._output.found[output],
                None if arguments is None else self._arguments.found[arguments],
                None if result is None else self._result.found[result],
            )
        return prints if event.fp is None else received(event.fp, prints)


def fingerprint_batch(events: Sequence[Event], options: FingerprintOptions = _DEFAULT) -> list[Prints]:
    """Fingerprint a batch that stands alone; a stream of batches keeps one `Fingerprinter`."""
    return Fingerprinter(options).batch(events)
