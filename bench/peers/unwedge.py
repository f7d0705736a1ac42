"""unwedge 0.2.0: `unwedge.Guard.on_turn` without a model ("code-only tier"), default thresholds.

A call is written as its own adapters for harnesses write it: a shell's command as it is, anything else as the tool and
its arguments; classes of commands and failures by its own `normalize`. Every intervention but "continue" counts.
"""

from unwedge import Action, Guard, ToolClass, Turn
from unwedge.normalize import classify_command, looks_like_error

from bench.peers.step import Step

PACKAGE = "unwedge"
ABOUT = "equal calls without change, equal errors, cycles to 4"
COMPARES = "similarity"
_QUIET = (Action.CONTINUE, Action.CASCADE)
_COMMANDS = ("command", "cmd", "input", "code", "script")
_SHELLS = ("bash", "shell", "sh", "terminal", "exec", "run_command", "execute_bash")


def prepare(step: Step) -> Turn:
    """Write a step as a turn; the index is put in by the watcher."""
    said = next((step.args[name] for name in _COMMANDS if isinstance(step.args.get(name), str)), None)
    command = said if said is not None and step.tool.lower() in _SHELLS else f"{step.tool} {step.arguments}"
    tool, tool_class = classify_command(command)
    observation = step.result or ""
    failed = step.failed or looks_like_error(observation, tool_class)
    changes = tool_class is ToolClass.EDIT and not failed
    return Turn(step.index, command, tool, tool_class, observation, failed, changes, 1.0)


class Watcher:
    """One guard a run."""

    def __init__(self) -> None:
        self._guard = Guard(goal="", provider=None)
        self._count = 0

    def feed(self, ready: Turn) -> bool:
        self._count += 1
        turn = Turn(
            self._count,
            ready.command,
            ready.tool,
            ready.tool_class,
            ready.observation,
            ready.is_error,
            ready.changes_state,
            ready.cost_units,
        )
        return self._guard.on_turn(turn).decision.action not in _QUIET
