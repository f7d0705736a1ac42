"""Digests of passages of a text: which pieces of it were met before, for producers that send no sketch.

Winnowing (Schleimer, Wilkerson and Aiken 2003): of every `WINDOW` grams of `GRAM` words in a row the least is chosen.
So the pieces of a part that is taken out of a text are pieces of the text, and two texts that share eleven words in a
row share a piece. A piece is a digest of four words: nothing shows of a single one, nor in which order pieces came.
"""

from collections.abc import Sequence

from agentwatch.fingerprint.sketch import bigram_hash

__all__ = ["GRAM", "MOST", "WINDOW", "pieces_of_hashes"]

GRAM = 4
WINDOW = 8
MOST = 256  # of a longer text those of its beginning and its end
_PIECE_BYTES = 2


def pieces_of_hashes(words: Sequence[int]) -> bytes:
    """Choose the pieces of a text, given its words' hashes in order: two bytes each, ascending; none under 4 words."""
    grams: Sequence[int] = words
    for at in range(1, GRAM):
        grams = list(map(bigram_hash, grams, words[at:]))
    if not grams:
        return b""
    chosen: list[int] = []
    for first in range(max(1, len(grams) - WINDOW + 1)):
        least = min(grams[first : first + WINDOW])
        if not chosen or chosen[-1] != least:
            chosen.append(least)
    if len(chosen) > MOST:
        chosen = chosen[: MOST // 2] + chosen[-MOST // 2 :]
    return b"".join(piece.to_bytes(_PIECE_BYTES, "big") for piece in sorted({least & 0xFFFF for least in chosen}))
