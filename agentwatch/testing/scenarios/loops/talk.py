"""Loops of talk without work."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def monologue_promise(stage: Stage) -> None:
    """Announce the document again and again, and never write it."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    what, extra = f"{write.adjective()} {write.noun()} {write.noun()}", write.sentence()
    says = [
        f"{lead} the {what} now, with a section on the {write.noun()} and one on the {write.noun()}. {extra}"
        for lead in ("Let me write", "I will now write", "Now I am going to write", "Next I write")
    ]
    player.say(says[0])
    for _ in stage.rounds(14, 26):
        stage.mark()
        player.say(write.one(says))


def stop_hook(stage: Stage) -> None:
    """Be sent back by a hook because the goal is not met, and say again that all is done."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    goal = f"{write.noun()} {write.noun()} {write.number(2, 40)}"
    hook = f"Stop hook: the goal '{goal}' has not been met yet. Continue working until it is."
    says = [
        f"The {goal} is already in place; there is nothing more to do.",
        f"All work on {goal} is complete.",
        f"I have verified {goal}. Done.",
        f"Nothing remains for {goal}; the task is complete.",
    ]
    player.say(says[0], told=hook)
    for _ in stage.rounds(18, 34):
        stage.mark()
        player.say(write.one(says), told=hook)


def message_spam(stage: Stage) -> None:
    """Send the user the same few words over and over."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    says = [
        f"Task complete: {write.noun()} {write.noun()}.",
        "Task complete.",
        "Done. The task is complete.",
        "Task complete, waiting for instructions.",
    ]
    target = f"#{write.noun()}-{write.noun()}"

    def sent() -> Call:
        answer = f'{{"ok": true, "ts": "{stage.now:.4f}", "message_id": "{write.token(10)}"}}'
        return Call(tool="send_message", arguments={"channel": target, "text": write.one(says)}, result=answer)

    player.turn(sent())
    for at in stage.rounds(24, 44):
        player.think(None)
        if at > 1:
            stage.mark()
        player.call(sent())


def token_chant(stage: Stage) -> None:
    """Break down within one answer, which repeats a block of itself to the limit of its length."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    opening = write.prose(1, 3)
    block = write.one(
        (
            f"{write.noun()} ",
            f"{write.noun()} {write.noun()}, ",
            f"{write.sentence()} ",
            f"{write.sentence()}\n{write.sentence()}\n",
            f"- {write.adjective()} {write.noun()}\n",
        )
    )
    count = max(40, write.number(3000, 12_000) // len(block))
    stage.mark()
    player.say(f"{opening} {block * count}", output_tokens=write.number(6000, 16_000))
    if write.chance(0.5):
        player.say(f"{write.sentence()} {block * count}", output_tokens=write.number(6000, 16_000))


def malformed_answer(stage: Stage) -> None:
    """Miss the wanted format, be told so, and miss it the same way again, as small models do."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    told = write.one(
        (
            "Could not parse your answer. Reply with 'Thought:', then 'Action:', then 'Action Input:'.",
            "Invalid JSON: Expecting ',' delimiter. Answer with one JSON object and nothing else.",
            "No tool call was found in your message. Call exactly one of the available tools.",
        )
    )
    body = write.prose(2, 4)
    says = [
        f"{lead} {body}" for lead in ("Sure! Here is the action:", "Action:", "I apologise. Here it is:", "```json")
    ]
    player.say(says[0])
    for _ in stage.rounds(12, 22):
        stage.mark()
        player.say(write.one(says), told=told)


SCENARIOS = (
    loop(monologue_promise, "announces the same and never does it", "monologue"),
    loop(malformed_answer, "the wanted format missed in the same way", "monologue"),
    loop(stop_hook, "a hook sends it back, it says that all is done", "monologue"),
    loop(message_spam, "the same few words sent to a channel", "repeat", "stagnation"),
    loop(token_chant, "one answer repeats a block of itself", "degenerate"),
)
