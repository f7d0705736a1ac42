"""The one grammar of subjects: `tenant`, `tenant/app`, `tenant/app/<scope>/<id>`; parts are percent-escaped.

Keys, topics, the API, the CLI and logs all use it. The id of a task's tombstone is `<agent>+<task>`:
both parts are escaped on their own, and escaping never leaves a "+" in a part.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal
from urllib.parse import quote, unquote

from agentwatch.errors import BadRequest

__all__ = [
    "Names",
    "Scope",
    "agent_subject",
    "app_subject",
    "check_pattern",
    "check_written",
    "covering",
    "parse",
    "root_subject",
    "run_subject",
    "task_subject",
]

Scope = Literal["tenant", "app", "agent", "root", "run", "task"]
_ID = 3  # the place of a subject's last part
_SCOPES = ("agent", "root", "run", "task")
_STRANGE = re.compile(r"[^A-Za-z0-9_.~/+%*?\[\]!-]")  # what neither a subject nor a glob is made of


@lru_cache(maxsize=16384)
def _escape(part: str) -> str:
    return quote(part, safe="")


def app_subject(tenant: str, app: str) -> str:
    """Name an app of a tenant."""
    return f"{_escape(tenant)}/{_escape(app)}"


def agent_subject(tenant: str, app: str, agent: str) -> str:
    """Name an agent as a whole."""
    return f"{app_subject(tenant, app)}/agent/{_escape(agent)}"


def root_subject(tenant: str, app: str, root_run: str) -> str:
    """Name a tree of runs by its top."""
    return f"{app_subject(tenant, app)}/root/{_escape(root_run)}"


@lru_cache(maxsize=4096)
def run_subject(tenant: str, app: str, run: str) -> str:
    """Name one run of an app; the parts are escaped here."""
    return f"{app_subject(tenant, app)}/run/{_escape(run)}"


def task_subject(tenant: str, app: str, agent: str, task: str) -> str:
    """Name the task of an agent: where a tombstone catches its next run."""
    return f"{app_subject(tenant, app)}/task/{_escape(agent)}+{_escape(task)}"


def covering(tenant: str, app: str, agent: str, run: str, root_run: str, task: str = "") -> tuple[str, ...]:
    """List every subject whose command covers this run, narrowest first."""
    found = [run_subject(tenant, app, run), root_subject(tenant, app, root_run)]
    if task:
        found.append(task_subject(tenant, app, agent, task))
    found += [agent_subject(tenant, app, agent), app_subject(tenant, app), _escape(tenant)]
    return tuple(found)


def parse(subject: str) -> tuple[Scope, str, str, tuple[str, ...]]:
    """Split a subject into scope, tenant, app and the unescaped id parts (two for a task, else one or none)."""
    parts = subject.split("/")
    if len(parts) == 1 and parts[0]:
        return "tenant", unquote(parts[0]), "", ()
    if len(parts) == 2 and all(parts):
        return "app", unquote(parts[0]), unquote(parts[1]), ()
    if len(parts) == 4 and all(parts) and parts[2] in _SCOPES:
        scope: Scope = parts[2]  # type: ignore[assignment]  # membership was checked in the line above
        ids = parts[3].split("+") if scope == "task" else [parts[3]]
        if scope != "task" or len(ids) == 2:
            return scope, unquote(parts[0]), unquote(parts[1]), tuple(unquote(i) for i in ids)
    raise BadRequest(f"not a subject: {subject!r}; write tenant/app[/agent|root|run|task/ID]", "subject")


def check_written(subject: str) -> None:
    """Refuse a subject that is not written as keys and topics hold it: whatever is done to it would reach nobody.

    Raises `BadRequest` that says how it is written.
    """
    scope = parse(subject)[0]
    parts = [part.split("+") if at == _ID and scope == "task" else [part] for at, part in enumerate(subject.split("/"))]
    written = "/".join("+".join(_escape(unquote(name)) for name in part) for part in parts)
    if written != subject:
        raise BadRequest(f"{subject!r} is written {written!r}: names are percent-escaped", "subject")


def check_pattern(pattern: str) -> None:
    """Refuse a subject, or a glob over subjects, that no subject is ever like. Raises `BadRequest`."""
    if not any(sign in pattern for sign in "*?["):
        try:
            check_written(pattern)
        except BadRequest as error:
            raise BadRequest(error.reason, "pattern") from error
        return
    strange = _STRANGE.search(pattern)
    if strange is not None:
        word, escaped = strange.group(), quote(strange.group(), safe="")
        raise BadRequest(f"{pattern!r} fits no subject: {word!r} is written {escaped!r} there", "pattern")


class Names:
    """The last parts of the subjects that anything is known about: one look tells that an event concerns none of them.

    Most events concern none, and naming their subjects would cost more than that. Several may share it, each of which
    takes in and out what it knows of. counts: by name, for whoever looks at each event.
    """

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, subject: str) -> None:
        """Take a subject in, once more where somebody else knows of it, too."""
        name = _last_part(subject)
        self.counts[name] = self.counts.get(name, 0) + 1

    def remove(self, subject: str) -> None:
        """Take a subject out again."""
        name = _last_part(subject)
        left = self.counts[name] - 1
        if left:
            self.counts[name] = left
        else:
            del self.counts[name]

    def change(self, before: Iterable[str], after: Iterable[str]) -> None:
        """Take out what was known before, and in what is known now."""
        for subject in before:
            self.remove(subject)
        for subject in after:
            self.add(subject)

    def has_any(self, names: Iterable[str]) -> bool:
        """Tell whether one of these names, unescaped, is the last part of a known subject."""
        return not self.counts.keys().isdisjoint(names)


def _last_part(subject: str) -> str:
    return unquote(subject.rpartition("/")[2].rpartition("+")[2])
