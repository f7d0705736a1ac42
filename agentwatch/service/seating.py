"""Makes all that one partition needs out of the settings: like `wiring`, a place that names adapters."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from agentwatch.act.command_outbox import URGENT, drain_commands
from agentwatch.act.outbox import OutboxOptions, Progress
from agentwatch.act.signal_mqtt import MqttSignal
from agentwatch.act.signal_redis import RedisSignal
from agentwatch.alert.deliver import Delivery
from agentwatch.broker import BrokerAddress, address_url
from agentwatch.config import Config, ReceiverOptions
from agentwatch.ingest.intake import RedisIntake
from agentwatch.ingest.stream import RedisSource, StreamOptions
from agentwatch.keys import partition_of
from agentwatch.nodes import Nodes
from agentwatch.pipeline import Pipeline
from agentwatch.policy.permits import USE_S
from agentwatch.records import METRICS
from agentwatch.service.acking import pass_acks_on
from agentwatch.service.bounds import bounds
from agentwatch.service.canary import Canary, canary_app
from agentwatch.service.cohort import CohortWatch
from agentwatch.service.decided import Decided
from agentwatch.service.fleet import Fleet
from agentwatch.service.health import Health
from agentwatch.service.hub import Hub
from agentwatch.service.incidents import IncidentDesk
from agentwatch.service.metering import Board, MeteredBus
from agentwatch.service.notifiers import make_notifier
from agentwatch.service.operations import OperatorDesk
from agentwatch.service.permit_desk import PermitDesk
from agentwatch.service.receivers import Receivers
from agentwatch.service.recent import RecentLog
from agentwatch.service.safe_mode import SafeMode
from agentwatch.service.seat import Answers, Seat
from agentwatch.service.self_report import SelfReport
from agentwatch.service.signing import Signer, believing
from agentwatch.service.worker import Worker
from agentwatch.store.controls import RedisControls
from agentwatch.store.dead import RedisDeadLetters
from agentwatch.store.log import RedisLog
from agentwatch.store.permits import PermitLimits, RedisPermits
from agentwatch.store.redis import RedisStore, StoreOptions
from agentwatch.store.trimming import TrimOptions

if TYPE_CHECKING:
    import httpx

__all__ = ["Seating"]

_CONFIRMING = 64  # commands that wait together for the confirmation of a broker, which keeps their order
_ASK_S = 1.0  # how long a broker that is away may keep a partition from its first batch


class Seating:
    """Makes seats out of what the whole daemon shares."""

    def __init__(
        self,
        config: Config,
        nodes: Nodes,
        intake: RedisIntake,
        broker: BrokerAddress | None,
        health: Health,
        signer: Signer,
        stack: AsyncExitStack,
        beat: Callable[[], None],
        safe: SafeMode,
        redis_url: str,
    ) -> None:
        self._config = config
        self._safe = safe
        self._redis_url = redis_url
        self._nodes = nodes
        self._intake = intake
        self._broker = broker
        self._health = health
        self._signer = signer
        self._stack = stack
        self._beat = beat
        self._board = Board()
        self._wishes = believing(config.signing, signer)
        self._http: httpx.AsyncClient | None = None

    def make(self, index: int, pipeline: Callable[[], Pipeline], receivers: tuple[ReceiverOptions, ...]) -> Seat:
        """Make the seat of a partition; nothing of it works yet."""
        config, client = self._config, self._nodes.of(index)
        hub, log = Hub(config.hub), RedisLog(client, index)
        health = self._health.part(f"partition {index}:" if self._nodes.partitions > 1 else "")
        source = RedisSource(client, index, StreamOptions(hard_max=config.redis.max_events), self._wishes())
        store = RedisStore(client, index, storing(config), self._signer)
        worker = Worker(source, store, log, pipeline, hub, config.worker, self._beat, self._board, self._intake.pass_on)
        worker.gauges.bounds = lambda now: bounds(now, hub, config)
        health.watch_worker(worker)
        seat = Seat(index, worker, hub, health)
        report = SelfReport(partial(RedisControls(self._nodes, self._signer).append_to, index))
        self._safe.guard(index, worker, report)
        if self._nodes.partitions > 1:
            self._permits(seat, report)
        canary = self._canary(seat, report)
        self._sink(seat, log, RedisSignal(client, index))
        if self._broker is not None:
            self._mqtt(seat, log, self._broker)
        self._receivers(seat, log, receivers)
        if config.api.enabled:
            self._answers(seat, log, client, canary)
        return seat

    def _permits(self, seat: Seat, report: SelfReport) -> None:
        """Let this partition share the breaker's limits with the others."""
        breaker = self._config.gate.breaker
        limits = PermitLimits(
            window_s=breaker.window_s + USE_S,
            share=breaker.share,
            min_runs=breaker.min_runs,
            small_limit=breaker.small_limit,
            leap_s=self._config.gate.staleness.leap_s,
        )
        permits = RedisPermits(self._nodes.permits, seat.index, self._nodes.partitions, limits)
        desk = PermitDesk(seat.worker, permits, report, seat.hub.wake())
        seat.health.add("permits", lambda _: desk.failing)
        seat.tasks.append(("permits", desk.run))

    def _canary(self, seat: Seat, report: SelfReport) -> Canary | None:
        """Send canaries through this partition, as often as it is configured."""
        options = self._config.canary
        if not options.every_s:
            return None
        paths = {"redis": self._redis_url}
        if self._broker is not None:
            paths["mqtt"] = address_url(self._broker)
        app = canary_app(seat.index, self._nodes.partitions)
        put = partial(self._intake.append_to, seat.index)
        canary = Canary(options, app, put, paths, report, lambda: seat.worker.ready)
        seat.health.add("canary", lambda _: canary.failing)
        seat.tasks.append(("canary", canary.run))
        return canary

    def _answers(self, seat: Seat, log: RedisLog, client: Any, canary: Canary | None) -> None:
        config, nodes, worker = self._config, self._nodes, seat.worker
        cohort = CohortWatch(lambda: worker.pipeline)
        seat.tasks.append(("cohort", cohort.run))
        place = (seat.index, nodes.partitions)
        seat.answers = Answers(
            fleet=Fleet(
                worker,
                self._health,
                seat.hub,
                config,
                place,
                cohort=cohort.of,
                canary=lambda: canary.told if canary else "",
            ),
            decisions=Decided(worker, log, seat.hub),
            incidents=IncidentDesk(lambda: worker.pipeline),
            operations=OperatorDesk(
                worker,
                RedisControls(nodes, self._signer),
                seat.hub,
                config.worker.answer_s,
                mine=lambda subject: partition_of(subject, nodes.partitions) == seat.index,
            ),
            dead=RedisDeadLetters(client, seat.index),
        )

    def _sink(
        self,
        seat: Seat,
        log: RedisLog,
        bus: Any,
        options: OutboxOptions = URGENT,
        away: Callable[[], str] = str,
    ) -> None:
        """Carry the log to a signal path; away: why the path is not there, also while nothing is to be carried."""
        progress = seat.sinks[bus.name] = Progress()
        wake = seat.hub.wake()
        metered, recent = MeteredBus(bus, seat.worker.hear), RecentLog(log, seat.hub.recent)
        run = partial(drain_commands, recent, metered, wake=wake, options=options, progress=progress)
        seat.tasks.append((f"sink-{bus.name}", run))
        seat.health.add(f"sink {bus.name}", lambda _: progress.failing or away())

    def _mqtt(self, seat: Seat, log: RedisLog, address: BrokerAddress) -> None:
        options, partitions = self._config.mqtt.signal, self._nodes.partitions
        if options.client_id and partitions > 1:  # a broker ends the older of two connections of one name
            options = replace(options, client_id=f"{options.client_id}-{seat.index}")
        bus = MqttSignal(
            address,
            options,
            mine=lambda subject: partition_of(subject, partitions) == seat.index,
            sign=self._signer.command,
            hear=seat.worker.hear,
        )
        seat.tasks.append(("mqtt", bus.run))
        seat.worker.greet = partial(_ask_first, bus, seat.worker.greet)
        seat.tasks.append(("mqtt-acks", lambda: pass_acks_on(bus, self._intake)))
        self._sink(seat, log, bus, replace(URGENT, at_once=_CONFIRMING), lambda: bus.failing)

    def _receivers(self, seat: Seat, log: RedisLog, options: tuple[ReceiverOptions, ...]) -> None:
        def make(wanted: ReceiverOptions) -> Delivery:
            return Delivery(log, make_notifier(wanted, self._client), wanted.deliver, time.time)

        receivers = seat.receivers = Receivers(make, seat.health)
        receivers.prepare(options)()
        seat.hub.on_commit(receivers.wake)
        seat.tasks.append(("receivers", receivers.run))

    def _client(self) -> "httpx.AsyncClient":
        """Give the one client of all receivers; there is none before the first alert."""
        import httpx

        if self._http is None:
            self._http = httpx.AsyncClient()
            self._stack.push_async_callback(self._http.aclose)
        return self._http


def storing(config: Config) -> StoreOptions:
    """Give the bounds of what a partition keeps in Redis."""
    redis = config.redis
    return StoreOptions(
        lease_s=redis.lease_s,
        audit=config.audit.max_records,
        dead_letters=redis.dead_letters,
        ledger_fields=redis.ledger_lines * len(METRICS),
        ledger_days=redis.ledger_days,
        trim=TrimOptions(keep=redis.log_keep, hard=redis.log_hard),
    )


async def _ask_first(bus: MqttSignal, then: Callable[[], Awaitable[None]] | None) -> None:
    """Hear what guards may know already, before the first decision gets a number."""
    await bus.until_learnt(_ASK_S)
    if then is not None:
        await then()
