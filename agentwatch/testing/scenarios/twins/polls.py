"""Innocent waiting: polls, builds, processes that print."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.terminal import log_lines
from agentwatch.testing.scenarios.scenario import twin
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def poll_changing(stage: Stage) -> None:
    """Ask for a job's progress until it is done; the answer changes each time."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(write.number(2, 5))
    job, done, every = write.code("JOB"), 0.0, stage.paced(15.0, 120.0)
    while done < 100.0:
        done = min(100.0, done + write.number(2, 9))
        state = "succeeded" if done >= 100.0 else "running"
        answer = f'{{"job": "{job}", "state": "{state}", "progress": {done:.0f}}}'
        player.turn(
            Call(tool="job_status", arguments={"id": job}, result=answer),
            "Still running, I check again." if write.chance(0.5) else None,
        )
        stage.wait(every)
    player.work(write.number(2, 5))


def poll_stable(stage: Stage) -> None:
    """Ask for a job's state at leisure, a bounded number of times, until it is done."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(write.number(2, 5))
    call = Call(tool=write.one(("job_status", "get_build", "check_deployment")), arguments={"id": write.code("JOB")})
    for _ in stage.rounds(5, 12):
        player.turn(
            call.answering(write.one(('{"state": "running"}',) * 5 + ('{"state": "running", "queue": 0}',))),
            "Not ready yet. I wait and look again.",
        )
        stage.wait(stage.paced(30.0, 300.0))
    player.turn(call.answering(f'{{"state": "succeeded", "log": "{write.prose(2, 4)}"}}'))
    player.work(write.number(2, 6))


def read_output_without_arguments(stage: Stage) -> None:
    """Read what a process prints, by a call without arguments; there is always something new."""
    stage.settle("terminal")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.turn(
        Call(
            tool="start_process",
            arguments={"command": f"./run-{write.noun()}.sh"},
            result=f"started, pid {write.number(300, 65000)}",
        )
    )
    for _ in stage.rounds(20, 50):
        player.turn(Call(tool="read_output", arguments={}, result=log_lines(write, write.number(2, 9), stage.now)))
    player.work(2)


def empty_continue(stage: Stage) -> None:
    """Send an empty command to a process that is still at work; sometimes it has printed nothing."""
    stage.settle("terminal")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(write.number(1, 4))
    player.turn(
        Call(tool="execute_bash", arguments={"command": f"make {write.noun()}"}, result=log_lines(write, 3, stage.now))
    )
    for _ in stage.rounds(6, 14):
        stage.wait(stage.paced(10.0, 60.0))
        quiet = write.chance(0.3)
        result = (
            "[The command has no new output. Send an empty command to wait for more.]"
            if quiet
            else log_lines(write, write.number(1, 6), stage.now)
        )
        player.turn(Call(tool="execute_bash", arguments={"command": "", "is_input": True}, result=result))
    player.work(write.number(1, 4))


def long_build(stage: Stage) -> None:
    """Follow a build by the tail of its log until it is through."""
    stage.settle("coding")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(write.number(1, 3))
    total, at = write.number(300, 2000), 0
    call = Call(tool="bash", arguments={"command": f"tail -n 4 build/{write.noun()}.log"})
    while at < total:
        at = min(total, at + write.number(total // 30, total // 12))
        lines = "\n".join(
            f"[{max(1, at - 3 + row)}/{total}] Building CXX object {write.path('cpp')}.o" for row in range(4)
        )
        player.turn(call.answering(lines), "The build goes on." if write.chance(0.6) else None)
        stage.wait(stage.paced(12.0, 90.0))
    player.turn(call.answering(f"[{total}/{total}] Linking\nBUILD SUCCESSFUL in {write.number(3, 50)}m"))
    player.work(write.number(1, 4))


def tests_improve(stage: Stage) -> None:
    """Run the same test command, with a repair between; fewer fail each time."""
    stage.settle("coding")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(write.number(2, 5))
    failing, total = write.number(9, 30), write.number(60, 200)
    command = {"command": f"python -m pytest tests/{write.noun()} -q"}
    while failing > 0:
        text = f"{failing} failed, {total - failing} passed in {write.number(3, 30)}.{write.number(10, 99)}s"
        player.turn(Call(tool="bash", arguments=command, result=text, status="error", error="exit status 1"))
        player.turn(
            Call(
                tool="edit_file",
                arguments={"path": write.path(), "new_str": write.sentence()},
                result="The file has been edited.",
            )
        )
        failing -= write.number(1, 4)
    player.turn(Call(tool="bash", arguments=command, result=f"{total} passed in 9.13s"))


SCENARIOS = (
    twin(poll_changing, "a poll whose answer changes", "repeat"),
    twin(poll_stable, "a poll at leisure with an unchanging answer, bounded", "repeat"),
    twin(read_output_without_arguments, "output read by a call without arguments", "repeat"),
    twin(empty_continue, "an empty command to a process at work", "repeat"),
    twin(long_build, "a long build followed by its log", "repeat"),
    twin(tests_improve, "the same tests, ever fewer fail", "failure", "repeat"),
)
