"""The only place that names adapters: makes every part of a daemon out of its settings and joins them."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import httpx
import structlog
from msgspec.structs import replace

from agentwatch.act.command_outbox import drain_commands
from agentwatch.act.outbox import Progress
from agentwatch.act.signal_mqtt import MqttSignal
from agentwatch.act.signal_redis import RedisSignal
from agentwatch.alert.apprise import AppriseNotifier, AppriseOptions
from agentwatch.alert.deliver import Delivery
from agentwatch.alert.webhook import WebhookNotifier, WebhookOptions
from agentwatch.api.app import ApiPorts, create_app
from agentwatch.api.options import clients_of
from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.broker import broker_address
from agentwatch.config import Config, ReceiverOptions, secret
from agentwatch.connection import RedisOptions as ConnectionOptions
from agentwatch.errors import BadConfig, StoreUnavailable
from agentwatch.ingest.intake import RedisIntake
from agentwatch.ingest.stream import RedisSource, StreamOptions
from agentwatch.keys import partition_of
from agentwatch.nodes import Nodes
from agentwatch.observe import configure_logging
from agentwatch.pipeline import Pipeline
from agentwatch.ports import AckSource, Notifier
from agentwatch.rulebook import RuleBook
from agentwatch.service.client_desk import ClientDesk
from agentwatch.service.cohort import CohortWatch
from agentwatch.service.composing import make_pipeline
from agentwatch.service.decided import Decided
from agentwatch.service.embedded import EmbeddedOptions, EmbeddedValkey
from agentwatch.service.embedded_broker import start_broker
from agentwatch.service.fleet import Fleet
from agentwatch.service.health import Health
from agentwatch.service.hub import Hub
from agentwatch.service.incidents import IncidentDesk
from agentwatch.service.metering import MeteredBus
from agentwatch.service.operations import OperatorDesk
from agentwatch.service.receivers import Receivers
from agentwatch.service.serving import ApiServer
from agentwatch.service.settings import Settings
from agentwatch.service.signing import Signer, read_private_key
from agentwatch.service.state_dir import state_dir
from agentwatch.service.worker import Worker
from agentwatch.store.clients import RedisClients
from agentwatch.store.controls import RedisControls
from agentwatch.store.dead import RedisDeadLetters
from agentwatch.store.log import RedisLog
from agentwatch.store.meta import settle_partitions
from agentwatch.store.redis import RedisStore, StoreOptions

__all__ = ["Wired", "make_notifier", "wire"]

_log = structlog.get_logger()
Task = tuple[str, Callable[[], Coroutine[Any, Any, None]]]


class Wired:
    """The joined parts of one daemon."""

    def __init__(
        self, settings: Settings, worker: Worker, hub: Hub, health: Health, redis_shown: str, signer: Signer
    ) -> None:
        self.settings = settings
        self.worker = worker
        self.hub = hub
        self.health = health
        self.redis_shown = redis_shown
        self.signer = signer
        self.api: ApiServer | None = None
        self.tasks: list[Task] = []
        self.sinks: dict[str, Progress] = {}
        self.rulebook: RuleBook = settings.rulebook
        self.receivers: Receivers | None = None
        self.clients: ClientDesk | None = None

    @property
    def url(self) -> str:
        """Where the control API answers; empty while it does not."""
        return self.api.url if self.api is not None else ""

    def sinks_behind(self) -> bool:
        """Tell whether a sink that works has not yet delivered all that was decided."""
        seq = self.worker.pipeline.positions.seq
        return any(
            not progress.failing and int(progress.position.partition("-")[0] or 0) < seq
            for progress in self.sinks.values()
        )

    def make(self) -> Pipeline:
        """Make an empty pipeline under the present rulebook."""
        return make_pipeline(self.settings.config, self.rulebook)

    def prepare(self, fresh: Settings) -> Callable[[], None]:
        """Check what a reload would change; gives the swap, which cannot fail."""
        alerts = self.receivers.prepare(fresh.config.receivers) if self.receivers is not None else None

        callers = clients_of(fresh.config.api)
        key = read_private_key(fresh.config.signing.private_key)

        def swap() -> None:
            if alerts is not None:
                alerts()
            if self.clients is not None:
                self.clients.configure(callers)
            self.signer.adopt(key)
            self.rulebook = fresh.rulebook
            self.worker.pipeline.adopt(fresh.rulebook)
            configure_logging(fresh.config.log)

        return swap


async def wire(settings: Settings, stack: AsyncExitStack, beat: Callable[[], None]) -> Wired:
    """Make and join everything; what must be closed goes on the stack. Nothing works yet when this returns."""
    config = settings.config
    url, shown = await _redis(settings, stack)
    timeout_s = max(config.redis.timeout_s, config.worker.block_s * 2)
    nodes = Nodes(url, ConnectionOptions(timeout_s=timeout_s), config.redis.seeds)
    stack.push_async_callback(nodes.aclose)
    partitions = await _partitions(nodes, beat)
    index = config.redis.partition
    if index >= partitions:
        raise BadConfig(f"there are {partitions} partitions, counted from 0", "redis.partition")
    client = nodes.of(index)
    signer = Signer(read_private_key(config.signing.private_key))
    hub, health, log = Hub(), Health(), RedisLog(client, index)
    source = RedisSource(client, index, StreamOptions(hard_max=config.redis.max_events))
    store = RedisStore(client, index, StoreOptions(lease_s=config.redis.lease_s), signer.command)
    worker = Worker(source, store, log, lambda: make_pipeline(config, settings.rulebook), hub, config.worker, beat)
    wired = Wired(settings, worker, hub, health, shown, signer)
    worker.make = wired.make
    health.watch_worker(worker)
    intake = RedisIntake(nodes, config.decode)
    wired.tasks.append(("worker", worker.run))
    _sink(wired, log, RedisSignal(client, index))
    await _mqtt(wired, config, stack, log, intake, partitions)
    _receivers(wired, config, stack, log)
    if config.api.enabled:
        cohort = CohortWatch(lambda: worker.pipeline)
        wired.tasks.append(("cohort", cohort.run))
        clients = wired.clients = ClientDesk(
            RedisClients(nodes.common), clients_of(config.api), config.api.clients_refresh_s
        )
        wired.tasks.append(("clients", clients.run))
        health.add("clients", lambda _: clients.failing)
        ports = ApiPorts(
            fleet=Fleet(worker, health, hub, config, partitions, cohort=cohort.of),
            decisions=Decided(worker, log, hub),
            incidents=IncidentDesk(lambda: worker.pipeline),
            operations=OperatorDesk(
                worker,
                RedisControls(nodes),
                hub,
                config.worker.answer_s,
                mine=lambda subject: partition_of(subject, partitions) == index,
            ),
            ingest=intake,
            acks=intake,
            dead=RedisDeadLetters(client, index),
            clients=clients,
        )
        wired.api = ApiServer(create_app(ports, config.api, sign=signer.command), config.api)
    return wired


async def _partitions(nodes: Nodes, beat: Callable[[], None]) -> int:
    """Ask Redis for the number of partitions; it may come up after us, or still load its data."""
    backoff = Backoff(BackoffOptions(min_s=0.1, max_s=5.0))
    while True:
        try:
            await nodes.settle()
            nodes.partitions = await settle_partitions(nodes.common, 0)
        except StoreUnavailable as error:
            pause = backoff.next()
            _log.warning("redis_awaited", reason=str(error), retry_s=round(pause, 2))
        else:
            return nodes.partitions
        beat()
        await asyncio.sleep(pause)


async def _redis(settings: Settings, stack: AsyncExitStack) -> tuple[str, str]:
    """Give the URL to connect to, with its password, and the one that may be shown."""
    options = settings.config.redis
    if not options.url:
        directory = state_dir(settings.config.state_dir, settings.environment) / "valkey"
        server = EmbeddedValkey(directory, EmbeddedOptions(port=options.embedded_port, appendfsync=options.appendfsync))
        url = await server.start()
        stack.push_async_callback(server.stop)
        return url, f"embedded {url}"
    parts = httpx.URL(options.url)
    password = secret(options.password, "redis.password")
    whole = str(parts.copy_with(username=parts.username, password=password)) if password else options.url
    return whole, str(parts.copy_with(username=None, password=None))


def _sink(wired: Wired, log: RedisLog, bus: Any) -> None:
    progress = wired.sinks[bus.name] = Progress()
    wake = wired.hub.wake()
    metered = MeteredBus(bus)
    wired.tasks.append((f"sink-{bus.name}", lambda: drain_commands(log, metered, wake=wake, progress=progress)))
    wired.health.add(f"sink {bus.name}", lambda _: progress.failing)


async def _mqtt(
    wired: Wired, config: Config, stack: AsyncExitStack, log: RedisLog, intake: RedisIntake, partitions: int
) -> None:
    options = config.mqtt
    url = options.url
    if options.embedded.enabled:
        broker = await start_broker(options.embedded.host, options.embedded.port)
        stack.push_async_callback(broker.stop)
        url = url or f"mqtt://{broker.host}:{broker.port}"
    if not url:
        return
    address = broker_address(url)
    password = secret(options.password, "mqtt.password")
    if password:
        address = replace(address, password=password)
    index = config.redis.partition
    bus = MqttSignal(
        address,
        options.signal,
        mine=lambda subject: partition_of(subject, partitions) == index,
        sign=wired.signer.command,
    )
    wired.tasks.append(("mqtt", bus.run))
    wired.tasks.append(("mqtt-acks", lambda: _forward(bus, intake)))
    _sink(wired, log, bus)


async def _forward(acks: AckSource, intake: RedisIntake) -> None:
    """Put acknowledgements that came over MQTT on the acks stream, where they are one ordered input among others."""
    backoff = Backoff(BackoffOptions(min_s=0.05, max_s=1.0))
    async for ack in acks.acks():
        while True:
            try:
                await intake.acknowledge([ack])
            except StoreUnavailable as error:
                _log.warning("ack_retried", subject=ack.subject, reason=str(error))
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()
                break


def _receivers(wired: Wired, config: Config, stack: AsyncExitStack, log: RedisLog) -> None:
    clients: list[httpx.AsyncClient] = []

    def make(options: ReceiverOptions) -> Delivery:
        if not clients:  # one for all, and none where there is no receiver
            clients.append(httpx.AsyncClient())
            stack.push_async_callback(clients[0].aclose)
        return Delivery(log, make_notifier(options, clients[0]), options.deliver, time.time)

    receivers = wired.receivers = Receivers(make, wired.health)
    receivers.prepare(config.receivers)()
    wired.hub.on_commit(receivers.wake)
    wired.tasks.append(("receivers", receivers.run))


def make_notifier(options: ReceiverOptions, client: httpx.AsyncClient) -> Notifier:
    """Make the receiver of alerts that the options describe, its secrets already in place."""
    if options.kind == "apprise":
        return AppriseNotifier(AppriseOptions(name=options.name, url=options.url))
    return WebhookNotifier(WebhookOptions(name=options.name, url=options.url, secret=options.secret), client)
