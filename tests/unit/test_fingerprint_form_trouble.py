"""A compiled form that was built for another version is not used, and somebody is told why."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from xxhash import xxh3_64_intdigest

from agentwatch.detect import kernel
from agentwatch.fingerprint import compiled


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(compiled.PURE, raising=False)
    compiled.compiled_form.cache_clear()
    yield
    compiled.compiled_form.cache_clear()


@pytest.mark.parametrize(
    ("older", "wrong", "fits", "why"),
    [(0, 0, True, ""), (1, 0, True, "has interface"), (0, 1, True, "another digest"), (0, 0, False, "in memory")],
)
def test_what_is_not_of_this_version_is_left_and_named(
    monkeypatch: pytest.MonkeyPatch, older: int, wrong: int, fits: bool, why: str
) -> None:
    native = SimpleNamespace(INTERFACE=compiled._INTERFACE - older, digest=lambda data: xxh3_64_intdigest(data) + wrong)
    monkeypatch.setattr(compiled, "native", native)
    monkeypatch.setattr(compiled, "_fits", lambda: fits)
    assert compiled.form_name() == ("pure" if why else "compiled")
    assert why in compiled.form_trouble()
    assert bool(compiled.form_trouble()) == bool(why)


def test_where_none_was_built_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "native", None)
    assert (compiled.form_name(), compiled.form_trouble()) == ("pure", "")


@pytest.mark.parametrize(("there", "bound", "told"), [(False, False, ""), (True, True, ""), (True, False, "detection")])
def test_a_compiled_form_of_detection_that_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, there: bool, bound: bool, told: str
) -> None:
    monkeypatch.setattr(kernel, "native", object() if there else None)
    monkeypatch.setattr(kernel, "_BOUND", bound)
    monkeypatch.setattr(kernel, "compiled_form", lambda: True)
    assert told in kernel.kernel_trouble()
    assert bool(kernel.kernel_trouble()) == bool(told)
