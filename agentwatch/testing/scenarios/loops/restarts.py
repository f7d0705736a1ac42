"""Loops whose every round is a new run: of one task, of one prompt, of one child."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.player import Player
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def _fail(stage: Stage, player: Player, failing: Call, prelude: list[Call]) -> None:
    """Do what each round does: begin alike, fail, give up."""
    for call in prelude:
        player.turn(call)
    player.turn(failing)
    player.think(
        stage.write.one(("I could not complete the task: ", "Giving up. ", "The task failed: "))
        + (failing.result or "")
    )
    if stage.style.ends:
        player.event(op="run_end", status="error", error="failed")


def _prelude(stage: Stage) -> tuple[Call, list[Call]]:
    return stage.place.broken(stage.write), [stage.place.lookup(stage.write) for _ in range(stage.write.number(0, 2))]


def fresh_run_each_retry(stage: Stage) -> None:
    """Try one task again in a run of its own after each failure."""
    write = stage.write
    agent, task, prompt = write.one(stage.place.agents), write.code("TASK"), stage.place.task(write)
    failing, prelude = _prelude(stage)
    for at in range(write.number(10, 18)):
        player = stage.player(agent, task=task)
        if at:
            stage.mark()
        _fail(stage, player.begin(prompt), failing, prelude)
        stage.wait(stage.paced(15.0, 240.0), 0.4)


def queue_item_reselected(stage: Stage) -> None:
    """Pick the same item from a queue in every run, under no task's name, because it is never marked as done."""
    stage.require(chats=True)  # what the runs have in common is what they are told
    write = stage.write
    agent, prompt, item = (
        write.one(stage.place.agents),
        "Take the next item of the queue and process it.",
        write.code("Q"),
    )
    found = Call(tool="next_item", arguments={}, result=f"{item}: {write.prose(2, 4)}")
    work = [stage.place.lookup(write) for _ in range(write.number(1, 3))]
    for at in range(write.number(10, 18)):
        player = stage.player(agent).begin(f"{prompt} Item: {item}.")
        if at:
            stage.mark()
        player.turn(found)
        for call in work:
            player.turn(call)
        player.think(f"{item} has been processed. {write.sentence()}")
        player.end()
        stage.wait(stage.paced(20.0, 300.0), 0.4)


def resumed_after_abort(stage: Stage) -> None:
    """Be aborted after three rounds and resumed under the same run, and go on as before."""
    write = stage.write
    player = stage.player(task=write.code("TASK")).begin(stage.place.task(write))
    player.work(stage.prelude())
    call = stage.place.lookup(write)
    player.turn(call)
    for _ in stage.rounds(7, 10):
        for _ in range(2):
            player.think(write.thought())
            stage.mark()
            player.call(call)
        player.event(op="run_end", status="error", error="aborted")
        stage.wait(stage.paced(20.0, 200.0))
        player.event(op="run_start", trigger="tool")


def parent_revives_child(stage: Stage) -> None:
    """Start the same child again whenever it has failed."""
    write = stage.write
    parent = stage.player("supervisor").begin(stage.place.task(write))
    parent.work(1)
    agent, prompt = write.one(stage.place.agents), stage.place.task(write)
    failing, prelude = _prelude(stage)
    for at in range(write.number(10, 16)):
        parent.think(f"The {agent} has stopped. {write.sentence()} Starting it again.")
        if at:
            stage.mark()
        child = parent.spawn(agent, prompt)
        _fail(stage, child, failing, prelude)
        stage.wait(stage.paced(2.0, 30.0))


def new_agent_per_spawn(stage: Stage) -> None:
    """Start the same work under a new agent's name each time."""
    write = stage.write
    parent = stage.player("manager").begin(stage.place.task(write))
    role, prompt = write.one(stage.place.agents), stage.place.task(write)
    failing, prelude = _prelude(stage)
    for at in range(write.number(10, 16)):
        parent.think(write.thought())
        if at:
            stage.mark()
        child = parent.spawn(f"{role}-{write.token(4)}", prompt)
        _fail(stage, child, failing, prelude)
        stage.wait(stage.paced(2.0, 30.0))


SCENARIOS = (
    loop(fresh_run_each_retry, "a new run for each retry of one task", "restart"),
    loop(queue_item_reselected, "the same item picked by every run", "restart", "slow"),
    loop(resumed_after_abort, "aborted, resumed, and on as before", "repeat", "restart"),
    loop(parent_revives_child, "a parent starts its failed child again", "restart", "spawn", "failure"),
    loop(new_agent_per_spawn, "… under a new agent's name each time", "spawn", "restart", "failure"),
)
