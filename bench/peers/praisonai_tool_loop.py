"""praisonaiagents 1.7.17: `praisonaiagents.agent.loop_detection`, its newer detector, switched on.

`detect_tool_loop` before each call, `record_tool_call` and `record_tool_outcome` with it, as its own agent does.
Thresholds as shipped: 10 to warn, which is what counts here, and 20 to stop.
"""

from praisonaiagents.agent.loop_detection import (
    LoopDetectionConfig,
    ToolCallRecord,
    detect_tool_loop,
    record_tool_call,
    record_tool_outcome,
)

from bench.peers.step import Step

PACKAGE = "praisonaiagents"
ABOUT = "equal calls in 30, polls with equal results, ping-pong"
COMPARES = "results"


class Watcher:
    """The history of one run."""

    def __init__(self) -> None:
        self._config = LoopDetectionConfig(enabled=True)
        self._history: list[ToolCallRecord] = []

    def feed(self, step: Step) -> bool:
        found = detect_tool_loop(self._history, step.tool, step.args, self._config)
        record_tool_call(self._history, step.tool, step.args, self._config)
        record_tool_outcome(self._history, step.tool, step.args, step.result, self._config)
        return found["stuck"]
