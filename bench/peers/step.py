"""What an agent did, as libraries inside its process see it: one step at a time, with arguments already parsed."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from agentwatch.records import Event

__all__ = ["MESSAGE", "Step", "steps_of"]

MESSAGE = "message"
_FAILED = ("error", "denied", "rate_limited")


class Step(Struct, frozen=True, kw_only=True):
    """A tool call with its result, or an output that no tool call follows (`tool` is then `message`).

    index: of the event, within its case. arguments: the text as it was written. told: what a person or another agent
    said since the run's last step. thought: the model's text before the call. result None: the log holds none.
    """

    index: int
    run: str
    agent: str
    ts: float
    tool: str
    arguments: str
    args: dict[str, Any]
    result: str | None
    failed: bool
    thought: str = ""
    told: str = ""
    human: bool = False

    @property
    def is_message(self) -> bool:
        """Whether nothing was called."""
        return self.tool == MESSAGE


class _Run(Struct):
    """What has been seen of a run since its last step."""

    at: int = -1
    said: str = ""
    said_by: str = ""
    ts: float = 0.0
    told: str = ""
    human: bool = False
    last_result: str = ""


def steps_of(events: Sequence[Event]) -> list[Step]:
    """Read events as steps, in order of the event at which each is complete.

    An output is a step of its own once it is known that no call follows it: at the next chat of its run, or at the end.
    What a chat was told counts as said by somebody unless it is the last result handed on.
    """
    runs: dict[str, _Run] = {}
    steps: list[Step] = []
    for index, event in enumerate(events):
        run = runs.setdefault(event.run, _Run())
        if event.op == "execute_tool":
            steps.append(_call(index, event, run))
            runs[event.run] = _Run(last_result=event.result or "")
        elif event.op in ("chat", "message", "invoke_agent"):
            steps.extend(_utterance(event.run, run))
            _hear(index, event, run)
    steps += [step for name, run in runs.items() for step in _utterance(name, run)]
    return sorted(steps, key=lambda step: step.index)


def _hear(index: int, event: Event, run: _Run) -> None:
    told = (event.input or "").strip()
    handed_on = bool(run.last_result) and run.last_result.strip()[:200] in told
    run.human = event.trigger == "human"
    run.told = "" if handed_on and not run.human else told
    run.at, run.said, run.said_by, run.ts = index, event.output or "", event.agent, event.ts


def _utterance(name: str, run: _Run) -> list[Step]:
    """Give what was said without a call after it, at the place where it was said."""
    if run.at < 0 or not run.said.strip():
        return []
    step = Step(
        index=run.at,
        run=name,
        agent=run.said_by,
        ts=run.ts,
        tool=MESSAGE,
        arguments=run.said,
        args={"text": run.said},
        result=None,
        failed=False,
        told=run.told,
        human=run.human,
    )
    run.at, run.told, run.human = -1, "", False
    return [step]


def _call(index: int, event: Event, run: _Run) -> Step:
    return Step(
        index=index,
        run=event.run,
        agent=event.agent,
        ts=event.ts,
        tool=event.tool,
        arguments=event.arguments or "",
        args=_parsed(event.arguments or ""),
        result=event.result if event.result is not None or event.error is None else event.error,
        failed=event.status in _FAILED or (event.status is None and bool(event.error)),
        thought=run.said if run.at >= 0 else "",
        told=run.told,
        human=run.human,
    )


def _parsed(arguments: str) -> dict[str, Any]:
    """Read arguments as the dictionary that a library would be handed; text that is none goes in as one argument."""
    try:
        found = msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return {"input": arguments}
    return found if isinstance(found, dict) else {"input": found}
