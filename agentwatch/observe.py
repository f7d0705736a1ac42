"""Metrics, and the log of `logs`: what is deliberately global, with `reset` for tests.

Metrics live in a registry of our own. None is labelled by anything that grows with the fleet: no run, agent, subject or
fingerprint.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from agentwatch.logs import LogOptions, conceal, configure_logging, forget, last_lines, redacted

__all__ = [
    "METRICS_TYPE",
    "LogOptions",
    "Metrics",
    "conceal",
    "configure_logging",
    "exposition",
    "last_lines",
    "metrics",
    "redacted",
    "reset",
]

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FAST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SLOW_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_ENTRIES = (1, 10, 50, 100, 250, 500, 1000, 2000)


class Metrics:
    """Every metric of the daemon. Labels take values from short fixed lists only."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._path(registry)
        self._harm(registry)
        self._delivery(registry)
        self._state(registry)
        self._upkeep(registry)
        self._http(registry)

    def _path(self, to: CollectorRegistry) -> None:
        self.events = Counter(
            "agentwatch_events_total",
            "Events by what became of them: counted, duplicate, dead, passed_on (to another partition).",
            ["outcome"],
            registry=to,
        )
        self.events_behind = Gauge("agentwatch_stream_lag_entries", "Entries not yet read.", registry=to)
        self.oldest_unread = Gauge("agentwatch_oldest_unread_seconds", "Age of the oldest unread entry.", registry=to)
        self.lost = Counter(
            "agentwatch_entries_lost_total", "Entries trimmed by a hard cap before they were read.", registry=to
        )
        self.batch_events = Histogram("agentwatch_batch_entries", "Entries in a batch.", buckets=_ENTRIES, registry=to)
        self.batch_seconds = Histogram(
            "agentwatch_batch_duration_seconds",
            "A batch's time by stage: read, compute, commit.",
            ["stage"],
            buckets=_FAST_S,
            registry=to,
        )
        self.tokens = Counter(
            "agentwatch_tokens_total", "Tokens seen, by direction: input, output.", ["direction"], registry=to
        )
        self.cost = Counter("agentwatch_cost_usd_total", "Spend seen, in dollars.", registry=to)
        self.looping_cost = Counter(
            "agentwatch_looping_cost_usd_total", "Spend of looping subjects, in dollars.", registry=to
        )
        self.unpriced = Counter(
            "agentwatch_unpriced_events_total", "Events with tokens and no known price.", registry=to
        )
        self.signals = Counter(
            "agentwatch_signals_total", "Rises of a level, by the detector that led to them.", ["kind"], registry=to
        )

    def _harm(self, to: CollectorRegistry) -> None:
        self.decisions = Counter(
            "agentwatch_decisions_total",
            "Decisions by level, change, origin, and what held them back.",
            ["level", "change", "origin", "gate"],
            registry=to,
        )
        self.standing = Gauge("agentwatch_commands_standing", "Commands that stand now.", ["cmd"], registry=to)
        self.breakers_open = Gauge("agentwatch_breakers_open", "Breakers that hold kills back now.", registry=to)
        self.mode = Gauge("agentwatch_mode", "1 for the global mode in force.", ["mode"], registry=to)
        self.safe_mode = Gauge(
            "agentwatch_safe_mode", "1 while it only observes after several unclean starts.", registry=to
        )
        self.canaries = Counter(
            "agentwatch_canaries_total", "Canaries by what became of them: killed, lives.", ["outcome"], registry=to
        )
        self.canary_seconds = Histogram(
            "agentwatch_canary_kill_duration_seconds",
            "From a canary's seventh equal call to its guard's word that it is killed.",
            buckets=_SLOW_S,
            registry=to,
        )
        self.canary_at = Gauge(
            "agentwatch_canary_killed_timestamp_seconds", "When a canary was killed last.", registry=to
        )
        self.heartbeats = Counter(
            "agentwatch_heartbeats_total", "Heartbeats by outcome: sent, failed, withheld.", ["outcome"], registry=to
        )
        self.verifications = Counter(
            "agentwatch_verifications_total", "Stops verified, failed, or escalated.", ["outcome"], registry=to
        )
        self.stop_seconds = Histogram(
            "agentwatch_stop_duration_seconds",
            "From a kill to the last spending after it.",
            buckets=_SLOW_S,
            registry=to,
        )

    def _delivery(self, to: CollectorRegistry) -> None:
        self.deliveries = Counter(
            "agentwatch_deliveries_total",
            "Commands sent, by sink and outcome: ok, failed.",
            ["sink", "outcome"],
            registry=to,
        )
        self.delivery_seconds = Histogram(
            "agentwatch_delivery_delay_seconds",
            "From decision to confirmed delivery, by sink.",
            ["sink"],
            buckets=_FAST_S,
            registry=to,
        )
        self.acks = Counter("agentwatch_acks_total", "Acknowledgements by state.", ["state"], registry=to)
        self.notifications = Counter(
            "agentwatch_notifications_total",
            "Alerts sent, by receiver and outcome.",
            ["receiver", "outcome"],
            registry=to,
        )
        self.incidents = Counter("agentwatch_incidents_total", "Incident states written.", ["state"], registry=to)
        self.incidents_open = Gauge("agentwatch_incidents_open", "Incidents open now.", registry=to)

    def _state(self, to: CollectorRegistry) -> None:
        self.tracked = Gauge(
            "agentwatch_tracked", "What state is kept of: runs, agents, roots, apps.", ["scope"], registry=to
        )
        self.dropped = Counter(
            "agentwatch_dropped_total", "What a bound made us forget or leave out, by bound.", ["bound"], registry=to
        )
        self.bound_limit = Gauge(
            "agentwatch_bound_limit", "How much may be held, by the option that says so.", ["bound"], registry=to
        )
        self.bound_used = Gauge("agentwatch_bound_used", "How much of a bound is used.", ["bound"], registry=to)
        self.shed = Counter(
            "agentwatch_shed_events_total",
            "Events of flooding apps that were counted and priced, and not judged.",
            registry=to,
        )

    def _upkeep(self, to: CollectorRegistry) -> None:
        self.owner = Gauge("agentwatch_owner", "Partitions that this worker owns now.", registry=to)
        self.checkpoint_seconds = Histogram(
            "agentwatch_checkpoint_duration_seconds", "Time to write a checkpoint.", buckets=_SLOW_S, registry=to
        )
        self.checkpoint_pause = Histogram(
            "agentwatch_checkpoint_pause_seconds",
            "How long nothing else was done for one.",
            buckets=_FAST_S,
            registry=to,
        )
        self.checkpoint_bytes = Gauge("agentwatch_checkpoint_bytes", "Size of the last checkpoint.", registry=to)
        self.checkpoint_at = Gauge(
            "agentwatch_checkpoint_timestamp_seconds", "When the last one was published.", registry=to
        )
        self.watchdog_at = Gauge(
            "agentwatch_watchdog_timestamp_seconds", "When the working loop last moved.", registry=to
        )
        self.reloads = Counter("agentwatch_reloads_total", "Reloads by outcome: ok, refused.", ["outcome"], registry=to)
        self.reload_ok = Gauge("agentwatch_reload_success", "1 when the last reload was taken.", registry=to)
        self.reload_at = Gauge(
            "agentwatch_reload_timestamp_seconds", "When configuration was last loaded.", registry=to
        )
        self.ledgers_unsettled = Gauge(
            "agentwatch_ledgers_unsettled",
            "Partitions of which a ledger cannot be brought up to date; what is owed to it is kept.",
            registry=to,
        )
        self.audit_broken = Counter(
            "agentwatch_audit_broken_total",
            "Takings over of a partition whose audit log did not end where the last commit left it.",
            registry=to,
        )
        self.wishes_refused = Counter(
            "agentwatch_controls_refused_total",
            "Wishes on the controls streams that were not carried out: nobody who may had signed, or they came before.",
            registry=to,
        )
        self.build = Gauge(
            "agentwatch_build_info",
            "1, with the version and the form of fingerprints (compiled, pure) as labels.",
            ["version", "fingerprints"],
            registry=to,
        )

    def _http(self, to: CollectorRegistry) -> None:
        self.http_requests = Counter(
            "agentwatch_http_requests_total",
            "Requests by route template, method and status.",
            ["route", "method", "status"],
            registry=to,
        )
        self.http_seconds = Histogram(
            "agentwatch_http_request_duration_seconds",
            "Time to answer, by route; streams are left out.",
            ["route"],
            buckets=_FAST_S,
            registry=to,
        )
        self.http_in_flight = Gauge("agentwatch_http_in_flight_requests", "Requests being answered.", registry=to)
        self.http_refused = Counter(
            "agentwatch_http_refused_total", "Requests refused before their handler, by cause.", ["cause"], registry=to
        )
        self.http_streams = Gauge(
            "agentwatch_http_streams_open", "Server-Sent Events streams open.", ["stream"], registry=to
        )
        self.http_intake = Counter(
            "agentwatch_http_events_total", "Events received over HTTP: accepted, refused.", ["outcome"], registry=to
        )


_current: Metrics | None = None


def metrics() -> Metrics:
    """Give the process's metrics, made at the first call."""
    global _current  # noqa: PLW0603  # the one deliberate global
    if _current is None:
        registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        _current = Metrics(registry)
    return _current


def exposition() -> bytes:
    """Render all metrics in Prometheus' text format, `METRICS_TYPE`."""
    return generate_latest(metrics().registry)


def reset() -> None:
    """Forget all metrics, lines and secrets, and put logging back as Python and structlog have it."""
    global _current  # noqa: PLW0603  # the one deliberate global
    _current = None
    forget()
