"""The collector looks at what is new, not at everything that was ever kept."""

import gc
import time
import weakref

import pytest

from agentwatch.service import collecting
from agentwatch.service.collecting import Collecting


class Node:
    """Something that can be part of a cycle."""

    other: "Node | None" = None


@pytest.fixture
def watching():
    found = Collecting()
    found.begin()
    yield found
    found.end()


def test_what_outlives_a_long_collection_is_not_looked_at_again(watching, monkeypatch) -> None:
    monkeypatch.setattr(collecting, "_LONG_S", 0.0)
    kept = [[number] for number in range(1000)]
    assert gc.is_tracked(kept[0])
    gc.collect()
    assert watching.set_aside == 1
    assert not any(one is kept[0] for one in gc.get_objects())
    monkeypatch.setattr(collecting, "_LONG_S", time.get_clock_info("thread_time").resolution + 60.0)
    gc.collect()
    assert watching.set_aside == 1  # that one was short


def test_cycles_of_what_is_new_are_still_found(watching) -> None:
    one, other = Node(), Node()
    one.other, other.other = other, one
    told = weakref.ref(one)
    del one, other
    gc.collect()
    assert told() is None


def test_at_the_end_everything_is_looked_at_again() -> None:
    found = Collecting()
    kept = [[1]]
    found.begin()
    assert not any(one is kept for one in gc.get_objects())
    found.end()
    assert any(one is kept for one in gc.get_objects())
    assert found._told not in gc.callbacks
