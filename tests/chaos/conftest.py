"""What the short forms of the scenarios share: the events, what is expected of them, and the process that forks."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.forking import Forker
from tests.chaos.servers import mosquitto
from tests.chaos.stage import Kit
from tests.chaos.workload import events, replayed
from tests.conftest import _BROKER, Broker


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    """A process that forks daemons."""
    made = Forker()
    yield made
    made.close()


@pytest.fixture
def kit(tmp_path: Path, forker: Forker) -> Callable[..., Kit]:
    """Make what scenarios need: `kit(copies)` over Valkey and the broker from wheels, or `debian=True`."""

    def make(copies: int = 1, *, debian: bool = False) -> Kit:
        lines = events(copies)
        return Kit(
            directory=tmp_path,
            redis="redis" if debian else "valkey",
            broker=mosquitto if debian else lambda _: Broker(lambda port: [sys.executable, "-c", _BROKER, str(port)]),
            lines=lines,
            expected=replayed(lines),
            forker=forker,
        )

    return make
