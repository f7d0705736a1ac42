"""The proxy's waits hold bytes up and never say them twice, and kills fall at every kind of request that is named."""

import socket
from collections import Counter
from importlib.resources import files
from urllib.parse import urlsplit

import pytest

from tests.chaos.killing import never, plan
from tests.chaos.proxy import SCRIPTS, Fault, Moment, Proxy

TIME = b"*1\r\n$4\r\nTIME\r\n"


@pytest.mark.parametrize("moment", ["before", "half", "unanswered"])
@pytest.mark.parametrize("bytes_on", [0, 3, 200])
def test_what_is_stalled_arrives_once_and_whole(valkey: str, moment: Moment, bytes_on: int) -> None:
    proxy = Proxy(urlsplit(valkey).port or 0)
    proxy.start()
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as link:
            proxy.arm(Fault(label="time", moment=moment, harm="stall", seconds=0.05, bytes_on=bytes_on))
            link.sendall(TIME)
            assert proxy.fired.wait(5)
            link.sendall(b"*2\r\n$4\r\nPING\r\n$3\r\nend\r\n")
            answer = b""
            while not answer.endswith(b"$3\r\nend\r\n"):
                answer += link.recv(4096)
        assert answer.count(b"*2\r\n") == 1
        assert answer.count(b"\r\n") == 7, "two numbers with their lengths, and what was said after them"
    finally:
        proxy.stop()


def test_a_request_at_which_no_kill_ever_fell_is_named() -> None:
    planned = plan(200, 1)
    done = Counter(f"{kill[0]}, {kill[1]}" if kill is not None else "any instant" for kill in planned)
    assert never(planned, done) == []
    missed = Counter({name: times for name, times in done.items() if not name.startswith("cursor moved")})
    assert never(planned, missed) == ["cursor moved"]


def test_every_request_that_writes_is_known_by_name() -> None:
    """A script of the daemon's that the proxy does not know is one at which it is never killed."""
    scripts = {file.name.removesuffix(".lua") for file in files("agentwatch.store").joinpath("lua").iterdir()}
    assert scripts - set(SCRIPTS) == {"anchor", "permit", "release", "requeue"}, "rare, or at no commit's boundary"
