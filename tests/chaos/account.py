"""Adds up what a disturbed run did against what it should have: events, decisions, and what guards see."""

import time
from collections import Counter
from collections.abc import Sequence

import msgspec
import redis
from msgspec import Struct, field

from agentwatch.act.command import command_of
from agentwatch.act.standing import Standing, StandingOptions
from agentwatch.audited import AuditEntry, AuditPage, Head, genesis, verify
from agentwatch.keys import GROUP, keys
from agentwatch.records import Command, Decision, Origin
from agentwatch.store.ledger_lines import rows_added_up
from tests.chaos.broker import Wire
from tests.chaos.workload import Verdict, issued, judged, verdict

__all__ = ["Account", "decisions_of", "settle"]

K = keys(0)


class Account(Struct, kw_only=True):
    """One scenario's line. Everything from `lost` on must be zero; `why` says what is not."""

    scenario: str
    injected: int
    events: int
    counted: int
    expected: int
    found: int
    held: int = 0  # by staleness, which an outage may cause
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    guards: int = 0  # control keys and retained commands that are not what stands
    seconds: float = 0.0
    why: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled or wrongly done."""
        return not self.why and self.counted == self.events


def decisions_of(client: redis.Redis) -> list[Decision]:
    """Read the whole decision log."""
    rows = client.xrange(K.decisions)
    return [msgspec.json.decode(fields[b"data"], type=Decision) for _, fields in rows]


def counted(client: redis.Redis) -> int:
    """Add up the events of every line of the ledgers, and of what is owed to them."""
    names = list(client.scan_iter(f"{K.prefix}ledger:*"))
    with client.pipeline(transaction=True) as pipe:
        pipe.lrange(K.owed, 0, -1)
        for name in names:
            pipe.hgetall(name)
        owed, *ledgers = pipe.execute()
    days, unread, _ = rows_added_up(owed)
    assert not unread
    found = sum(sums[0] for lines in days.values() for sums in lines.values())
    for ledger in ledgers:
        found += sum(int(value) for field_, value in ledger.items() if field_.endswith(b"|events"))
    return found


def settle(
    scenario: str,
    injected: int,
    client: redis.Redis,
    expected: Sequence[Verdict],
    events: int,
    wire: Wire | None = None,
    seconds: float = 0.0,
    *,
    lossy: bool = False,
    different: int = 0,
    mixed: bool = False,
) -> Account:
    """Compare a finished run with the verdicts of an undisturbed one.

    lossy: the server itself forgot a stated window, so numbers of decisions may be left out, and guards may have heard
    commands whose decision was forgotten and made again. different: how many of the events are not sent twice (0: all);
    where some are, what counts entries is not compared. mixed: nor is it where the apps were mixed otherwise.
    """
    log = decisions_of(client)
    found = [decision for decision in log if judged(decision)]
    made, wanted = Counter(map(verdict, found)), Counter(expected)
    if different or mixed:
        made, wanted = Counter(v[:-1] for v in made.elements()), Counter(v[:-1] for v in wanted.elements())
    account = Account(
        scenario=scenario, injected=injected, events=different or events, counted=counted(client),
        expected=len(expected), found=len(found), held=sum(d.gate == "staleness" for d in found), seconds=seconds,
    )  # fmt: skip
    account.lost = sum((wanted - made).values())
    more = made - wanted
    account.doubled = sum(n for v, n in more.items() if v in wanted) + len(log) - len({d.id for d in log})
    account.wrong = sum(n for v, n in more.items() if v not in wanted) + _strangers(log, expected)
    for name in ("lost", "doubled", "wrong"):
        if getattr(account, name):
            account.why.append(f"{name}: {getattr(account, name)}")
    account.why += [f"lost: {v}" for v in (wanted - made)][:3] + [f"more: {v}" for v in more][:3]
    other = Counter(d.gate for d in found if d.gate and d.gate != "staleness")
    account.why += [f"held by {gate}: {number}" for gate, number in other.items()]
    account.why += _position(client, log, events, different or events, lossy)
    wrong = _seen(client, log, wire, lossy)
    account.guards = len(wrong)
    account.why += _audited(client)
    account.why += wrong[:6]
    return account


def _strangers(log: Sequence[Decision], expected: Sequence[Verdict]) -> int:
    """Count the commands for subjects that the undisturbed run never judged."""
    known = {v[1] for v in expected}
    return sum(issued(d) and d.origin is Origin.policy and d.subject not in known for d in log)


def _position(client: redis.Redis, log: Sequence[Decision], events: int, different: int, lossy: bool) -> list[str]:
    """Say what of the store's own bookkeeping does not add up."""
    wrong = []
    numbers = [d.seq for d in log]
    if numbers != (sorted(set(numbers)) if lossy else list(range(1, len(log) + 1))):
        wrong.append("the decision log has holes")
    index = int(client.hget(K.committed, "index") or 0)
    if index != events:
        wrong.append(f"committed {index} of {events} events")
    if counted(client) != different:
        wrong.append(f"counted {counted(client)} of {different} events")
    if client.xlen(K.dead):
        wrong.append(f"{client.xlen(K.dead)} dead letters")
    if client.exists(K.events) and (pending := client.xpending(K.events, GROUP)["pending"]):
        wrong.append(f"{pending} entries are pending")
    return wrong


