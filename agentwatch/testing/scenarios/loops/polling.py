"""Loops that wait for what does not come, too fast."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def poll_spin(stage: Stage) -> None:
    """Ask for the state of a job several times a second; it never changes."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    job = write.code("JOB")
    answer = write.one((f'{{"job": "{job}", "state": "pending"}}', f"{job}: still running", f"{job} is queued"))
    call = Call(tool=write.one(("job_status", "process_poll", "check_run")), arguments={"id": job}, result=answer)
    player.turn(call)
    for _ in stage.rounds(60, 120):
        stage.now += stage.paced(0.15, 1.2) * (0.6 + 0.8 * write.rng.random())
        stage.mark()
        player.event(op="execute_tool", tool=call.tool, arguments=call.text(), result=call.result, status="ok")


def poll_dead_job(stage: Stage) -> None:
    """Ask a model at every turn whether a job that died is ready."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(stage.prelude())
    name = f"{write.noun()}-{write.noun()}"
    waiting = f"waiting for {write.noun()} ({write.adjective()} {write.noun()})"
    answer = f"{name}: {waiting}, 0 of {write.number(3, 40)} done, no worker attached"
    call = Call(tool="job_status", arguments={"name": name}, result=answer)
    player.turn(call)
    for _ in stage.rounds_of(player, 24, 45):
        player.think(write.thought())
        stage.mark()
        player.call(call)


SCENARIOS = (
    loop(poll_spin, "the same state asked for several times a second", "repeat", "rate"),
    loop(poll_dead_job, "a dead job asked for at every turn", "repeat"),
)
