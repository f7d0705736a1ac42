"""Blames a connection that was left open on the test that left it: the collector would find it in any test after it.

A transport that outlives its loop can be closed by nobody any more. What else is lost is collected at the end of each
module, so that a warning about it comes at least there.
"""

import gc
import weakref
from asyncio import selector_events, unix_events
from collections.abc import Generator
from typing import Any

import pytest

_KINDS: tuple[tuple[type[Any], str], ...] = (
    (selector_events._SelectorTransport, "_sock"),
    (unix_events._UnixReadPipeTransport, "_pipe"),
    (unix_events._UnixWritePipeTransport, "_pipe"),
)


class Unclosed:
    """A plugin of pytest; make it once in a process."""

    def __init__(self) -> None:
        self._made: weakref.WeakSet[Any] = weakref.WeakSet()
        for kind, _ in _KINDS:
            self._watch(kind)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        done = yield
        left = [(transport, name) for transport in tuple(self._made) if (name := _left_open(transport))]
        told = [repr(transport) for transport, _ in left]
        for transport, name in left:
            getattr(transport, name).close()
            setattr(transport, name, None)  # told here, and not again where it is collected
        assert not told, f"{item.nodeid} left open what outlived its loop: {', '.join(told)}"
        return done

    def _watch(self, kind: type[Any]) -> None:
        begin, made = kind.__init__, self._made

        def init(transport: Any, *args: Any, **options: Any) -> None:
            begin(transport, *args, **options)
            made.add(transport)

        kind.__init__ = init


def _left_open(transport: Any) -> str:
    """Name what a transport still holds open although its loop is closed."""
    if transport._loop is None or not transport._loop.is_closed():
        return ""
    return next((name for kind, name in _KINDS if isinstance(transport, kind) and getattr(transport, name)), "")


@pytest.fixture(scope="module", autouse=True)
def collected_by_module() -> Generator[None, None, None]:
    """Collect what the tests of a module left, and let the collector look at what is kept no more: it is quick so."""
    yield
    gc.collect()
    gc.freeze()
