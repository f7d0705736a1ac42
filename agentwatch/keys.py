"""The one naming of Redis keys: all that concerns an app carries its partition's hash tag and lies in one slot.

The daemon and the client use the same names, so a guard reads exactly the keys that a commit writes.
"""

from functools import lru_cache
from typing import Final
from zlib import crc32

from agentwatch.subject import app_subject

__all__ = [
    "CLIENTS",
    "CLIENTS_USED",
    "GROUP",
    "META",
    "MOST",
    "PERMITS",
    "WORKERS",
    "Home",
    "Keys",
    "keys",
    "partition",
    "partition_of",
]

PERMITS: Final = "agentwatch:{permits}"  # what all partitions share of the breaker lies in one slot
META: Final = "agentwatch:meta"  # hash: partitions
MOST: Final = "partitions_most"  # field of it: the most that there ever were, whose audit logs remain
CLIENTS: Final = "agentwatch:clients"  # hash: callers of the control API that were added while running
CLIENTS_USED: Final = "agentwatch:clients:used"  # hash: when each was last used
WORKERS: Final = "agentwatch:workers"  # hash: name of a live worker → its entry
_KNOWN = 10_000  # apps whose partition is remembered
GROUP: Final = "agentwatch"  # consumer group on the events stream


class Keys:
    """The keys of one partition; every one of them is `agentwatch:{p}:…`."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.prefix = f"agentwatch:{{{index}}}:"
        self.events = self.prefix + "events"  # stream: usage events
        self.controls = self.prefix + "controls"  # stream: operators' wishes
        self.acks = self.prefix + "acks"  # stream: what guards and enforcers answer
        self.dead = self.prefix + "dead"  # stream: entries that could not be read
        self.decisions = self.prefix + "decisions"  # stream: the decision log
        self.incidents = self.prefix + "incidents"  # stream: states of incidents
        self.inputs = self.prefix + "inputs"  # stream: the ticks and extents of the committed batches
        self.audit = self.prefix + "audit"  # stream: the audit log, whose head is in `committed`
        self.owed = self.prefix + "ledger-owed"  # list: what commits left to be added to the ledgers
        self.committed = self.prefix + "committed"  # hash: positions, number and token of the last commit
        self.checkpoint = self.prefix + "checkpoint"  # JSON: the pointer to the state's generation
        self.owner = self.prefix + "owner"  # string with expiry: the lease, holding the fencing token
        self.token = self.prefix + "token"  # integer: the last fencing token drawn
        self.standing = self.prefix + "standing"  # sorted set: subjects with a control key, by expiry
        self.cursors = self.prefix + "cursors"  # sorted set: sinks by the time of their last move

    def control(self, subject: str) -> str:
        """Name the key that holds a subject's standing command: the authority."""
        return f"{self.prefix}control:{subject}"

    def signal(self, subject: str) -> str:
        """Name the Pub/Sub channel that wakes the guards of a subject."""
        return f"{self.prefix}signal:{subject}"

    def limit(self, subject: str) -> str:
        """Name the key by which guards of several processes share a subject's limit of calls."""
        return f"{self.prefix}limit:{subject}"

    def ledger(self, day: str) -> str:
        """Name the hash of one day's costs (`day` as YYYY-MM-DD)."""
        return f"{self.prefix}ledger:{day}"

    def cursor(self, sink: str) -> str:
        """Name the key that holds how far a sink has come in the decision or incident log."""
        return f"{self.prefix}cursor:{sink}"

    def state(self, generation: str, chunk: int) -> str:
        """Name one chunk of a checkpoint's generation."""
        return f"{self.prefix}state:{generation}:{chunk}"


@lru_cache(maxsize=1024)
def keys(index: int) -> Keys:
    """Name the keys of a partition."""
    return Keys(index)


def partition(tenant: str, app: str, partitions: int) -> int:
    """Tell the partition of an app: crc32 of its escaped subject, modulo the number of partitions."""
    return crc32(app_subject(tenant, app).encode()) % partitions if partitions > 1 else 0


def partition_of(subject: str, partitions: int) -> int:
    """Tell the partition of a subject inside an app; a tenant as a whole has a key in every partition."""
    return crc32("/".join(subject.split("/", 2)[:2]).encode()) % partitions if partitions > 1 else 0


class Home:
    """One partition of several, and what belongs into it."""

    def __init__(self, index: int, partitions: int) -> None:
        self.index = index
        self.partitions = partitions
        self._known: dict[tuple[str, str], int] = {}

    def app(self, tenant: str, app: str) -> int:
        """Tell the partition of an app; known ones are looked up."""
        found = self._known.get((tenant, app))
        if found is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            found = self._known[tenant, app] = partition(tenant, app, self.partitions)
        return found

    def mine(self, subject: str) -> bool:
        """Tell whether a subject is this partition's; a tenant as a whole is everybody's."""
        return "/" not in subject or partition_of(subject, self.partitions) == self.index
