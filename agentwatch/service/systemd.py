"""What the daemon tells its service manager. Silent outside systemd."""

import contextlib
import socket
from collections.abc import Mapping

import structlog

__all__ = ["Notify"]

_log = structlog.get_logger()


class Notify:
    """Speaks the `sd_notify` protocol; every call does nothing where no manager listens.

    environ: usually `os.environ`; `NOTIFY_SOCKET` is read from it.
    A message that cannot be sent is logged and dropped: the manager's absence must not stop the daemon.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def ready(self, status: str = "") -> None:
        """Tell that start-up, or a reload, is over."""
        self._send(_with_status("READY=1", status))

    def status(self, status: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(_with_status("", status))

    def watchdog(self, status: str = "") -> None:
        """Give a sign of life. To be called by the loop that does the work, never by a timer of its own."""
        self._send(_with_status("WATCHDOG=1", status))

    def reloading(self, monotonic_s: float) -> None:
        """Tell that the configuration is being read again; `ready` ends it. The time is that of the call."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic_s * 1_000_000)}")

    def stopping(self, status: str = "") -> None:
        """Tell that the daemon drains and will end."""
        self._send(_with_status("STOPPING=1", status))

    def extend(self, seconds: float) -> None:
        """Ask for this much more time to start, reload or stop."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def _send(self, message: str) -> None:
        address = self._environ.get("NOTIFY_SOCKET", "")
        if not address:
            return
        if address[0] not in "/@":
            _log.warning("notify_socket_unknown", address=address)
            return
        if address[0] == "@":
            address = "\0" + address[1:]
        try:
            with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)) as sender:
                # A manager that does not read must not hold up the loop that does the work.
                sender.setblocking(False)
                sender.sendto(message.encode(), address)
        except OSError as error:
            _log.warning("notify_failed", error=str(error), message=message.partition("\n")[0])


def _with_status(state: str, status: str) -> str:
    # A line end inside the status would start another assignment.
    line = f"STATUS={' '.join(status.split())}" if status else ""
    return "\n".join(part for part in (state, line) if part)
