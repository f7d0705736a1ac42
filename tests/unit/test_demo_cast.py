"""What the shipped rules say of each role of the demo at its own pace; an agent that is paused waits for ever."""

import msgspec
import pytest

from agentwatch.config import Config
from agentwatch.demo.agent import Player
from agentwatch.demo.cast import BOB, CAST, Role
from agentwatch.records import Change, Level
from agentwatch.service.composing import make_rulebook
from agentwatch.service.replaying import Replay

ROUNDS = 40
PACE_S = 0.3


def reached(role: Role) -> Level:
    """Play a role until it ends or is held, and tell the highest level that was decided on it."""
    config = Config()
    replay = Replay(config, make_rulebook(config, {}))
    players = [Player(one, PACE_S) for one in ([role, BOB] if role.pair else [role])]
    highest, now, number = Level.observe, 1_700_000_000.0, 0
    for player in players * ROUNDS:
        for step in player.next():
            now += player.pause_s()
            for fields in player.events(step):
                number += 1
                told = {"agent": role.name, "app": "demo", "run": f"{role.name}-1", "id": str(number), "ts": now}
                line = msgspec.json.encode({**told, **fields})
                levels = [one.level for one in replay.decisions([(number, line)]) if one.change is Change.up]
                highest = max([highest, *levels])
            if highest >= Level.pause:
                return highest
    assert not replay.malformed
    return highest


@pytest.mark.parametrize("role", [one for one in CAST if one.looping], ids=lambda one: one.name)
def test_a_loop_is_killed_before_it_is_left_in_a_pause(role: Role) -> None:
    assert reached(role) is Level.kill


@pytest.mark.parametrize("role", [one for one in CAST if not one.looping], ids=lambda one: one.name)
def test_an_innocent_role_is_not_touched(role: Role) -> None:
    assert reached(role) <= Level.warn
