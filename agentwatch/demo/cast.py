"""Who plays in the demo: each behaviour is a generator of steps, as an agent of that kind would take them.

Looping ones never end by themselves. Innocent ones do work that resembles a loop, and end.
"""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

__all__ = ["CAST", "Role", "Step"]


class Step(Struct, frozen=True):
    """One thing that an agent does: the fields of its event, and whether it repeats with nothing new."""

    fields: dict[str, Any]
    repeats: bool = False


class Role(Struct, frozen=True):
    """One agent of the fleet. pair: the name of its partner, which runs in the same process and tree."""

    name: str
    behaviour: str
    looping: bool
    steps: Callable[[], Iterator[Step]]
    team: str = "demo"
    pair: str = ""
    form: str = "thread"


def _call(tool: str, arguments: str, result: str, status: str = "ok", repeats: bool = False, **more: Any) -> Step:
    fields = {"op": "execute_tool", "tool": tool, "arguments": arguments, "result": result, "status": status, **more}
    return Step(fields, repeats)


def _same_document() -> Iterator[Step]:
    """Summarise the same PDF over and over."""
    text = "The report covers revenue, costs and the outlook of the third quarter. Revenue grew in all regions."
    turn = 0
    while True:
        yield _call("summarise_pdf", '{"path": "q3-report.pdf"}', text, repeats=turn > 0)
        turn += 1


def _two_searches() -> Iterator[Step]:
    """Go back and forth between two look-ups that answer each other's question."""
    turn = 0
    while True:
        yield _call("memory_search", '{"query": "deployment owner"}', "see note 17 for the owner", repeats=turn > 0)
        yield _call("memory_get", '{"note": 17}', "the owner is listed in the search index", repeats=turn > 0)
        turn += 1


def _three_step_round() -> Iterator[Step]:
    """List, open and close the same ticket in a round of three."""
    turn = 0
    while True:
        yield _call("list_tickets", '{"state": "open"}', "1 open ticket: T-204 printer on floor two", repeats=turn > 0)
        yield _call("open_ticket", '{"id": "T-204"}', "T-204: printer on floor two shows a paper jam", repeats=turn > 0)
        yield _call("read_manual", '{"topic": "paper jam"}', "open tray two and remove the paper", repeats=turn > 0)
        turn += 1


def _counting_up() -> Iterator[Step]:
    """Ask for one page after the other where there are none."""
    page = 1
    while True:
        yield _call("fetch_page", f'{{"page": {page}}}', "", status="empty", repeats=page > 1)
        page += 1


def _failing_command() -> Iterator[Step]:
    """Run the same command that fails the same way."""
    words = "make: *** No rule to make target 'deploy-all'.  Stop."
    turn = 0
    while True:
        yield _call("shell", '{"command": "make deploy-all"}', words, status="error", error=words, repeats=turn > 0)
        turn += 1


def _monologue() -> Iterator[Step]:
    """Announce the document and never write it."""
    text = (
        "I will now write the complete design document with all the sections that were asked for. "
        "Let me begin with the introduction and then go on with the architecture of the system."
    )
    turn = 0
    while True:
        yield Step({"op": "chat", "output": text}, turn > 0)
        turn += 1


def _thanks(me: str, other: str) -> Callable[[], Iterator[Step]]:
    def steps() -> Iterator[Step]:
        turn = 0
        while True:
            text = f"Thank you, {other}. I have noted everything and have nothing to add. Please go ahead."
            yield Step({"op": "message", "to_agent": other, "output": text, "agent": me}, turn > 0)
            turn += 1

    return steps


def _polling() -> Iterator[Step]:
    """Wait for a build that goes on."""
    for done in range(3, 103, 4):
        state = "finished" if done >= 99 else "running"
        yield _call("build_status", '{"build": 812}', f'{{"state": "{state}", "percent": {min(done, 100)}}}')


_NAMES = (
    *("amber", "basil", "cedar", "dill", "elder", "fern", "ginger", "hazel", "iris", "juniper", "kelp", "laurel"),
    *("maple", "nettle", "olive", "poppy", "quince", "rowan", "sage", "thyme", "umber", "violet", "willow", "yarrow"),
)


def _pagination() -> Iterator[Step]:
    """Read a long list page by page."""
    for page, name in enumerate(_NAMES, 1):
        rows = ", ".join(f"{name} {other} {page * 7 + at}" for at, other in enumerate(_NAMES[page % 7 : page % 7 + 6]))
        yield _call("list_customers", f'{{"page": {page}}}', f"page {page} of {len(_NAMES)}: {rows}")


def _batch() -> Iterator[Step]:
    """Add a licence header to every file; each write answers only "ok"."""
    for name in _NAMES:
        yield _call("write_file", f'{{"path": "src/{name}.py", "header": "Apache-2.0"}}', "ok")


def _retry() -> Iterator[Step]:
    """Meet a service that is away three times, then go on with the work."""
    for _ in range(3):
        words = "503 service unavailable"
        yield _call("post_invoice", '{"invoice": 4711}', words, status="error", error=words)
    yield _call("post_invoice", '{"invoice": 4711}', "invoice 4711 accepted under receipt 99-1203")
    for at, name in enumerate(_NAMES[:18]):
        yield _call("post_invoice", f'{{"invoice": {4712 + at}}}', f"invoice {4712 + at} for {name} accepted")


def _edit_and_test() -> Iterator[Step]:
    """Fix one failing test after the other."""
    for left in range(12, 0, -1):
        yield _call("edit_file", f'{{"path": "src/{_NAMES[left]}.py", "patch": "fix {_NAMES[left]}"}}', "file edited")
        words = f"{left} failed, {40 - left} passed: {_NAMES[left - 1]} expected {left * 3}, got {left * 5}"
        yield _call("run_tests", '{"command": "pytest"}', words, status="error")
    yield _call("run_tests", '{"command": "pytest"}', "40 passed")


def _helpdesk() -> Iterator[Step]:
    """Answer people, politely and always in the same tone."""
    for name in _NAMES:
        question = f"Hello, my {name} order has not arrived; can you tell me where the parcel for {name} is now?"
        answer = f"Of course. Your {name} parcel left the {_NAMES[len(name) * 3 % 24]} depot and arrives tomorrow."
        yield Step({"op": "chat", "input": question, "output": answer, "trigger": "human"})


CAST: tuple[Role, ...] = (
    Role("pdf-reader", "summarises the same PDF", True, _same_document),
    Role("note-finder", "two look-ups in turn", True, _two_searches),
    Role("ticket-clerk", "a round of three calls", True, _three_step_round, form="asyncio"),
    Role("page-turner", "pages that are all empty", True, _counting_up),
    Role("deployer", "the same failing command", True, _failing_command, form="cancel"),
    Role("author", "announces, never writes", True, _monologue, form="asyncio"),
    Role("ann", "two agents thanking each other", True, _thanks("ann", "bob"), pair="bob", form="pair"),
    Role("build-waiter", "polls a build that goes on", False, _polling),
    Role("list-reader", "reads a list page by page", False, _pagination),
    Role("licenser", "writes many files, all ok", False, _batch),
    Role("biller", "retries, then succeeds", False, _retry, form="asyncio"),
    Role("fixer", "edits and tests, fewer fail", False, _edit_and_test),
    Role("helpdesk", "answers many people", False, _helpdesk),
)

BOB = Role("bob", "two agents thanking each other", True, _thanks("bob", "ann"))
