"""A kept-alive HTTP connection to the control API from the standard library alone; blocking, for use in a thread."""

import http.client
from threading import Lock

from msgspec import Struct

from agentwatch.client.http_address import http_address
from agentwatch.errors import SignalUnavailable

__all__ = ["Answered", "HttpSession"]

_MAX_BODY_BYTES = 1 << 20


class Answered(Struct, frozen=True):
    """An answer: its status, its headers with lower-case names, and at most 1 MiB of its body."""

    status: int
    headers: dict[str, str]
    body: bytes


class HttpSession:
    """One connection to one server, opened when first used and again after a failure; calls take turns."""

    def __init__(self, url: str, token: str = "", timeout_s: float = 2.0) -> None:
        self._address = http_address(url)
        self._host, self._base = self._address.host, self._address.base
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self._turn = Lock()

    def request(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Answered:
        """Send one request and read its answer whole. Raises `SignalUnavailable` when there is none.

        A kept connection that the server has closed meanwhile is opened again once.
        """
        headers = self._headers | ({"Content-Type": content_type} if content_type else {})
        with self._turn:
            kept = self._connection is not None
            try:
                return self._exchange(method, path, body, headers)
            except (http.client.HTTPException, OSError) as error:
                self._drop()
                if not kept or isinstance(error, TimeoutError):
                    raise SignalUnavailable(f"{self._host}: {error or type(error).__name__}") from error
            try:
                return self._exchange(method, path, body, headers)
            except (http.client.HTTPException, OSError) as error:
                self._drop()
                raise SignalUnavailable(f"{self._host}: {error or type(error).__name__}") from error

    def close(self) -> None:
        """Close the connection; a call that waits for its answer in another thread fails at once."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            connection.sock.close()
        with self._turn:
            self._drop()

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answered:
        if self._connection is None:
            self._connection = self._address.connection(self._timeout_s)
        self._connection.request(method, self._base + path, body=body, headers=headers)
        answer = self._connection.getresponse()
        data = answer.read(_MAX_BODY_BYTES)
        if answer.read(1) or answer.will_close:
            self._drop()
        return Answered(answer.status, {name.lower(): value for name, value in answer.getheaders()}, data)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
