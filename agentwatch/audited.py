"""The audit log as a chain: each record holds the hash of the one before, and the last of each commit is signed.

Whoever changes, removes, moves or adds a record changes every hash after it; whoever computes those anew cannot sign
them. What cannot be seen in the chain itself is that its end was cut off: that is held against a head from elsewhere.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from agentwatch.errors import UNREADABLE
from agentwatch.records import AuditLine, Command
from agentwatch.signed import netstrings

__all__ = [
    "UNSIGNED",
    "Anchor",
    "AuditEntry",
    "AuditPage",
    "AuditQueries",
    "AuditRecord",
    "Check",
    "Head",
    "Vouching",
    "anchor_at",
    "anchor_message",
    "genesis",
    "head_message",
    "link",
    "verify",
]

_BREAK_AFTER: Final = 100


class Vouching(Protocol):
    """What signs; `kid` is the id of the key in force, "" while there is none."""

    kid: str

    def command(self, command: Command) -> Command:
        """Give the command with its signature."""

    def text(self, message: bytes) -> str:
        """Sign a message; "" without a key."""


class _Unsigned:
    kid = ""

    def command(self, command: Command) -> Command:
        return command

    def text(self, message: bytes) -> str:  # noqa: ARG002  # there is no key
        return ""


UNSIGNED: Final[Vouching] = _Unsigned()


class Head(Struct, frozen=True):
    """How far a chain reaches: the number of its last record, and that record's hash."""

    seq: int
    hash: str


class AuditRecord(AuditLine, frozen=True, kw_only=True, omit_defaults=True):
    """A line in its place. prev: hash of the record before. kid: id of the key that signs this record's hash."""

    partition: int
    seq: int
    prev: str
    kid: str = ""


class AuditEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record as it is stored: its number, its JSON, the hash of that, and the signature where one was made."""

    seq: int
    data: str
    hash: str
    sig: str = ""


class Anchor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the log begins since its oldest records were let go: the last record that went, signed."""

    seq: int
    hash: str
    kid: str = ""
    sig: str = ""


class AuditPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the log in order, with the anchor and the head as they were when it was read.

    partitions: how many logs there are, each partition's own.
    """

    partition: int
    entries: tuple[AuditEntry, ...]
    head: Head
    anchor: Anchor | None = None
    partitions: int = 1


class AuditQueries(Protocol):
    """The audit log as it is stored. Raises `StoreUnavailable`."""

    async def page(self, partition: int, after: int, limit: int) -> AuditPage:
        """List records after a number, in order, with head and anchor as of the same moment.

        Raises `BadRequest` for a partition that there is not.
        """


def genesis(partition: int) -> Head:
    """Give what the first record of a partition follows."""
    return Head(0, sha256(netstrings("agentwatch audit genesis 1", str(partition))).hexdigest())


def link(lines: Sequence[AuditLine], head: Head, partition: int, signer: Vouching = UNSIGNED) -> list[AuditEntry]:
    """Chain a commit's lines on; its last record is signed. The same after the same head gives the same."""
    found: list[AuditEntry] = []
    for at, line in enumerate(lines, 1):
        kid = signer.kid if at == len(lines) else ""
        values = {name: getattr(line, name) for name in AuditLine.__struct_fields__}
        record = AuditRecord(**values, partition=partition, seq=head.seq + 1, prev=head.hash, kid=kid)
        data = msgspec.json.encode(record)
        head = Head(record.seq, _hash(data))
        sig = signer.text(head_message(partition, head, kid)) if kid else ""
        found.append(AuditEntry(seq=head.seq, data=data.decode(), hash=head.hash, sig=sig))
    return found


def head_message(partition: int, head: Head, kid: str) -> bytes:
    """Give the bytes that the signature of a record's hash covers."""
    return netstrings("agentwatch audit head 1", kid, str(partition), str(head.seq), head.hash)


def anchor_message(partition: int, head: Head, kid: str) -> bytes:
    """Give the bytes that the signature of an anchor covers."""
    return netstrings("agentwatch audit anchor 1", kid, str(partition), str(head.seq), head.hash)


