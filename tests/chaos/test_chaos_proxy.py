"""The proxy's waits hold bytes up and never say them twice: no network has the fault that an answer comes twice."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.chaos.proxy import Fault, Moment, Proxy

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
