"""Loops of the context itself: compacted again and again, or growing with nothing new."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def compaction_loop(stage: Stage) -> None:
    """Compact, find the context as full as before, compact again; each summary is worded anew."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    full = write.number(150_000, 190_000)
    player.context = full
    for at in range(write.number(10, 20)):
        if at:
            stage.mark()
        player.compact(f"Summary of the conversation so far. {write.prose(4, 8)}", full - write.number(0, 6000))
        if write.chance(0.6):
            player.think(write.thought())
        if write.chance(0.25):
            player.turn(stage.place.minor(write))


def context_grows(stage: Stage) -> None:
    """Read overlapping slices of one long file; the context grows and nothing in it is new."""
    stage.require(usage=True, chats=True)
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    path, lines = write.path("log"), [write.sentence() for _ in range(36)]
    player.turn(Call(tool="read_file", arguments={"path": path, "offset": 0, "limit": 36}, result="\n".join(lines)))
    for _ in stage.rounds_of(player, 22, 36):
        low = write.number(0, 24)
        high = min(36, low + write.number(8, 14))
        player.think(write.thought())
        stage.mark()
        player.call(
            Call(
                tool="read_file",
                arguments={"path": path, "offset": low, "limit": high - low},
                result="\n".join(lines[low:high]),
            )
        )
        player.context += write.number(2000, 6000)


SCENARIOS = (
    loop(compaction_loop, "compacted again and again, to no effect", "compaction"),
    loop(context_grows, "overlapping slices of one file, nothing new", "context", "stagnation"),
)
