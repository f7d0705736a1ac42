"""Coding agents: they read, search, edit and test a repository."""

from collections.abc import Callable

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.workplace import Workplace
from agentwatch.testing.scenarios.writer import Writer

__all__ = ["CODING", "edit", "listing", "report_of_tests"]

_APPS = ("code-bot", "pr-fixer", "migration-crew")
_AGENTS = ("coder", "fixer", "refactorer")


def listing(w: Writer, lines: int) -> str:
    """Write some lines of a program with their numbers."""
    at = w.number(1, 400)
    shapes: tuple[Callable[[], str], ...] = (
        lambda: f"    {w.noun()}_{w.noun()} = self._{w.noun()}.{w.noun()}({w.noun()}, {w.number(0, 64)})",
        lambda: f"    if {w.noun()} is None or not {w.noun()}.{w.adjective()}:",
        lambda: f"        raise {w.noun().title()}{w.noun().title()}Error(f'{w.adjective()} {w.noun()}')",
        lambda: f"    for {w.noun()} in {w.noun()}.{w.noun()}s({w.noun()!r}):",
        lambda: f"def {w.noun()}_{w.noun()}(self, {w.noun()}: {w.noun().title()}) -> {w.noun().title()}:",
        lambda: f"    # {w.sentence()}",
        lambda: f"    return {w.noun()}_{w.noun()}[{w.noun()!r}] or {w.noun()}.{w.adjective()}",
        lambda: f"from {w.noun()}.{w.noun()} import {w.noun().title()}{w.noun().title()}",
    )
    return "\n".join(f"{at + row:>5}\t{w.one(shapes)()}" for row in range(lines))


def report_of_tests(w: Writer, failed: int, passed: int) -> str:
    """Write the end of a test report with so many failures, each with a reason of its own."""
    errors = ("AssertionError", "KeyError", "TypeError", "ValueError")
    shown = [
        f"FAILED tests/test_{w.noun()}.py::test_{w.noun()}_{w.verb()}_{w.noun()} - "
        f"{w.one(errors)}: {w.adjective()} {w.noun()} != {w.adjective()} {w.noun()}"
        for _ in range(min(failed, 6))
    ]
    verdict = f"{failed} failed, {passed} passed" if failed else f"{passed} passed"
    return "\n".join([*shown, f"==== {verdict} in {w.number(2, 90)}.{w.number(0, 99):02d}s ===="])


def edit(w: Writer) -> Call:
    """Change a file; the answer is an acknowledgement."""
    path = w.path()
    arguments = {"path": path, "old_str": listing(w, 2), "new_str": listing(w, w.number(2, 6))}
    return Call(tool="edit_file", arguments=arguments, result=f"The file {path} has been edited.")


def _task(w: Writer) -> str:
    return (
        f"Fix issue #{w.number(100, 9999)} in {w.company().lower()}-{w.noun()}: if the {w.noun()} is {w.adjective()}, "
        f"`{w.noun()}_{w.noun()}` {w.verb()} the {w.noun()} instead of the {w.noun()}. {w.sentence()} Add a test."
    )


def _work(w: Writer) -> Call:
    kind = w.number(0, 4)
    if kind == 0:
        return Call(tool="read_file", arguments={"path": w.path()}, result=listing(w, w.number(8, 30)))
    if kind == 1:
        found = "\n".join(f"{w.path()}:{w.number(3, 800)}: {listing(w, 1).strip()}" for _ in range(w.number(2, 9)))
        return Call(tool="grep", arguments={"pattern": f"{w.noun()}_{w.noun()}", "path": "."}, result=found)
    if kind == 2:
        return edit(w)
    if kind == 3:
        arguments = {"command": f"python -m pytest tests/test_{w.noun()}_{w.noun()}.py -q"}
        return Call(tool="bash", arguments=arguments, result=report_of_tests(w, w.number(0, 7), w.number(3, 220)))
    files = "\n".join(f"{w.path()}" for _ in range(w.number(4, 15)))
    return Call(
        tool="bash", arguments={"command": f"git log --stat -3 -- {w.path()}"}, result=f"{w.sentence()}\n{files}"
    )


def _lookup(w: Writer) -> Call:
    if w.chance(0.5):
        return Call(
            tool="read_file",
            arguments={"path": w.path(), "offset": 0, "limit": 200},
            result=listing(w, w.number(10, 30)),
        )
    found = "\n".join(f"{w.path()}:{w.number(3, 800)}: {listing(w, 1).strip()}" for _ in range(w.number(2, 7)))
    return Call(
        tool="grep", arguments={"pattern": f"def {w.noun()}_{w.noun()}", "path": "src", "recursive": True}, result=found
    )


def _nothing(w: Writer) -> Call:
    return Call(
        tool="grep",
        arguments={"pattern": f"{w.noun()}_{w.noun()}", "path": "src"},
        result=w.one(("No matches found", "")),
    )


def _broken(w: Writer) -> Call:
    path = w.path()
    if w.chance(0.5):
        error = f"String to replace not found in {path}: it must match the file exactly, including indentation."
        return Call(
            tool="edit_file",
            arguments={"path": path, "old_str": listing(w, 2), "new_str": listing(w, 3)},
            result=error,
            status="error",
            error="not_found",
        )
    error = f"ERROR: file or directory not found: tests/test_{w.noun()}.py\n\nno tests ran in 0.0{w.number(1, 9)}s"
    return Call(
        tool="bash",
        arguments={"command": f"python -m pytest tests/test_{w.noun()}.py -x"},
        result=error,
        status="error",
        error="exit status 4",
    )


def _minor(w: Writer) -> Call:
    if w.chance(0.5):
        return Call(tool="bash", arguments={"command": f"mkdir -p build/{w.noun()}/{w.token(6)}"}, result="")
    return Call(tool="think", arguments={"note": w.thought()}, result="Your thought has been logged.")


CODING = Workplace("coding", _APPS, _AGENTS, _task, _work, _lookup, _nothing, _broken, _minor)
