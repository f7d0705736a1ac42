"""Fingerprints of one event's texts, and what a result is by its looks."""

from enum import StrEnum

from msgspec import Struct

__all__ = ["Fingerprint", "Prints", "ResultClass"]


class ResultClass(StrEnum):
    """What kind of result a text is, as far as repetition is concerned."""

    content = "content"  # says something
    empty = "empty"  # nothing, or a wrapper round nothing
    ack = "ack"  # "ok", "file edited": neutral
    error = "error"  # reads as a failure whatever its status
    pending = "pending"  # not finished yet: a poll
    bare = "bare"  # only a type or a number of bytes: says nothing about content


class Fingerprint(Struct, frozen=True, gc=False):
    """Digests and a similarity sketch of one piece of content; never the text itself.

    exact: 64-bit digest of the canonical form. masked: volatile tokens replaced. shape: every number masked too.
    sketch: 64 bins of 8 bits (b"" when not computed or when the text holds no words).
    size: bytes of the canonical form. words: number of words. numbers: the first numbers of a result, in order.
    kid: key under which a producer made the digests ("" = from text); digests of different keys never compare.
    pieces: two bytes for each passage, of a producer that sends no sketch.
    """

    exact: int
    masked: int
    shape: int
    size: int
    words: int
    klass: ResultClass = ResultClass.content
    sketch: bytes = b""
    numbers: tuple[float, ...] = ()
    kid: str = ""
    pieces: bytes = b""


class Prints(Struct, frozen=True, gc=False):
    """The fingerprints of one event's four texts; None where the event had no such text."""

    input: Fingerprint | None = None
    output: Fingerprint | None = None
    arguments: Fingerprint | None = None
    result: Fingerprint | None = None
