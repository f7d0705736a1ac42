"""Whether a text repeats a block of itself: a chant, as a model gives that has lost its thread.

Lists, tables, code and data repeat a frame with other words in it, and dividers hold no words at all; none of them is a
chant. A few probes into the text look for themselves a little further on, which the interpreter does at the speed of C;
only a probe that finds itself is looked at more closely, so that ordinary text costs a microsecond.
"""

from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from agentwatch.records import ChantPrint

__all__ = ["Chant", "count_chant", "find_chant"]

CAP_CHARS = 16_384  # how much of a text is looked at, from its end: a chant goes on until the answer is cut off
LEAST_CHARS = 80  # a shorter text cannot hold four blocks worth the name
PROBE = 16  # characters of a probe, longer than the words that any text repeats
NEAR = 400  # how far on a probe looks for itself: sixteen words and some room
MAX_TOKENS = 16  # words of a block; a longer one counts as a chunk does
CHUNK = 50  # characters of a chunk that comes again and again, with little between
CHUNK_GAP = 250  # characters from one chunk to the next, on average
CHUNK_KINDS = 5  # different texts between the chunks; more of them is a list
CHUNK_LEAST = 10
LEAST_TOKENS = 12  # words that all blocks hold together
LEAST_COVERED = 320  # characters that all blocks hold together: four blocks of sixteen words; less costs nothing
LETTERS = 0.6  # part of a block's characters that are letters or spaces; below it is data, code or a divider
_FENCE = "```"


class Chant(Struct, frozen=True, gc=False):
    """How often a block comes, how many characters all of it covers of how many, and the block."""

    blocks: int
    covered: int
    of: int
    block: str


def find_chant(text: str) -> Chant | None:
    """Find the longest chant that one of the probes falls into, or None."""
    if len(text) < LEAST_CHARS:
        return None
    tail = text[-CAP_CHARS:]
    best: Chant | None = None
    for at, other in _echoes(tail):
        found = _periodic(tail, at, other - at) or _chunks(tail, at)
        if found is not None and (best is None or found.covered > best.covered):
            best = found
        if best is not None and best.covered * 2 > len(tail):
            break
    return best if best is not None and not _in_code(tail, best.block) else None


def count_chant(text: str) -> ChantPrint | None:
    """Find the longest chant as `find_chant` does, and give its counts alone, which may leave the agent's process."""
    found = find_chant(text)
    if found is None:
        return None
    return ChantPrint(blocks=found.blocks, length=len(found.block), covered=found.covered, of=found.of)


def _echoes(text: str) -> Iterator[tuple[int, int]]:
    """Give the places of probes that come again within reach, and where they do."""
    size = len(text)
    end = size - PROBE
    before = text.rfind(text[end:], max(0, end - NEAR), size - 1)
    if before >= 0:
        yield before, end
    for at in (size // 2, size // 4, size * 3 // 4):
        again = text.find(text[at : at + PROBE], at + 1, at + NEAR + PROBE)
        if again >= 0:
            yield at, again


def _periodic(text: str, at: int, period: int) -> Chant | None:
    """Count how often the block of `period` characters at `at` follows itself without anything between."""
    block = text[at : at + period]
    while period < PROBE:  # of a very short block a few at once, so that they are compared in one go
        block, period = block * 2, period * 2
    begin, end = at, at + period
    while text.startswith(block, end):
        end += period
    while begin >= period and text.startswith(block, begin - period):
        begin -= period
    unit = _unit(block)
    blocks = (end - begin) // len(unit)
    return _worth(Chant(blocks, end - begin, len(text), unit))


def _unit(block: str) -> str:
    """Give the shortest text of which a block is a whole number of repetitions."""
    size = (block + block).find(block, 1)
    return block[:size] if 0 < size < len(block) else block


def _worth(chant: Chant) -> Chant | None:
    words = len(chant.block.split()) or 1
    if chant.blocks < (2 if words <= MAX_TOKENS else CHUNK_LEAST) or not _is_prose(chant.block):
        return None
    if chant.covered < LEAST_COVERED or words * chant.blocks < LEAST_TOKENS:
        return None
    return chant


def _chunks(text: str, at: int) -> Chant | None:
    """Count a chunk that comes again and again close by, where what lies between is mostly the same too."""
    chunk = text[at : at + CHUNK]
    if len(chunk) < CHUNK or not _is_prose(chunk):
        return None
    places: list[int] = []
    place = text.find(chunk)
    while place >= 0:
        if places and place - places[-1] > CHUNK_GAP * 2:
            places.clear()
        places.append(place)
        place = text.find(chunk, place + CHUNK)
    if len(places) < CHUNK_LEAST or places[-1] - places[0] > CHUNK_GAP * (len(places) - 1):
        return None
    between = {text[a + CHUNK : b] for a, b in pairwise(places)}
    if len(between) > CHUNK_KINDS:
        return None
    return Chant(len(places), places[-1] - places[0] + CHUNK, len(text), chunk)


def _is_prose(block: str) -> bool:
    """Tell whether a block holds words: letters and spaces for the most part; encoded data has no spaces."""
    if "|" in block or (block.isascii() and not any(map(str.isspace, block))):
        return False
    letters = sum(map(str.isalpha, block))
    return letters > 0 and letters + block.count(" ") >= LETTERS * len(block)


def _in_code(text: str, block: str) -> bool:
    """Tell whether the chant is inside a fenced block: code may repeat a line for good reason."""
    return text.count(_FENCE, 0, text.find(block)) % 2 == 1
