import random

import pytest

from agentwatch.fingerprint import private_print
from agentwatch.fingerprint.pieces import GRAM, MOST, WINDOW, pieces_of_hashes

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
DRAW = random.Random(4)


def hashes(count):
    return [DRAW.getrandbits(64) for _ in range(count)]


def each(pieces):
    return {pieces[at : at + 2] for at in range(0, len(pieces), 2)}


@pytest.mark.parametrize("size", [GRAM + WINDOW - 1, 40, 300])
def test_pieces_of_a_part_are_pieces_of_the_whole(size):
    whole = hashes(400)
    for _ in range(50):
        at = DRAW.randrange(len(whole) - size)
        part = each(pieces_of_hashes(whole[at : at + size]))
        assert part
        assert part <= each(pieces_of_hashes(whole))


def test_texts_that_share_eleven_words_share_a_piece_and_others_hardly_any():
    shared = hashes(GRAM + WINDOW - 1)
    assert each(pieces_of_hashes(hashes(30) + shared + hashes(30))) & each(pieces_of_hashes(hashes(9) + shared))
    pairs = [(each(pieces_of_hashes(hashes(100))), each(pieces_of_hashes(hashes(100)))) for _ in range(200)]
    assert sum(bool(one & other) for one, other in pairs) <= 8


def test_they_are_few_and_ascending_and_a_short_text_has_none():
    made = pieces_of_hashes(hashes(5000))
    assert 0 < len(made) <= 2 * MOST
    ordered = [made[at : at + 2] for at in range(0, len(made), 2)]
    assert ordered == sorted(set(ordered))
    assert pieces_of_hashes(hashes(GRAM - 1)) == b""


def test_only_results_without_a_sketch_have_them_and_another_key_makes_others():
    text = "the quiet ledger of the northern depot waits for its owner, and the freight of the week is counted twice"
    assert private_print(text, key=KEY, result=True).pieces is None
    assert private_print(text, key=KEY, with_sketch=False).pieces is None
    mine = private_print(text, key=KEY, result=True, with_sketch=False)
    other = private_print(text, key=OTHER, result=True, with_sketch=False)
    assert mine.sketch is None
    assert mine.pieces is not None
    assert other.pieces is not None
    assert not each(bytes.fromhex(mine.pieces)) & each(bytes.fromhex(other.pieces))
