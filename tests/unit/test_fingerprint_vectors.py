"""The published golden vectors are what the code makes. Run this file to write them anew after a change of format."""

import json
from pathlib import Path
from typing import Any

import pytest
from xxhash import xxh3_64_intdigest

from agentwatch.fingerprint import FORMAT, fingerprint_text, private_print
from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.mask import mask
from agentwatch.fingerprint.shape import shape

PATH = Path(__file__).parents[2] / "docs" / "fingerprint-vectors.json"
PUBLISHED: dict[str, Any] = json.loads(PATH.read_text()) if PATH.exists() else {}
KEY = bytes(range(32))
TEXTS = [
    "",
    "ok",
    "one two three",
    "  white\tspace \r\n folds\u00a0too ",
    "cafe\u0301 caf\u00e9",
    '{"b": 1, "a": {"d": 1.50, "c": [1, 2, "line\\nbreak"]}}',
    '{"not": json}',
    "2024-01-02T10:11:12.123Z and 2024-01-02 10:11:12,5 and 10:11:12",
    "epoch 1700000000 or 1700000000123 but not 9700000000",
    "id 550e8400-e29b-41d4-a716-446655440000 sha 9fceb02d0ae5 at 0x7f3a22bc1d00",
    "pid 1234 took 0.03s, 12ms and 1.5 seconds",
    "cat /tmp/tmpab_12x/run.py via 127.0.0.1:54321",
    "17 failed, 12 passed; page 3 of 12.5 on 2024-05-13",
    "\u4e2d\u6587 words \u2014 \u00fcber alles",
    "antidisestablishmentarianism and antidisestablishXXXXarianism",
    "Error: no such table",
    "Two hits of seven: the quiet ledger of Arvalon, then a report on tidal turbines and what they cost to maintain.",
    "x" * 40 + " long text " * 2000 + "tail",
]


def vector(text: str) -> dict[str, Any]:
    """Make one vector; the forms of a long text are left out."""
    plain = canonical(text)
    masked = mask(plain)
    made = fingerprint_text(text, result=True)
    short = len(text) < 1000
    private = private_print(text, key=KEY, result=True, with_numbers=True)
    return {
        "text": text if short else None,
        **({} if short else {"parts": [["x", 40], [" long text ", 2000], ["tail", 1]]}),
        **(
            {"canonical": plain.decode(), "masked_form": masked.decode(), "shape_form": shape(masked).decode()}
            if short
            else {}
        ),
        "exact": f"{made.exact:016x}",
        "masked": f"{made.masked:016x}",
        "shape": f"{made.shape:016x}",
        "sketch": made.sketch.hex(),
        "size": made.size,
        "words": made.words,
        "numbers": list(made.numbers),
        "class": made.klass.value,
        "private": {
            **{name: getattr(private, name) for name in ("exact", "masked", "shape", "sketch")},
            "pieces": private_print(text, key=KEY, result=True, with_sketch=False).pieces,
        },
    }


def text_of(published: dict[str, Any]) -> str:
    if published["text"] is not None:
        return str(published["text"])
    return "".join(part * times for part, times in published["parts"])


def test_vectors_are_of_this_format() -> None:
    assert PUBLISHED["format"] == FORMAT
    assert PUBLISHED["key"] == KEY.hex()
    assert [text_of(entry) for entry in PUBLISHED["vectors"]] == TEXTS


@pytest.mark.parametrize("published", PUBLISHED.get("vectors", []), ids=range(len(PUBLISHED.get("vectors", []))))
def test_published_vector(published: dict[str, Any]) -> None:
    text = text_of(published)
    assert vector(text) == published
    if published["text"] is not None:
        assert xxh3_64_intdigest(published["canonical"].encode()) == int(published["exact"], 16)
        assert xxh3_64_intdigest(published["masked_form"].encode()) == int(published["masked"], 16)
        assert xxh3_64_intdigest(published["shape_form"].encode()) == int(published["shape"], 16)


if __name__ == "__main__":
    whole = {"format": FORMAT, "sketch_cap_bytes": 16384, "key": KEY.hex(), "vectors": [vector(text) for text in TEXTS]}
    PATH.write_text(json.dumps(whole, indent=1) + "\n")
