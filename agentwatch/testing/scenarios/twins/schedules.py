"""Innocent work by the clock: nightly jobs, hourly checks, retries in an outage."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.player import Player
from agentwatch.testing.scenarios.scenario import twin
from agentwatch.testing.scenarios.stage import Stage
from agentwatch.testing.scenarios.stamps import day

__all__ = ["SCENARIOS"]

HOUR = 3600.0


def daily_cron(stage: Stage) -> None:
    """Report every day on what is new, under the same prompt and task."""
    write = stage.write
    agent, task = write.one(stage.place.agents), f"daily-{write.noun()}"
    prompt = f"Collect what is new in {write.noun()} and {write.noun()} since yesterday and write the daily report."
    for _ in stage.rounds(14, 21):
        player = stage.player(agent, task=task, trigger="schedule", interval_s=24 * HOUR).begin(prompt)
        player.work(write.number(3, 8))
        player.think(f"Report for {day(stage.now)}: {write.prose(4, 8)}")
        player.end()
        stage.wait(24 * HOUR, 0.005)


def hourly_monitor(stage: Stage) -> None:
    """Look at the same figures every hour; they move, and mostly nothing needs doing."""
    write = stage.write
    agent, unit = write.one(stage.place.agents), f"{write.noun()}-{write.noun()}"
    prompt = f"Hourly check of {unit}: look at the metrics, act only if something is wrong."
    for _ in stage.rounds(30, 60):
        player = stage.player(agent, trigger="schedule", interval_s=HOUR).begin(prompt)
        figures = "\n".join(
            f"{name} {write.number(1, 9999)}.{write.number(0, 9)}"
            for name in ("latency_ms", "errors", "requests", "memory_mb")
        )
        player.turn(Call(tool="get_metrics", arguments={"unit": unit, "window": "1h"}, result=figures))
        player.think("All within limits." if write.chance(0.7) else f"All within limits; {write.sentence()}")
        player.end()
        stage.wait(HOUR, 0.01)


def nightly_import(stage: Stage) -> None:
    """Run the same job every night with success: the same first steps, other rows."""
    write = stage.write
    agent, task = write.one(stage.place.agents), f"nightly-import-{write.noun()}"
    first = stage.place.lookup(write)
    for _ in stage.rounds(10, 18):
        player = stage.player(agent, task=task, trigger="schedule", interval_s=24 * HOUR)
        player.begin("Run the nightly import and check the totals.")
        player.turn(first)
        player.turn(
            Call(
                tool="run_import",
                arguments={"source": task},
                result=f"imported {write.number(800, 90000)} rows, {write.number(0, 40)} skipped: {write.sentence()}",
            )
        )
        player.work(write.number(1, 3))
        player.end()
        stage.wait(24 * HOUR, 0.01)


def _all_well(stage: Stage) -> tuple[Call, str]:
    """Make a check that finds nothing to do, and what is said of it."""
    write = stage.write
    unit = f"{write.noun()}-{write.noun()}"
    tool, found = write.one(
        (
            ("list_tickets", "[]"),
            ("check_queue", '{"waiting": 0, "failed": 0}'),
            ("get_alerts", f"No open alerts for {unit}."),
            ("run_health_check", f"all 14 checks of {unit} passed, nothing needs attention at the moment"),
        )
    )
    said = write.one(
        ("Nothing to do.", f"Nothing to do for {unit}.", f"All is well with {unit}, no action was needed.")
    )
    return Call(tool=tool, arguments={"unit": unit}, result=found), said


def scheduled_check(stage: Stage) -> None:
    """Look by a declared schedule whether there is something to do: mostly there is not, in the same words."""
    stage.require(usage=True, chats=True)
    write = stage.write
    agent, task = write.one(stage.place.agents), write.one(("", f"check-{write.noun()}"))
    every = write.one((HOUR, 2.0 * HOUR, 6.0 * HOUR))
    call, said = _all_well(stage)
    for _ in stage.rounds(30, 60):
        player = stage.player(agent, task=task, trigger="schedule", interval_s=every)
        player.context = write.number(1200, 4000)
        player.begin("Look whether there is anything to do for the unit that you keep, and do it if there is.")
        player.turn(call)
        if write.chance(0.06):
            player.work(write.number(1, 3))
            player.think(write.prose(1, 2))
        else:
            player.think(said)
        player.end()
        stage.wait(every, 0.005)


def standing_watch(stage: Stage) -> None:
    """Look by the clock, in one run, whether something has come in; the answer is the same until it has."""
    stage.require(usage=True, chats=True)
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(write.number(2, 5))
    every = write.one((HOUR / 2.0, HOUR))
    call, said = _all_well(stage)
    for _ in stage.rounds(12, 36):
        player.turn(call, said)
        stage.wait(every, 0.02)
    player.turn(call.answering(write.prose(1, 3)))
    player.work(write.number(2, 5))


def _backing_off(stage: Stage, player: Player, start: float, length: float) -> None:
    stage.now = start + stage.write.rng.random() * 20.0
    write = stage.write
    player.begin(stage.place.task(write))
    player.work(write.number(1, 3))
    call, pause = stage.place.lookup(write), 2.0
    failed = f"529 Overloaded: the provider is temporarily unable to handle the request ({write.token(8)})"
    while stage.now < start + length:
        player.call(call.answering(failed, "error", "529"))
        stage.wait(pause, 0.3)
        pause = min(300.0, pause * 2.0)
    player.call(call)
    player.work(write.number(3, 6))


def outage_backoff(stage: Stage) -> None:
    """Retry with ever longer pauses while the provider is down for everybody, then go on."""
    start, length = stage.now, stage.paced(240.0, 1500.0)
    for _ in stage.rounds(4, 7):
        _backing_off(stage, stage.player(), start, length)


def resumed_by_human(stage: Stage) -> None:
    """Be paused and told to go on by a person, several times, with work between."""
    player, write = stage.player(task=stage.write.code("TASK")).begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(4, 8):
        player.work(write.number(3, 6))
        player.event(op="run_end", status="ok")
        stage.wait(stage.paced(60.0, 900.0))
        player.event(op="run_start", trigger="human")
        player.say(
            write.thought(),
            told=write.one(("continue", "please continue", "go on", f"go on, and mind the {write.noun()}")),
            trigger="human",
        )


SCENARIOS = (
    twin(daily_cron, "a daily report with fresh results", "slow", "restart"),
    twin(hourly_monitor, "an hourly check of figures that move", "slow", "restart", "monologue"),
    twin(nightly_import, "a nightly job that succeeds", "restart", "slow"),
    twin(scheduled_check, "a check by the clock that finds nothing to do", "slow", "restart", "monologue"),
    twin(standing_watch, "a look by the clock in one run, until something comes in", "repeat", "monologue"),
    twin(outage_backoff, "retries with back-off in an outage", "failure"),
    twin(resumed_by_human, "paused and resumed by a person", "restart"),
)
