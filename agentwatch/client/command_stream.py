"""Reads Server-Sent Events with the standard library alone; blocking, for use in a thread."""

import http.client
import socket
from email.utils import parsedate_to_datetime
from threading import Lock

from msgspec import Struct

from agentwatch.client.admission import not_taken
from agentwatch.client.http_address import http_address
from agentwatch.errors import SignalUnavailable

__all__ = ["CommandStream", "Frame"]

_MAX_LINE_BYTES = 1 << 16


class Frame(Struct, frozen=True):
    """One event of a stream: its name and its data."""

    event: str
    data: bytes


class CommandStream:
    """One request whose answer does not end. `idle_s`: how long the server may be silent before it counts as gone."""

    def __init__(self, url: str, token: str, timeout_s: float, idle_s: float) -> None:
        self._address = http_address(url)
        self._host, self._base = self._address.host, self._address.base
        self._token = token
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._turn = Lock()
        self._closed = False
        self._answer: http.client.HTTPResponse | None = None

    def open(self, path: str) -> float | None:
        """Ask for the stream; returns the server's time in unix seconds where it tells it.

        Raises `SignalUnavailable`, also for any answer but 200, and `NotAdmitted` where the token is refused.
        """
        headers = {"Accept": "text/event-stream"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection = self._connect()
            connection.request("GET", self._base + path, headers=headers)
            self._answer = connection.getresponse()
            if self._socket is not None:  # it is closed from another thread
                self._socket.settimeout(self._idle_s)
        except (http.client.HTTPException, OSError) as error:
            raise SignalUnavailable(f"{self._host}: {error or type(error).__name__}") from error
        if self._answer.status != 200:
            raise not_taken(self._answer.status, self._refusal(self._answer), "the stream of commands", "guard")
        date = self._answer.getheader("Date")
        return parsedate_to_datetime(date).timestamp() if date else None

    def _connect(self) -> http.client.HTTPConnection:
        """Connect; whoever has closed the stream meanwhile could not reach the connection that was being made."""
        connection = self._address.connection(self._timeout_s)
        connection.connect()
        with self._turn:
            if not self._closed:
                self._connection, self._socket = connection, connection.sock
                return connection
        connection.close()
        raise SignalUnavailable(f"{self._host}: the stream was closed while it was opened")

    def _refusal(self, answer: http.client.HTTPResponse) -> bytes:
        """Read why, as far as it is told."""
        with answer:
            try:
                return answer.read(_MAX_LINE_BYTES)
            except (http.client.HTTPException, OSError):
                return b""

    def next(self) -> Frame:
        """Wait for the next event. Raises `SignalUnavailable` when the stream ends or falls silent."""
        event, data = "", b""
        try:
            while self._answer is not None:
                line = self._answer.readline(_MAX_LINE_BYTES)
                if not line:
                    break
                line = line.rstrip(b"\r\n")
                if not line and event:
                    return Frame(event, data)
                if line.startswith(b"event:"):
                    event = line[6:].strip().decode(errors="replace")
                elif line.startswith(b"data:"):
                    data += line[5:].strip()
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise SignalUnavailable(f"{self._host}: {error or type(error).__name__}") from error
        raise SignalUnavailable(f"{self._host} ended the stream of commands")

    def close(self) -> None:
        """End the stream; a thread that waits for its next event stops waiting at once."""
        with self._turn:
            self._closed = True
            held, self._socket = self._socket, None
            connection, self._connection = self._connection, None
        if held is not None:
            try:
                held.shutdown(socket.SHUT_RDWR)
            except OSError:
                held.close()  # it was not connected any more
        if connection is not None:
            connection.close()
