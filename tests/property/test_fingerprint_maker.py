"""The compiled form of whole batches: what it remembers, how it reads what producers send, and where it is left."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentwatch.fingerprint import Fingerprinter, FingerprintOptions, compiled, private_prints
from agentwatch.fingerprint.compiled import compiled_form, maker_of, native, places
from agentwatch.records import Event, FieldPrint, Fingerprint, Prints, PrivatePrints, ResultClass

pytestmark = pytest.mark.skipif(native is None, reason="no compiled form was built; python hatch_build.py builds it")
KEY = b"0123456789abcdef0123456789abcdef"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 400) | st.integers(0, 9), max_size=500), st.sampled_from([1, 2, 5, 70, 129, 300]))
def test_the_texts_of_the_latest_use_are_remembered(texts: list[int], entries: int) -> None:
    maker = maker_of(FingerprintOptions(cache_entries=entries, sketch_fields=()))
    model: OrderedDict[int, None] = OrderedDict()
    hits = evicted = 0
    for text in texts:
        if text in model:
            hits += 1
        elif len(model) == entries:
            model.popitem(last=False)
            evicted += 1
        model[text] = None
        model.move_to_end(text)
    for start in range(0, len(texts), 40):
        events = [Event(agent="a", output=f"text {text}") for text in texts[start : start + 40]]
        assert maker.batch(events) == Fingerprinter(FingerprintOptions(sketch_fields=()), pure=True).batch(events)
    assert (maker.texts, maker.hits, maker.evicted, maker.sketched) == (len(texts), hits, evicted, 0)


def test_what_is_known_is_one_object_in_all_prints() -> None:
    maker = maker_of(FingerprintOptions())
    events = [Event(agent="a", output="one two", input="one  two"), Event(agent="a", output="one two")]
    first, second = maker.batch(events)
    assert first.output is second.output is first.input
    assert maker.batch([Event(agent="a")])[0] == Prints()


HEX = st.text("0123456789abcdef", min_size=16, max_size=16)
FIELDS = st.none() | st.builds(
    FieldPrint,
    exact=HEX,
    masked=st.none() | HEX | st.just("00000000000000ff"),
    shape=st.none() | HEX | st.just("00000000000000ff"),
    sketch=st.none() | st.binary(min_size=64, max_size=64).map(bytes.hex),
    pieces=st.none() | st.just("00ff1234"),
    size=st.integers(0, 1 << 40),
    words=st.integers(0, 1000),
    klass=st.none() | st.sampled_from(ResultClass),
    numbers=st.none() | st.lists(st.floats(allow_nan=False), max_size=10),
)
KIDS = st.sampled_from(["k", "é"])
SENT = st.builds(PrivatePrints, kid=KIDS, input=FIELDS, output=FIELDS, arguments=FIELDS, result=FIELDS)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(SENT, st.none() | st.just("own 41"), st.none() | st.just("own")), max_size=4))
def test_what_producers_send_is_read_as_the_pure_form_reads_it(sent: list[tuple[PrivatePrints, str, str]]) -> None:
    events = [Event(agent="a", fp=prints, output=output, result=result) for prints, output, result in sent]
    assert Fingerprinter().batch(events) == Fingerprinter(pure=True).batch(events)


def test_what_the_wire_would_refuse_raises_as_in_the_pure_form() -> None:
    odd = msgspec.structs.replace(FieldPrint(exact="0" * 16), exact="ab", size=3)
    read = Fingerprinter().batch([Event(agent="a", fp=PrivatePrints(kid="k", result=odd))])
    assert read == Fingerprinter(pure=True).batch([Event(agent="a", fp=PrivatePrints(kid="k", result=odd))])
    for field in (1, "text", FieldPrint):
        with pytest.raises((TypeError, AttributeError)):
            Fingerprinter().batch([Event(agent="a", fp=PrivatePrints(kid="k", result=field))])  # type: ignore[arg-type]


def test_what_it_makes_is_whole_and_can_be_written_read_and_hashed() -> None:
    sent = private_prints(kid="k1", key=KEY, output="one two three", result="41 % done at 10:00:00")
    (prints,) = Fingerprinter().batch([Event(agent="a", input="a b 12", fp=sent)])
    assert msgspec.convert(msgspec.to_builtins(prints), Prints) == prints
    assert hash(prints.input) == hash(Fingerprinter(pure=True).batch([Event(agent="a", input="a b 12")])[0].input)
    assert "Fingerprint(exact=" in repr(prints)
    assert len({prints.output, prints.result}) == 2


ODD: list[object] = [None, 1, [1], [Event], [msgspec.structs.replace(Event(agent="a"), input=b"bytes")]]
ODD += [[msgspec.structs.replace(Event(agent="a"), fp=1)]]


@pytest.mark.parametrize("events", ODD)
def test_what_is_no_event_is_a_type_error(events: object) -> None:
    with pytest.raises(TypeError):
        maker_of(FingerprintOptions()).batch(events)  # type: ignore[arg-type]


def test_an_error_of_the_pure_form_comes_through_and_leaves_it_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_plain: bytes) -> ResultClass:
        raise LookupError("no class")

    monkeypatch.setattr(compiled, "classify", failing)
    maker = maker_of(FingerprintOptions())
    with pytest.raises(LookupError, match="no class"):
        maker.batch([Event(agent="a", output="fine"), Event(agent="a", result="failed")])
    assert maker.batch([Event(agent="a", output="fine")]) == Fingerprinter().batch([Event(agent="a", output="fine")])


def test_a_text_that_is_met_again_while_it_is_made_is_remembered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(_plain: bytes) -> ResultClass:
        if maker.texts < 5:
            maker.batch([Event(agent="a", result=" failed ")])
        return ResultClass.error

    monkeypatch.setattr(compiled, "classify", again)
    maker = maker_of(FingerprintOptions(cache_entries=2))
    (prints,) = maker.batch([Event(agent="a", result=" failed")])
    assert prints.result is not None
    assert (prints.result.klass, maker.texts, maker.evicted) == (ResultClass.error, 5, 0)


@pytest.fixture
def asked_anew() -> Iterator[None]:
    compiled_form.cache_clear()
    yield
    compiled_form.cache_clear()


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.parametrize("error", [KeyError("field"), ValueError("place")])
def test_records_that_lie_otherwise_leave_the_pure_form_in_charge(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def lost(*_: object, **__: object) -> dict[str, int]:
        raise error

    monkeypatch.delenv(compiled.PURE, raising=False)
    monkeypatch.setattr(compiled, "places", lost)
    assert "lie in memory" in compiled.form_trouble()
    assert not compiled_form()
    assert Fingerprinter().batch([Event(agent="a", output="x")])[0].output is not None


class Followed(msgspec.Struct):
    field: object = None


def test_what_the_garbage_collector_follows_is_only_read() -> None:
    assert places(Followed, written=False)["Followed.field"] > 0
    with pytest.raises(ValueError, match="garbage"):
        places(Followed)
    assert len(places(Fingerprint)) == len(Fingerprint.__struct_fields__)


def changed(at: int, value: object) -> Callable[[], object]:
    taken: list[tuple[Any, ...]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "native", _Recorder(taken))
        maker_of(FingerprintOptions())
    given: list[Any] = [*taken[0]]
    given[at] = value
    return lambda: native.Maker(*given)


class _Recorder:
    """Stands before the module, to see what a Maker is made of."""

    def __init__(self, taken: list[tuple[Any, ...]]) -> None:
        self._taken = taken

    def __getattr__(self, name: str) -> object:
        return (lambda *given: self._taken.append(given)) if name == "Maker" else getattr(native, name)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        *((0, ()), (0, (1,) * 5), (1, (0,) * 33), (1, (8,)), (2, None), (3, (True,)), (4, 1)),
        *((5, 0), (5, -1), (6, b""), (6, "")),
    ],
)
def test_wrong_arguments_are_refused(at: int, value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        changed(at, value)()
