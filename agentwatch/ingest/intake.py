"""The way in for producers and guards without Redis: what they send is checked, then appended to the streams."""

from collections.abc import Sequence
from itertools import groupby

import msgspec
from msgspec.structs import replace

from agentwatch.audited import UNSIGNED, Vouching
from agentwatch.connection import reading
from agentwatch.errors import BadEvent
from agentwatch.ingest.decode import DecodeOptions, DecodeStats, complete, parse
from agentwatch.keys import keys, partition, partition_of
from agentwatch.nodes import Nodes
from agentwatch.ports import IngestResult
from agentwatch.records import CANARY_TENANT, Ack, Astray, Entry, Event
from agentwatch.wishes import entry_fields

__all__ = ["RedisIntake"]

_TENANT = "default"
Stored = tuple[int, bytes]
Item = tuple[int, str, bytes]  # partition, stream, data


class RedisIntake:
    """Appends events and acks to the streams of their partitions; `signer` signs the wishes that are passed on."""

    def __init__(
        self,
        nodes: Nodes,
        options: DecodeOptions = DecodeOptions(),  # noqa: B008  # frozen
        stats: DecodeStats | None = None,
        signer: Vouching = UNSIGNED,
    ) -> None:
        self._nodes = nodes
        self._signer = signer
        self._options = options
        self.stats = stats if stats is not None else DecodeStats()

    async def put(self, raw: Sequence[bytes], tenant: str = "", app: str = "") -> Sequence[IngestResult]:
        """Check each event and append the good ones in order, as received; one result each, as the port has it."""
        results: list[IngestResult | None] = []
        good: list[Stored] = []
        for data in raw:
            try:
                good.append(self._check(data, tenant, app))
                results.append(None)
            except BadEvent as error:
                self.stats.dead += 1
                results.append(IngestResult(reason=error.reason, field=error.field))
        ids = iter(await self._append([(index, keys(index).events, data) for index, data in good]))
        self.stats.events += len(good)
        return [IngestResult(id=next(ids)) if result is None else result for result in results]

    async def append_to(self, index: int, data: bytes) -> None:
        """Append one event of the daemon's own to a partition's stream, unread."""
        await self._append([(index, keys(index).events, data)])

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Append acks to the streams of their subjects' partitions, in order; a tenant's to every partition."""
        items: list[Item] = []
        for ack in acks:
            data = msgspec.json.encode(ack)
            one = "/" in ack.subject or self._nodes.partitions == 1
            targets = [partition_of(ack.subject, self._nodes.partitions)] if one else range(self._nodes.partitions)
            items += [(index, keys(index).acks, data) for index in targets]
        await self._append(items)

    async def pass_on(self, inputs: Sequence[Astray]) -> None:
        """Put inputs that were read in another partition into their own, in order."""
        await self._append([(one.partition, getattr(keys(one.partition), one.stream), one.data) for one in inputs])

    def _check(self, data: bytes, tenant: str, app: str) -> Stored:
        event = parse(Entry("", data), self._options, self.stats)
        bound = _bind(event, tenant, app)
        if bound.tenant == CANARY_TENANT:
            raise BadEvent("is reserved for agentwatch's own canary", "tenant")
        if bound is not event:
            data = msgspec.json.encode(bound)
        index = partition(bound.tenant or _TENANT, bound.app or bound.agent, self._nodes.partitions)
        # The daemon completes it again, by the entry's own time; here only what is wrong is looked for.
        complete(bound, "", 0.0, None, self._options, self.stats)
        return index, data

    async def _append(self, items: Sequence[Item]) -> list[str]:
        """Write each partition's items in one pipeline; gives the new ids in the order of the items."""
        found = [""] * len(items)
        order = sorted(range(len(items)), key=lambda at: items[at][0])  # stable: within a partition as received
        with reading("append"):
            for index, group in groupby(order, key=lambda at: items[at][0]):
                places = list(group)
                async with self._nodes.of(index).pipeline(transaction=False) as pipe:
                    for at in places:
                        _, stream, data = items[at]
                        wish = stream == keys(index).controls
                        fields = entry_fields(data, self._signer) if wish else ("data", data)
                        pipe.execute_command("XADD", stream, "*", *fields)
                    for at, position in zip(places, await pipe.execute(), strict=True):
                        found[at] = position.decode()
        return found


def _bind(event: Event, tenant: str, app: str) -> Event:
    """Give an event what its sender is bound to; raises `BadEvent` where it names another."""
    if tenant and event.tenant and event.tenant != tenant:
        raise BadEvent(f"this sender may only send for {tenant!r}", "tenant")
    if app and event.app and event.app != app:
        raise BadEvent(f"this sender may only send for {app!r}", "app")
    changes: dict[str, str] = {}
    if tenant and not event.tenant:
        changes["tenant"] = tenant
    if app and not event.app:
        changes["app"] = app
    return replace(event, **changes) if changes else event
