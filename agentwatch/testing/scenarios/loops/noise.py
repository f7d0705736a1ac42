"""Loops of one call with noise in its arguments or in its answer: counters, stamps, free text, other words."""

from collections.abc import Callable

from agentwatch.records import Status
from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.research import hits
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage
from agentwatch.testing.scenarios.stamps import clock, day, iso

__all__ = ["SCENARIOS"]


def _again(stage: Stage, make: Callable[[int], Call], low: int = 16, high: int = 30, *, settle: str = "") -> None:
    """Work, then make a call that varies with its number again and again."""
    if settle:
        stage.settle(settle)
    player = stage.player().begin(stage.place.task(stage.write))
    player.work(stage.prelude())
    player.turn(make(0))
    for at in stage.rounds_of(player, low, high):
        player.think(stage.write.thought() if stage.style.thoughts else None)
        stage.mark()
        player.call(make(at + 1))


def counter_in_arguments(stage: Stage) -> None:
    """Count the attempts in the arguments."""
    call, key = stage.place.lookup(stage.write), stage.write.one(("attempt", "try", "seq", "iteration", "retry_count"))
    _again(stage, lambda at: call.but(**{key: at + 1}))


def stamp_in_arguments(stage: Stage) -> None:
    """Put the time, a UUID or a process id into the arguments."""
    call, kind = stage.place.lookup(stage.write), stage.write.number(0, 3)
    write = stage.write

    def make(_at: int) -> Call:
        stamps: dict[int, dict[str, object]] = {
            0: {"timestamp": iso(stage.now)},
            1: {"request_id": write.uuid()},
            2: {"client": f"worker pid={write.number(300, 65000)}"},
            3: {"trace": write.token(16), "at": round(stage.now)},
        }
        return call.but(**stamps[kind])

    _again(stage, make)


def stamp_in_result(stage: Stage) -> None:
    """Get the same answer with a new time, duration or request id in it."""
    call, write = stage.place.lookup(stage.write), stage.write
    kind = write.number(0, 3)

    def make(_at: int) -> Call:
        stamps = {
            0: f"[{iso(stage.now)}] {call.result}",
            1: f"{call.result}\n(request {write.uuid()}, took {write.number(12, 900)} ms)",
            2: f"{call.result}\nlast checked {day(stage.now)} {clock(stage.now)}, pid {write.number(300, 65000)}",
            3: f"x-request-id: {write.token(24)}\n{call.result}",
        }
        return call.answering(stamps[kind])

    _again(stage, make)


_CLOSING = (
    *("Task complete.", "All done.", "The task has been completed successfully.", "Finished, nothing left to do."),
    *("Work is complete, yielding.", "I have completed everything.", "Everything requested is in place now."),
    *("Completed as requested.", "No further steps remain.", "The assignment is done and verified."),
)


def free_text_field(stage: Stage) -> None:
    """Yield with a status in ever other words, acknowledged each time."""
    write = stage.write
    tool, key = write.one((("yield", "status"), ("report_progress", "message"), ("update_plan", "explanation")))
    subject = f"{write.noun()} {write.noun()}"
    made = [
        f"{one} {two}"
        for one in _CLOSING
        for two in (f"The {subject} is ready.", f"See the {subject}.", f"{subject} done.")
    ]
    answer = write.one(("ok", '{"status": "ok"}', "Recorded.", "Plan updated"))
    _again(stage, lambda _at: Call(tool=tool, arguments={"state": "done", key: write.one(made)}, result=answer), 20, 40)


def _reworded(stage: Stage) -> Callable[[], str]:
    """Make a request that is put into other words each time."""
    write = stage.write
    topic, place, year = write.topic(), write.place(), write.number(2014, 2026)
    leads = ("", "find ", "information on ", "details about ", "data on ", "official ", "latest ", "what is known of ")
    tails = ("", " report", " pdf", " statistics", " figures", " overview", " summary", " official source")
    orders: tuple[Callable[[], str], ...] = (
        lambda: f"{write.one(leads)}{topic} {place} {year}{write.one(tails)}",
        lambda: f"{write.one(leads)}{place} {topic}{write.one(tails)} {year}",
        lambda: f"{year} {topic} in {place}{write.one(tails)}",
        lambda: f"{write.one(leads)}{topic}{write.one(tails)} for {place} in {year}",
    )

    def reworded() -> str:
        return write.one(orders)()

    return reworded


def paraphrased_query(stage: Stage) -> None:
    """Search for the same in other words and get the same page of hits."""
    made, page = _reworded(stage), hits(stage.write, 4)
    _again(
        stage, lambda _at: Call(tool="web_search", arguments={"query": made()}, result=page), 14, 24, settle="research"
    )


def paraphrased_query_shuffled(stage: Stage) -> None:
    """Search for the same in other words and get the same hits in another order, some left out."""
    made, page = _reworded(stage), hits(stage.write, 7).split("\n\n")

    def make(_at: int) -> Call:
        return Call(tool="web_search", arguments={"query": made()}, result="\n\n".join(stage.write.some(page, 6)))

    _again(stage, make, 16, 26, settle="research")


def same_result_new_arguments(stage: Stage) -> None:
    """Ask for ever other things and find nothing, over and over."""
    first = stage.place.nothing(stage.write)
    _again(stage, lambda _at: stage.place.nothing(stage.write).answering(first.result, first.status), 18, 30)


def search_in_vain(stage: Stage) -> None:
    """Look for one thing in ever other places and ways, and find nothing."""
    write = stage.write
    tool, field, where = write.one(
        (("search_files", "pattern", "path"), ("web_search", "query", "site"), ("find_record", "name", "table"))
    )
    target = f"{write.noun()} {write.noun()} {write.number(10, 999)}"
    answer = write.one(("No results found.", "[]", "0 matches", '{"results": [], "total": 0}', ""))

    def make(_at: int) -> Call:
        asked = write.one((target, f"{target} {write.adjective()}", f'"{target}"', f"{write.noun()} {target}"))
        arguments = {field: asked, where: f"{write.noun()}/{write.noun()}"}
        return Call(tool=tool, arguments=arguments, result=answer, status=empty)

    empty: Status = write.one(("ok", "empty"))
    _again(stage, make, 18, 30)


SCENARIOS = (
    loop(counter_in_arguments, "the arguments count the attempts", "repeat", "stagnation"),
    loop(stamp_in_arguments, "a time, UUID or pid in the arguments", "repeat", "stagnation"),
    loop(stamp_in_result, "a time, duration or id in the answer", "repeat"),
    loop(free_text_field, "one free-text field reworded, acknowledged", "stagnation", "paraphrase"),
    loop(paraphrased_query, "a query reworded, the same hits", "paraphrase", "stagnation"),
    loop(paraphrased_query_shuffled, "a query reworded, the same hits shuffled", "paraphrase"),
    loop(search_in_vain, "one thing looked for everywhere, nothing found", "stagnation"),
    loop(same_result_new_arguments, "other arguments, nothing found", "stagnation"),
)
