"""The signal path over HTTP: follows the control API's stream of commands, for agents that reach nothing else."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import msgspec

from agentwatch.backoff import Backoff
from agentwatch.client.admission import not_taken
from agentwatch.client.channel import Listener
from agentwatch.client.command_stream import CommandStream, Frame
from agentwatch.client.http_session import Answered, HttpSession
from agentwatch.client.identity import Identity
from agentwatch.client.log import log
from agentwatch.client.obedience import Held
from agentwatch.client.options import GuardOptions
from agentwatch.errors import UNREADABLE, NotAdmitted, SignalUnavailable
from agentwatch.records import Ack, Command

__all__ = ["HttpChannel"]

_OK, _KILLED, _NOT_YET = 200, 403, 429
_AGAIN = frozenset({401, 403, 408, 429})
_MIN_LEASE_S = 5.0


class HttpChannel:
    """One stream whose every event is the whole state, so a reconnection misses nothing; the API is the authority."""

    name = "http"

    def __init__(
        self,
        url: str,
        token: str,
        identity: Identity,
        listener: Listener,
        options: GuardOptions,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._session = HttpSession(url, token, options.timeout_s)
        self._url = url
        self._token = token
        self._query = urlencode({name: value for name, value in identity.fields().items() if name != "parent_run"})
        self._listener = listener
        self._options = options
        self._clock = clock
        self._wall = wall
        self._backoff = Backoff(options.reconnect)
        self._ahead_s = 0.0
        self._refused = False
        # Threads of its own: the event loop's are few, and the agent's. They start when first used.
        self._streaming = ThreadPoolExecutor(1, "agentwatch-stream")
        self._asking = ThreadPoolExecutor(1, "agentwatch-http")

    async def run(self) -> None:
        """Follow the stream until cancelled, reconnecting for ever."""
        while True:
            stream = CommandStream(self._url, self._token, self._options.timeout_s, self._options.http_idle_s)
            try:
                await self._follow(stream)
            except SignalUnavailable as error:
                self._note_refusal(error)
                self._listener.unsettled()
                self._listener.down(self.name, str(error))
            finally:
                stream.close()
            await asyncio.sleep(self._backoff.next())

    async def refresh(self) -> None:
        """Nothing to ask for: the stream tells every change."""

    async def take(self, intervals: Mapping[str, float]) -> float:
        """Ask whether a throttled call may be made; the API counts for the subject as a whole.

        Returns 0.0, or the seconds until it is worth asking again. Raises `SignalUnavailable`.
        """
        answer = await self._ask("GET", f"/v1/decision?{self._query}")
        if answer.status == _OK:
            return 0.0
        killed = answer.status == _KILLED and "x-should-retry" in answer.headers
        if killed or answer.status == _NOT_YET:
            wait = answer.headers.get("retry-after", "")
            return float(wait) if wait.isdigit() else max(intervals.values())
        raise not_taken(answer.status, answer.body, "whether a call may be made", "guard")

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Post the acknowledgements. Raises `SignalUnavailable`; what the API will never take is logged and let go."""
        body = msgspec.json.encode(acks)
        answer = await self._ask("POST", "/v1/acks", body, "application/json")
        if answer.status >= 500 or answer.status in _AGAIN:
            raise not_taken(answer.status, answer.body, "acknowledgements", "guard")
        if answer.status >= 400:
            log.error("guard_acks_rejected", status=answer.status, count=len(acks))

    async def close(self) -> None:
        """Let the connection and the threads go."""
        self._asking.shutdown(wait=False, cancel_futures=True)
        self._streaming.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._session.close)

    def _note_refusal(self, error: SignalUnavailable) -> None:
        """Tell once that the token is refused: a server that is away comes back by itself, this has to be mended."""
        if isinstance(error, NotAdmitted) and not self._refused:
            log.error("guard_not_admitted", reason=str(error))
            self._refused = True

    async def _ask(self, *request: Any) -> Answered:
        return await asyncio.get_running_loop().run_in_executor(self._asking, self._session.request, *request)

    async def _follow(self, stream: CommandStream) -> None:
        loop = asyncio.get_running_loop()
        at = await loop.run_in_executor(self._streaming, stream.open, f"/v1/stream/commands?{self._query}")
        # Leases are told in the server's time; its Date takes out what this clock is off, to a second.
        self._ahead_s = 0.0 if at is None else self._wall() - at
        while True:
            asked_at = self._clock()
            self._take(await loop.run_in_executor(self._streaming, stream.next), asked_at)
            self._backoff.reset()
            self._refused = False
            self._listener.up(self.name)

    def _take(self, frame: Frame, asked_at: float) -> None:
        if frame.event == "clear":
            self._listener.settled({}, asked_at)
        elif frame.event == "command":
            try:
                command = msgspec.json.decode(frame.data, type=Command)
            except UNREADABLE as error:
                raise SignalUnavailable(f"a command cannot be read: {error}") from error
            now = self._clock()
            lease_s = command.expires_at - (self._wall() - self._ahead_s)
            # What the server tells now stands now, however the clocks differ.
            held = Held(command, now + max(lease_s, _MIN_LEASE_S), now)
            self._listener.settled({command.subject: held}, asked_at)
