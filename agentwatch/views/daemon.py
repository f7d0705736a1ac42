"""The daemon itself: its parts, its limits, its partitions."""

from msgspec import Struct, field

__all__ = ["BoundView", "BreakerView", "ComponentHealth", "PartitionView", "StatusView"]


class ComponentHealth(Struct, frozen=True, kw_only=True):
    """Whether one part works, and in words what is wrong where it does not."""

    name: str
    ok: bool
    detail: str = ""


class BreakerView(Struct, frozen=True, kw_only=True):
    """The limit on kills: a scope's window, what was used of it, and its state (closed, open, half_open)."""

    scope: str
    state: str
    used: int
    allowed: int
    window_s: float
    since: float = 0.0


class BoundView(Struct, frozen=True, kw_only=True):
    """Something that is bounded, by the option that sets its limit: what is used of it, and what had to be dropped."""

    name: str
    limit: int
    used: int
    dropped: int


class StatusView(Struct, frozen=True, kw_only=True):
    """The daemon at one glance."""

    version: str
    mode: str
    partition: int
    partitions: int
    started_at: float
    now: float
    events: int
    events_per_second: float
    lag: int
    oldest_unread_s: float
    position: str
    runs_active: int
    agents_active: int
    looping: int
    standing: dict[str, int]
    dead_letters: int
    cost_today_nusd: int
    policy_digest: str
    rules: int
    dropped: dict[str, int]
    limits: dict[str, int] = field(default_factory=dict)
    breakers: tuple[BreakerView, ...] = ()
    components: tuple[ComponentHealth, ...] = ()
    last_reload: str = ""
    bounds: tuple[BoundView, ...] = ()
    shed_events: int = 0
    shedding: dict[str, int] = field(default_factory=dict)
    safe_mode: str = ""
    canary: str = ""
    incidents_open: int = 0
    fingerprints: str = ""  # the form that makes them: compiled, or pure
    fingerprints_trouble: str = ""  # why a compiled form that is there does not run
    partitions_held: tuple[int, ...] = ()


class PartitionView(Struct, frozen=True, kw_only=True):
    """One partition: who serves it, and how far it has come.

    owner: machine and process, empty where nobody serves it. lease_s: until its lease ends unless it is renewed. lag:
    entries not yet read, -1 where nobody has begun. oldest_s: age of the oldest of them. token: the fencing token.
    """

    index: int
    owner: str = ""
    url: str = ""
    token: int = 0
    lease_s: float = 0.0
    position: str = "0-0"
    events: int = 0
    lag: int = 0
    oldest_s: float = 0.0
