"""Admits and shuts out callers of the control API while the daemon runs, and keeps in step with what others did."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

import structlog

from agentwatch.clients import MAX_CLIENTS, Client, ClientStore, ClientView, Roster
from agentwatch.errors import BadRequest, StoreUnavailable

__all__ = ["ClientDesk"]

_log = structlog.get_logger()
_FLUSH_S = 30.0


class ClientDesk:
    """Answers `Clients`. What is done here holds at once; what another worker did, within `refresh_s`.

    While the store is away those that were known go on being admitted, and nobody can be added or revoked.
    """

    def __init__(
        self,
        store: ClientStore,
        configured: Iterable[Client],
        refresh_s: float,
        clock: Callable[[], float] = time.time,
        note: Callable[..., None] = lambda *_, **__: None,
    ) -> None:
        self._note = note
        self._store = store
        self._roster = Roster(configured)
        self._refresh_s = refresh_s
        self._clock = clock
        self._flushed_at = 0.0
        self.failing = ""

    def configure(self, clients: Iterable[Client]) -> None:
        """Take over what a reload brought."""
        before = self._roster.configured
        self._roster.configure(clients)
        after = self._roster.configured
        for name in sorted(before.keys() | after.keys()):
            old, new = before.get(name), after.get(name)
            if old != new:
                self._note("client_configured" if new else "client_unconfigured", _words(new or old), who="reload")

    def find(self, digest: str) -> Client | None:
        """Find the caller whose token has this digest."""
        return self._roster.find(digest)

    def note(self, name: str, now: float) -> None:
        """Note that a caller has called."""
        self._roster.note(name, now)

    def listed(self) -> Sequence[ClientView]:
        """List who may call, was revoked or has expired, without anything of a token."""
        return self._roster.listed()

    async def add(self, client: Client, reason: str) -> None:
        """Admit a caller at once."""
        if self._roster.named(client.name) is not None:
            raise BadRequest(f"there is a client {client.name!r} already; names are not used again", "name")
        if self._roster.find(client.sha256) is not None:
            raise BadRequest("another client has this token", "sha256")
        if len(self._roster) >= MAX_CLIENTS:
            spare = self._roster.spare()
            if not spare:
                raise BadRequest(f"there are {MAX_CLIENTS} clients, and no more may be; revoke some", "name")
            await self._store.drop(spare)
            self._roster.drop(spare)
        if not await self._store.add(client):
            raise BadRequest(f"there is a client {client.name!r} already; names are not used again", "name")
        self._roster.put(client)
        self._note("client_added", _words(client), who=client.created_by, reason=reason)
        _log.info("client_added", client=client.name, roles=client.roles, by=client.created_by, reason=reason)

    async def revoke(self, name: str, by: str, reason: str) -> ClientView:
        """Shut a caller out at once; its open streams end too."""
        client = self._roster.revoked(name, by, self._clock())
        await self._store.put(client)
        self._roster.put(client)
        self._note("client_revoked", name, who=by, reason=reason)
        _log.info("client_revoked", client=name, by=by, reason=reason)
        return self._roster.view(name)

    async def refresh(self) -> None:
        """Read what is stored, and record who has called. Raises `StoreUnavailable`."""
        now = self._clock()
        if abs(now - self._flushed_at) >= _FLUSH_S:
            self._flushed_at = now
            await self._store.used(self._roster.take_used())
        stored, used = await self._store.load()
        self._roster.load(stored, used)

    async def run(self) -> None:
        """Keep in step until cancelled."""
        while True:
            try:
                await self.refresh()
                self.failing = ""
            except StoreUnavailable as error:
                if not self.failing:
                    _log.warning("clients_not_read", reason=str(error))
                self.failing = str(error)
            await asyncio.sleep(self._refresh_s)


def _words(client: Client | None) -> str:
    """Name a caller with its roles and binding; nothing of its token."""
    if client is None:
        return ""
    bound = "/".join(part for part in (client.tenant, client.app) if part)
    return f"{client.name}: {', '.join(client.roles)}{f' in {bound}' if bound else ''}"
