"""One process of the demo's fleet: plays its role under a real guard and says at its end what became of it.

Run as `python -m agentwatch.demo.agent NAME --redis URL`; the last line on standard output is a JSON object.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from agentwatch.client import AgentKilled, Guard, ThreadGuard
from agentwatch.demo.cast import BOB, CAST, Role, Step

__all__ = ["Report", "main"]

APP = "demo"
_MODEL = {"provider": "openai", "model": "gpt-4o"}


class Report(Struct, kw_only=True):
    """What an agent tells of itself. onset_*: counted from its first step that repeated; None while none did."""

    name: str
    stopped: bool = False
    finished: bool = False
    steps: int = 0
    steps_to_stop: int | None = None
    seconds_to_stop: float | None = None
    reason: str = ""


class Player:
    """Takes the steps of a role at its pace, and counts."""

    def __init__(self, role: Role, pace_s: float) -> None:
        self.report = Report(name=role.name)
        self.steps = role.steps()
        self._pace_s = pace_s
        self._random = random.Random(role.name)  # noqa: S311  # the same play every time
        self._onset_at = 0.0
        self._onset_step = 0
        self._context = 1500

    def pause_s(self) -> float:
        """Tell how long the next step takes: about the pace, never exactly."""
        return self._pace_s * self._random.uniform(0.8, 1.2)

    def next(self) -> Iterator[Step]:
        """Give the next step, if there is one."""
        step = next(self.steps, None)
        if step is None:
            self.report.finished = True
            return
        self.report.steps += 1
        if step.repeats and not self._onset_at:
            self._onset_at, self._onset_step = time.monotonic(), self.report.steps
        yield step

    def usage(self) -> dict[str, object]:
        """Give the tokens of a model call whose context grows with every step."""
        self._context = min(self._context + 900, 60_000)
        return {**_MODEL, "input_tokens": self._context, "output_tokens": 180}

    def killed(self, error: AgentKilled) -> None:
        """Note the end by a kill."""
        report = self.report
        report.stopped, report.reason = True, error.reason
        if self._onset_at:
            report.steps_to_stop = report.steps - self._onset_step + 1
            report.seconds_to_stop = round(time.monotonic() - self._onset_at, 2)

    def events(self, step: Step) -> list[dict[str, object]]:
        """Give the events of a step: the model call that led to it, and what it did."""
        if step.fields["op"] != "execute_tool":
            return [{**step.fields, **self.usage()}]
        return [{"op": "chat", "step": self.report.steps, **self.usage()}, {**step.fields, "step": self.report.steps}]


def in_thread(role: Role, redis: str, pace_s: float) -> Report:
    """Play with the guard for threads."""
    player = Player(role, pace_s)
    with ThreadGuard(role.name, app=APP, run=f"{role.name}-1", redis=redis) as guard:
        try:
            while not player.report.finished:
                for step in player.next():
                    guard.check()
                    for fields in player.events(step):
                        guard.emit(team=role.team, **fields)
                    guard.stopping.wait(player.pause_s())
        except AgentKilled as error:
            player.killed(error)
    return player.report


async def take_steps(player: Player, guard: Guard, team: str) -> None:
    """Play to the end, asking before each step. Raises `AgentKilled`."""
    while not player.report.finished:
        for step in player.next():
            await guard.check()
            for fields in player.events(step):
                guard.emit(team=team, **fields)
            await asyncio.sleep(player.pause_s())


async def in_asyncio(role: Role, redis: str, pace_s: float) -> Report:
    """Play with the guard for asyncio, which is heard before each step."""
    player = Player(role, pace_s)
    async with Guard(role.name, app=APP, run=f"{role.name}-1", redis=redis) as guard:
        try:
            await take_steps(player, guard, role.team)
        except AgentKilled as error:
            player.killed(error)
    return player.report


async def in_cancelled_task(role: Role, redis: str, pace_s: float) -> Report:
    """Play as a task that the guard cancels, also in the middle of a step."""
    player = Player(role, pace_s)
    async with Guard(role.name, app=APP, run=f"{role.name}-1", redis=redis) as guard:
        try:
            await guard.run(take_steps(player, guard, role.team))
        except AgentKilled as error:
            player.killed(error)
    return player.report


async def as_pair(role: Role, redis: str, pace_s: float) -> Report:
    """Play two agents of one tree that answer each other in turn; one guard each."""
    player, other = Player(role, pace_s), Player(BOB, pace_s)
    run = f"{role.name}-1"
    ann, bob = (Guard(name, app=APP, run=run, redis=redis) for name in (role.name, BOB.name))
    async with ann as guard, bob as second:
        try:
            while True:
                for who, its in ((player, guard), (other, second)):
                    for step in who.next():
                        await its.check()
                        for fields in who.events(step):
                            its.emit(team=role.team, **fields)
                        await asyncio.sleep(who.pause_s())
        except AgentKilled as error:
            player.killed(error)
    return player.report


def main(arguments: list[str]) -> int:
    """Play one role and print its report."""
    parser = argparse.ArgumentParser(prog="agentwatch.demo.agent")
    parser.add_argument("name", choices=[role.name for role in CAST])
    parser.add_argument("--redis", required=True)
    parser.add_argument("--pace", type=float, default=0.3)
    given = parser.parse_args(arguments)
    role = next(role for role in CAST if role.name == given.name)
    if role.form == "thread":
        report = in_thread(role, given.redis, given.pace)
    else:
        forms = {"asyncio": in_asyncio, "cancel": in_cancelled_task, "pair": as_pair}
        report = asyncio.run(forms[role.form](role, given.redis, given.pace))
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
