"""Makes the parts of a daemon out of its settings and joins them: the first of the few places that name adapters."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import structlog
from msgspec.structs import replace

from agentwatch import __version__
from agentwatch.api.options import clients_of
from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.broker import BrokerAddress, broker_address
from agentwatch.config import Config, secret
from agentwatch.connection import RedisOptions as ConnectionOptions
from agentwatch.counting import counted
from agentwatch.errors import BadConfig, StoreUnavailable
from agentwatch.ingest.intake import RedisIntake
from agentwatch.keys import Home
from agentwatch.membership import Member
from agentwatch.nodes import Nodes
from agentwatch.observe import conceal, configure_logging
from agentwatch.pipeline import Pipeline
from agentwatch.records import Event
from agentwatch.rulebook import RuleBook
from agentwatch.service.answering import AllDead, AllDecided, AllDesks, AllFleets, AllIncidents
from agentwatch.service.client_desk import ClientDesk
from agentwatch.service.composing import make_pipeline
from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey
from agentwatch.service.embedded_broker import start_broker
from agentwatch.service.health import Health
from agentwatch.service.memory import Memory, RememberingBank
from agentwatch.service.notes import Notes
from agentwatch.service.safe_mode import SafeMode
from agentwatch.service.seating import Seating
from agentwatch.service.seats import Seats
from agentwatch.service.settings import Settings
from agentwatch.service.signing import Signer, read_private_key
from agentwatch.service.state_dir import state_dir
from agentwatch.service.supporting import SupportDesk
from agentwatch.service.unclean_starts import UncleanStarts
from agentwatch.service.worker import Worker
from agentwatch.store.audit import RedisAudit
from agentwatch.store.clients import RedisClients
from agentwatch.store.controls import RedisControls
from agentwatch.store.holder import this_process
from agentwatch.store.members import RedisMembers
from agentwatch.store.meta import settle_partitions
from agentwatch.store.progress import RedisProgress

if TYPE_CHECKING:
    from agentwatch.service.serving import ApiServer

__all__ = ["Wired", "redis_url", "wire"]

_log = structlog.get_logger()
Task = tuple[str, Callable[[], Coroutine[Any, Any, None]]]


class Wired:
    """The joined parts of one daemon."""

    def __init__(
        self, settings: Settings, redis_shown: str, health: Health, signer: Signer, safe: SafeMode, notes: Notes
    ) -> None:
        self.settings = settings
        self.redis_shown = redis_shown
        self.signer = signer
        self.notes = notes
        self.health = health
        self.safe = safe
        self.config = settings.config  # as it was read last
        self.rulebook: RuleBook = settings.rulebook
        self.receivers = settings.config.receivers
        self.api: ApiServer | None = None
        self.tasks: list[Task] = []
        self.seats: Seats
        self.clients: ClientDesk | None = None

    @property
    def url(self) -> str:
        """Where the control API answers; empty while it does not."""
        return self.api.url if self.api is not None else ""

    @property
    def worker(self) -> Worker:
        """The worker of the first partition that is served here."""
        return self.seats.held[0].worker

    @property
    def mode(self) -> str:
        """The mode of the whole, as operators set it; as configured, where nothing is served here."""
        held = self.seats.held
        return held[0].worker.pipeline.ledgers.gate.mode if held else self.settings.config.gate.mode

    def turns(self) -> int:
        """Tell how often the working loops have turned; it stands still for who stands by."""
        return sum(seat.worker.turns for seat in self.seats.held)

    def wrong(self) -> str:
        """Say what keeps the daemon from its work, safe mode too; empty where nothing does."""
        safe = next((why for seat in self.seats.held if (why := seat.worker.pipeline.ledgers.gate.safe)), "")
        return safe or "; ".join(f"{c.name}: {c.detail}" for c in self.health.components(time.time()) if not c.ok)

    def make(self, home: Home | None = None) -> Pipeline:
        """Make the empty pipeline of a partition under the present rulebook, with a memory to explain it by."""
        config = self.settings.config
        bank = RememberingBank(config.state, Memory(samples=self._samples))
        return make_pipeline(config, self.rulebook, home, bank)

    def _samples(self, event: Event) -> bool:
        """Tell whether texts of an event may be kept, by the rule that is in force now."""
        policy = self.rulebook.policy
        return policy.match(event.tenant, event.app, event.team, event.agent, event.tool, event.model).samples

    def prepare(self, fresh: Settings) -> Callable[[], None]:
        """Check what a reload would change; gives the swap, which cannot fail."""
        held = self.seats.held
        alerts = [seat.receivers.prepare(fresh.config.receivers) for seat in held if seat.receivers is not None]

        callers = clients_of(fresh.config.api)
        key = read_private_key(fresh.config.signing.private_key)
        certificate = self.api.prepare_certificate() if self.api is not None else None

        def swap() -> None:
            for swap_alerts in alerts:
                swap_alerts()
            if certificate is not None:
                certificate()
            if self.clients is not None:
                self.clients.configure(callers)
            before = (self.signer.kid, self.rulebook.policy.digest)
            self.signer.adopt(key)
            if self.signer.kid != before[0]:
                self.notes.put("signing_key", self.signer.kid or "none", who="reload")
            if fresh.rulebook.policy.digest != before[1]:
                self.notes.put("policy", fresh.rulebook.policy.digest, who="reload")
            self.config = fresh.config
            self.rulebook, self.receivers = fresh.rulebook, fresh.config.receivers
            for seat in held:
                seat.worker.pipeline.adopt(fresh.rulebook)
            configure_logging(fresh.config.log)

        return swap


async def wire(settings: Settings, stack: AsyncExitStack, beat: Callable[[], None]) -> Wired:
    """Make and join everything; what must be closed goes on the stack. Nothing works yet when this returns."""
    config = settings.config
    url, shown, embedded = await _redis(settings, stack)
    timeout_s = max(config.redis.timeout_s, config.worker.block_s * 2)
    nodes = Nodes(url, ConnectionOptions(timeout_s=timeout_s), config.redis.seeds)
    nodes.on_change = lambda owners: _log.info("cluster_changed", nodes=owners)
    stack.push_async_callback(nodes.aclose)
    wanted, partitions = config.redis.partition, await _partitions(nodes, beat)
    if wanted != "auto" and wanted >= partitions:
        raise BadConfig(f"there is no such one: {counted(partitions, 'partition')}, counted from 0", "redis.partition")
    signer = Signer(read_private_key(config.signing.private_key))
    starts = UncleanStarts(state_dir(config.state_dir, settings.environment) / f"starts-{wanted}.json", config.safe)
    notes = Notes(partial(RedisControls(nodes, signer).append_to, 0))
    notes.put("daemon_started", f"version {__version__}", reason=f"policy {settings.rulebook.policy.digest}")
    wired = Wired(settings, shown, Health(), signer, SafeMode(starts, config.safe), notes)
    wired.tasks.append(("notes", notes.run))
    if embedded is not None:
        wired.tasks.append(("embedded-server", embedded.keep))
        wired.health.add("embedded server", lambda _: embedded.failing)
    wired.safe.begin()
    wired.tasks.append(("safe-mode", wired.safe.run))
    intake, members = RedisIntake(nodes, config.decode, signer=signer), RedisMembers(nodes, config.redis.lease_s)
    seating = Seating(
        config, nodes, intake, await _broker(config, stack), wired.health, signer, stack, beat, wired.safe, url
    )
    wired.seats = Seats(
        members,
        lambda index: seating.make(index, partial(wired.make, Home(index, nodes.partitions)), wired.receivers),
        wanted,
        config.redis.look_s,
        beat,
        Member(name=this_process(), version=__version__),
    )
    wired.tasks.append(("seats", wired.seats.run))
    if config.heartbeat.url:
        await _heartbeat(wired, stack)
    if config.api.enabled:
        _api(wired, nodes, intake, members)
    return wired


async def _heartbeat(wired: Wired, stack: AsyncExitStack) -> None:
    """Join what tells an outside watcher that all is well; only here, since it takes an HTTP client with it."""
    import httpx

    from agentwatch.service.heartbeat import Heartbeat

    options = wired.settings.config.heartbeat
    client = await stack.enter_async_context(httpx.AsyncClient())
    heart = Heartbeat(secret(options.url, "heartbeat.url"), options, client, wired.turns, wired.wrong)
    wired.tasks.append(("heartbeat", heart.run))


def _api(wired: Wired, nodes: Nodes, intake: RedisIntake, members: RedisMembers) -> None:
    """Join the control API to what answers for every partition; only here, since its framework is half of a start."""
    from agentwatch.api.app import ApiPorts, create_app
    from agentwatch.service.serving import ApiServer

    options = wired.settings.config.api
    clients = wired.clients = ClientDesk(
        RedisClients(nodes.common), clients_of(options), options.clients_refresh_s, note=wired.notes.put
    )
    wired.tasks.append(("clients", clients.run))
    wired.health.add("clients", lambda _: clients.failing)
    fleet = AllFleets(wired.seats)
    ports = ApiPorts(
        fleet=fleet,
        decisions=AllDecided(wired.seats),
        incidents=AllIncidents(wired.seats),
        operations=AllDesks(wired.seats, RedisControls(nodes, wired.signer)),
        partitions=RedisProgress(nodes, members),
        ingest=intake,
        acks=intake,
        dead=AllDead(wired.seats),
        clients=clients,
        audit=RedisAudit(nodes),
        support=SupportDesk(lambda: wired.config, fleet.status),
    )
    wired.api = ApiServer(create_app(ports, options, sign=wired.signer.command), options)


async def _partitions(nodes: Nodes, beat: Callable[[], None]) -> int:
    """Ask Redis for the number of partitions; it may come up after us, or still load its data."""
    backoff = Backoff(BackoffOptions(min_s=0.1, max_s=5.0))
    while True:
        try:
            await nodes.settle()
            nodes.partitions = await settle_partitions(nodes.common)
        except StoreUnavailable as error:
            pause = backoff.next()
            _log.warning("redis_awaited", reason=str(error), retry_s=round(pause, 2))
        else:
            return nodes.partitions
        beat()
        await asyncio.sleep(pause)


async def _redis(settings: Settings, stack: AsyncExitStack) -> tuple[str, str, EmbeddedValkey | None]:
    """Give the URL to connect to, with its password, the one that may be shown, and the server where it is our own."""
    options = settings.config.redis
    if not options.url:
        directory = state_dir(settings.config.state_dir, settings.environment) / "valkey"
        server = EmbeddedValkey(directory, EmbeddedOptions(port=options.embedded_port, appendfsync=options.appendfsync))
        url = await server.start()
        stack.push_async_callback(server.stop)
        return url, f"embedded {url}", server
    return *redis_url(settings.config), None


def redis_url(config: Config) -> tuple[str, str]:
    """Give the URL of the configured Redis with its password, and the one that may be shown."""
    try:
        parts = urlsplit(config.redis.url)
        whole = bool(parts.scheme) and parts.port != 0  # a port that is none is found out when it is asked for
    except ValueError:
        whole = False
    if not whole:  # said in our own words: the error's may quote a password that holds a sign of the URL's own
        raise BadConfig("is no URL; write redis://host:port/0, with % escapes in name and password", "redis.url")
    conceal(unquote(parts.password or ""))
    password = secret(config.redis.password, "redis.password")
    place = parts.netloc.rpartition("@")[2]
    login = f"{parts.username or ''}:{quote(password, safe='')}@"
    url = urlunsplit(parts._replace(netloc=login + place)) if password else config.redis.url
    return url, urlunsplit(parts._replace(netloc=place))


async def _broker(config: Config, stack: AsyncExitStack) -> BrokerAddress | None:
    """Give the broker to connect to; None where there is to be none."""
    options = config.mqtt
    url = options.url
    if options.embedded.enabled:
        broker = await start_broker(options.embedded.host, options.embedded.port)
        stack.push_async_callback(broker.stop)
        url = url or f"mqtt://{broker.host}:{broker.port}"
    if not url:
        return None
    address = broker_address(url, "mqtt.url")
    conceal(address.password)
    password = secret(options.password, "mqtt.password")
    return replace(address, password=password) if password else address
