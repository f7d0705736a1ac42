"""Loops of several calls that come round again."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.coding import listing, report_of_tests
from agentwatch.testing.scenarios.player import Player
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def _ring(stage: Stage, period: int) -> tuple[Player, list[Call]]:
    player = stage.player().begin(stage.place.task(stage.write))
    player.work(stage.prelude())
    calls = [stage.place.lookup(stage.write) for _ in range(period)]
    for at in range(1, period):
        if stage.write.chance(0.25):
            calls[at] = stage.place.minor(stage.write)
        elif stage.write.chance(0.15):
            calls[at] = stage.place.nothing(stage.write)
    return player, calls


def _go_round(stage: Stage, period: int, rounds: int) -> None:
    player, calls = _ring(stage, period)
    for at in range(rounds * period):
        if at >= period:
            stage.mark()
        player.turn(calls[at % period])


def alternation(stage: Stage) -> None:
    """Make two calls in turn."""
    _go_round(stage, 2, stage.write.number(9, 16))


def cycle_short(stage: Stage) -> None:
    """Make three to seven calls in turn."""
    _go_round(stage, stage.write.number(3, 7), stage.write.number(7, 11))


def cycle_long(stage: Stage) -> None:
    """Make eight to thirty-two calls in turn."""
    period = stage.write.number(8, 32)
    _go_round(stage, period, max(5, 150 // period))


def cycle_jittered(stage: Stage) -> None:
    """Make three to six calls in turn, with a foreign call in ten and neighbours swapped now and then."""
    period = stage.write.number(3, 6)
    player, calls = _ring(stage, period)
    for at in range(stage.write.number(8, 12)):
        order = list(calls)
        if at and stage.write.chance(0.3):
            place = stage.write.number(0, period - 2)
            order[place], order[place + 1] = order[place + 1], order[place]
        for call in order:
            if at:
                stage.mark()
            if at and stage.write.chance(0.1):
                player.turn(stage.place.work(stage.write))
            player.turn(call)


def parallel_order(stage: Stage) -> None:
    """Make the same three to five calls at once in every step, in any order."""
    player, _ = _ring(stage, 2)
    calls = [stage.place.lookup(stage.write) for _ in range(stage.write.number(3, 5))]
    for at in range(stage.write.number(9, 15)):
        stage.write.rng.shuffle(calls)
        if at:
            stage.mark()
        player.think(stage.write.thought())
        for call in calls:
            player.call(call)


def reread_in_any_order(stage: Stage) -> None:
    """Read the same handful of things again and again in no order, as the context fills up."""
    player, _ = _ring(stage, 2)
    calls = [stage.place.lookup(stage.write) for _ in range(stage.write.number(4, 7))]
    for call in calls:
        player.turn(call)
    for _ in stage.rounds(30, 50):
        player.think(stage.write.thought())
        stage.mark()
        player.call(stage.write.one(calls))
        player.context += stage.write.number(800, 3000)


def edit_flip_flop(stage: Stage) -> None:
    """Change a line, run the tests, change it back, run the tests."""
    stage.settle("coding")
    player, _ = _ring(stage, 2)
    write = stage.write
    path, one, other = write.path(), listing(write, 2), listing(write, 2)
    command = {"command": f"python -m pytest tests/test_{write.noun()}.py -q"}
    reports = [report_of_tests(write, write.number(1, 3), write.number(20, 60)) for _ in range(2)]
    for at in range(write.number(14, 24)):
        if at >= 2:
            stage.mark()
        old, new = (one, other) if at % 2 else (other, one)
        edited = {"path": path, "old_str": old, "new_str": new}
        player.turn(Call(tool="edit_file", arguments=edited, result=f"The file {path} has been edited."))
        failed = Call(tool="bash", arguments=command, result=reports[at % 2], status="error", error="exit status 1")
        player.turn(failed)


SCENARIOS = (
    loop(alternation, "two calls in turn", "cycle", "repeat"),
    loop(cycle_short, "three to seven calls in turn", "cycle", "repeat"),
    loop(cycle_long, "eight to thirty-two calls in turn", "cycle"),
    loop(cycle_jittered, "three to six in turn, with foreign calls and swaps", "cycle", "repeat"),
    loop(parallel_order, "the same calls at once, in any order", "cycle", "repeat"),
    loop(edit_flip_flop, "a change, the tests, the change undone, the tests", "cycle", "failure"),
    loop(reread_in_any_order, "the same reads in no order while the context grows", "context", "repeat"),
)
