"""The configuration: one frozen tree of each part's own options, from a TOML file, the environment and secret files.

Reading files is here because everything that can fail about a configuration fails here, with the key's name.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from agentwatch.act.signal_mqtt import MqttOptions as MqttSignalOptions
from agentwatch.act.standing import StandingOptions
from agentwatch.act.tombstone import TombstoneOptions
from agentwatch.act.verify import VerifyOptions
from agentwatch.alert.deliver import DeliverOptions
from agentwatch.alert.incident import IncidentOptions
from agentwatch.api.options import ApiOptions, check_options
from agentwatch.cost.ledger import LedgerOptions
from agentwatch.cost.prices import PriceOptions
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.environment import lay_environment
from agentwatch.errors import BadConfig
from agentwatch.fingerprint.options import FingerprintOptions
from agentwatch.ingest.decode import DecodeOptions
from agentwatch.ingest.flood import FloodOptions
from agentwatch.observe import LogOptions, conceal
from agentwatch.pipeline import PipelineOptions
from agentwatch.policy.gate import GateOptions
from agentwatch.policy.ladder import LadderOptions
from agentwatch.policy.load import where_wrong

__all__ = [
    "CanaryOptions",
    "Config",
    "EmbeddedBrokerOptions",
    "HeartbeatOptions",
    "HubOptions",
    "MqttOptions",
    "PolicyOptions",
    "ReceiverOptions",
    "RedisOptions",
    "SafeOptions",
    "SigningOptions",
    "WorkerOptions",
    "read_config",
    "read_policy_files",
    "secret",
]

Seconds = Annotated[float, Meta(gt=0, le=86400)]


class RedisOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the streams and the control keys are.

    url: `redis://` or `rediss://` (TLS) or `unix://`; empty starts the embedded server. seeds: further nodes of a
    cluster. password: given as it is, or `file:/path`, or `credential:NAME`. lease_s: a silent worker's partition is
    taken over after this. timeout_s: a call that takes longer has failed. max_events: hard cap of the events stream,
    dropped oldest first and counted (0: none). partition: the one that this process serves, or "auto" for its share of
    all. look_s: how often it looks around for partitions that nobody serves and workers that joined.
    """

    url: str = ""
    seeds: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    password: str = ""
    partition: Annotated[int, Meta(ge=0, le=4095)] | Literal["auto"] = "auto"
    look_s: Annotated[float, Meta(gt=0, le=60)] = 1.0
    lease_s: Seconds = 10.0
    timeout_s: Seconds = 5.0
    max_events: Annotated[int, Meta(ge=0)] = 0
    dead_letters: Annotated[int, Meta(ge=1)] = 10_000
    log_keep: Annotated[int, Meta(ge=1)] = 20_000
    log_hard: Annotated[int, Meta(ge=1)] = 1_000_000
    ledger_lines: Annotated[int, Meta(ge=1)] = 100_000
    ledger_days: Annotated[int, Meta(ge=1, le=36_500)] = 400
    appendfsync: Literal["always", "everysec", "no"] = "everysec"
    embedded_port: Annotated[int, Meta(ge=0, le=65535)] = 0


class EmbeddedBrokerOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A broker inside the daemon, for trying things out; it listens on loopback and has no passwords."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883


class MqttOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where commands are published as retained messages. url: `mqtt[s]://[user@]host[:port]`; empty: not at all."""

    url: str = ""
    password: str = ""
    embedded: EmbeddedBrokerOptions = EmbeddedBrokerOptions()
    signal: MqttSignalOptions = MqttSignalOptions()


class PolicyOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """files: globs of policy files, relative to this file; none given: the shipped policy."""

    files: tuple[str, ...] = ()


class ReceiverOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One receiver of alerts. url: a webhook (`https://…`, kind webhook) or any apprise URL (kind apprise).

    url and secret may be `file:/path` or `credential:NAME`.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9._-]+$")]
    kind: Literal["webhook", "apprise"] = "webhook"
    url: str
    secret: str = ""
    deliver: DeliverOptions = DeliverOptions()


class WorkerOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the loop paces itself.

    batch: most entries read at once. turn_s: how long they may take to compute. block_s: how long a read waits for
    them. checkpoint_s, checkpoint_events: a checkpoint follows after that much time or that many events.
    checkpoint_fork_runs: with so many runs or more a forked child encodes it (0: never). renew_s: how
    often the lease is extended and the ledgers are brought up to date. retry_s, retry_max_s: back-off while the store
    is away. drain_s: how long a stop may take. answer_s: how long an operator's request waits for its commit.
    """

    batch: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    turn_s: Annotated[float, Meta(ge=0.001, le=10)] = 0.015
    block_s: Annotated[float, Meta(gt=0, le=10)] = 0.5
    checkpoint_s: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    checkpoint_events: Annotated[int, Meta(ge=1)] = 200_000
    checkpoint_fork_runs: Annotated[int, Meta(ge=0)] = 500
    renew_s: Annotated[float, Meta(gt=0, le=60)] = 1.0
    retry_s: Annotated[float, Meta(gt=0, le=60)] = 0.1
    retry_max_s: Annotated[float, Meta(gt=0, le=300)] = 5.0
    drain_s: Annotated[float, Meta(gt=0, le=300)] = 20.0
    answer_s: Annotated[float, Meta(gt=0, le=300)] = 8.0


class SigningOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the daemon vouches for with its own key: every command, operator's wish, and head of the audit log.

    require_signed_controls: carry out no wish that is not signed by that key, or by one of `trusted_keys`.
    """

    private_key: str = ""
    require_signed_controls: bool = False
    trusted_keys: str = ""


class HubOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """queue: decisions kept for a watcher that is slow; beyond it the oldest are dropped and counted.

    watchers, requests: how many may watch, and wait for their commit, at once.
    """

    queue: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    watchers: Annotated[int, Meta(ge=1, le=100_000)] = 1024
    requests: Annotated[int, Meta(ge=1, le=1_000_000)] = 4096


class SafeOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a daemon that crashes again and again starts in safe mode, in which it only observes.

    unclean_starts: so many starts within within_s seconds did not end in good order (0: never). clean_s: safe mode ends
    by itself after so many seconds without a crash.
    """

    unclean_starts: Annotated[int, Meta(ge=0, le=50)] = 3
    within_s: Annotated[float, Meta(ge=1, le=86400)] = 300.0
    clean_s: Annotated[float, Meta(ge=1, le=86400)] = 600.0


class HeartbeatOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to tell that all is well, every so many seconds; whoever listens alarms when nothing comes.

    url: asked with GET (`file:/path` or `credential:NAME` too, for it is often a secret); empty: nobody is told.
    """

    url: str = ""
    every_s: Annotated[float, Meta(ge=1, le=86400)] = 60.0
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 10.0


class CanaryOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a canary is sent, in seconds (0: never), and how soon its guards must have heard that it is killed."""

    every_s: Annotated[float, Meta(ge=0, le=86400)] = 0.0
    deadline_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0


class AuditOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who did what, when and why: docs/audit.md."""

    max_records: Annotated[int, Meta(ge=100, le=100_000_000)] = 100_000


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set, one table for each part."""

    state_dir: str = ""
    log: LogOptions = LogOptions()
    signing: SigningOptions = SigningOptions()
    audit: AuditOptions = AuditOptions()
    redis: RedisOptions = RedisOptions()
    mqtt: MqttOptions = MqttOptions()
    api: ApiOptions = ApiOptions()
    policy: PolicyOptions = PolicyOptions()
    receivers: Annotated[tuple[ReceiverOptions, ...], Meta(max_length=64)] = ()
    worker: WorkerOptions = WorkerOptions()
    hub: HubOptions = HubOptions()
    safe: SafeOptions = SafeOptions()
    heartbeat: HeartbeatOptions = HeartbeatOptions()
    canary: CanaryOptions = CanaryOptions()
    pipeline: PipelineOptions = PipelineOptions()
    decode: DecodeOptions = DecodeOptions()
    flood: FloodOptions = FloodOptions()
    fingerprint: FingerprintOptions = FingerprintOptions()
    state: StateOptions = StateOptions()
    detectors: DetectOptions = DetectOptions()
    ladder: LadderOptions = LadderOptions()
    gate: GateOptions = GateOptions()
    standing: StandingOptions = StandingOptions()
    tombstones: TombstoneOptions = TombstoneOptions()
    verify: VerifyOptions = VerifyOptions()
    incidents: IncidentOptions = IncidentOptions()
    prices: PriceOptions = PriceOptions()
    ledger: LedgerOptions = LedgerOptions()


def read_config(path: Path | None, environment: Mapping[str, str]) -> Config:
    """Read a configuration file (None: defaults) and lay `AGENTWATCH_…` variables of the environment over it.

    Raises `BadConfig` naming file and key. A key's variable is its path in capitals: `redis.url` is
    `AGENTWATCH_REDIS_URL`; lists are written as JSON. A variable that is wrong or of nothing is named by its own name.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = msgspec.toml.decode(path.read_bytes(), type=dict[str, Any])
        except OSError as error:
            raise BadConfig(error.strerror or str(error), str(path)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadConfig(f"not TOML: {error}", str(path)) from error
    lay_environment(Config, tree, environment)
    try:
        config = msgspec.convert(tree, Config)
    except msgspec.ValidationError as error:
        raise BadConfig(*where_wrong(str(path) if path else "", str(error))) from error
    check_options(config.api)
    if config.signing.require_signed_controls and not config.signing.private_key:
        raise BadConfig(
            "needs signing.private_key: every daemon signs what it asks for", "signing.require_signed_controls"
        )
    names = [receiver.name for receiver in config.receivers]
    if len(set(names)) < len(names):
        raise BadConfig("two receivers have one name", "receivers")
    return config


def read_policy_files(config: Config, base: Path) -> dict[str, bytes]:
    """Read the policy files that the configuration names, relative to `base`; empty where it names none."""
    found: dict[str, bytes] = {}
    for pattern in config.policy.files:
        whole = Path(pattern) if Path(pattern).is_absolute() else base / pattern
        paths = sorted(whole.parent.glob(whole.name))
        if not paths:
            raise BadConfig(f"no file fits {pattern!r}", "policy.files")
        for path in paths:
            try:
                found[str(path)] = path.read_bytes()
            except OSError as error:
                raise BadConfig(error.strerror or str(error), str(path)) from error
    return found


def secret(value: str, key: str) -> str:
    """Resolve a secret: `file:/path` and `credential:NAME` (a systemd credential) are read, anything else is itself.

    From then on it is hidden in whatever is logged or answered.
    """
    if value.startswith("file:"):
        path = Path(value.removeprefix("file:"))
    elif value.startswith("credential:"):
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise BadConfig("there is no credentials directory; is this run by systemd?", key)
        name = value.removeprefix("credential:")
        if not name or name != Path(name).name:
            raise BadConfig(f"{name!r} is not the name of a credential", key)
        path = Path(directory) / name
    else:
        conceal(value)
        return value
    try:
        found = path.read_text().rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not text'}", key) from error
    conceal(found)
    return found