def _audited(client: redis.Redis) -> list[str]:
    """Say what is wrong with the audit log's chain; a record of each command must be in it."""
    entries = [
        AuditEntry(seq=int(position.split(b"-")[0]), data=told[b"data"].decode(), hash=told[b"hash"].decode())
        for position, told in client.xrange(K.audit)
    ]
    seq, head = client.hmget(K.committed, "audit_seq", "audit_head")
    page = AuditPage(partition=0, entries=tuple(entries), head=Head(int(seq), head.decode()) if seq else genesis(0))
    commands = sum(
        b"command_" in told[b"data"] and b"command_resume" not in told[b"data"] for _, told in client.xrange(K.audit)
    )
    wanted = sum(command_of(decision) is not None for decision in decisions_of(client))
    wrong = [f"audit log: {why}" for why in verify(page)]
    return wrong if commands == wanted else [*wrong, f"audit log: {commands} of {wanted} commands"]


def _seen(client: redis.Redis, log: Sequence[Decision], wire: Wire | None, lossy: bool) -> list[str]:
    """Say where what guards see is not what stands by the decision log."""
    standing = Standing(StandingOptions())
    for decision in log:
        standing.fold(decision)
    now = time.time()
    wanted = {command.subject: command.epoch for command in standing.commands(now)}
    stored = {}
    for name in client.scan_iter(f"{K.prefix}control:*"):
        command = msgspec.json.decode(client.get(name), type=Command)
        stored[command.subject] = command.epoch
    wrong = _differ("control key", wanted, stored)
    if wire is not None:
        retained = wire.settled(stored)
        wrong += _differ("retained", wanted, {subject: command.epoch for subject, command in retained.items()})
        made = {decision.id for decision in log if command_of(decision) is not None}
        if not lossy:
            ids = [c.id for c in wire.heard if c.cmd != "resume" and c.id not in made]
            wrong += [f"on the wire, not in the log: {one}" for one in ids]
        newest: dict[str, int] = {}
        for command in wire.heard:
            if command.epoch < newest.get(command.subject, 0) and not lossy:
                wrong.append(f"on the wire, older after newer: {command.subject} {command.epoch}")
            newest[command.subject] = max(command.epoch, newest.get(command.subject, 0))
        # guards refuse what is older than what they heard: what stands must be the newest of all
        old = [s for s, epoch in wanted.items() if epoch < newest.get(s, 0)]
        wrong += [f"guards of {s} know {newest[s]} and refuse {wanted[s]}" for s in old]
    return wrong


def _differ(what: str, wanted: dict[str, int], found: dict[str, int]) -> list[str]:
    subjects = sorted({*wanted, *found})
    return [f"{what} {s}: {found.get(s)} and not {wanted.get(s)}" for s in subjects if wanted.get(s) != found.get(s)]
