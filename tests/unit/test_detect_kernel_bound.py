"""The compiled form of detection is told where fields lie, and takes only what can be true; else the pure form runs."""

import importlib
import sys
from collections.abc import Iterator

import pytest
from msgspec import Struct

from agentwatch.detect import kernel
from agentwatch.detect.bank import Bank
from agentwatch.detect.options import StateOptions
from agentwatch.fingerprint import compiled
from agentwatch.fingerprint.compiled import places
from agentwatch.records import Event, Observation, Prints, ResultClass

native = kernel.native
pytestmark = pytest.mark.skipif(not kernel.kernel_form(), reason="there is no compiled form here")


@pytest.fixture
def given() -> Iterator[dict[str, tuple]]:
    """What is bound, to be changed; in the end the process has what it had."""
    found = {name: place for kind in kernel._CLASSES.values() for name, place in places(kind).items()}
    limits = kernel._limits()
    yield {
        "classes": tuple(kernel._CLASSES[name] for name in native.CLASSES),
        "places": tuple(found[name] for name in native.FIELDS),
        "functions": (print,) * len(native.FUNCTIONS),
        "klasses": tuple(ResultClass[name] for name in native.KLASSES),
        "limits": tuple(limits[name] for name in native.LIMITS),
        "weights": tuple(map(kernel._weight, native.WEIGHTS)),
        "likenesses": tuple(kernel._bins(kernel._weight(name)) for name in native.LIKENESSES),
    }
    assert kernel._bound()


def test_every_field_has_a_place_of_its_own() -> None:
    for kind in kernel._CLASSES.values():
        found = places(kind).values()
        assert min(found) > 0
        assert len(set(found)) == len(kind.__struct_fields__)


def test_a_value_that_lies_twice_in_an_object_has_no_place() -> None:
    class Pair(Struct, gc=False):
        one: object
        other: object

    mark = object()
    assert compiled.native.place(Pair(mark, mark), mark) == -1
    assert compiled.native.place(Pair(None, None), mark) == -1


def test_a_struct_that_the_collector_follows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Followed(Struct):
        one: object

    with pytest.raises(ValueError, match="garbage collector"):
        places(Followed)
    monkeypatch.setitem(kernel._CLASSES, "Said", Followed)
    assert not kernel._bound()


def test_a_field_that_is_gone_leaves_the_pure_form(monkeypatch: pytest.MonkeyPatch) -> None:
    class Said(Struct, gc=False):
        weight: float = 0.0

    monkeypatch.setitem(kernel._CLASSES, "Said", Said)
    assert not kernel._bound()


@pytest.mark.parametrize("place", [-8, 0, 8, 17, 10**6])
def test_a_place_that_cannot_be_is_refused(given: dict[str, tuple], place: int) -> None:
    given["places"] = (place, *given["places"][1:])
    with pytest.raises(ValueError, match=r"Event\.op cannot lie"):
        native.bind(*given.values())


@pytest.mark.parametrize(("limit", "value"), [("numbers", 9), ("calls", -1), ("calls", 1 << 40)])
def test_a_limit_that_cannot_be_is_refused(given: dict[str, tuple], limit: str, value: int) -> None:
    at = native.LIMITS.index(limit)
    given["limits"] = (*given["limits"][:at], value, *given["limits"][at + 1 :])
    with pytest.raises(ValueError, match=r"numbers|cannot be"):
        native.bind(*given.values())


@pytest.mark.parametrize("name", ["classes", "places", "functions", "klasses", "limits", "weights", "likenesses"])
def test_a_part_of_another_size_is_refused(given: dict[str, tuple], name: str) -> None:
    given[name] = given[name][1:]
    with pytest.raises(TypeError):
        native.bind(*given.values())


def test_a_second_interpreter_runs_the_pure_form() -> None:
    """What is bound lies in the module's own memory, which interpreters of one process share."""
    name = "_xxsubinterpreters" if sys.version_info < (3, 13) else "_interpreters"
    try:
        interpreters = importlib.import_module(name)
    except ImportError:
        pytest.skip("this Python has no interpreters beside the first")
    one = interpreters.create()
    code = (
        "from importlib.util import module_from_spec, spec_from_file_location\n"
        f"spec = spec_from_file_location('_kernel', {native.__file__!r})\n"
        "try:\n"
        "    spec.loader.exec_module(module_from_spec(spec))\n"
        "except ImportError as error:\n"
        "    assert 'interpreter' in str(error), error\n"  # or Python says so itself, from 3.12 on
        "else:\n"
        "    raise AssertionError('it was loaded')\n"
    )
    try:
        failed = interpreters.run_string(one, code)
    finally:
        interpreters.destroy(one)
    assert not failed


@pytest.mark.parametrize("panel", [None, (), (b"\x00", (), ()), (b"", (print,), ()), ("", (), ())])
def test_a_panel_that_is_none_is_refused(panel: object) -> None:
    scope = Bank(StateOptions()).admit(
        Event(id="e1", ts=1.0, app="app", agent="bot", run="r1", root_run="r1", op="chat")
    )
    seen = Observation(0, "0-0", 1.0, Event(agent="bot"), Prints())
    for refused in (native.ask, native.tell, native.take):
        with pytest.raises(TypeError):
            refused(seen, scope, panel)
    with pytest.raises(TypeError):
        native.take(seen, None, (None, (), (), ()))
