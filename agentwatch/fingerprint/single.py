"""The fingerprint of one text, without numpy: what the client and other small processes use."""

from xxhash import xxh3_64_intdigest

from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.classify import classify
from agentwatch.fingerprint.mask import mask
from agentwatch.fingerprint.numbers import numbers
from agentwatch.fingerprint.options import FingerprintOptions
from agentwatch.fingerprint.shape import shape
from agentwatch.fingerprint.sketch import sketch
from agentwatch.fingerprint.words import word_count
from agentwatch.records import Fingerprint, ResultClass

__all__ = ["fingerprint_text"]

_DEFAULT = FingerprintOptions()


def fingerprint_text(
    text: str, *, result: bool = False, sketched: bool = True, options: FingerprintOptions = _DEFAULT
) -> Fingerprint:
    """Fingerprint one text; `result` adds its class and numbers, `sketched` its sketch. Never raises for any text."""
    plain = canonical(text)
    masked = mask(plain)
    shaped = shape(masked)
    exact_digest = xxh3_64_intdigest(plain)
    masked_digest = exact_digest if masked is plain else xxh3_64_intdigest(masked)
    return Fingerprint(
        exact_digest,
        masked_digest,
        masked_digest if shaped is masked else xxh3_64_intdigest(shaped),
        len(plain),
        word_count(masked),
        text_class(plain, result=result),
        sketch(masked, options.sketch_cap_bytes) if sketched else b"",
        numbers(masked) if result and shaped is not masked else (),
    )


def text_class(plain: bytes, *, result: bool) -> ResultClass:
    """Class a canonical form: a result by all that is known of results, any other text as empty or content."""
    if result:
        return classify(plain)
    return ResultClass.content if plain not in (b"", b"null", b"{}", b"[]", b'""') else ResultClass.empty
