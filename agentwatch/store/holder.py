"""Who holds a lease: a process, named so that another on the same machine can tell whether it still exists."""

import os
import socket
from contextlib import suppress
from pathlib import Path

__all__ = ["gone", "this_process"]


def this_process() -> str:
    """Name this process: machine, process namespace, number."""
    namespace = ""
    with suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return f"{socket.gethostname()}|{namespace} {os.getpid()}".replace("\n", "")


def gone(who: str, me: str) -> bool:
    """Tell whether `who` was a process of this very machine and process namespace that has ended."""
    place, _, pid = who.rpartition(" ")
    if place != me.rpartition(" ")[0] or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
