"""Ports for servers that a test starts: free, and taken by nobody else until the server listens.

They lie below those that the kernel gives to whoever asks for any, and each worker of the test run has its own share.
"""

import os
import random
import socket
from pathlib import Path

__all__ = ["free_port"]

_FIRST, _LAST = 10_000, 32_000
_SHARES = 16
_given: set[int] = set()
_chance = random.SystemRandom()  # tests seed the common one


def free_port() -> int:
    """Find a port on which nobody listens, and that was not given to anybody before."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", f"gw{_SHARES - 1}")
    share = int(worker.removeprefix("gw")) % _SHARES
    last = min(_LAST, _lowest_given_by_the_kernel())
    while True:
        port = _chance.randrange(_FIRST // _SHARES, last // _SHARES) * _SHARES + share
        if port not in _given and _free(port):
            _given.add(port)
            return port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _lowest_given_by_the_kernel() -> int:
    """Tell where those begin; where they are everywhere, or it is not told, ours lie among them."""
    try:
        lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        return _LAST
    return lowest if lowest > _FIRST + 1000 else _LAST
