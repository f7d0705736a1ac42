"""Gives a daemon many lives for the price of one start: forks processes that have read the code and nothing else.

Importing takes most of a start. The child is what `python -m agentwatch run` is after its imports; nothing that the
daemon makes exists before the fork. One line asks, one answers: `start CONFIG LOG` gives a pid, `wait PID` its end.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

__all__ = ["Forker", "clean_environment"]

_IMPORTS = (
    *("agentwatch.cli", "agentwatch.cli.root", "agentwatch.cli.run", "agentwatch.service.running", "aiomqtt"),
    *("genai_prices", "genai_prices.data", "httpx", "redis.asyncio", "hiredis", "numpy"),
)


def clean_environment(more: Mapping[str, str] = {}) -> dict[str, str]:  # never written to
    """Give the environment without what would change a daemon's configuration."""
    return {**{key: value for key, value in os.environ.items() if not key.startswith("AGENTWATCH_")}, **more}


class Forker:
    """The process that forks; `start` gives a pid, `wait` gives how it ended, as `subprocess` counts it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.chaos.forking"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment(),
            cwd=Path(__file__).parents[2],
        )  # fmt: skip

    def start(self, config: Path, log: Path) -> int:
        return self._ask(f"start {config} {log}")

    def wait(self, pid: int) -> int:
        return self._ask(f"wait {pid}")

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def _ask(self, line: str) -> int:
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        to.write(line + "\n")
        to.flush()
        return int(back.readline())


def _live(config: str, log: str, answers: TextIO) -> None:
    """Be a daemon; does not return."""
    code = 1
    try:
        answers.close()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        to = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(to, 1)
        os.dup2(to, 2)
        from agentwatch.service.running import run
        from agentwatch.service.settings import read_settings

        code = run(read_settings(Path(config), os.environ))
    finally:
        os._exit(code)


def _serve() -> None:
    for name in _IMPORTS:
        __import__(name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        word, *args = line.split()
        if word == "start":
            pid = os.fork()
            if pid == 0:
                _live(args[0], args[1], answers)
            answers.write(f"{pid}\n")
        else:
            _, status = os.waitpid(int(args[0]), 0)
            answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
