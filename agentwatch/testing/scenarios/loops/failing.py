"""Loops of calls that fail, whatever the failure looks like."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.coding import edit, report_of_tests
from agentwatch.testing.scenarios.player import Player
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def _begun(stage: Stage) -> Player:
    player = stage.player().begin(stage.place.task(stage.write))
    player.work(stage.prelude())
    return player


def same_failure(stage: Stage) -> None:
    """Make the same failing call."""
    player, call = _begun(stage), stage.place.broken(stage.write)
    player.turn(call)
    for _ in stage.rounds_of(player, 14, 26):
        player.think(stage.write.thought())
        stage.mark()
        player.call(call)


def refusal_as_success(stage: Stage) -> None:
    """Be refused by an answer that claims to be a success, and ask again in about the same way."""
    player, write = _begun(stage), stage.write
    call = stage.place.broken(write)
    refusals = [
        f"I'm sorry, but I can't do that: {call.tool} is not permitted in this workspace.",
        f"Request declined. Permission for {call.tool} was not granted by the user.",
        f"This action has been blocked by policy and was not carried out ({call.tool}).",
    ]
    text = write.one(refusals)
    player.turn(call.answering(text))
    for at in stage.rounds_of(player, 14, 26):
        player.think(write.thought())
        stage.mark()
        player.call(call.but(note=write.one(("please", "retrying", f"attempt {at}", "as asked"))).answering(text))


def exit_zero_error(stage: Stage) -> None:
    """Get an error text with exit code 0 from a command that hides it."""
    stage.settle("terminal")
    player, write = _begun(stage), stage.write
    module = f"{write.noun()}_{write.noun()}"
    where = f'File "run.py", line {write.number(3, 90)}, in <module>'
    error = f"Traceback (most recent call last):\n  {where}\nModuleNotFoundError: No module named '{module}'"
    made = (
        f"python run.py --{write.noun()} || true",
        f"python run.py --{write.noun()} 2>&1 | tail -5",
        f"python3 run.py; echo {write.noun()}",
    )
    player.turn(Call(tool="shell", arguments={"command": made[0]}, result=error))
    for _ in stage.rounds_of(player, 14, 26):
        player.think(write.thought())
        stage.mark()
        player.call(Call(tool="shell", arguments={"command": write.one(made)}, result=error))


def error_wording_varies(stage: Stage) -> None:
    """Fail at the same call with errors that name other lines, addresses and times."""
    player, write = _begun(stage), stage.write
    call = stage.place.broken(write)

    def failed() -> Call:
        head = write.one(("Error", "FAILED", "Request failed", "Operation failed", "Unhandled exception"))
        where = write.one(
            (
                f"at 0x{write.token(8)}",
                f"(line {write.number(2, 900)})",
                f"[{write.token(6)}]",
                f"after {write.number(10, 4000)} ms",
            )
        )
        return call.answering(f"{head} {where}: {call.result}", "error", call.error)

    player.turn(failed())
    for _ in stage.rounds_of(player, 14, 26):
        player.think(write.thought())
        stage.mark()
        player.call(failed())


def edit_test_same_error(stage: Stage) -> None:
    """Edit something new and run the tests, which fail alike."""
    stage.settle("coding")
    player, write = _begun(stage), stage.write
    report = report_of_tests(write, write.number(1, 3), write.number(10, 80))
    lines, verdict = report.rsplit("\n", 1)
    verdict, target = verdict.split(" in ")[0], f"python -m pytest tests/test_{write.noun()}.py -q"

    def tested() -> Call:
        text = f"{lines}\n{verdict} in {write.number(1, 9)}.{write.number(10, 99)}s ===="
        return Call(tool="bash", arguments={"command": target}, result=text, status="error", error="exit status 1")

    player.turn(tested())
    for _ in stage.rounds_of(player, 12, 20):
        player.turn(edit(write))
        player.think(write.thought())
        stage.mark()
        player.call(tested())


def invented_name(stage: Stage) -> None:
    """Call tools that do not exist, by ever other names."""
    player, write = _begun(stage), stage.write

    def called() -> Call:
        name = f"{write.one(('get', 'find', 'list', 'fetch', 'load'))}_{write.noun()}_{write.noun()}"
        text = f"Error: tool '{name}' not found. Available tools: {', '.join(sorted(tools))}"
        return Call(tool=name, arguments={"id": write.code("ID")}, result=text, status="error", error="unknown_tool")

    tools = {f"{write.noun()}_{write.noun()}" for _ in range(6)}
    player.turn(called())
    for _ in stage.rounds_of(player, 14, 26):
        player.think(write.thought())
        stage.mark()
        player.call(called())


def tool_switch_after_block(stage: Stage) -> None:
    """Be denied, try the same by another tool, be denied there too, and come back."""
    player, write = _begun(stage), stage.write
    target = f"/{write.noun()}/{write.noun()}/{write.noun()}.db"
    ways = (
        Call(tool="read_file", arguments={"path": target}),
        Call(tool="bash", arguments={"command": f"cat {target}"}),
        Call(tool="python", arguments={"code": f"print(open('{target}').read())"}),
        Call(tool="mcp_filesystem_read", arguments={"uri": f"file://{target}"}),
    )
    denied = f"Permission denied: {target} is outside of the workspace"
    player.turn(ways[0].answering(denied, "denied", "denied"))
    at = 0
    for _ in stage.rounds_of(player, 16, 28):
        at = at if write.chance(0.4) else (at + 1) % len(ways)
        player.think(write.thought())
        stage.mark()
        player.call(ways[at].answering(denied, "denied", "denied"))


def outage_of_its_own(stage: Stage) -> None:
    """Get "503" from an address that is wrong, without a pause between, while everything else works."""
    player, write = _begun(stage), stage.write
    host = f"{write.noun()}-{write.noun()}.internal.example"
    call = Call(tool="http_request", arguments={"method": "POST", "url": f"https://{host}/v2/{write.noun()}"})

    def failed() -> Call:
        text = f"503 Service Unavailable: no healthy upstream for {host} (request {write.token(12)})"
        return call.answering(text, "error", "503")

    player.turn(failed())
    for _ in stage.rounds_of(player, 18, 34):
        player.think(write.thought())
        stage.mark()
        player.call(failed())


def pages_beyond_the_end(stage: Stage) -> None:
    """Page on through a list that ended long ago."""
    player, write = _begun(stage), stage.write
    tool, target = f"list_{write.noun()}s", f"{write.noun()}-{write.noun()}"
    size = write.one((20, 50, 100))
    empty = write.one(("[]", '{"items": [], "next": null}', '{"data": [], "has_more": true}', "No more results."))
    page = 1
    for page in range(1, write.number(3, 6)):
        items = "\n".join(f"{write.code('ROW')} {write.person()} {write.adjective()} {write.noun()}" for _ in range(8))
        player.turn(Call(tool=tool, arguments={"of": target, "page": page, "size": size}, result=items))
    for at in stage.rounds_of(player, 20, 40):
        player.think(write.thought())
        if at:
            stage.mark()
        player.call(Call(tool=tool, arguments={"of": target, "page": page + 1 + at, "size": size}, result=empty))


SCENARIOS = (
    loop(same_failure, "the same call fails the same way", "failure"),
    loop(refusal_as_success, "refused by what claims to be a success", "repeat", "stagnation"),
    loop(exit_zero_error, "an error with exit code 0", "repeat", "failure"),
    loop(error_wording_varies, "the same call fails in other words", "failure"),
    loop(edit_test_same_error, "edits, and the tests fail alike", "failure"),
    loop(invented_name, "tools that do not exist", "failure", "stagnation"),
    loop(tool_switch_after_block, "denied, by one tool after the other", "failure", "stagnation"),
    loop(outage_of_its_own, "503 from one wrong address, without a pause", "failure"),
    loop(pages_beyond_the_end, "paging on through nothing", "stagnation"),
)
