"""Innocent habits: templates, checks between, wizards, asking again."""

import json

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.coding import edit
from agentwatch.testing.scenarios.places.desktop import screen
from agentwatch.testing.scenarios.scenario import twin
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def template_thoughts(stage: Stage) -> None:
    """Repeat goal, constraints and plan in every answer, as some frameworks make a model do, and get on."""
    write = stage.write
    player = stage.player().begin(stage.place.task(write))
    plan = "\n".join(f"- {write.sentence()}" for _ in range(4))
    constraints = write.prose(2, 3)
    for _ in stage.rounds(14, 26):
        call = stage.place.work(write)
        spoken = {
            "thoughts": {
                "text": write.sentence(),
                "reasoning": write.sentence(),
                "plan": plan,
                "criticism": constraints,
            },
            "command": {"name": call.tool, "args": call.arguments},
        }
        player.turn(call, json.dumps(spoken, indent=2))


def small_model_echo(stage: Stage) -> None:
    """Say the whole task again before each step, as small models do."""
    write = stage.write
    task = stage.place.task(write)
    player = stage.player().begin(task)
    for at in range(write.number(12, 22)):
        player.turn(stage.place.work(write), f"The task is: {task} I have done {at} steps. Now I do the next step.")


def checklist(stage: Stage) -> None:
    """Write the whole list of what there is to do again after each piece of work, one more item ticked off."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    items = [f"{write.adjective()} {write.noun()} {write.noun()}" for _ in range(write.number(8, 14))]
    for at in range(len(items)):
        player.work(write.number(1, 2))
        listed = [{"item": item, "status": "done" if place <= at else "pending"} for place, item in enumerate(items)]
        player.turn(
            Call(tool="todo_write", arguments={"todos": listed}, result="Todos have been modified successfully.")
        )


def status_between_edits(stage: Stage) -> None:
    """Look at the state of the repository after each edit; the linter has nothing to say each time."""
    stage.settle("coding")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    changed: list[str] = []
    for _ in stage.rounds(9, 16):
        done = edit(write)
        changed.append(f" M {done.arguments['path']}")
        player.turn(done)
        if write.chance(0.6):
            player.turn(Call(tool="bash", arguments={"command": "git status --short"}, result="\n".join(changed)))
        if write.chance(0.6):
            player.turn(Call(tool="bash", arguments={"command": "ruff check ."}, result="All checks passed!"))


def click_next(stage: Stage) -> None:
    """Click on through a wizard or slides: the same click, another screen."""
    stage.settle("desktop")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    call = Call(tool="computer", arguments={"action": "left_click", "coordinate": [write.number(900, 1800), 980]})
    for _ in stage.rounds(14, 30):
        player.turn(call.answering(screen(write, write.number(6, 14))), "Next." if write.chance(0.5) else None)


def retry_then_success(stage: Stage) -> None:
    """Fail at a call once, twice or three times, find out why, and succeed; more than once."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(3, 5):
        call = stage.place.broken(write)
        for _ in range(write.number(1, 2)):
            player.turn(call)
        player.turn(stage.place.lookup(write))
        player.turn(call.answering(write.prose(1, 3)))
        player.work(write.number(2, 5))


def asked_again(stage: Stage) -> None:
    """Be asked the same three times by an impatient person, and answer about the same."""
    write = stage.write
    player = stage.player(trigger="human").begin(stage.place.task(write))
    player.work(write.number(2, 5))
    for _ in stage.rounds(2, 3):
        question, answer = write.sentence(), write.prose(1, 2)
        for _ in range(write.number(2, 3)):
            player.say(f"{write.one(('As I said:', 'Yes.', 'To repeat:', 'Certainly.'))} {answer}", told=question)
            stage.wait(stage.paced(20.0, 120.0), 0.6)
        player.told(write.sentence())
        player.work(write.number(2, 5))


SCENARIOS = (
    twin(template_thoughts, "goal and plan repeated in every answer, and progress", "monologue"),
    twin(small_model_echo, "the task said again before each step", "monologue"),
    twin(checklist, "the whole list written again, one more item done", "stagnation", "repeat"),
    twin(status_between_edits, "state and linter asked after each edit", "repeat", "cycle"),
    twin(click_next, "the same click, another screen", "repeat"),
    twin(retry_then_success, "a few failures, then success", "failure"),
    twin(asked_again, "a person asks the same again", "monologue"),
)
