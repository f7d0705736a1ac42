"""snagtrace 0.1.0: `snagtrace.Doctor` with `LoopDetector(window=6, min_repeats=3)`, as its first page has it.

It is asked after each step, as anybody must who wants to stop a loop; it then reads the whole trace again each time.
"""

from snagtrace import Doctor, LoopDetector, Span

from bench.peers.step import Step

PACKAGE = "snagtrace"
ABOUT = "3 equal calls within 6"
COMPARES = "calls"


class Watcher:
    """One doctor a run."""

    def __init__(self) -> None:
        self._doctor = Doctor(detectors=[LoopDetector(window=6, min_repeats=3)])
        self._count = 0

    def feed(self, step: Step) -> bool:
        self._count += 1
        self._doctor.feed(
            Span(
                step_id=self._count,
                agent_id=step.agent,
                kind="message" if step.is_message else "tool_call",
                tool=step.tool,
                args=step.args,
                status="error" if step.failed else "ok",
                timestamp=step.ts,
            )
        )
        return not self._doctor.diagnose().is_healthy
