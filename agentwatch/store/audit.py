"""The audit log in Redis: a stream a partition, written by the commits themselves, with its head beside them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog

from agentwatch.audited import UNSIGNED, Anchor, AuditEntry, AuditPage, Head, Vouching, anchor_at, genesis, link
from agentwatch.connection import reading
from agentwatch.counting import counted
from agentwatch.errors import BadRequest, Fenced
from agentwatch.keys import META, MOST, Keys, keys
from agentwatch.nodes import Nodes
from agentwatch.observe import metrics
from agentwatch.records import AuditLine, Commit
from agentwatch.store.scripts import Script

__all__ = ["AuditChain", "RedisAudit"]

_TOLD: Final = 32  # records of one commit that the daemon's log tells one by one

_log = structlog.get_logger()


class AuditChain:
    """Where one worker's chain is; it moves when a commit was written."""

    def __init__(self, client: Any, names: Keys, keep: int, signer: Vouching = UNSIGNED) -> None:
        self._client = client
        self._names = names
        self._keep = keep
        self._signer = signer
        self._begins = 1
        self._linked: tuple[Commit, Sequence[AuditEntry]] | None = None
        self._anchor = Script("anchor")
        self.head = genesis(names.index)

    def restore(self, committed: Mapping[str, str]) -> None:
        """Go on after what was committed last."""
        self._linked = None
        self.head = _head(committed, self._names.index)
        anchor = _anchor(committed)
        self._begins = anchor.seq + 1 if anchor is not None else 1

    async def look(self) -> None:
        """Tell, in the log and in a metric, where the log does not end as the last commit left it; the work goes on."""
        rows = await self._client.execute_command("XREVRANGE", self._names.audit, "+", "-", "COUNT", 1)
        found = genesis(self._names.index)
        if rows:
            found = Head(int(rows[0][0].decode().partition("-")[0]), _pairs(rows[0][1]).get("hash", ""))
        if found != self.head:
            metrics().audit_broken.inc()
            _log.error("audit_log_broken", partition=self._names.index, ends_at=found.seq, committed=self.head.seq)

    def link(self, commit: Commit) -> Sequence[AuditEntry]:
        """Chain a commit's lines on. A commit that is repeated gives the same, also when the key was changed since."""
        if not commit.audit:
            return ()
        if self._linked is None or self._linked[0] is not commit:
            self._linked = (commit, link(commit.audit, self.head, self._names.index, self._signer))
        return self._linked[1]

    def moved(self, entries: Sequence[AuditEntry]) -> None:
        """Note what was committed; the log line is a head in another place, which tells a log that was cut off."""
        if not entries:
            return
        self._linked = None
        self.head = Head(entries[-1].seq, entries[-1].hash)
        _tell(entries)
        _log.info("audit_head", head=f"{self._names.index}:{self.head.seq}:{self.head.hash}")

    async def trim(self, token: int) -> None:
        """Let the oldest records go where there are a tenth more than are kept. Raises `Fenced`."""
        if self.head.seq - self._begins + 1 <= self._keep * 1.1:
            return
        first = self.head.seq - self._keep + 1
        rows = await self._client.execute_command(
            "XRANGE", self._names.audit, f"{first - 1}-0", f"{first - 1}-0", "COUNT", 1
        )
        if not rows:
            _log.error("audit_record_missing", partition=self._names.index, seq=first - 1)
            return
        fields = _pairs(rows[0][1])
        anchor = anchor_at(Head(first - 1, fields["hash"]), self._names.index, self._signer)
        names = (self._names.token, self._names.committed, self._names.audit)
        if await self._anchor.run(self._client, names, (token, msgspec.json.encode(anchor), first)) < 0:
            raise Fenced(f"partition {self._names.index} was taken over from token {token}")
        self._begins = first


def _tell(entries: Sequence[AuditEntry]) -> None:
    """Log who did what to whom, for whoever follows the log; why is in the audit log, for it may quote an agent."""
    for entry in entries[:_TOLD]:
        line = msgspec.json.decode(entry.data, type=AuditLine)
        named = {"subject": line.subject, "target": line.target, "value": line.value, "ref": line.ref}
        _log.info(line.action, who=line.who, **{name: value for name, value in named.items() if value})
    if len(entries) > _TOLD:
        _log.info("audit_untold", records=len(entries) - _TOLD)


class RedisAudit:
    """Reads the audit logs of all partitions, whoever serves them."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def page(self, partition: int, after: int, limit: int) -> AuditPage:
        """List records after a number, in order, with head and anchor as of the same moment."""
        names = keys(partition)
        with reading("audit"):
            # those that are served no longer keep their logs: nobody hides what he did by having fewer
            most = int(await self._nodes.common.execute_command("HGET", META, MOST) or 0)
            partitions = max(self._nodes.partitions, most)
            if partition >= partitions:
                raise BadRequest(
                    f"there is no such one: {counted(partitions, 'partition')}, counted from 0", "partition"
                )
            async with self._nodes.of(partition).pipeline(transaction=True) as pipe:
                pipe.execute_command("HGETALL", names.committed)
                pipe.execute_command("XRANGE", names.audit, f"{after + 1}-0", "+", "COUNT", limit)
                flat, rows = await pipe.execute()
        committed = _pairs(flat)
        entries: list[AuditEntry] = []
        for position, flat_fields in rows:
            fields = _pairs(flat_fields)
            seq = int(position.decode().partition("-")[0])
            entry = AuditEntry(
                seq=seq, data=fields.get("data", ""), hash=fields.get("hash", ""), sig=fields.get("sig", "")
            )
            entries.append(entry)
        return AuditPage(
            partition=partition,
            partitions=partitions,
            entries=tuple(entries),
            head=_head(committed, partition),
            anchor=_anchor(committed),
        )


def _pairs(flat: Any) -> dict[str, str]:
    if isinstance(flat, dict):
        flat = [part for pair in flat.items() for part in pair]
    texts = [part.decode(errors="replace") for part in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _head(committed: Mapping[str, str], partition: int) -> Head:
    seq = committed.get("audit_seq", "")
    return Head(int(seq), committed.get("audit_head", "")) if seq.isdecimal() else genesis(partition)


def _anchor(committed: Mapping[str, str]) -> Anchor | None:
    text = committed.get("audit_anchor")
    try:
        return msgspec.json.decode(text, type=Anchor) if text else None
    except msgspec.MsgspecError:
        return Anchor(seq=0, hash="")  # one that follows nothing: the verification tells it
