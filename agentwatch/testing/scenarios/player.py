"""One run of an agent: what it is asked, thinks, calls, says and spends, as events."""

from typing import TYPE_CHECKING, Any

from agentwatch.records import Event, Trigger
from agentwatch.testing.scenarios.call import Call

if TYPE_CHECKING:
    from agentwatch.testing.scenarios.stage import Stage

__all__ = ["Player"]

_FRAMES = ("Tool output:\n{}", "Observation: {}", "<result>\n{}\n</result>\nDecide on the next step.")


class Player:
    """Acts on a stage; each method appends events at the stage's time and moves it on.

    `context` is the number of tokens that the model reads at each turn: it grows with everything said and returned.
    """

    def __init__(
        self,
        stage: "Stage",
        agent: str,
        *,
        parent: "Player | None" = None,
        task: str = "",
        trigger: Trigger | None = None,
        interval_s: float | None = None,
        run: str = "",
    ) -> None:
        self.stage, self.agent = stage, agent
        self.run = run or f"{agent}-{stage.write.token(10)}"
        self.parent_run = parent.run if parent else ""
        self.root_run: str = parent.root_run if parent else self.run
        self.task, self.trigger, self.interval_s = task, trigger, interval_s
        self.context = stage.write.number(1200, 9000)
        self.step = 0
        self._count = 0
        self._news: str | None = None
        self._frame = stage.write.one(_FRAMES)

    def event(self, **fields: Any) -> Event:
        """Append an event of these fields, filled in with who and when."""
        given: dict[str, Any] = {
            "id": f"{self.run}/{self.agent}/{self._count}",
            "ts": round(self.stage.now, 3),
            "tenant": self.stage.tenant,
            "app": self.stage.app,
            "agent": self.agent,
            "run": self.run,
            "root_run": self.root_run,
            "parent_run": self.parent_run,
            "task": self.task,
        }
        if self.trigger:
            given["trigger"] = self.trigger
        if self.interval_s:
            given["interval_s"] = self.interval_s
        self._count += 1
        made = Event(**{**given, **fields})
        self.stage.add(made)
        return made

    def begin(self, prompt: str | None = None) -> "Player":
        """Start, with what the run is asked to do as the news of its first chat."""
        if self.stage.style.ends:
            self.event(op="run_start")
        self._news = prompt
        self.context += len(prompt or "") // 4
        return self

    def end(self) -> None:
        """End, where the log tells of ends."""
        if self.stage.style.ends:
            self.event(op="run_end", status="ok")

    def think(self, output: str | None, **fields: Any) -> None:
        """Answer as a model, told what has come since, if the log holds chats."""
        if self.stage.style.chats:
            self.say(output, told=self._news, **fields)
        else:
            self.stage.now += self.stage.model_latency()
            self.step += 1
        self._news = None

    def say(self, output: str | None, told: str | None = None, **fields: Any) -> None:
        """Answer as a model, told exactly this, whatever the log's style."""
        style, write = self.stage.style, self.stage.write
        latency = self.stage.model_latency()
        self.stage.now += latency
        self.step += 1
        spoken = max(12, len(output or "") // 4 + write.number(8, 60))
        usage: dict[str, Any] = {}
        if style.usage:
            cached = int(self.context * 0.8) if self.step > 1 else 0
            usage = {
                "model": style.model,
                "input_tokens": self.context,
                "output_tokens": spoken,
                "cache_read_tokens": cached,
            }
        self.context += spoken + len(told or "") // 4
        given = {"op": "chat", "output": output, "input": told, **self._stepped(latency), **usage}
        self.event(**{**given, **fields})

    def call(self, call: Call, **fields: Any) -> None:
        """Append a tool call with its result, as far as the log's style holds it; the result is news to the model."""
        style = self.stage.style
        took = self.stage.tool_latency()
        self.stage.now += took
        given: dict[str, Any] = {"op": "execute_tool", "tool": call.tool, "arguments": call.text()}
        given.update(result=call.result, **self._stepped(took))
        if style.status:
            given.update(status=call.status, error=call.error)
        if style.call_ids:
            given["tool_call_id"] = f"call_{self.stage.write.token(12)}"
        self.event(**{**given, **fields})
        self.context += (len(call.text()) + len(call.result or "")) // 4
        if style.told == "none" or call.result is None:
            self._news = None
        else:
            self._news = call.result if style.told == "result" else self._frame.format(call.result)

    def turn(self, call: Call, thought: str | None = None, **fields: Any) -> None:
        """Think, then call a tool; without a thought one is written, or none where this model has none."""
        if thought is None and self.stage.style.thoughts:
            thought = self.stage.write.thought()
        self.think(thought or None)
        self.call(call, **fields)

    def work(self, turns: int) -> None:
        """Make progress for some turns."""
        for _ in range(turns):
            self.turn(self.stage.place.work(self.stage.write))

    def told(self, text: str) -> None:
        """Let this be what the next chat is told."""
        self._news = text
        self.context += len(text) // 4

    def send(self, to_agent: str, text: str, **fields: Any) -> None:
        """Write a message to another agent, with what it took to write it."""
        self.stage.now += self.stage.model_latency()
        self.event(**{"op": "message", "to_agent": to_agent, "output": text, **self._spent(text), **fields})

    def compact(self, summary: str, after: int) -> None:
        """Compact the context down to so many tokens."""
        self.stage.now += self.stage.model_latency() * 2.0
        self.event(op="compact", output=summary, **self._spent(summary))
        self.context = after

    def spawn(self, agent: str, prompt: str, *, suspect: bool = True, **fields: Any) -> "Player":
        """Start a child run, as a call of this run, with its prompt as the child's first news."""
        self.stage.now += self.stage.tool_latency()
        child = self.stage.player(agent, parent=self, suspect=suspect, trigger="agent", **fields)
        self.event(op="invoke_agent", to_agent=agent, input=prompt, **self._stepped(0.0))
        return child.begin(prompt)

    def _spent(self, text: str) -> dict[str, Any]:
        if not self.stage.style.usage:
            return {}
        return {
            "model": self.stage.style.model,
            "input_tokens": self.context,
            "output_tokens": max(8, len(text) // 4),
        }

    def _stepped(self, took_s: float) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if self.stage.style.steps:
            given["step"] = self.step
        if self.stage.style.durations and took_s:
            given["duration_ms"] = round(took_s * 1000.0, 1)
        return given
