"""Innocent work at a terminal, a browser, a repository, a library."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.coding import edit, report_of_tests
from agentwatch.testing.scenarios.places.research import hits, query
from agentwatch.testing.scenarios.places.terminal import log_lines, shell
from agentwatch.testing.scenarios.scenario import twin
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def edit_test_changing(stage: Stage) -> None:
    """Edit and test; another thing fails each time."""
    stage.settle("coding")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    command = {"command": f"python -m pytest tests/test_{write.noun()}.py -q"}
    for _ in stage.rounds(8, 16):
        player.turn(
            Call(
                tool="bash",
                arguments=command,
                result=report_of_tests(write, write.number(1, 4), write.number(20, 60)),
                status="error",
                error="exit status 1",
            )
        )
        player.turn(edit(write))
    player.turn(Call(tool="bash", arguments=command, result=report_of_tests(write, 0, 64)))


def anchor_reread(stage: Stage) -> None:
    """Come back to the plan between pieces of work."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    plan = Call(tool="read_file", arguments={"path": "PLAN.md"}, result=f"# Plan\n{write.prose(4, 8)}")
    for _ in stage.rounds(6, 10):
        player.turn(plan, "Back to the plan.")
        player.work(write.number(3, 6))


def parallel_duplicates(stage: Stage) -> None:
    """Make the same call several times at once, as some models do, and go on."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(2, 4):
        player.work(write.number(2, 5))
        call = stage.place.lookup(write)
        player.say(write.thought())
        start = stage.now
        for at in range(write.number(3, 5)):
            player.stage.now = start + 0.002 * at
            player.event(
                op="execute_tool",
                tool=call.tool,
                arguments=call.text(),
                result=call.result,
                status="ok",
                step=player.step,
            )
    player.work(write.number(2, 5))


def terminal_session(stage: Stage) -> None:
    """Look round on a host: short commands, some asked again, many of them silent."""
    stage.settle("terminal")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    folder = f"/srv/{write.noun()}"
    listing = "\n".join(f"{write.noun()}-{write.noun()}" for _ in range(8))
    for _ in stage.rounds(18, 32):
        kind = write.number(0, 8)
        if kind == 0:
            player.turn(shell(f"ls {folder}", listing))
        elif kind == 1:
            folder = f"{folder}/{write.noun()}" if write.chance(0.6) else f"/var/{write.noun()}"
            listing = "\n".join(f"{write.noun()}-{write.noun()}" for _ in range(write.number(2, 12)))
            player.turn(shell(f"cd {folder}", ""))
        elif kind == 2:
            player.turn(shell(f"cp {write.noun()}.conf {write.noun()}.bak", ""))
        elif kind == 3:
            player.turn(shell(f"systemctl status {write.noun()}", log_lines(write, 3, stage.now)))
        elif kind == 4:
            player.turn(shell(f"{write.noun()} --version", f"bash: {write.noun()}: command not found", 127))
        elif kind == 5:
            player.turn(shell("date", f"{stage.now:.0f}"))
        else:
            player.turn(stage.place.work(write))


def browsing(stage: Stage) -> None:
    """Go to pages, scroll, come back to the list of hits between."""
    stage.settle("research")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(3, 5):
        back = Call(
            tool="browse",
            arguments={"action": "goto", "url": f"https://search.example/?q={write.noun()}+{write.noun()}"},
            result=hits(write, 6),
        )
        for _ in stage.rounds(2, 4):
            player.turn(back, "Back to the results.")
            player.turn(Call(tool="browse", arguments={"action": "goto", "url": write.url()}, result=write.prose(4, 8)))
            for _ in range(write.number(0, 3)):
                player.turn(
                    Call(tool="browse", arguments={"action": "scroll", "amount": "down"}, result=write.prose(3, 6))
                )


def research_crawl(stage: Stage) -> None:
    """Search in ever other words and note sources; the queries are alike, the hits are not."""
    stage.settle("research")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    topic = write.topic()
    for at in range(write.number(12, 24)):
        side = write.one(("report", "statistics", "costs", "critics", "history", "law", "studies"))
        asked = f"{topic} {side} {write.one((write.place(), str(write.number(2010, 2026))))}"
        player.turn(
            Call(
                tool="web_search",
                arguments={"query": asked if write.chance(0.7) else query(write)},
                result=hits(write, write.number(3, 6)),
            )
        )
        if write.chance(0.6):
            player.turn(Call(tool="fetch_page", arguments={"url": write.url()}, result=f"{write.prose(4, 9)}"))
        if write.chance(0.4):
            player.turn(
                Call(
                    tool="take_note",
                    arguments={"text": f"[{at + 1}] {write.sentence()}", "source": write.url()},
                    result="noted",
                )
            )


def flaky_test(stage: Stage) -> None:
    """Run a flaky test a few times in a row to see whether it is one, then go on."""
    stage.settle("coding")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(write.number(2, 5))
    command = {"command": f"python -m pytest tests/test_{write.noun()}.py::test_{write.noun()} -q"}
    failed = report_of_tests(write, 1, 0)
    for _ in stage.rounds(2, 3):
        player.turn(
            Call(tool="bash", arguments=command, result=failed, status="error", error="exit status 1"),
            "It may be flaky. I run it again.",
        )
    player.turn(Call(tool="bash", arguments=command, result="1 passed in 0.41s"))
    player.work(write.number(3, 8))


def compactions_with_work(stage: Stage) -> None:
    """Work so long that the context is compacted now and then."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(4, 7):
        player.work(write.number(9, 16))
        player.context = write.number(150_000, 180_000)
        player.compact(f"Summary so far. {write.prose(4, 8)}", write.number(8000, 20_000))
    player.work(3)


def result_types_only(stage: Stage) -> None:
    """Work in an app whose log holds only what type each result had."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(22, 40):
        call = stage.place.work(write)
        kind = write.one(("string", "dict", "list", "str(2048)", "object", "NoneType"))
        player.turn(call.answering(kind))


SCENARIOS = (
    twin(edit_test_changing, "edits, and another thing fails each time", "failure"),
    twin(anchor_reread, "the plan read again between work", "repeat"),
    twin(parallel_duplicates, "the same call several times at once", "repeat"),
    twin(terminal_session, "a session at a terminal", "repeat", "stagnation"),
    twin(browsing, "browsing, and back to the hits between", "repeat"),
    twin(research_crawl, "like queries with new hits, notes with sources", "paraphrase"),
    twin(flaky_test, "a flaky test run a few times", "failure"),
    twin(compactions_with_work, "compactions with work between", "compaction"),
    twin(result_types_only, "a log that holds only the types of results", "repeat", "stagnation"),
)
