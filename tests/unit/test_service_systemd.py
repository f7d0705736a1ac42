"""The daemon's side of `sd_notify`, against real datagram sockets."""

import contextlib
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentwatch.service.systemd import Notify

Calls = list[tuple[Callable[[Notify], None], str]]
CALLS: Calls = [
    (lambda n: n.ready("1 rule"), "READY=1\nSTATUS=1 rule"),
    (lambda n: n.ready(), "READY=1"),
    (lambda n: n.status("two\nlines"), "STATUS=two lines"),
    (lambda n: n.watchdog(), "WATCHDOG=1"),
    (lambda n: n.reloading(12.5), "RELOADING=1\nMONOTONIC_USEC=12500000"),
    (lambda n: n.stopping("draining"), "STOPPING=1\nSTATUS=draining"),
    (lambda n: n.extend(2.5), "EXTEND_TIMEOUT_USEC=2500000"),
]


@contextlib.contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(address)
        receiver.settimeout(5)
        yield receiver


@pytest.mark.parametrize(("call", "message"), CALLS)
def test_each_message_as_the_protocol_has_it(tmp_path: Path, call: Callable[[Notify], None], message: str) -> None:
    address = str(tmp_path / "notify")
    with manager(address) as receiver:
        call(Notify({"NOTIFY_SOCKET": address}))
        assert receiver.recv(4096).decode() == message


def test_abstract_sockets_are_reached() -> None:
    name = f"agentwatch-test-{uuid.uuid4()}"
    with manager("\0" + name) as receiver:
        Notify({"NOTIFY_SOCKET": "@" + name}).watchdog("fine")
        assert receiver.recv(4096) == b"WATCHDOG=1\nSTATUS=fine"


def test_nothing_happens_outside_systemd_or_when_nobody_listens(tmp_path: Path) -> None:
    Notify({}).ready()
    Notify({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    Notify({"NOTIFY_SOCKET": "vsock:2:1234"}).ready()


def test_a_manager_that_does_not_read_holds_up_nothing(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with manager(address):
        notify = Notify({"NOTIFY_SOCKET": address})
        for _ in range(2000):
            notify.watchdog()