def anchor_at(head: Head, partition: int, signer: Vouching = UNSIGNED) -> Anchor:
    """Make the anchor of a log whose records up to this one are let go."""
    sig = signer.text(anchor_message(partition, head, signer.kid)) if signer.kid else ""
    return Anchor(seq=head.seq, hash=head.hash, kid=signer.kid, sig=sig)


Check = Callable[[str, bytes], str]  # a signature and its message: why it does not hold, "" where it does


def verify(
    page: AuditPage, check: Check | None = None, expected: Iterable[Head] = (), since: Anchor | None = None
) -> list[str]:
    """Name everything that is wrong with a whole log, in words; nothing is wrong with an empty answer.

    check: verifies signatures; where it is given, the newest record and the anchor must be signed. expected: heads that
    the log once had, which it must still reach. since: where to begin, in place of the page's own anchor.
    """
    begin = since or page.anchor
    wrong = _anchor_wrong(page.partition, begin, check) if begin is not None else []
    at = Head(begin.seq, begin.hash) if begin is not None else genesis(page.partition)
    heads = {at.seq: at.hash}
    signed = True
    for entry in page.entries:
        told, at, signed = _entry_wrong(entry, at, page.partition, check)
        wrong += told
        heads[at.seq] = at.hash
        if len(wrong) > _BREAK_AFTER:
            return [*wrong, "and more: the rest was not looked at"]
    if at != page.head:
        wrong.append(f"it ends at record {at.seq}, but {page.head.seq} with hash {page.head.hash[:16]}… was the last")
    if check is not None and page.entries and not signed:
        wrong.append(f"the newest record, {at.seq}, is not signed")
    for head in expected:
        if head.seq < min(heads):
            continue  # let go since: the anchor stands for it
        if heads.get(head.seq) != head.hash:
            wrong.append(f"it once held record {head.seq} with hash {head.hash[:16]}…, and does not any more")
    return wrong


def _anchor_wrong(partition: int, anchor: Anchor, check: Check | None) -> list[str]:
    if check is None:
        return []
    if not anchor.sig:
        return [f"the anchor before record {anchor.seq + 1} is not signed"]
    reason = check(anchor.sig, anchor_message(partition, Head(anchor.seq, anchor.hash), anchor.kid))
    return [f"the anchor before record {anchor.seq + 1}: {reason}"] if reason else []


def _entry_wrong(entry: AuditEntry, at: Head, partition: int, check: Check | None) -> tuple[list[str], Head, bool]:
    """Hold one entry against the head before it; gives what is wrong, the new head, and whether it is signed."""
    wrong: list[str] = []
    data = entry.data.encode()
    reached = Head(entry.seq, _hash(data))
    try:
        record = msgspec.json.decode(data, type=AuditRecord)
    except UNREADABLE:
        return [f"record {entry.seq} cannot be read"], reached, False
    if entry.seq != at.seq + 1:
        wrong.append(f"record {at.seq + 1} is missing: {entry.seq} follows {at.seq}")
    if (record.seq, record.partition) != (entry.seq, partition):
        wrong.append(f"record {entry.seq} says that it is {record.seq} of partition {record.partition}")
    if entry.hash != reached.hash:
        wrong.append(f"record {entry.seq} was changed: its hash is another one")
    if record.prev != at.hash:
        wrong.append(f"record {entry.seq} does not follow what is stored before it")
    if bool(record.kid) != bool(entry.sig):
        wrong.append(f"record {entry.seq}: its signature was {'taken away' if record.kid else 'added'}")
    elif entry.sig and check is not None:
        reason = check(entry.sig, head_message(partition, reached, record.kid))
        wrong += [f"record {entry.seq}: {reason}"] if reason else []
    return wrong, reached, bool(entry.sig)


def _hash(data: bytes) -> str:
    return sha256(netstrings("agentwatch audit record 1", data.decode())).hexdigest()
