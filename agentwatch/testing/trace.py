"""Builds the events of one run, one call at a time, with ids and times of their own."""

import json
from typing import Any

from agentwatch.records import Event

__all__ = ["Trace"]


class Trace:
    """The events of one run so far in `events`, `gap_s` seconds apart. Every method returns the trace."""

    def __init__(self, agent: str = "agent", *, run: str = "run-1", app: str = "app", gap_s: float = 2.0) -> None:
        self.agent, self.run, self.app, self.gap_s = agent, run, app, gap_s
        self.now = 1_700_000_000.0
        self.events: list[Event] = []
        self.cost_usd: float | None = 0.01

    def add(self, **fields: Any) -> "Trace":
        """Append an event of these fields; what is not given is filled in as `decode` would."""
        self.now += float(fields.pop("gap_s", self.gap_s))
        given: dict[str, Any] = {
            "id": f"{self.run}/{len(self.events)}",
            "ts": self.now,
            "agent": self.agent,
            "app": self.app,
            "tenant": "default",
            "run": self.run,
            "root_run": self.run,
        }
        self.events.append(Event(**{**given, **fields}))
        return self

    def call(self, tool: str, arguments: object, result: str | None, **fields: Any) -> "Trace":
        """Append a tool call with its result; arguments that are no text become JSON."""
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        return self.add(op="execute_tool", tool=tool, arguments=text, result=result, **fields)

    def say(self, output: str, told: str | None = None, **fields: Any) -> "Trace":
        """Append a chat: what the model was told and what it said, with tokens and a price."""
        usage: dict[str, Any] = {
            "input_tokens": 800,
            "output_tokens": 200,
            "cost_usd": self.cost_usd,
            "model": "gpt-4o",
        }
        return self.add(op="chat", output=output, input=told, **{**usage, **fields})

    def send(self, to_agent: str, output: str, **fields: Any) -> "Trace":
        """Append a message to another agent."""
        return self.add(op="message", to_agent=to_agent, output=output, **fields)

    def wait(self, seconds: float) -> "Trace":
        """Let time pass before the next event."""
        self.now += seconds
        return self
