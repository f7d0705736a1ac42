"""The dead man's switch: a sign of life to somebody outside, sent only while everything works."""

import asyncio
from collections.abc import Callable

import httpx
import structlog

from agentwatch.cancellation import end
from agentwatch.config import HeartbeatOptions
from agentwatch.observe import metrics

__all__ = ["Heartbeat"]

_log = structlog.get_logger()
_END_S = 1.0


class Heartbeat:
    """Tells a URL that all is well. turns: how often the working loop has turned. wrong: what does not work, in words.

    A loop that has not turned since the last time is not well, whatever else says so.
    """

    def __init__(
        self,
        url: str,
        options: HeartbeatOptions,
        client: httpx.AsyncClient,
        turns: Callable[[], int],
        wrong: Callable[[], str],
    ) -> None:
        self._url = url
        self._options = options
        self._client = client
        self._turns = turns
        self._wrong = wrong
        self._seen = turns()
        self._last = ""

    async def run(self) -> None:
        """Tell it until cancelled."""
        while True:
            await asyncio.sleep(self._options.every_s)
            await self.beat()

    async def beat(self) -> str:
        """Send one sign of life if all is well; says what became of it: sent, failed or withheld."""
        turns = self._turns()
        wrong = self._wrong() or ("" if turns != self._seen else "the working loop has not turned")
        self._seen = turns
        outcome, reason = ("withheld", wrong) if wrong else await self._send()
        metrics().heartbeats.labels(outcome).inc()
        if outcome != self._last:
            told = _log.info if outcome == "sent" else _log.warning
            told("heartbeat", outcome=outcome, reason=reason)
        self._last = outcome
        return outcome

    async def _send(self) -> tuple[str, str]:
        """Ask the URL within a hard deadline; its address is a secret and is not logged."""
        asking = asyncio.create_task(self._client.get(self._url), name="agentwatch-heartbeat-send")
        try:
            done, _ = await asyncio.wait({asking}, timeout=self._options.timeout_s)
        finally:
            await end({asking}, _END_S)
        if not done:
            return "failed", f"no answer within {self._options.timeout_s:g} s"
        try:
            answer = asking.result()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return "failed", type(error).__name__
        return ("sent", "") if answer.is_success else ("failed", f"answered {answer.status_code}")
