"""Who may call the control API: their records, and the roster of those that are configured or were added while running.

No token is held anywhere, only its digest.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct
from msgspec.structs import replace

from agentwatch.errors import BadRequest

__all__ = ["MAX_CLIENTS", "Client", "ClientName", "ClientStore", "ClientView", "Clients", "Digest", "Role", "Roster"]

Role = Literal["producer", "guard", "operator", "read"]
ClientName = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9._-]+$")]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
MAX_CLIENTS = 1024


class Client(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One caller: what it may do, where, and until when (unix seconds, 0 = no end).

    sha256: hexadecimal digest of its token. tenant, app: it sees and touches nothing outside of them ("" = everything).
    """

    name: str
    roles: tuple[Role, ...]
    sha256: str
    tenant: str = ""
    app: str = ""
    expires_at: float = 0.0
    created_at: float = 0.0
    created_by: str = ""
    revoked_at: float = 0.0
    revoked_by: str = ""
    configured: bool = False

    def ended(self, now: float) -> Literal["", "expired", "revoked"]:
        """Tell why the token holds no longer; "" while it does."""
        if self.revoked_at:
            return "revoked"
        return "expired" if 0 < self.expires_at <= now else ""


class ClientView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A caller as operators see it. last_used_at: to half a minute after a restart of the daemon, 0 for never."""

    name: str
    roles: tuple[Role, ...]
    tenant: str = ""
    app: str = ""
    configured: bool = False
    created_at: float = 0.0
    created_by: str = ""
    expires_at: float = 0.0
    revoked_at: float = 0.0
    revoked_by: str = ""
    last_used_at: float = 0.0


class ClientStore(Protocol):
    """Where callers that were added while running are kept. Raises `StoreUnavailable`."""

    async def load(self) -> tuple[Sequence[Client], Mapping[str, float]]:
        """List the stored callers, and when each name was last used."""

    async def add(self, client: Client) -> bool:
        """Store a new caller; False where the name is taken."""

    async def put(self, client: Client) -> None:
        """Store a caller in the place of the one of that name."""

    async def drop(self, name: str) -> None:
        """Forget a caller and its use."""

    async def used(self, at: Mapping[str, float]) -> None:
        """Record when these names were last used."""


class Clients(Protocol):
    """The callers as the control API knows them."""

    def find(self, digest: str) -> Client | None:
        """Find the caller whose token has this digest, whether it still holds or not; never blocks."""

    def note(self, name: str, now: float) -> None:
        """Note that a caller has called."""

    def listed(self) -> Sequence[ClientView]:
        """List all callers, those with an end too."""

    async def add(self, client: Client, reason: str) -> None:
        """Admit a caller at once. Raises `BadRequest` where the name is taken or there are too many."""

    async def revoke(self, name: str, by: str, reason: str) -> ClientView:
        """Shut a caller out at once. Raises `BadRequest` where there is none of that name."""


class Roster:
    """The callers in memory. A revocation holds by the digest, so it also ends a token that the configuration names."""

    def __init__(self, configured: Iterable[Client] = ()) -> None:
        self._configured: dict[str, Client] = {}
        self._stored: dict[str, Client] = {}
        self._by_digest: dict[str, Client] = {}
        self._used: dict[str, float] = {}
        self._fresh: dict[str, float] = {}
        self.configure(configured)

    @property
    def configured(self) -> dict[str, Client]:
        """The callers that the configuration names."""
        return dict(self._configured)

    def configure(self, clients: Iterable[Client]) -> None:
        """Take over what the configuration names, in the place of what it named before."""
        self._configured = {client.name: client for client in clients}
        self._index()

    def load(self, stored: Iterable[Client], used: Mapping[str, float]) -> None:
        """Take over what is stored, in the place of what was before."""
        self._stored = {client.name: client for client in stored}
        self._used = {name: max(at, self._used.get(name, 0.0)) for name, at in used.items()} | self._fresh
        self._index()

    def put(self, client: Client) -> None:
        """Take one stored caller in."""
        self._stored[client.name] = client
        self._index()

    def drop(self, name: str) -> None:
        """Forget a stored caller."""
        self._stored.pop(name, None)
        self._used.pop(name, None)
        self._fresh.pop(name, None)
        self._index()

    def find(self, digest: str) -> Client | None:
        """Find a caller by its token's digest; one that was revoked is found as such."""
        return self._by_digest.get(digest)

    def named(self, name: str) -> Client | None:
        """Find a caller by name, the stored one first: it may tell that a configured one was revoked."""
        stored, configured = self._stored.get(name), self._configured.get(name)
        if stored is None or (stored.configured and configured is not None and stored.sha256 != configured.sha256):
            return configured  # the configuration has another token under this name now
        return stored

    def note(self, name: str, now: float) -> None:
        """Note a use; only names of the roster are noted, so it cannot grow."""
        if name in self._stored or name in self._configured:
            self._used[name] = self._fresh[name] = now

    def take_used(self) -> dict[str, float]:
        """Give the uses since the last call."""
        taken, self._fresh = self._fresh, {}
        return taken

    def spare(self) -> str:
        """Name the caller that goes first when room is needed: the one revoked longest ago, "" where there is none."""
        ended = [c for c in self._stored.values() if c.revoked_at and c.name not in self._configured]
        return min(ended, key=lambda c: c.revoked_at).name if ended else ""

    def __len__(self) -> int:
        return len(self._stored)

    def listed(self) -> list[ClientView]:
        """List all callers by name."""
        found = (self.named(name) for name in sorted({*self._configured, *self._stored}))
        return [self._view(client) for client in found if client is not None]

    def revoked(self, name: str, by: str, at: float) -> Client:
        """Give the caller's record with its end. Raises `BadRequest` where there is none of that name."""
        client = self.named(name)
        if client is None:
            raise BadRequest(f"no client {name!r}", "name")
        return client if client.revoked_at else replace(client, revoked_at=at, revoked_by=by)

    def view(self, name: str) -> ClientView:
        """Show one caller. Raises `BadRequest` where there is none of that name."""
        client = self.named(name)
        if client is None:
            raise BadRequest(f"no client {name!r}", "name")
        return self._view(client)

    def _view(self, client: Client) -> ClientView:
        shown = {name: getattr(client, name) for name in Client.__struct_fields__ if name != "sha256"}
        return ClientView(last_used_at=self._used.get(client.name, 0.0), **shown)

    def _index(self) -> None:
        found = {client.sha256: client for client in self._configured.values()}
        for client in self._stored.values():
            # After the configured ones: a stored record of one of them is its revocation.
            found[client.sha256] = client
        self._by_digest = found
