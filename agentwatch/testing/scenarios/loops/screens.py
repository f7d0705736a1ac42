"""Loops of agents that click."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.desktop import click, screen
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage
from agentwatch.testing.scenarios.stamps import clock

__all__ = ["SCENARIOS"]


def same_click(stage: Stage) -> None:
    """Click the same button a few pixels off each time; the screen stays but for its clock."""
    stage.settle("desktop")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    seen, x, y = screen(write, write.number(8, 16)), write.number(60, 1800), write.number(60, 1000)
    with_clock = write.chance(0.5)

    def clicked() -> Call:
        shown = f"{seen}\n  status '{clock(stage.now)}'" if with_clock else seen
        at = [x + write.number(-4, 4), y + write.number(-4, 4)]
        return Call(tool="computer", arguments={"action": "left_click", "coordinate": at}, result=shown)

    player.turn(clicked())
    for _ in stage.rounds_of(player, 14, 26):
        player.think(write.thought())
        stage.mark()
        player.call(clicked())


def click_round(stage: Stage) -> None:
    """Open a menu, a dialogue, close it, scroll, and begin again."""
    stage.settle("desktop")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    ring = [click(write, screen(write, write.number(6, 14))) for _ in range(write.number(2, 4))]
    ring.append(
        Call(
            tool="computer",
            arguments={"action": "scroll", "coordinate": [640, 400], "amount": 3},
            result=screen(write, 12),
        )
    )
    for at in range(write.number(8, 13)):
        for call in ring:
            if at:
                stage.mark()
            x, y = call.arguments["coordinate"]
            player.turn(call.but(coordinate=[x + write.number(-2, 2), y + write.number(-2, 2)]))


def same_click_without_screen(stage: Stage) -> None:
    """Click the same element, in a log that holds only that it was clicked."""
    stage.settle("desktop")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    call = Call(tool="click_element", arguments={"element": f"{write.adjective()} {write.noun()}"}, result="clicked")
    player.turn(call)
    for _ in stage.rounds_of(player, 14, 26):
        player.think(write.thought())
        stage.mark()
        player.call(call)


SCENARIOS = (
    loop(same_click, "the same button, a few pixels off, the same screen", "repeat", "stagnation"),
    loop(click_round, "menu, dialogue, close, scroll, again", "cycle"),
    loop(same_click_without_screen, "the same click, acknowledged only", "repeat"),
)
