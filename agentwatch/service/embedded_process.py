"""Starts a server program so that it outlives every signal meant for the daemon, and never the daemon itself.

It gets a session of its own: what a terminal, `timeout` or a supervisor sends to the daemon's process group does not
reach it while the daemon still drains. Its end is tied to the daemon's by two things that need nobody to be alive:
Linux sends it SIGTERM when the daemon dies, however it dies, and it holds an inherited lock that is free only when it
has ended, so that the next daemon knows, and need not guess from ports, that nobody writes the files any more.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

__all__ = ["launch", "try_lock"]

# Runs between fork and the server: a program of its own, because code that runs in a fork of a process with threads may
# hang. 1 is PR_SET_PDEATHSIG, 15 SIGTERM; a parent that died before is seen by its pid being another's.
_TIED = (
    "import ctypes,os,sys;ctypes.CDLL(None).prctl(1,15,0,0,0);"
    "os.getppid()==int(sys.argv[1]) or sys.exit(1);os.execv(sys.argv[2],sys.argv[2:])"
)


def launch(command: Sequence[str], directory: Path, log: Path, held: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the program in `directory`, its output appended to `log`; it inherits `held`, which the caller may close.

    On Linux it is told to end when the calling thread ends: call this from one that lives as long as the daemon.
    Raises OSError when there is no such program.
    """
    whole = list(command)
    if sys.platform == "linux":
        whole = [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *whole]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # the program comes from a wheel, not from a user
            whole,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            start_new_session=True,
            pass_fds=(held.fileno(),),
        )


def try_lock(held: IO[bytes]) -> bool:
    """Take the lock of an open file, for this process and those that inherit it; False where another has it."""
    with contextlib.suppress(OSError):
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
