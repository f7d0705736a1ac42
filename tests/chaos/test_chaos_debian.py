"""The short forms that need the distribution's Redis 7 and mosquitto."""

import signal
from collections.abc import Callable

import pytest

from tests.chaos import outages, surroundings
from tests.chaos.killing import killed
from tests.chaos.stage import Kit
from tests.chaos.table import shown

pytestmark = [pytest.mark.slow, pytest.mark.debian]


def test_redis_7_and_mosquitto_end_and_come_back(kit: Callable[..., Kit]) -> None:
    accounts = [
        killed(kit(1, debian=True), 6, seed=2)[0],
        outages.restarted(kit(1, debian=True), 4, signal.SIGTERM),
        outages.killed_everysec(kit(1, debian=True), 2)[0],
        surroundings.broker_gone(kit(1, debian=True), 2, away_s=2.0),
    ]
    print(shown(accounts))
    assert all(account.good for account in accounts), shown(accounts)
