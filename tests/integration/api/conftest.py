"""A real server on a free port over ports kept in memory: small, but honest about what the contracts say."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import msgspec
import pytest

from agentwatch import observe, views
from agentwatch.api.app import ApiPorts, create_app
from agentwatch.api.options import ApiOptions, TokenOptions, clients_of
from agentwatch.api.tokens import hash_token
from agentwatch.audited import AuditPage, Head, genesis, link
from agentwatch.config import Config
from agentwatch.errors import BadRequest, StoreUnavailable
from agentwatch.ports import Accepted, IngestResult
from agentwatch.records import (
    Ack,
    AllowEntry,
    AuditLine,
    Change,
    Command,
    Control,
    DeadLetter,
    Decision,
    Event,
    Level,
    Origin,
)
from agentwatch.service.client_desk import ClientDesk
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.incidents import IncidentDesk
from agentwatch.service.operations import checked
from agentwatch.service.ruling import rule_views
from agentwatch.service.serving import ApiServer
from agentwatch.service.supporting import SupportDesk
from agentwatch.silencing import Silences
from agentwatch.store.memory import MemoryClients
from agentwatch.subject import parse

TOKENS = {role: f"aw_{role}-token" for role in ("producer", "guard", "operator", "read")}
TIGHT = b"[[rules]]\nname = 'tight'\nmatch.app = ['a-*', 'b']\nmode = 'observe'\ndetectors.repeat.kill = 5.0\n"
_CMDS = {Level.throttle: "throttle", Level.pause: "pause", Level.kill: "kill"}


class MemoryFleet:
    def __init__(self) -> None:
        self.known: dict[str, views.AgentView] = {}
        self.runs: dict[str, views.RunView] = {}
        self.components: tuple[views.ComponentHealth, ...] = (views.ComponentHealth(name="store", ok=True),)

    def add_run(self, tenant: str, app: str, agent: str, run: str, root_run: str) -> views.RunView:
        view = views.RunView(
            subject=f"{tenant}/{app}/run/{run}", tenant=tenant, app=app, agent=agent, run=run, root_run=root_run,
            started_at=1.0, last_at=2.0, events=3, tokens=4, cost_nusd=5,
        )  # fmt: skip
        self.runs[view.subject] = view
        subject = f"{tenant}/{app}/agent/{agent}"
        self.known[subject] = views.AgentView(
            subject=subject, tenant=tenant, app=app, agent=agent, runs=1, events=3, tokens=4, cost_nusd=5, last_at=2.0,
            run_views=(view,),
        )  # fmt: skip
        return view

    def status(self) -> views.StatusView:
        return views.StatusView(
            version="0", mode="enforce", partition=0, partitions=1, started_at=0.0, now=1.0, events=0,
            events_per_second=0.0, lag=0, oldest_unread_s=0.0, position="0-0", runs_active=0, agents_active=0,
            looping=0,
            standing={}, dead_letters=0, cost_today_nusd=0, policy_digest="", rules=0, dropped={},
            components=self.components,
        )  # fmt: skip

    def agents(self, tenant: str | None) -> Sequence[views.AgentView]:
        return [a for a in self.known.values() if tenant is None or a.tenant == tenant]

    def agent(self, subject: str) -> views.AgentView | None:
        return self.known.get(subject)

    def run(self, subject: str) -> views.RunView | None:
        return self.runs.get(subject)

    def explain(self, subject: str) -> views.Explanation | None:
        told = views.Explanation(subject=subject, level=Level.warn, words=("it repeats",))
        return told if subject in {*self.known, *self.runs} else None


class MemoryDecisions:
    """A log in a list; each watcher has a queue of `bound` and loses the oldest."""

    def __init__(self, clock: Callable[[], float], bound: int = 10_000) -> None:
        self.clock = clock
        self.bound, self.down = bound, False
        self.log: list[tuple[str, Decision]] = []
        self.book = make_rulebook(Config(), {"tight.toml": TIGHT})
        self.commands: dict[str, Command] = {}
        self.watchers: list[tuple[deque[tuple[str, Decision]], asyncio.Event]] = []

    def write(self, decision: Decision) -> None:
        self.log.append((position := f"{len(self.log) + 1}-0", decision))
        cmd = _CMDS.get(decision.level)
        if cmd is None:
            self.commands.pop(decision.subject, None)
        elif not decision.gate:
            self.commands[decision.subject] = Command(
                id=decision.id, cmd=cmd, scope=parse(decision.subject)[0], subject=decision.subject,
                epoch=decision.seq, reason=decision.reason, incident=decision.incident, issued_at=decision.at,
                expires_at=decision.expires_at, limit=decision.limit,
            )  # fmt: skip
        for queue, ready in self.watchers:
            queue.append((position, decision))
            ready.set()

    async def decisions(self, wanted: views.DecisionFilter) -> views.Page:
        if self.down:
            raise StoreUnavailable("the store is down")
        found = []
        for position, d in reversed(self.log):
            if wanted.before and int(position[:-2]) >= int(wanted.before[:-2]):
                continue
            asked = {"tenant": wanted.tenant, "subject": wanted.subject, "agent": wanted.agent, "level": wanted.level}
            same = all(not want or want == getattr(d, name) for name, want in asked.items())
            if same and not (wanted.active and d.expires_at <= self.clock()):
                found.append((position, d))
        page = found[: wanted.limit]
        more = page[-1][0] if len(found) > wanted.limit else ""
        return views.Page(decisions=tuple(d for _, d in page), next=more)

    async def decision(self, id: str) -> Decision | None:
        return next((d for _, d in self.log if d.id == id), None)

    def standing(self, subjects: Sequence[str]) -> Command | None:
        order = ("resume", "throttle", "pause", "kill")
        found = [c for s in subjects if (c := self.commands.get(s)) and c.expires_at > self.clock()]
        return max(found, key=lambda c: order.index(c.cmd), default=None)

    def rules(self) -> views.RulesView:
        return views.RulesView(digest=self.book.policy.digest, mode="enforce", rules=rule_views(self.book))

    async def watch(self, after: str = "") -> AsyncIterator[tuple[str, Decision]]:
        if self.down:
            raise StoreUnavailable("the store is down")
        queue: deque[tuple[str, Decision]] = deque(maxlen=self.bound)
        if after:
            queue.extend(e for e in self.log if int(e[0][:-2]) > int(after[:-2]))
        self.watchers.append(entry := (queue, ready := asyncio.Event()))
        try:
            while True:
                while queue:
                    yield queue.popleft()
                ready.clear()
                await ready.wait()
        finally:
            self.watchers.remove(entry)


class MemoryOperations:
    def __init__(self, decisions: MemoryDecisions) -> None:
        self.submitted: list[Control] = []
        self.waiting: list[views.ApprovalView] = []
        self.allowed: dict[str, AllowEntry] = {}
        self.modes: tuple[str, dict[str, str]] = ("enforce", {})
        self._decisions = decisions
        self.silences: Callable[[], Silences]

    async def submit(self, control: Control) -> Accepted:
        checked(control)
        self.submitted.append(control)
        if control.kind in ("decide", "delete"):
            return self._decide(control, control.level or Level.observe)
        if control.kind == "mode":
            if control.target and control.target != "tight":
                raise BadRequest(f"there is no rule {control.target!r}", "rule")
            self.modes = (control.value, {}) if not control.target else (self.modes[0], {control.target: control.value})
        elif control.kind == "allow_add" and control.entry is not None:
            self.allowed[control.entry.pattern] = control.entry
        elif control.kind == "allow_remove":
            del self.allowed[control.target]
        elif control.kind == "silence_add" and control.entry is not None:
            self.silences().add(control.entry)
        elif control.kind == "silence_remove":
            self.silences().remove(control.target, control.at)
        return Accepted(control_id=control.id)

    def _decide(self, control: Control, level: Level) -> Accepted:
        _, tenant, app, _ = parse(control.subject)
        seq = len(self._decisions.log) + 1
        decision = Decision(
            id=f"d{seq}", seq=seq, at=control.at, tenant=tenant, app=app, agent="", run="", root_run="",
            subject=control.subject, kind="operator", level=level, change=Change.up, origin=Origin.operator,
            reason=control.reason, author=control.author, limit=control.limit,
            expires_at=control.at + (control.ttl_s or 3600.0),
        )  # fmt: skip
        self._decisions.write(decision)
        return Accepted(control_id=control.id, decision=decision)

    def allow_list(self) -> Sequence[AllowEntry]:
        return list(self.allowed.values())

    def approvals(self) -> Sequence[views.ApprovalView]:
        return self.waiting

    def breakers(self) -> Sequence[views.BreakerView]:
        return [views.BreakerView(scope="fleet", state="closed", used=1, allowed=10, window_s=300.0)]

    def mode(self) -> tuple[str, dict[str, str]]:
        return self.modes


class MemoryIngest:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.down = False
        self._decoder = msgspec.json.Decoder(Event)

    async def put(self, raw: Sequence[bytes], tenant: str = "", app: str = "") -> Sequence[IngestResult]:
        if self.down:
            raise StoreUnavailable("the store is down")
        return [self._one(each, tenant, app) for each in raw]

    def _one(self, raw: bytes, tenant: str, app: str) -> IngestResult:
        try:
            event = self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            reason, _, at = str(error).partition(" - at `$.")
            return IngestResult(reason=reason, field=at.rstrip("`"))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            return IngestResult(reason=str(error))
        for field, bound in (("tenant", tenant), ("app", app)):
            if bound and getattr(event, field) not in ("", bound):
                return IngestResult(reason=f"the sender is bound to {bound}", field=field)
        self.events.append(event)
        return IngestResult(id=f"{len(self.events)}-0")


class MemoryAcks:
    def __init__(self) -> None:
        self.taken: list[Ack] = []

    async def acknowledge(self, acks: Sequence[Ack]) -> None:
        self.taken.extend(acks)


class MemoryDead:
    def __init__(self) -> None:
        self.letters = [
            (f"{n}-0", DeadLetter(id=f"{n}-0", entry=f"{n}-1", at=1.0, reason="no agent", original={"data": "{}"}))
            for n in range(5, 0, -1)
        ]

    async def dead(self, before: str, limit: int) -> Sequence[tuple[str, DeadLetter]]:
        return [p for p in self.letters if not before or int(p[0][:-2]) < int(before[:-2])][:limit]

    async def requeue(self, id: str) -> str:
        if id in dict(self.letters):
            return "99-0"
        raise BadRequest("no such dead letter", "id")


class MemoryAudit:
    async def page(self, partition: int, after: int, limit: int) -> AuditPage:
        lines = [AuditLine(at=1.0, action="mode", who="alice", value="observe")]
        entries = link(lines, genesis(0), 0)
        return AuditPage(partition=0, entries=tuple(entries[after:]), head=Head(1, entries[0].hash))


class MemoryPartitions:
    async def partitions(self) -> Sequence[views.PartitionView]:
        return (
            views.PartitionView(index=0, owner="here|pid:[4026531836] 1", token=1),
            views.PartitionView(index=1, lag=-1),
        )


class Served:
    """One running server, its ports, and clients for its callers."""

    def __init__(self, options: ApiOptions) -> None:
        self.now = time.time()
        self.ticks = lambda: self.now
        self.fleet = MemoryFleet()
        self.decisions = MemoryDecisions(lambda: self.now)
        self.operations = MemoryOperations(self.decisions)
        self.pipeline = make_pipeline(Config(), self.decisions.book)  # whose incidents are listed
        self.operations.silences = lambda: self.pipeline.ledgers.silences
        self.ingest, self.acks, self.dead = MemoryIngest(), MemoryAcks(), MemoryDead()
        self.stored_clients = MemoryClients()
        self.callers = ClientDesk(self.stored_clients, clients_of(options), 0.05, self.tick_wall)
        ports = ApiPorts(
            fleet=self.fleet, decisions=self.decisions, operations=self.operations, ingest=self.ingest,
            acks=self.acks, dead=self.dead, incidents=IncidentDesk(lambda: self.pipeline),
            clients=self.callers, audit=MemoryAudit(),
            support=SupportDesk(Config, self.fleet.status), partitions=MemoryPartitions(),
        )  # fmt: skip
        self.app = create_app(ports, options, clock=self.decisions.clock, ticks=self.tick)
        self.server = ApiServer(self.app, options)
        self.tokens = TOKENS
        self.clients: dict[str, httpx.AsyncClient] = {}

    def tick_wall(self) -> float:
        return self.now

    def tick(self) -> float:
        return self.ticks()

    async def start(self, stack: AsyncExitStack) -> None:
        await self.server.start()
        for role, token in (*TOKENS.items(), ("nobody", "")):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            client = httpx.AsyncClient(
                base_url=self.server.url, headers=headers, timeout=10, trust_env=False, verify=False
            )
            self.clients[role] = await stack.enter_async_context(client)

    def kill(
        self, subject: str, level: Level = Level.kill, limit: float | None = None, ttl_s: float = 600.0
    ) -> Decision:
        seq = len(self.decisions.log) + 1
        _, tenant, app, _ = parse(subject)
        decision = Decision(
            id=f"d{seq}", seq=seq, at=self.now, tenant=tenant, app=app, agent="a", run="r", root_run="r",
            subject=subject, kind="repeat", level=level, change=Change.up, reason="the same again and again",
            incident=f"i{seq}", expires_at=self.now + ttl_s, limit=limit,
        )  # fmt: skip
        self.decisions.write(decision)
        return decision


@pytest.fixture(autouse=True)
def _fresh_metrics():
    observe.reset()
    yield
    observe.reset()


@pytest.fixture
def serve():
    """Give a context manager that serves with these options; each role has its token unless tokens are given."""

    @asynccontextmanager
    async def run(**options: object) -> AsyncIterator[Served]:
        tokens = tuple(TokenOptions(name=r, roles=(r,), sha256=hash_token(t)) for r, t in TOKENS.items())
        served = Served(ApiOptions(**{"port": 0, "tokens": tokens, "recheck_s": 0.2, **options}))
        async with AsyncExitStack() as stack:
            try:
                await served.start(stack)
                yield served
            finally:
                await served.server.stop()

    return run


@pytest.fixture
async def api(serve):
    """A server with the default options and one token for each role."""
    async with serve() as served:
        yield served
