"""What the fingerprinter remembers, what producers send instead of text, and what the base install needs."""

import subprocess
import sys

import msgspec
import pytest

from agentwatch.fingerprint import Fingerprinter, FingerprintOptions, fingerprint_text, private_prints, similarity
from agentwatch.fingerprint.numbers import numbers
from agentwatch.records import Event, Prints, PrivatePrints, ResultClass

KEY = b"0123456789abcdef0123456789abcdef"


def test_known_texts_are_looked_up_and_the_memory_is_bounded() -> None:
    maker = Fingerprinter(FingerprintOptions(cache_entries=3))
    first = maker.batch([Event(agent="a", output="one two")])
    again = maker.batch([Event(agent="a", output=" one  two")])
    assert again == first
    assert (maker.texts, maker.hits, maker.sketched, maker.evicted) == (2, 1, 1, 0)
    maker.batch([Event(agent="a", output=f"text {n}") for n in range(5)])
    assert maker.evicted == 3
    maker.batch([Event(agent="a", output="one two")])
    assert maker.sketched == 7


def test_equal_texts_of_one_batch_are_sketched_once() -> None:
    maker = Fingerprinter()
    prints = maker.batch([Event(agent="a", output="same text")] * 3)
    assert prints[0] == prints[2]
    assert maker.sketched == 1


def test_a_text_in_two_roles_keeps_both_meanings() -> None:
    options = FingerprintOptions(sketch_fields=("output",))
    (prints,) = Fingerprinter(options).batch([Event(agent="a", output="ok 41", input="ok 41", result="ok 41")])
    assert prints.output is not None
    assert prints.input is not None
    assert prints.result is not None
    assert prints.output.sketch
    assert not prints.input.sketch
    assert (prints.result.numbers, prints.output.numbers) == ((41.0,), ())
    assert (prints.result.klass, prints.output.klass) == (ResultClass.ack, ResultClass.content)
    assert prints.input.words == 2


def test_no_events_and_events_without_text() -> None:
    maker = Fingerprinter()
    assert maker.batch([]) == []
    assert maker.batch([Event(agent="a")]) == [Prints()]


def test_a_producers_prints_travel_and_are_read_back() -> None:
    sent = private_prints(kid="k1", key=KEY, output="one two three", result="41 % done at 10:00:00", with_numbers=True)
    event = msgspec.json.decode(msgspec.json.encode(Event(agent="a", fp=sent)), type=Event)
    (prints,) = Fingerprinter().batch([event])
    assert prints.output is not None
    assert prints.result is not None
    assert prints.input is None
    assert (prints.output.kid, prints.result.kid) == ("k1", "k1")
    assert prints.result.numbers == (41.0,)
    assert len({prints.result.exact, prints.result.masked, prints.result.shape}) == 3
    assert prints.output.exact != fingerprint_text("one two three").exact


def test_private_prints_keep_the_relations_and_nothing_else() -> None:
    words = [f"w{n}" for n in range(200)]
    text, edited = " ".join(words), " ".join([*words[:190], *(f"x{n}" for n in range(10))])

    def sketch_of(content: str, key: bytes) -> bytes:
        made = private_prints(kid="k", key=key, input=content).input
        assert made is not None
        return bytes.fromhex(made.sketch or "")

    assert similarity(sketch_of(text, KEY), sketch_of(edited, KEY)) > 0.7
    assert similarity(sketch_of(text, KEY), sketch_of(text, KEY[::-1])) < 0.15
    assert similarity(sketch_of(text, KEY), fingerprint_text(text).sketch) < 0.15
    assert private_prints(kid="k", key=KEY, result="41 %").result.numbers is None


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 65])
def test_keys_of_other_lengths_are_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        private_prints(kid="k", key=key, input="text")


def test_what_a_producer_left_out_takes_the_next_best() -> None:
    sent = msgspec.convert({"kid": "k", "result": {"exact": "00000000000000ff", "class": "ack"}}, PrivatePrints)
    (prints,) = Fingerprinter().batch([Event(agent="a", fp=sent, output="own text")])
    assert prints.result is not None
    assert prints.output is not None
    assert (prints.result.masked, prints.result.shape, prints.result.sketch) == (255, 255, b"")
    assert prints.result.klass is ResultClass.ack
    assert prints.output.kid == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("41 % of 80", (41.0, 80.0)),
        ("utf8 sha_256 v1.5 x", ()),
        ("-5 a-6 --7 1.5e3", (-5.0, 6.0, -7.0, 1.5)),
        ("10.0.0.1", (10.0,)),
        ("1234567890123456 7", (7.0,)),
        (" ".join(map(str, range(20))), tuple(map(float, range(8)))),
        ("none", ()),
    ],
)
def test_numbers_in_order(text: str, expected: tuple[float, ...]) -> None:
    assert numbers(text.encode()) == expected


def test_similarity_of_nothing_is_nothing() -> None:
    assert similarity(b"", b"") == 0.0
    assert similarity(b"x" * 64, b"") == 0.0
    assert similarity(b"x" * 64, b"x" * 64) == 1.0


def test_the_one_text_path_runs_without_numpy() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from agentwatch.fingerprint import fingerprint_text, private_prints\n"
        "print(fingerprint_text('a b 12', result=True).sketch.hex())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fingerprint_text("a b 12").sketch.hex()
