"""praisonaiagents 1.7.17: `praisonaiagents.escalation.doom_loop.DoomLoopDetector`, defaults.

`record_action` for calls and `record_response` for outputs. Nothing marks progress, as nothing does unless the host
says so. Its limit of total time reads the clock and cannot speak of recorded runs.
"""

from praisonaiagents.escalation.doom_loop import DoomLoopDetector

from bench.peers.step import Step

PACKAGE = "praisonaiagents"
ABOUT = "equal calls, one tool five times, failures, equal results, chanting"
COMPARES = "results"


class Watcher:
    """One session."""

    def __init__(self) -> None:
        self._detector = DoomLoopDetector()
        self._detector.start_session()

    def feed(self, step: Step) -> bool:
        if step.is_message:
            self._detector.record_response(step.arguments)
        else:
            self._detector.record_action(step.tool, step.args, step.result, not step.failed)
        return self._detector.is_doom_loop()
