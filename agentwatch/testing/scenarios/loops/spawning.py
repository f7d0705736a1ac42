"""Loops that grow: agents that start agents."""

from agentwatch.testing.scenarios.player import Player
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def recursive_spawn(stage: Stage) -> None:
    """Let every agent hand its task on to one to three children, worded anew, until nobody does anything else."""
    write = stage.write
    goal = stage.place.task(write)
    root = stage.player("planner").begin(goal)
    root.work(1)
    level: list[Player] = [root]
    total, most = 1, write.number(40, 70)
    depth = 0
    while total < most and level:
        depth += 1
        below: list[Player] = []
        for parent in level:
            for _ in range(write.number(1, 3)):
                if total >= most:
                    break
                if depth >= 2:
                    stage.mark()
                parent.think(f"I delegate this to a sub-agent. {write.sentence()}")
                lead = write.one(("Please take over: ", "Your task: ", "Handle the following. ", "Sub-task: "))
                below.append(parent.spawn(write.one(("worker", "subagent", "helper")), f"{lead}{goal}"))
                total += 1
        level = below


def spawn_storm(stage: Stage) -> None:
    """Start one child after the other for the same thing and never read what they bring."""
    write = stage.write
    root = stage.player("orchestrator").begin(stage.place.task(write))
    root.work(write.number(1, 3))
    prompt, agent = stage.place.task(write), write.one(stage.place.agents)
    for at in range(write.number(36, 60)):
        if at:
            stage.mark()
        if at % 6 == 0:
            root.think(write.thought())
        child = root.spawn(agent, f"{prompt} (part {at + 1})" if write.chance(0.5) else prompt)
        if write.chance(0.6):
            child.work(1)


SCENARIOS = (
    loop(recursive_spawn, "every agent hands its task on to children", "spawn", alone=True),
    loop(spawn_storm, "child after child for the same thing", "spawn", alone=True),
)
