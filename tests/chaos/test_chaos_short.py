"""The short forms of the scenarios, on servers from wheels; `python -m tests.chaos` is the full form."""

import signal
from collections.abc import Callable

import pytest

from tests.chaos import delivery, outages, surroundings
from tests.chaos.account import Account
from tests.chaos.killing import killed
from tests.chaos.stage import Kit
from tests.chaos.table import shown

pytestmark = pytest.mark.slow

SCENARIOS: dict[str, Callable[[Kit], Account]] = {
    "redis killed": lambda kit: outages.restarted(kit, 4, signal.SIGKILL),
    "power lost": lambda kit: outages.power_lost(kit, 2)[0],
    "failed over": lambda kit: outages.failed_over(kit, 1, 0.5)[0],
    "cut and slowed": lambda kit: outages.cut_and_slowed(kit, 14),
    "clock set": lambda kit: outages.clock_set(kit, (120.0, -100.0)),
    "doubled and mixed": delivery.doubled_and_mixed,
    "group moved": lambda kit: delivery.group_moved(kit, 4),
    "safe mode": surroundings.safe_after_crashes,
    "disk full": lambda kit: surroundings.disk_full(kit, "always", full_s=0.5),
}


def check(account: Account) -> None:
    print(shown([account]))
    assert account.good, shown([account])


def test_a_daemon_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(kit: Callable[..., Kit]) -> None:
    account, done = killed(kit(2), 20, seed=1)
    print(done)
    assert account.injected == 20
    check(account)


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_lost_doubled_or_wrongly_issued(kit: Callable[..., Kit], name: str) -> None:
    check(SCENARIOS[name](kit(2)))
