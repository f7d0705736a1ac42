"""Fingerprints under a key: made beside the agent so that no text leaves it, read here as they came.

Without the key neither a digest nor a sketch can be recomputed from a guessed text. What still shows: sizes, numbers
of words, result classes, how often an answer repeats one block, and which texts are equal or alike under the same key.
"""

from hashlib import blake2b

from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.chant import count_chant
from agentwatch.fingerprint.mask import mask
from agentwatch.fingerprint.numbers import numbers
from agentwatch.fingerprint.options import FingerprintOptions
from agentwatch.fingerprint.pieces import pieces_of_hashes
from agentwatch.fingerprint.shape import shape
from agentwatch.fingerprint.single import text_class
from agentwatch.fingerprint.sketch import pairs, sketch_of_hashes
from agentwatch.fingerprint.words import word_count, words
from agentwatch.records import FieldPrint, Fingerprint, Prints, PrivatePrints, ResultClass

__all__ = ["private_print", "private_prints", "read_print", "received"]

_DEFAULT = FingerprintOptions()
_TEXT = b"aw1-text"
_WORD = b"aw1-word"
_KEY_BYTES = 64


def private_prints(
    *,
    kid: str,
    key: bytes,
    input: str | None = None,
    output: str | None = None,
    arguments: str | None = None,
    result: str | None = None,
    with_numbers: bool = False,
    with_sketch: bool = True,
    options: FingerprintOptions = _DEFAULT,
) -> PrivatePrints:
    """Fingerprint an event's texts under `key` (16 to 64 bytes, named `kid`); numbers of a result only on request.

    with_sketch: with sketches, which tell how alike two texts are; without, a result has digests of its pieces.
    Raises ValueError for a key of another length.
    """

    def made(text: str | None, *, is_result: bool = False) -> FieldPrint | None:
        if text is None:
            return None
        return private_print(
            text,
            key=key,
            result=is_result,
            with_numbers=with_numbers,
            with_chant=text is output,
            with_sketch=with_sketch,
            options=options,
        )

    return PrivatePrints(
        kid=kid,
        input=made(input),
        output=made(output),
        arguments=made(arguments),
        result=made(result, is_result=True),
    )


def private_print(
    text: str,
    *,
    key: bytes,
    result: bool = False,
    with_numbers: bool = False,
    with_chant: bool = False,
    with_sketch: bool = True,
    options: FingerprintOptions = _DEFAULT,
) -> FieldPrint:
    """Fingerprint one text under a key of 16 to 64 bytes; raises ValueError for a key of another length.

    with_chant: say how it repeats one block, where it does, which is for what a model said. with_sketch: else a result
    has digests of its pieces, which tell which passages it shares with another.
    """
    if not 16 <= len(key) <= _KEY_BYTES:
        raise ValueError("a fingerprint key has 16 to 64 bytes")
    plain = canonical(text)
    masked = mask(plain)
    single = [_digest(word, key, _WORD) for word in words(masked, options.sketch_cap_bytes)]
    hashes = [int.from_bytes(digest, "big") for digest in single]
    sketch = sketch_of_hashes(hashes + pairs(hashes)) if with_sketch else b""
    pieces = pieces_of_hashes(hashes) if result and not with_sketch else b""
    return FieldPrint(
        exact=_digest(plain, key, _TEXT).hex(),
        masked=_digest(masked, key, _TEXT).hex(),
        shape=_digest(shape(masked), key, _TEXT).hex(),
        sketch=sketch.hex() or None,
        pieces=pieces.hex() or None,
        size=len(plain),
        words=word_count(masked),
        klass=text_class(plain, result=result),
        numbers=list(numbers(masked)) if result and with_numbers else None,
        chant=count_chant(text) if with_chant else None,
    )


def _digest(content: bytes, key: bytes, person: bytes) -> bytes:
    return blake2b(content, digest_size=8, key=key, person=person).digest()


def received(prints: PrivatePrints, own: Prints) -> Prints:
    """Read a producer's fingerprints; a field whose text came too keeps the fingerprint of the text."""
    kid, given, output, arguments, result = prints.kid, prints.input, prints.output, prints.arguments, prints.result
    return Prints(
        own.input if given is None else own.input or read_print(given, kid),
        own.output if output is None else own.output or read_print(output, kid),
        own.arguments if arguments is None else own.arguments or read_print(arguments, kid),
        own.result if result is None else own.result or read_print(result, kid),
    )


def read_print(field: FieldPrint, kid: str) -> Fingerprint:
    """Read what a producer sent of one text; what it left out takes the next best."""
    sent, other, shape, sketch, pieces = field.exact, field.masked, field.shape, field.sketch, field.pieces
    exact = int(sent, 16)
    masked = exact if other is None or other == sent else int(other, 16)  # most texts hold nothing volatile
    return Fingerprint(
        exact,
        masked,
        masked if shape is None or shape == other else int(shape, 16),
        field.size,
        field.words,
        field.klass or ResultClass.content,
        bytes.fromhex(sketch) if sketch else b"",
        tuple(field.numbers[:8]) if field.numbers else (),
        kid,
        bytes.fromhex(pieces) if pieces else b"",
    )
