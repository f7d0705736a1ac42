"""Loops of one call that is answered the same, with what hides it from a comparison of neighbours."""

import json

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.player import Player
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def _begun(stage: Stage) -> tuple[Player, Call]:
    player = stage.player().begin(stage.place.task(stage.write))
    player.work(stage.prelude())
    return player, stage.place.lookup(stage.write)


def repeat_exact(stage: Stage) -> None:
    """Say one of three things and make the same call."""
    player, call = _begun(stage)
    thoughts = [stage.write.thought() for _ in range(3)]
    player.turn(call, thoughts[0])
    for _ in stage.rounds_of(player, 16, 30):
        player.think(stage.write.one(thoughts))
        stage.mark()
        player.call(call)


def repeat_thought_varies(stage: Stage) -> None:
    """Give a new reason for the same call each time."""
    player, call = _begun(stage)
    player.turn(call, stage.write.thought())
    for _ in stage.rounds_of(player, 16, 30):
        player.think(stage.write.prose(1, 4))
        stage.mark()
        player.call(call)


def repeat_text_between(stage: Stage) -> None:
    """Report to the user between the same calls."""
    player, call = _begun(stage)
    player.turn(call)
    for _ in stage.rounds_of(player, 14, 26):
        player.say(f"Working on it. {stage.write.sentence()}")
        player.think(stage.write.thought())
        stage.mark()
        player.call(call)


def repeat_spelling(stage: Stage) -> None:
    """Write the same arguments with other spaces and in another order."""
    player, call = _begun(stage)
    player.turn(call)
    for _ in stage.rounds_of(player, 16, 30):
        player.think(stage.write.thought())
        items = list(call.arguments.items())
        stage.write.rng.shuffle(items)
        text = json.dumps(dict(items), indent=stage.write.one((None, 1, 2, 4)), ensure_ascii=False)
        stage.mark()
        player.call(call, arguments=stage.write.one(("", " ", "\n")) + text)


def repeat_path_spelling(stage: Stage) -> None:
    """Read the same file by differently written paths."""
    player, _ = _begun(stage)
    write = stage.write
    folder, name = f"{write.noun()}/{write.noun()}", f"{write.noun()}_{write.noun()}.md"
    spellings = (
        *(f"{folder}/{name}", f"./{folder}/{name}", f"{folder}//{name}", f"./{folder}/./{name}"),
        *(f"/workspace/{folder}/{name}", f"{folder}/../{folder.split('/')[1]}/{name}"),
    )
    text = write.prose(4, 9)
    player.turn(Call(tool="read_file", arguments={"path": spellings[0]}, result=text))
    for _ in stage.rounds_of(player, 14, 26):
        player.think(write.thought())
        stage.mark()
        player.call(Call(tool="read_file", arguments={"path": write.one(spellings)}, result=text))


def repeat_interleaved_unique(stage: Stage) -> None:
    """Put a new call whose answer says nothing between every two of the same."""
    player, call = _begun(stage)
    player.turn(call)
    for _ in stage.rounds_of(player, 14, 26):
        player.turn(stage.place.minor(stage.write))
        player.think(stage.write.thought())
        stage.mark()
        player.call(call)


def repeat_every_fifth(stage: Stage) -> None:
    """Come back to the same call at every fifth; the others find nothing or say nothing."""
    player, call = _begun(stage)
    player.turn(call)
    for _ in stage.rounds_of(player, 10, 18):
        for _ in range(4):
            side = stage.place.nothing if stage.write.chance(0.5) else stage.place.minor
            player.turn(side(stage.write))
        player.think(stage.write.thought())
        stage.mark()
        player.call(call)


def repeat_after_compaction(stage: Stage) -> None:
    """Forget the call at each compaction, and make it again."""
    player, call = _begun(stage)
    player.turn(call)
    for _ in stage.rounds_of(player, 6, 9):
        for _ in range(2):
            player.think(stage.write.thought())
            stage.mark()
            player.call(call)
        player.compact(f"Summary so far: {stage.write.prose(3, 6)}", stage.write.number(4000, 9000))


def repeat_without_outcome(stage: Stage) -> None:
    """Make the same call, in a log that holds neither answers nor states."""
    player, call = _begun(stage)
    call = call.answering(None)
    player.turn(call, status=None)
    for _ in stage.rounds_of(player, 16, 30):
        player.think(stage.write.thought())
        stage.mark()
        player.call(call, status=None)


def rewrite_same_file(stage: Stage) -> None:
    """Write the same file with the same content, acknowledged each time."""
    player, _ = _begun(stage)
    path = stage.write.path("md")
    text = stage.write.prose(3, 8)
    call = Call(
        tool="write_file", arguments={"path": path, "content": text}, result=f"Wrote {len(text)} bytes to {path}."
    )
    player.turn(call)
    for _ in stage.rounds_of(player, 14, 26):
        player.think(stage.write.thought())
        stage.mark()
        player.call(call)


SCENARIOS = (
    loop(repeat_exact, "the same call, the same answer", "repeat"),
    loop(repeat_thought_varies, "… each with a new reason", "repeat"),
    loop(repeat_text_between, "… with reports to the user between", "repeat"),
    loop(repeat_spelling, "… key order and white space vary", "repeat"),
    loop(repeat_path_spelling, "… the path is spelt otherwise", "repeat", "stagnation"),
    loop(repeat_interleaved_unique, "… a new call that says nothing between", "repeat"),
    loop(repeat_every_fifth, "… at every fifth call only", "repeat", "stagnation"),
    loop(repeat_after_compaction, "… forgotten at each compaction", "repeat"),
    loop(repeat_without_outcome, "… in a log without outcomes", "repeat"),
    loop(rewrite_same_file, "the same content written again and acknowledged", "repeat"),
)
