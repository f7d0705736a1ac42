"""Innocent runs of the same app that work while a scenario goes on."""

from agentwatch.testing.scenarios.stage import Stage

__all__ = ["add_bystanders"]

_MOST_TURNS = 14


def add_bystanders(stage: Stage) -> None:
    """Let one to three runs make progress within the time that the scenario takes, some of the same agent."""
    if not stage.events:
        return
    first, last = stage.events[0].ts, max(event.ts for event in stage.events)
    end = stage.now
    for _ in stage.rounds(1, 3):
        stage.now = first + stage.write.rng.random() * max(1.0, last - first) * 0.6
        known = stage.write.one(stage.events).agent
        player = stage.player(known if stage.write.chance(0.4) else stage.write.one(stage.place.agents), suspect=False)
        player.begin(stage.place.task(stage.write))
        for _ in stage.rounds(4, _MOST_TURNS):
            player.work(1)
            if stage.now >= last:
                break
        player.end()
    stage.now = end
