"""The detectors' options in one tree, and how a rule's own thresholds are laid over it."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agentwatch.detect.ceiling import CeilingOptions
from agentwatch.detect.cohort import CohortOptions
from agentwatch.detect.compaction import CompactionOptions
from agentwatch.detect.context import ContextOptions
from agentwatch.detect.cycle import CycleOptions
from agentwatch.detect.degenerate import DegenerateOptions
from agentwatch.detect.failure import FailureOptions
from agentwatch.detect.monologue import MonologueOptions
from agentwatch.detect.paraphrase import ParaphraseOptions
from agentwatch.detect.pingpong import PingpongOptions
from agentwatch.detect.rate import RateOptions
from agentwatch.detect.repeat import RepeatOptions
from agentwatch.detect.restart import RestartOptions
from agentwatch.detect.slow import SlowOptions
from agentwatch.detect.spawn import SpawnOptions
from agentwatch.detect.stagnation import StagnationOptions
from agentwatch.detect.stakes import StakesOptions
from agentwatch.detect.unattended import UnattendedOptions
from agentwatch.errors import BadConfig

__all__ = ["DetectOptions", "StateOptions", "merge"]

Bound = Annotated[int, Meta(ge=1, le=10_000_000)]
Age = Annotated[float, Meta(gt=0, le=366 * 86400.0)]


class StateOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is remembered, and for how long it is idle before it is forgotten (seconds of the app's clock)."""

    max_apps: Bound = 100_000
    max_agents: Bound = 100_000
    max_runs: Bound = 100_000
    max_parents: Bound = 100_000
    run_idle_s: Age = 86400.0
    default_run_idle_s: Age = 1800.0
    ended_run_keep_s: Age = 600.0
    agent_idle_s: Age = 7 * 86400.0
    sweep_s: Age = 300.0
    duplicate_events: Annotated[int, Meta(ge=1, le=4096)] = 256
    duplicate_s: Age = 600.0
    max_speakers: Annotated[int, Meta(ge=2, le=256)] = 16


class DetectOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each detector's own options, under its kind, and what time and money do to all of them."""

    repeat: RepeatOptions = RepeatOptions()
    cycle: CycleOptions = CycleOptions()
    stagnation: StagnationOptions = StagnationOptions()
    failure: FailureOptions = FailureOptions()
    monologue: MonologueOptions = MonologueOptions()
    paraphrase: ParaphraseOptions = ParaphraseOptions()
    pingpong: PingpongOptions = PingpongOptions()
    slow: SlowOptions = SlowOptions()
    degenerate: DegenerateOptions = DegenerateOptions()
    spawn: SpawnOptions = SpawnOptions()
    restart: RestartOptions = RestartOptions()
    compaction: CompactionOptions = CompactionOptions()
    context: ContextOptions = ContextOptions()
    unattended: UnattendedOptions = UnattendedOptions()
    rate: RateOptions = RateOptions()
    cohort: CohortOptions = CohortOptions()
    ceiling: CeilingOptions = CeilingOptions()
    stakes: StakesOptions = StakesOptions()


def merge(base: DetectOptions, tables: Mapping[str, Mapping[str, object]]) -> DetectOptions:
    """Lay a rule's tables (kind → field → value) over `base`.

    Raises `BadConfig` naming `detectors.<kind>.<field>` for a kind or field that does not exist or a value out of
    range.
    """
    whole = msgspec.to_builtins(base)
    for kind, table in tables.items():
        if kind not in whole:
            raise BadConfig(f"no such detector; known: {', '.join(sorted(whole))}", f"detectors.{kind}")
        for name, value in table.items():
            whole[kind] = _set(kind, type(getattr(base, kind)), whole[kind], name, value)
    return msgspec.convert(whole, DetectOptions)


def _set(kind: str, shape: type, old: dict[str, object], name: str, value: object) -> dict[str, object]:
    if name not in old:
        raise BadConfig(f"no such option; known: {', '.join(sorted(old))}", f"detectors.{kind}.{name}")
    new = {**old, name: value}
    try:
        msgspec.convert(new, shape)
    except msgspec.ValidationError as error:
        raise BadConfig(str(error).removesuffix(f" - at `$.{name}`"), f"detectors.{kind}.{name}") from error
    return new
